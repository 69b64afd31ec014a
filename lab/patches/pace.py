"""AWS takes its time: what is made is there only after a while, and says so until then.

`KC_LAB_PACE="db=6 replica=9 distribution=3 nat=1.2"` gives the seconds by kind; without it everything is there at once, as
in moto. When something will be there is kept with it, so a restart of the lab changes nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

KINDS = ("db", "replica", "promotion", "distribution", "nat")
"""An RDS instance, one that is made as a replica, a replica's promotion, a CloudFront distribution (at each change too), a NAT gateway."""

clock: Callable[[], float] = time.time
begun: list[dict[str, Any]] = []
"""What takes its time, in the order in which it was asked for: `kind`, `name`, `at` (seconds since 1970), `seconds`."""


def paces(text: str) -> Mapping[str, float]:
    """Return seconds by kind.

    Raises:
        ValueError: The text is no list of `kind=seconds`.
    """
    found = {kind: float(seconds) for kind, _, seconds in (word.partition("=") for word in text.split())}
    unknown = found.keys() - set(KINDS)
    if unknown:
        raise ValueError(f"KC_LAB_PACE: no such kind: {', '.join(sorted(unknown))} (there are {', '.join(KINDS)})")
    return found


def pace(kind: str) -> float:
    """Return the seconds that a kind takes."""
    return paces(os.environ.get("KC_LAB_PACE", "")).get(kind, 0)


def begin(thing: Any, kind: str, name: str) -> None:
    """Let `thing` be there only after its kind's time."""
    seconds = pace(kind)
    if seconds:
        thing.there_at = clock() + seconds
        begun.append({"kind": kind, "name": name, "at": clock(), "seconds": seconds})


def coming(thing: Any) -> bool:
    """Whether `thing` is still on its way."""
    return bool(clock() < vars(thing).get("there_at", 0))


def _until_there(cls: Any, attribute: str, state: Any) -> None:
    """Have an attribute of a moto class say `state` while its object is on its way."""
    inherited = getattr(cls, attribute, None)

    def get(self: Any) -> Any:
        if coming(self):
            return state
        return inherited.__get__(self) if isinstance(inherited, property) else vars(self)[attribute]

    def put(self: Any, value: Any) -> None:
        vars(self)[attribute] = value

    setattr(cls, attribute, property(get, put))


def databases_come_up() -> None:
    """An instance and a replica are `creating`, without an endpoint, for minutes; moto 5.2.5 has them at once."""
    from moto.rds.models import DBInstance, RDSBackend

    _until_there(DBInstance, "status", "creating")
    _until_there(DBInstance, "endpoint", None)

    def slowly(operation: str, kind: str) -> None:
        make = getattr(RDSBackend, operation)

        def made(self: Any, db_kwargs: Any) -> Any:
            database = make(self, db_kwargs)
            begin(database, kind, database.db_instance_identifier)
            return database

        setattr(RDSBackend, operation, made)

    slowly("create_db_instance", "db")
    slowly("create_db_instance_read_replica", "replica")


def nat_gateways_come_up() -> None:
    """A NAT gateway is `pending` for minutes; moto 5.2.5 has it at once."""
    from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend

    _until_there(NatGateway, "state", "pending")
    make = NatGatewayBackend.create_nat_gateway

    def create_nat_gateway(self: Any, *args: Any, **options: Any) -> Any:
        gateway = make(self, *args, **options)
        begin(gateway, "nat", gateway.id)
        return gateway

    NatGatewayBackend.create_nat_gateway = create_nat_gateway


ALL = (databases_come_up, nat_gateways_come_up)
