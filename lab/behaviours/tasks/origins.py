"""Where a container's secrets come from: Secrets Manager and parameters, by reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from .errors import StartError

Client = Callable[[str, str], Any]
"""Returns a boto3 client: service, region."""


def resolve(definition: Mapping[str, Any], region: str, client: Client) -> dict[str, str]:
    """Return the values of a container's secrets, by variable.

    Raises:
        StartError: One is missing.
    """
    found = {}
    for each in definition["containerDefinitions"][0].get("secrets") or []:
        found[each["name"]] = _value(each["valueFrom"], region, client)
    return found


def _value(origin: str, region: str, client: Client) -> str:
    """Return what `valueFrom` names: a secret's ARN with key, stage and version after it, a parameter's ARN, or its name.

    Source: ECS API, Secret.
    """
    parts = origin.split(":")
    if len(parts) < 6:
        return _parameter(origin, region, client)
    if parts[2] == "ssm":
        return _parameter("/" + origin.partition(":parameter/")[2], parts[3], client)
    key, stage, version = [*parts[7:], "", "", ""][:3]
    asked = {"SecretId": ":".join(parts[:7])} | ({"VersionStage": stage} if stage else {}) | ({"VersionId": version} if version else {})
    try:
        text = client("secretsmanager", parts[3]).get_secret_value(**asked)["SecretString"]
    except ClientError as error:
        raise _failed("asm", f"failed to fetch secret {asked['SecretId']} from secrets manager: {_said(error)}") from error
    if not key:
        return str(text)
    values = json.loads(text)
    if key not in values:
        raise _failed("asm", f"retrieved secret from Secrets Manager did not contain json key {key}")
    return str(values[key])


def _parameter(name: str, region: str, client: Client) -> str:
    try:
        return str(client("ssm", region).get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            raise _failed("ssm", f"invalid parameters: {name}") from error
        raise _failed("ssm", _said(error)) from error


def _said(error: ClientError) -> str:
    about = error.response["Error"]
    return f"{about['Code']}: {about['Message']}"


def _failed(origin: str, what: str) -> StartError:
    return StartError(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve"
        f" secret from {origin}: service call has been retried 1 time(s): {what}"
    )
