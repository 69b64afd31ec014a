"""The keys that the edge knows signed cookies by, and what signers are told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import names
from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from .cloudfront import EDGE, GLOBAL, begins, edge_name, listed
from .session import Aws
from .ssm import Parameter

PROPAGATION = 300
"""Seconds until every edge knows a key that was added to a group: CloudFront gives no status of that, and a change of a
distribution takes about as long."""


class SigningKeys(Kind):
    """A key group whose public keys belong to the versions of a secret of the kind `rsa`.

    Its members are the current version's key and the one before. A public key is called `<group>_<version>`; the group's
    comment names the current version. Public keys of older versions (`superseded`) are deleted, and keys of others in the
    group (`foreign`) put out of it.

    What signs reads `Signer`. So a rotation is safe at every step: the secret gets another version, and signers go on
    with the one that they were told of; its public half becomes a key of the group, and both are good; when every edge
    knows it, signers are told; what they signed before stays good until the next rotation takes its key away.

    The private half comes by in the one call that reads the secret, and is dropped at once.
    """

    name = "signing_keys"
    write_once = frozenset({"source"})
    # another change came in between; a group or a distribution that is gone is not gone everywhere
    settles = frozenset({"PreconditionFailed", "PublicKeyInUse", "ResourceInUse"})

    def __init__(self, propagation: float = PROPAGATION) -> None:
        self.propagation = propagation

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        if aws.region != GLOBAL:
            return {}
        found = [each["KeyGroup"] for each in listed(lambda marker: aws.call("cloudfront", "list_key_groups", **marker)["KeyGroupList"])]
        own = [group for group in found if group["KeyGroupConfig"]["Name"].startswith(begins(scope))]
        keys = public_keys(aws) if own else {}
        return {group["KeyGroupConfig"]["Name"]: _live(group, keys) for group in own}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        config = {"Name": name, "Comment": want["version"], "Items": [self._key(aws, name, want)]}
        made = aws.call("cloudfront", "create_key_group", KeyGroupConfig=config)["KeyGroup"]
        return Live(dict(want), {"id": made["Id"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        found = aws.call("cloudfront", "get_key_group", Id=live.id)
        config = found["KeyGroup"]["KeyGroupConfig"]
        if changed & {"version", "foreign"}:
            key = self._key(aws, name, want)
            before = public_keys(aws).get(_key_name(name, config.get("Comment", "")))
            items = [key, *(each for each in (before,) if each in config["Items"] and each != key)]
            after = {"Name": name, "Comment": want["version"], "Items": items}
            aws.call("cloudfront", "update_key_group", Id=live.id, IfMatch=found["ETag"], KeyGroupConfig=after)
            if key not in config["Items"]:
                aws.progress(f"signing keys {name}: every edge knows the new one in {self.propagation:g} s")
                aws.sleep(self.propagation)
            config = after
        _drop(aws, [id for key_name, id in public_keys(aws).items() if _is_of(name, key_name) and id not in config["Items"]])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        found = aws.find("cloudfront", "get_key_group", Id=live.id)
        if found:
            aws.find("cloudfront", "delete_key_group", Id=live.id, IfMatch=found["ETag"])
        _drop(aws, [id for key_name, id in public_keys(aws).items() if _is_of(name, key_name)])

    def _key(self, aws: Aws, name: str, want: Mapping[str, Any]) -> str:
        """Return the id of the wanted version's public key, which is made if it is not there."""
        wanted = _key_name(name, want["version"])
        there = public_keys(aws).get(wanted)
        if there:
            return there
        config = {"CallerReference": wanted, "Name": wanted, "EncodedKey": _public_half(aws, want)}
        return str(aws.call("cloudfront", "create_public_key", PublicKeyConfig=config)["PublicKey"]["Id"])


class Signer(Parameter):
    """A region's parameter that says with which version of the secret to sign, and which key to name: `{"key", "version"}`.

    It is called `/<platform>/<environment>/edge/<secret>`. `version` reads as empty unless the key that is named is that
    version's.
    """

    name = "signer"

    def mine(self, scope: Scope, item: Mapping[str, Any]) -> bool:
        return bool(item["Type"] == "String" and item["Name"].startswith(signer_name(scope, "")))

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = super().read(aws, scope)
        keys = public_keys(aws.at(GLOBAL)) if found else {}
        return {name: Live(_told(_group(scope, name), live.attrs, keys), live.outputs) for name, live in found.items()}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = super().create(aws, scope, name, {"value": self._value(aws, scope, name, want), "tags": want["tags"]})
        return Live(dict(want), made.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "version" in changed:
            value = {"value": self._value(aws, scope, name, want)}
            super().update(aws, scope, name, live, value, frozenset({"value"}))
        super().update(aws, scope, name, live, want, changed & {"tags"})

    def _value(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> str:
        key = public_keys(aws.at(GLOBAL))[_key_name(_group(scope, name), want["version"])]
        return json.dumps({"key": key, "version": want["version"]})


def signer_name(scope: Scope, secret: str) -> str:
    """Return the name of the parameter that tells which version of a secret signs."""
    return names.fit("parameter", f"/{scope.path}{EDGE}/{secret}")


def _group(scope: Scope, parameter: str) -> str:
    return edge_name(scope, parameter.removeprefix(signer_name(scope, "")))


def _told(group: str, attrs: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """Return a parameter's attributes; what was written by hand tells nothing."""
    try:
        told = json.loads(attrs["value"])
        right = keys.get(_key_name(group, told["version"])) == told["key"]
    except (ValueError, KeyError, TypeError):
        right = False
    return {"version": told["version"] if right else "", "tags": attrs["tags"]}


def public_keys(aws: Aws) -> dict[str, str]:
    """Return the ids of the account's public keys by name."""
    found = listed(lambda marker: aws.call("cloudfront", "list_public_keys", **marker)["PublicKeyList"])
    return {each["Name"]: each["Id"] for each in found}


def _live(group: Mapping[str, Any], keys: Mapping[str, str]) -> Live:
    config = group["KeyGroupConfig"]
    name, version = config["Name"], config.get("Comment", "")
    own = {id for key_name, id in keys.items() if _is_of(name, key_name)}
    attrs = {
        "version": version if keys.get(_key_name(name, version)) in config["Items"] else "",
        "foreign": sorted({*config["Items"]} - own),
        "superseded": sorted(own - {*config["Items"]}),
    }
    return Live(attrs, {"id": group["Id"]})


def _key_name(group: str, version: str) -> str:
    return names.fit("public_key", f"{group}_{version}")


def _is_of(group: str, key_name: str) -> bool:
    return key_name.startswith(f"{group}_")


def _public_half(aws: Aws, want: Mapping[str, Any]) -> str:
    """Read a version of the secret and return its public half.

    Raises:
        KcError: It is not of the kind `rsa`.
    """
    source = want["source"]
    found = aws.at(source["region"]).call("secretsmanager", "get_secret_value", SecretId=source["secret"], VersionId=want["version"])
    try:
        return str(json.loads(found["SecretString"])["public_key"])
    except (ValueError, KeyError, TypeError):
        raise KcError(f"secret {source['secret']} has no public half", hint="make it with `kind: rsa`, or rotate it") from None


def _drop(aws: Aws, keys: list[str]) -> None:
    for id in keys:
        found = aws.find("cloudfront", "get_public_key", Id=id)
        if found:
            aws.find("cloudfront", "delete_public_key", Id=id, IfMatch=found["ETag"])
