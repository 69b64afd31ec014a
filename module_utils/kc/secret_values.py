"""What secrets say, for playbooks that set hosts up; from whichever region answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .authority import authority_in
from .aws.session import Aws
from .errors import KcError
from .model import UNKNOWN

MOST = 20
"""Secrets a call. Secrets Manager API, BatchGetSecretValue: SecretIdList."""

FIELDS = ("username", "password", "random", "private_key", "public_key", "certificate", "chain", "trusted")
"""What a secret of any kind may hold: whatever a playbook asks of one that does not stand yet, it gets an answer."""

GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
"""How Secrets Manager says that a secret does not stand; the second is one that is being deleted (GetSecretValue, Errors)."""

Value = Mapping[str, str]


def read_values(aws: Aws, regions: Sequence[str], names: Iterable[str]) -> dict[str, Value | None]:
    """Return what each secret holds, None for those that don't stand.

    Args:
        regions: Where to ask, one after the other, until none lacks: what a region that is lost can't tell, the next can.
        names: Whole names.

    Raises:
        KcError: No region answers; one lacks while a region did not answer; one is no JSON; or Secrets Manager refuses one.
    """
    found: dict[str, Value] = {}
    wanted, silent = list(dict.fromkeys(names)), []
    for region in regions:
        lacking = [name for name in wanted if name not in found]
        if not lacking:
            break
        try:
            found |= {name: value for part in _parts(lacking) for name, value in _read(aws.at(region), part)}
        except KcError as error:
            if not error.transient:
                raise
            silent.append(error)
    if silent and len(found) < len(wanted):
        raise silent[0]
    return {name: found.get(name) for name in wanted}


def unknown() -> Value:
    """Return what check mode shows of a secret that does not stand yet."""
    return dict.fromkeys(FIELDS, str(UNKNOWN))


def _parts(names: list[str]) -> Iterator[list[str]]:
    yield from (names[first : first + MOST] for first in range(0, len(names), MOST))


def _read(aws: Aws, names: list[str]) -> Iterator[tuple[str, Value]]:
    answer = aws.call("secretsmanager", "batch_get_secret_value", SecretIdList=names)
    for error in answer.get("Errors") or []:
        if error["ErrorCode"] not in GONE:
            raise KcError(
                f"secret {error['SecretId']} can't be read: {error['ErrorCode']}: {error.get('Message', '')}".rstrip(": ."),
                code=error["ErrorCode"],
                region=aws.region,
                hint="see that these credentials may read it and use its key",
            )
    for secret in answer["SecretValues"]:
        yield secret["Name"], _value(secret, aws.region)


def _value(secret: Mapping[str, Any], region: str) -> Value:
    """Return a value's fields; an error tells nothing of it, and neither does the error that caused it."""
    try:
        fields = {str(key): str(value) for key, value in json.loads(secret["SecretString"]).items()}
    except (ValueError, KeyError, AttributeError):
        raise KcError(
            f"secret {secret['Name']} is no JSON object", hint="put its value back, or rotate it (kc_secrets_rotate)", region=region
        ) from None
    return authority_in(secret["SecretString"]) or fields
