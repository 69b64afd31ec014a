"""The instances of RDS that are to stand, as the AWS tells them to the behaviour (`lab/patches/rds_live.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Instance:
    """An instance, as the API has it now.

    Attributes:
        region: Region code.
        name: Its identifier, such as `kc-lab-main`.
        resource: Its resource id, which no other instance has had or gets.
        endpoint: The name that clients connect to.
        port: TCP port.
        subnet: Id of the subnet that it is put into, and `cidr` its addresses.
        groups: Ids of its security groups.
        user: The master user, with a `password`; empty where its data has one already.
        database: What is made with it, "" for none.
        group: Its parameter group.
        parameters: What the group sets, by RDS's names.
        waiting: Those of them that are taken at a reboot only.
        source: Resource id of the instance that it is a replica of, "" for none.
        logs: Whether it writes a binary log: it has backups.
        origin: What its data comes from: a `snapshot`'s key, or a `resource` as it was at a time (`until`, seconds since 1970).
        asked: How often something was asked of it.
        boots: How many boots were asked for.
        stopped: Whether it is to be off.
        leaving: Whether it is to go for good.
        writable_at: When a promoted replica takes writes, seconds since 1970.
    """

    region: str
    name: str
    resource: str
    endpoint: str
    port: int
    subnet: str
    cidr: str
    groups: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    group: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    source: str = ""
    logs: bool = True
    origin: Mapping[str, Any] = field(default_factory=dict)
    asked: int = 0
    boots: int = 0
    stopped: bool = False
    leaving: bool = False
    writable_at: float = 0.0

    @property
    def host(self) -> str:
        """What its host is called."""
        return f"rds-{self.name}.{self.region}"


@dataclass(frozen=True)
class Wanted:
    """All that is to stand.

    Attributes:
        instances: By resource id.
        snapshots: By key: what each is `of` (an `instance`'s resource id, or another `snapshot`'s key), and when it was `made`.
    """

    instances: Mapping[str, Instance]
    snapshots: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Wanted:
        """Read what the AWS answers."""
        found = (Instance(**{**each, "groups": tuple(each["groups"]), "waiting": tuple(each["waiting"])}) for each in told["instances"])
        return cls({each.resource: each for each in found}, told["snapshots"])
