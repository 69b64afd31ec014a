"""What a runbook's dry run lists, as it is on the wire: so that it can be compared with what was heard there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.config
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest

from .recording import Asked, asked

CALL = re.compile(r"(?P<call>[\w-]+:\w+) at (?P<endpoint>\S+) \((?P<region>[\w-]+)\) (?P<params>\{.*\})")
"""A call as `kc_call` writes it."""


class _Caught(Exception):
    """A request that goes nowhere."""


def listed(printed: str) -> list[dict[str, Any]]:
    """Return the calls that a playbook has printed, each on a line of its own as text of JSON."""
    found = [said.groupdict() for text in _texts(printed) if (said := CALL.fullmatch(text))]
    return [{**each, "params": json.loads(each["params"])} for each in found]


def _texts(printed: str) -> Iterator[str]:
    for line in printed.splitlines():
        with suppress(ValueError):
            if isinstance(text := json.loads(line.strip().removesuffix(",")), str):
                yield text


def on_the_wire(call: Mapping[str, Any]) -> Asked:
    """Return what a listed call is on the wire: made by the same library, and caught before it is sent."""
    service, _, operation = call["call"].partition(":")
    client = boto3.client(
        service,
        region_name=call["region"],
        endpoint_url=call["endpoint"],
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    caught: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: Any) -> None:
        caught.append(request)
        raise _Caught

    client.meta.events.register("before-send", catch)
    with suppress(_Caught):
        getattr(client, operation)(**call["params"])
    (request,) = caught
    url = urlsplit(request.url)
    headers = {name.title(): value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()}
    target = url.path + (f"?{url.query}" if url.query else "")
    return asked(request.method, target, {**headers, "Host": url.netloc}, _bytes(request.body))


def _bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        return bytes(body.read())
    return body.encode() if isinstance(body, str) else body or b""


STATEMENT = re.compile(r"rds (?P<operation>(?!describe)\w+).* at (?P<instance>\S+) in (?P<region>[\w-]+)")
"""A call about an instance of RDS that changes something, as `kc_statements` writes it."""


@dataclass(frozen=True)
class InstanceCall:
    """A call about an instance of RDS, as far as a list of statements tells."""

    instance: str
    region: str
    operation: str

    @classmethod
    def of(cls, call: Asked) -> InstanceCall:
        """Return what one that was heard is."""
        params = call.params
        instance = params.get("DBInstanceIdentifier") or params["ResourceName"].rpartition(":")[2]
        return cls(instance, call.region, xform_name(call.operation))


def on_instances(printed: str) -> set[InstanceCall]:
    """Return the calls about instances that a playbook has printed among its statements."""
    return {InstanceCall(**said.groupdict()) for text in _texts(printed) if (said := STATEMENT.fullmatch(text))}
