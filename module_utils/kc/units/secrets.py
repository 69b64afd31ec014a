"""The unit `secrets`: made once, in the home region, replicated to others, never shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import names
from ..aws.secretsmanager import AUTHORITY, CERTIFICATE, FRESH, HIDDEN, Secret, SecretByName
from ..aws.trust import Trust, trust_name
from ..errors import KcError
from ..model import Key, Ref, Resource
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .keys import key_of

SECRET, TRUST = Secret(), Trust()

LENGTHS = {
    "password": (16, 40, 128),
    "random": (16, 32, 1024),
    "rsa": (2048, 2048, 4096),
    AUTHORITY: (384, 384, 384),
    CERTIFICATE: (256, 256, 256),
}
"""Least, default and most, by sort: characters of a password, bytes of random data, bits of a key."""


@dataclasses.dataclass(frozen=True)
class SecretSettings:
    """What the inventory says of one secret; the module's documentation explains each."""

    description: str
    kind: str = "password"
    username: str = ""
    length: int | None = None
    authority: str = ""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the secrets with the key of each region that they stand in, and what is told there of an authority."""
    secrets: Mapping[str, Any] = params.get("secrets") or {}
    rotate = {*(params.get("rotate") or [])}
    if rotate - secrets.keys():
        raise KcError(f"`rotate` names `{min(rotate - secrets.keys())}`, which `secrets` does not")
    for short, about in secrets.items():
        signer = about.get("authority") or ""
        if signer and secrets.get(signer, {}).get("kind") != AUTHORITY:
            raise KcError(f"`secrets.{short}.authority` is `{signer}`", hint="name a secret of kind authority, here too")
    keys = {region: key_of(scope, params.get("key") or "secrets", region) for region in _regions(scope, params)}
    made = [each for short, about in sorted(secrets.items()) for each in _secret(scope, short, about, keys, short in rotate)]
    return [*keys.values(), *made] if made else []


def secret_name(scope: Scope, short: str) -> str:
    """Return a secret's whole name."""
    return names.fit("secret", scope.path + short)


def secret_of(scope: Scope, short: str) -> Resource:
    """Return a secret, or its replica in the scope's region, as other units look it up: outputs `id`, `arn`, `version`."""
    return Resource(SecretByName(), secret_name(scope, short), None, scope.region, component=UNIT.name, client=scope.client)


def _replicas(scope: Scope, params: Params) -> list[str]:
    return sorted({*(params.get("replicate_to") or [])} - {scope.region})


def _secret(scope: Scope, short: str, given: Any, keys: Mapping[str, Resource], rotate: bool) -> Iterator[Resource]:
    arns = {region: Ref("key", key.name, "arn", region=region) for region, key in keys.items()}
    about = settings(SecretSettings, f"secrets.{short}", given)
    name = secret_name(scope, short)
    desired = {
        "description": about.description,
        "key": arns[scope.region],
        "replicas": {region: arn for region, arn in arns.items() if region != scope.region},
        "value": FRESH if rotate else HIDDEN,
        "generate": _generate(scope, short, about),
        "tags": scope.tags(),
    }
    signer = (Key(SECRET.name, scope.region, secret_name(scope, about.authority)),) if about.kind == CERTIFICATE else ()
    yield Resource(SECRET, name, desired, scope.region, after=signer)
    if about.kind == AUTHORITY:
        version = Ref(SECRET.name, name, "version", region=scope.region)
        told = {"version": version, "source": {"secret": name, "region": scope.region}, "tags": scope.tags()}
        yield from (Resource(TRUST, trust_name(scope, short), told, region) for region in arns)


def _generate(scope: Scope, short: str, about: SecretSettings) -> dict[str, Any]:
    """Return how a value is made, whenever one is."""
    where = f"secrets.{short}"
    if about.kind not in LENGTHS:
        raise KcError(f"`{where}.kind` is `{about.kind}`", hint=f"it can be {' or '.join(LENGTHS)}")
    if about.kind != "password" and about.username:
        raise KcError(f"`{where}.username` belongs to a password, and the kind is {about.kind}")
    least, default, most = LENGTHS[about.kind]
    length = about.length or default
    if not least <= length <= most:
        raise KcError(f"`{where}.length` is {length}", hint=f"a {about.kind} takes {least} to {most}")
    if bool(about.authority) != (about.kind == CERTIFICATE):
        raise KcError(
            f"`{where}.authority` is `{about.authority}`", hint="a certificate names the secret that signs it, and nothing else does"
        )
    how = {"kind": about.kind, "username": about.username, "length": length}
    if about.kind == CERTIFICATE:
        return {**how, "by": secret_name(scope, about.authority), "subject": short}
    return {**how, "subject": scope.namespace.replace("/", " ")} if about.kind == AUTHORITY else how


def _regions(scope: Scope, params: Params) -> list[str]:
    return [scope.region, *_replicas(scope, params)]


UNIT = Unit(name="secrets", kinds=(SECRET, TRUST), build=build, services=("secretsmanager", "kms", "ssm"), regions=_regions)
