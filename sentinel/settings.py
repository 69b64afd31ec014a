"""What a sentinel is told, by its environment. Secrets come as ECS gives them, and are never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kc.errors import KcError
from kc.lease.holder import Limits
from kc.scope import Scope

from .watch import MODES, Policy

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """A sentinel's settings.

    Attributes:
        scope: Whose, in its own region.
        other: The other region.
        members: Of the ensemble, its own region's first.
        own: Nodes of its own region, `host:port`: with none of them in reach it is this sentinel that is cut off.
        peers: Nodes of the other region.
        origin: What the other region's load balancer answers with 200 while that region serves.
        name: The same of the name that users call.
        topic: ARN of the topic that is told, in its own region.
        inventory: The inventory of the playbooks.
        mysql_authority: File of the authority of MySQL's certificates.
        limits, policy: What the lease and the watch go by.
        account, tls: Secrets: the lease's account in the ensemble, and what members are shown.
        port: That pages are served at.
    """

    scope: Scope
    other: str
    members: tuple[str, ...]
    own: tuple[str, ...]
    peers: tuple[str, ...]
    origin: str
    name: str
    topic: str
    inventory: str
    mysql_authority: str
    limits: Limits
    policy: Policy
    account: tuple[str, str] = field(repr=False)
    tls: Mapping[str, str] = field(repr=False)
    port: int = 8080

    @property
    def region(self) -> str:
        """Its own region."""
        return self.scope.region


SECRETS = ("LEASE_USER", "LEASE_PASSWORD", "SENTINEL_KEY", "SENTINEL_CERTIFICATE")
"""Variables that no other process is given."""


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises:
        KcError: One is missing or makes no sense; it names the variable.
    """

    def text(name: str) -> str:
        found = environment.get(name, "").strip()
        if not found:
            raise KcError(f"the variable {name} is not set", hint="inventories/common/all/applications.yml sets all of them")
        return found

    def number(name: str, kind: Callable[[str], Any], least: float) -> Any:
        try:
            found = kind(text(name))
        except ValueError:
            raise KcError(f"the variable {name} is `{environment[name]}`", hint="give a number") from None
        if found < least:
            raise KcError(f"the variable {name} is {found}", hint=f"give {least:g} at least")
        return found

    def items(name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text(name).split(",") if part.strip())

    mode = text("SENTINEL_MODE")
    if mode not in MODES:
        raise KcError(f"the variable SENTINEL_MODE is `{mode}`", hint=f"it is one of {', '.join(MODES)}")
    scope = Scope(
        text("SENTINEL_PLATFORM"), text("SENTINEL_ENVIRONMENT"), text("SENTINEL_ACCOUNT"), text("SENTINEL_REGION"), component="sentinel"
    )
    ttl = number("SENTINEL_TTL", float, 9)
    policy = Policy(mode, number("SENTINEL_NEED", int, 2), number("SENTINEL_HOLD", float, 10), pause=number("SENTINEL_PAUSE", float, 0))
    return Settings(
        scope=scope,
        other=text("SENTINEL_OTHER"),
        members=items("SENTINEL_MEMBERS"),
        own=items("SENTINEL_OWN"),
        peers=items("SENTINEL_PEERS"),
        origin=text("SENTINEL_ORIGIN"),
        name=text("SENTINEL_NAME"),
        topic=text("SENTINEL_TOPIC"),
        inventory=text("SENTINEL_INVENTORY"),
        mysql_authority=text("SENTINEL_MYSQL_AUTHORITY"),
        # a third of it is left for the fence, and in the rest there are three beats at least
        limits=Limits(ttl, margin=ttl / 3, beat=min(2.0, ttl / 6)),
        policy=policy,
        account=(text("LEASE_USER"), text("LEASE_PASSWORD")),
        tls={"private_key": text("SENTINEL_KEY"), "certificate": text("SENTINEL_CERTIFICATE"), "trusted": text("SENTINEL_CA")},
        port=number("SENTINEL_PORT", int, 1) if environment.get("SENTINEL_PORT") else 8080,
    )
