"""KMS: keys, and replicas of multi-Region keys.

A key's id is AWS's own choice, so a key is found by its tags, and called by its alias (by its `Name` tag where the
alias is gone). A deleted key stays for weeks as "pending deletion": it counts as gone, and creating it again
cancels the deletion, so that what was encrypted with it can be read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import KcError
from ..model import Kind, Live
from ..policy import canonical, encode
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

DELETION_DAYS = 30
"""Days until a deleted key is gone for good: the longest that KMS allows. A key that waits costs nothing."""

ROTATION_DAYS = 365
"""Days between rotations where KMS does not say (KMS API, EnableKeyRotation)."""

MULTI_REGION = "mrk-"
"""What the id of every multi-Region key begins with (KMS developer guide, Multi-Region keys)."""

_GOING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})
_BUSY = "KMSInvalidStateException"
"""A replica that is being created, or a key whose primary Region is being moved, takes no change for a while."""


@dataclass(frozen=True)
class _Key:
    """A key of the scope, in any state."""

    metadata: Mapping[str, Any]
    tags: Mapping[str, str]
    aliases: list[str]

    @property
    def id(self) -> str:
        return str(self.metadata["KeyId"])

    @property
    def going(self) -> bool:
        return self.metadata["KeyState"] in _GOING

    def name(self, scope: Scope) -> str:
        """What the key is called: one name only, however many aliases it has."""
        names = sorted(alias.removeprefix("alias/") for alias in self.aliases if alias.startswith(f"alias/{scope.prefix}"))
        tag = self.tags.get("Name", "")
        return tag if tag in names or not names else names[0]


class Key(Kind):
    """A KMS key with its alias; single-Region, or a multi-Region key's primary."""

    name = "key"
    keeps_data = True
    outputs_of = ("id", "arn")
    immutable = frozenset({"multi_region"})
    settles = frozenset({_BUSY})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        keys = [key for key in _keys(aws, scope) if not key.going]
        # a key that has its alias goes before one that was left without
        keys.sort(key=lambda key: (f"alias/{key.name(scope)}" not in key.aliases, key.metadata["CreationDate"]))
        named: dict[str, _Key] = {}
        for key in keys:
            named.setdefault(key.name(scope), key)

        def one(name: str) -> Live:
            key = named[name]
            rotation = aws.call("kms", "get_key_rotation_status", KeyId=key.id)
            attrs = {
                **_attrs(aws, key, name),
                "multi_region": bool(_primary_region(key.metadata)),
                "rotation_days": rotation.get("RotationPeriodInDays", ROTATION_DAYS) if rotation["KeyRotationEnabled"] else 0,
            }
            return Live(attrs, _outputs(key.metadata))

        return dict(zip(named, aws.map(one, named), strict=True))

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        key = self._existing(aws, scope, name, want)
        changed = frozenset(want) - self.immutable
        if not key:
            answer = aws.call(
                "kms",
                "create_key",
                Description=want["description"],
                Policy=encode(want["policy"]),
                MultiRegion=want["multi_region"],
                Tags=_tags(want["tags"]),
            )
            key, changed = answer["KeyMetadata"], frozenset({"alias", "rotation_days"})
        _wait(aws, name, key["KeyId"])
        _write(aws, key["KeyId"], want, changed)
        return Live(dict(want), _outputs(key))

    def _existing(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the key that creation takes over instead of making a second one.

        That is the key that the alias points at, the one that an unfinished creation left, or the one whose
        deletion is pending; that deletion is cancelled.

        Raises:
            KcError: The alias belongs to a key that can't become the wanted one.
        """
        holder = _holder(aws, name)
        if holder:
            primary = _primary_region(holder)
            if primary != (aws.region if want["multi_region"] else ""):
                kind = f"a multi-Region key with its primary in {primary}" if primary else "a single-Region key"
                raise KcError(
                    f"alias/{name} belongs to {holder['Arn']}, {kind}",
                    hint="put `multi_region` and `home_region` back to what they were: data is encrypted with that key",
                )
            return holder
        found = [
            key for key in _keys(aws, scope) if key.name(scope) == name and bool(_primary_region(key.metadata)) == want["multi_region"]
        ]
        for key in sorted(found, key=lambda key: key.going):
            if key.going:
                aws.call("kms", "cancel_key_deletion", KeyId=key.id)
            return key.metadata
        return None

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        _write(aws, live.id, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        _retire(aws, live)


class KeyReplica(Kind):
    """A multi-Region key's replica in another region, read and changed by the primary's; called `<key>@<region>`.

    Rotation and key material are the primary's; policy, description, tags and alias are the replica's own.
    """

    name = "key_replica"
    keeps_data = True
    outputs_of = ("id", "arn")
    immutable = frozenset({"primary"})
    settles = frozenset({_BUSY})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        replicas = [
            (key.name(scope), replica["Arn"], replica["Region"])
            for key in _keys(aws, scope, MULTI_REGION)
            for replica in key.metadata["MultiRegionConfiguration"]["ReplicaKeys"]
        ]

        def one(replica: tuple[str, str, str]) -> tuple[str, Live] | None:
            name, arn, region = replica
            there = aws.at(region)
            found = there.find("kms", "describe_key", KeyId=arn)
            if not found or found["KeyMetadata"]["KeyState"] in _GOING:
                return None
            aliases = [alias["AliasName"] for alias in there.pages("kms", "list_aliases", "Aliases", KeyId=arn)]
            key = _Key(found["KeyMetadata"], _tags_of(there, arn), aliases)
            return f"{name}@{region}", Live({**_attrs(there, key, name), "primary": key.id}, _outputs(key.metadata))

        return dict(item for item in aws.map(one, replicas) if item)

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        alias, there = _replica(aws, name)
        primary = want["primary"]
        holder = _holder(there, alias)
        if holder and holder["KeyId"] != primary:
            raise KcError(
                f"alias/{alias} belongs to {holder['Arn']}, which is no replica of {primary}",
                hint="move what is encrypted with that key, then delete its alias",
            )
        found = there.find("kms", "describe_key", KeyId=primary)
        if not found:
            key = aws.call(
                "kms",
                "replicate_key",
                KeyId=primary,
                ReplicaRegion=there.region,
                Description=want["description"],
                Policy=encode(want["policy"]),
                Tags=_tags(want["tags"]),
            )["ReplicaKeyMetadata"]
        else:
            key = found["KeyMetadata"]
            if key["KeyState"] in _GOING:
                there.call("kms", "cancel_key_deletion", KeyId=primary)
        _wait(there, name, primary)
        _write(there, primary, want, frozenset(want) - self.immutable)
        return Live(dict(want), _outputs(key))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        _write(_replica(aws, name)[1], live.id, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        _retire(_replica(aws, name)[1], live)


class KeyByAlias(Key):
    """A key as other units look it up: all of a region's in one call, replicas included."""

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        aliases = aws.pages("kms", "list_aliases", "Aliases")
        return {
            alias["AliasName"].removeprefix("alias/"): Live(
                {}, {"id": alias["TargetKeyId"], "arn": scope.arn("kms", f"key/{alias['TargetKeyId']}")}
            )
            for alias in aliases
            if alias["AliasName"].startswith(f"alias/{scope.prefix}")
        }


def _keys(aws: Aws, scope: Scope, begin: str = "") -> list[_Key]:
    """Return the scope's keys whose id begins with `begin`, in any state, without replicas of other regions' keys."""
    aliases, listed = aws.map(
        lambda ask: ask(), [lambda: aws.pages("kms", "list_aliases", "Aliases"), lambda: aws.pages("kms", "list_keys", "Keys")]
    )
    named: dict[str, list[str]] = {}
    for alias in aliases:
        named.setdefault(alias.get("TargetKeyId", ""), []).append(alias["AliasName"])
    ids = [key["KeyId"] for key in listed if key["KeyId"].startswith(begin)]
    ids = [key for key in ids if not any(alias.startswith("alias/aws/") for alias in named.get(key, ()))]
    tags = dict(zip(ids, aws.map(lambda key: _tags_of(aws, key), ids), strict=True))
    own = [key for key in ids if scope.owns(tags[key])]
    described = aws.map(lambda key: aws.find("kms", "describe_key", KeyId=key), own)
    keys = [_Key(found["KeyMetadata"], tags[key], named.get(key, [])) for key, found in zip(own, described, strict=True) if found]
    return [key for key in keys if _primary_region(key.metadata) in ("", aws.region)]


def _primary_region(metadata: Mapping[str, Any]) -> str:
    """Return the region of a multi-Region key's primary; "" for a single-Region key."""
    return str(metadata["MultiRegionConfiguration"]["PrimaryKey"]["Region"]) if metadata.get("MultiRegion") else ""


def _tags_of(aws: Aws, key: str) -> dict[str, str]:
    try:
        tags = aws.pages("kms", "list_resource_tags", "Tags", KeyId=key)
    except KcError as error:
        # a key whose policy leaves us out is not ours; one that is gone has no tags
        if error.missing or error.code == "AccessDeniedException":
            return {}
        raise
    return tag_dict({"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags)


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tag_list(tags)]


def _attrs(aws: Aws, key: _Key, name: str) -> dict[str, Any]:
    policy = aws.call("kms", "get_key_policy", KeyId=key.id, PolicyName="default")["Policy"]
    return {
        "alias": f"alias/{name}" if f"alias/{name}" in key.aliases else "",
        "description": key.metadata["Description"],
        "enabled": key.metadata["KeyState"] != "Disabled",
        "policy": canonical(policy),
        "tags": dict(key.tags),
    }


def _outputs(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": metadata["KeyId"], "arn": metadata["Arn"]}


def _replica(aws: Aws, name: str) -> tuple[str, Aws]:
    """Return the alias of a replica, without `alias/`, and the view of its region."""
    alias, _, region = name.rpartition("@")
    return alias, aws.at(region)


def _holder(aws: Aws, name: str) -> Mapping[str, Any] | None:
    """Return the key that an alias points at, unless its deletion is pending."""
    found = aws.find("kms", "describe_key", KeyId=f"alias/{name}")
    return found["KeyMetadata"] if found and found["KeyMetadata"]["KeyState"] not in _GOING else None


def _wait(aws: Aws, name: str, key: str) -> None:
    """Wait until a new key is seen everywhere and a new replica has its material."""

    def state() -> str:
        found = aws.find("kms", "describe_key", KeyId=key)
        return str(found["KeyMetadata"]["KeyState"]) if found else "unseen"

    aws.wait(f"key {name}", state, until={"Enabled", "Disabled"}, timeout=300)


def _write(aws: Aws, key: str, want: Mapping[str, Any], changed: frozenset[str]) -> None:
    """Put attributes right; the state first, since a disabled key refuses some of the others."""
    if "enabled" in changed:
        aws.call("kms", "enable_key", KeyId=key)
    if "policy" in changed:
        aws.call("kms", "put_key_policy", KeyId=key, PolicyName="default", Policy=encode(want["policy"]))
    if "description" in changed:
        aws.call("kms", "update_key_description", KeyId=key, Description=want["description"])
    if "tags" in changed:
        aws.call("kms", "tag_resource", KeyId=key, Tags=_tags(want["tags"]))
    if "rotation_days" in changed and want["rotation_days"]:
        aws.call("kms", "enable_key_rotation", KeyId=key, RotationPeriodInDays=want["rotation_days"])
    elif "rotation_days" in changed:
        aws.call("kms", "disable_key_rotation", KeyId=key)
    if "alias" in changed:
        _point(aws, want["alias"], key)


def _point(aws: Aws, alias: str, key: str) -> None:
    try:
        aws.call("kms", "create_alias", AliasName=alias, TargetKeyId=key)
    except KcError as error:
        if not error.exists:
            raise
        aws.call("kms", "update_alias", AliasName=alias, TargetKeyId=key)


def _retire(aws: Aws, live: Live) -> None:
    """Delete a key: its alias at once, itself after `DELETION_DAYS`."""
    if live.attrs["alias"]:
        aws.find("kms", "delete_alias", AliasName=live.attrs["alias"])
    try:
        aws.find("kms", "schedule_key_deletion", KeyId=live.id, PendingWindowInDays=DELETION_DAYS)
    except KcError as error:
        # the repeat of a call whose answer was lost
        found = aws.find("kms", "describe_key", KeyId=live.id) if error.code == _BUSY else None
        if not found or found["KeyMetadata"]["KeyState"] not in _GOING:
            raise
