"""Whom to trust, told to everybody: an authority's certificates in a region's parameter."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from .. import names
from ..authority import authority_in
from ..errors import KcError
from ..model import Live
from ..scope import Scope
from .session import Aws
from .ssm import Parameter

TLS = "tls/"
"""Below this, in the scope's path, stands whom to trust."""

_HEAD = re.compile(r"# version (\S+), sha256 ([0-9a-f]{64})\n(.*)", re.DOTALL)
"""What stands before the certificates: readers of PEM take it for explanatory text (RFC 7468, 2)."""


class Trust(Parameter):
    """A region's parameter with the certificates of an authority that are trusted now, as PEM.

    It is called `/<platform>/<environment>/tls/<secret>`, belongs to the region that the secret is made in, and follows it:
    `version` is the secret's, and reads as empty where a certificate was changed by hand. What is secret in the secret comes by
    in the one call that reads it, and is dropped at once.
    """

    name = "trust"
    outputs_of = ("id", "arn")
    write_once = frozenset({"source"})

    def mine(self, scope: Scope, item: Mapping[str, Any]) -> bool:
        return bool(item["Type"] == "String" and item["Name"].startswith(trust_name(scope, "")))

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = super().read(aws, scope)
        homes = _homes(aws, scope) if found else {}  # after it: a parameter is made when its secret stands
        return {name: _live(live.attrs, live.outputs, homes.get(name, "")) for name, live in found.items()}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = super().create(aws, scope, name, {"value": _value(aws, want), "tags": want["tags"]})
        return Live(dict(want), {"id": name, "arn": made.outputs["arn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "version" in changed:
            super().update(aws, scope, name, live, {"value": _value(aws, want)}, frozenset({"value"}))
        super().update(aws, scope, name, live, want, changed & {"tags"})


def trust_name(scope: Scope, secret: str) -> str:
    """Return the name of the parameter that holds the certificates of an authority."""
    return names.fit("parameter", f"/{scope.path}{TLS}{secret}")


def _homes(aws: Aws, scope: Scope) -> dict[str, str]:
    """Return the region that each secret here is made in, by the name that its parameter would have."""
    found = aws.pages("secretsmanager", "list_secrets", "SecretList", Filters=[{"Key": "name", "Values": [scope.path]}])
    below = [each for each in found if each["Name"].startswith(scope.path)]
    return {f"/{scope.path}{TLS}{each['Name'].removeprefix(scope.path)}": each.get("PrimaryRegion") or aws.region for each in below}


def _live(attrs: Mapping[str, Any], outputs: Mapping[str, Any], home: str) -> Live:
    head = _HEAD.fullmatch(attrs["value"])
    right = head and _digest(head[3]) == head[2]
    told = {"version": head[1] if head and right else "", "tags": attrs["tags"]}
    return Live(told, {name: outputs[name] for name in Trust.outputs_of}, home)


def _value(aws: Aws, want: Mapping[str, Any]) -> str:
    """Read a version of the secret, and return what its parameter says.

    Raises:
        KcError: The secret holds no authority.
    """
    source = want["source"]
    found = aws.at(source["region"]).call("secretsmanager", "get_secret_value", SecretId=source["secret"], VersionId=want["version"])
    holds = authority_in(found.get("SecretString", ""))
    if not holds:
        raise KcError(f"secret {source['secret']} holds no authority", hint="put its value back, or rotate it", region=source["region"])
    return f"# version {want['version']}, sha256 {_digest(holds['trusted'])}\n{holds['trusted']}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
