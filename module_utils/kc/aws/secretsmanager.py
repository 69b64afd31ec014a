"""Secrets Manager. A value is made here, sent once, and never read back."""

from __future__ import annotations

import base64
import datetime
import json
import secrets
import string
from collections.abc import Mapping
from typing import Any

from ..authority import authority, authority_in
from ..errors import KcError
from ..model import Kind, Live, Unknown
from ..plan import differing
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

RECOVERY = 7
"""Days that a deleted secret can be had back: the least that AWS allows. Secrets Manager API, DeleteSecret."""

REPLICATION = 300
"""Seconds that replication may take; it takes a few."""

HIDDEN = "(secret)"
"""What stands for a value wherever one would be shown."""

MARKS = "-_.~"
"""The marks of a password: RFC 3986's unreserved ones mean nothing to a URL, a shell, SQL or a connection string."""


AUTHORITY = "authority"
"""The kind of secret that signs certificates."""
CERTIFICATE = "certificate"
"""The kind of secret that is one, signed by an authority."""


class Fresh(Unknown):
    """A value yet to be made; equal to nothing, and so always a change."""

    def __repr__(self) -> str:
        return "(new secret)"

    __str__ = __repr__


FRESH = Fresh()


class Secret(Kind):
    """A secret below `<platform>/<environment>/`, with its replicas in other regions.

    `value` is `HIDDEN`, whatever it is; wanting `FRESH` makes another. A version is named by the call's
    ClientRequestToken, so a repeated call never makes two.

    It keeps data. Deleted, it can be had back for a week, and is when it is wanted again: what its value opens may
    still stand. A secret in that week costs nothing and shows nowhere.
    """

    name = "secret"
    keeps_data = True
    outputs_of = ("id", "arn", "version")
    write_once = frozenset({"generate"})
    renews = frozenset({"value"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("secretsmanager", "list_secrets", "SecretList", Filters=[{"Key": "name", "Values": [scope.path]}])
        # a replica is its source's affair
        here = [each for each in found if each["Name"].startswith(scope.path) and each.get("PrimaryRegion", aws.region) == aws.region]
        details = aws.map(lambda each: aws.find("secretsmanager", "describe_secret", SecretId=each["Name"]), here)
        lives = {each["Name"]: _live(each, aws.region) for each in details if each}
        return {name: live for name, live in lives.items() if scope.owns_below(name, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        there = aws.find("secretsmanager", "describe_secret", SecretId=name)
        if there and there.get("DeletedDate"):
            return self._restore(aws, scope, name, _live(there, aws.region), want)
        made = aws.call(
            "secretsmanager",
            "create_secret",
            Name=name,
            ClientRequestToken=aws.token("secret", name),
            Description=want["description"],
            KmsKeyId=want["key"],
            SecretString=_value(aws, want["generate"]),
            Tags=tag_list(want["tags"]),
            **({"AddReplicaRegions": _replicas(want["replicas"])} if want["replicas"] else {}),
        )
        return Live({**want, "value": HIDDEN}, {"id": name, "arn": made["ARN"], "version": made["VersionId"]})

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until every replica is in step.

        Raises:
            KcError: A region refused its replica; with what it says.
        """

        def state() -> str:
            replicas = aws.call("secretsmanager", "describe_secret", SecretId=name).get("ReplicationStatus") or []
            failed = [
                f"{each['Region']} refused a replica: {each.get('StatusMessage', '')}" for each in replicas if each["Status"] == "Failed"
            ]
            if failed:
                raise KcError("; ".join(failed), hint="mend that, then run again: the replica is made anew", region=aws.region)
            behind = [each["Region"] for each in replicas if each["Status"] != "InSync"]
            return f"on the way to {', '.join(behind)}" if behind else "in step"

        if live.attrs["replicas"]:
            aws.wait(f"the replication of {name}", state, until={"in step"}, timeout=REPLICATION)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "tags" in changed:
            aws.call("secretsmanager", "tag_resource", SecretId=name, Tags=tag_list(want["tags"]))
        if changed & {"description", "key"}:
            aws.call("secretsmanager", "update_secret", SecretId=name, Description=want["description"], KmsKeyId=want["key"])
        if "replicas" in changed:
            self._replicate(aws, name, live.attrs["replicas"], want["replicas"])
        if "value" in changed:  # last: nothing that fails after it can have it done again
            self._renew(aws, name, live, want["generate"])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        self._replicate(aws, name, live.attrs["replicas"], {})
        aws.find("secretsmanager", "delete_secret", SecretId=name, RecoveryWindowInDays=RECOVERY)

    def _renew(self, aws: Aws, name: str, live: Live, how: Mapping[str, Any]) -> None:
        """Give a secret another value; an authority's takes over from the one before it."""
        token = aws.token("value", name)
        if live.outputs["version"] == token:  # done, though the answer was lost
            return
        before = None
        if how["kind"] == AUTHORITY and live.outputs["version"]:
            before = authority_in(aws.call("secretsmanager", "get_secret_value", SecretId=name).get("SecretString", ""))
        value = _value(aws, {**how, "before": before})
        made = aws.call("secretsmanager", "put_secret_value", SecretId=name, ClientRequestToken=token, SecretString=value)
        live.outputs["version"] = made["VersionId"]

    def _restore(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any]) -> Live:
        aws.progress(f"secret {name} was deleted less than {RECOVERY} days ago: it is had back with its value")
        aws.call("secretsmanager", "restore_secret", SecretId=name)
        self.update(aws, scope, name, live, want, differing(self, live.attrs, want))
        return Live({**want, "value": HIDDEN}, live.outputs)

    def _replicate(self, aws: Aws, name: str, have: Mapping[str, str], want: Mapping[str, str]) -> None:
        """Take away replicas that are not as wanted (nothing of one can be changed), and make those that lack."""
        wrong = sorted(region for region in have if have[region] != want.get(region))
        if wrong:
            aws.find("secretsmanager", "remove_regions_from_replication", SecretId=name, RemoveReplicaRegions=wrong)
            aws.wait(f"the end of {name} in {', '.join(wrong)}", lambda: self._gone(aws, name, wrong), until={"gone"}, timeout=REPLICATION)
        lacking = {region: key for region, key in want.items() if have.get(region) != key}
        if lacking:
            aws.call("secretsmanager", "replicate_secret_to_regions", SecretId=name, AddReplicaRegions=_replicas(lacking))

    def _gone(self, aws: Aws, name: str, regions: list[str]) -> str:
        secret = aws.find("secretsmanager", "describe_secret", SecretId=name) or {}
        return "there" if any(each["Region"] in regions for each in secret.get("ReplicationStatus") or []) else "gone"


class SecretByName(Secret):
    """A secret as other units look it up: all of a region's in one call, replicas included."""

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("secretsmanager", "list_secrets", "SecretList", Filters=[{"Key": "name", "Values": [scope.path]}])
        return {
            each["Name"]: Live({}, {"id": each["Name"], "arn": each["ARN"], "version": _current(each.get("SecretVersionsToStages"))})
            for each in found
            if each["Name"].startswith(scope.path)
        }


def _value(aws: Aws, how: Mapping[str, Any]) -> str:
    """Make a value; for one that an authority signs, that is read, used and forgotten.

    Raises:
        KcError: The authority does not stand, or can't sign.
    """
    if how["kind"] != CERTIFICATE:
        return generate(how)
    found = aws.find("secretsmanager", "get_secret_value", SecretId=how["by"])
    by = authority_in(found.get("SecretString", "")) if found else None
    if by is None:
        raise KcError(f"secret {how['by']} is no authority", hint="it has to stand before what it signs, with kind authority")
    return generate({**how, "by": by})


def generate(how: Mapping[str, Any]) -> str:
    """Make a value, as JSON.

    It is `{"username": …, "password": …}`; `{"random": …}`, that many bytes in base64; `{"private_key": …, "public_key": …}`, an
    RSA key of that many bits as PEM (PKCS#8, SubjectPublicKeyInfo); an `Authority`; or `{"private_key": …, "certificate": …,
    "trusted": …}`, what `by` (an `Authority`) has signed for `subject`.
    """
    if how["kind"] == AUTHORITY:
        return json.dumps(authority(how["subject"], how.get("before")))
    if how["kind"] == CERTIFICATE:
        from ..node_certificate import issued

        return json.dumps(issued([how["subject"]], how["by"], datetime.datetime.now(datetime.UTC)))
    length = how["length"]
    if how["kind"] == "random":
        return json.dumps({"random": base64.b64encode(secrets.token_bytes(length)).decode()})
    if how["kind"] == "rsa":
        return json.dumps(_rsa(length))
    return json.dumps({**({"username": how["username"]} if how["username"] else {}), "password": password(length)})


def password(length: int) -> str:
    """Make a password that begins with a letter (no option, no tilde) and has every sort of character in it.

    MySQL's validate_password wants a lower and an upper case letter, a digit and a mark at its usual level.
    """
    sorts = (string.ascii_lowercase, string.ascii_uppercase, string.digits, MARKS)
    while True:
        made = secrets.choice(string.ascii_letters) + "".join(secrets.choice("".join(sorts)) for _ in range(length - 1))
        if all(set(sort) & set(made) for sort in sorts):
            return made


def _rsa(bits: int) -> dict[str, str]:
    # here, since loading it costs every task as much as a call to AWS
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem, pkcs8, no_password = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"private_key": key.private_bytes(pem, pkcs8, no_password).decode(), "public_key": public.decode()}


def _live(secret: Mapping[str, Any], home: str) -> Live:
    """Return a described secret of the unit of its region, `home`; one without a current version, made by half, has no value."""
    current = _current(secret.get("VersionIdsToStages"))
    replicas = {each["Region"]: each for each in secret.get("ReplicationStatus") or []}
    attrs = {
        "description": secret.get("Description", ""),
        "key": secret.get("KmsKeyId", ""),
        "replicas": {
            region: f"failed: {each.get('StatusMessage', '')}" if each["Status"] == "Failed" else each.get("KmsKeyId", "")
            for region, each in sorted(replicas.items())
        },
        "value": HIDDEN if current else "(none)",
        "tags": tag_dict(secret.get("Tags")),
    }
    return Live(attrs, {"id": secret["Name"], "arn": secret["ARN"], "version": current}, home)


def _current(stages: Mapping[str, list[str]] | None) -> str:
    """Return the current version of `{version: stages}`, or nothing."""
    return next((version for version, of in (stages or {}).items() if "AWSCURRENT" in of), "")


def _replicas(keys: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Region": region, "KmsKeyId": key} for region, key in sorted(keys.items())]
