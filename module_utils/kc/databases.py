"""Which MySQL instances of the platform stand in its regions, and where they are reached: as RDS tells. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .aws.rds import Instance, Replica
from .aws.session import Aws
from .errors import KcError
from .names import ASIDE
from .scope import Scope

SOURCE, REPLICA = "source", "replica"
"""What an instance is. RDS knows no more of it than that it was made as a replica and was not promoted since."""

Found = dict[str, list[dict[str, Any]]]


def databases(aws: Aws, scope: Scope, regions: Sequence[str]) -> tuple[Found, dict[str, str]]:
    """Return the instances of each region that answers, and why the others don't. What was set aside is none of them.

    Returns:
        By region, `{id, role, state, address, port, follows}` each. `follows` is `{region, id, address, port}` of a replica's
        source, with an empty address where that one's region does not answer.
    """

    def ask(region: str) -> list[dict[str, Any]] | str:
        try:
            return _of(aws.at(region), scope.at(region, "mysql"))
        except KcError as error:
            if error.transient:
                return error.message
            raise

    answers = dict(zip(regions, aws.map(ask, regions), strict=True))
    found = {region: answer for region, answer in answers.items() if not isinstance(answer, str)}
    for each in (one for instances in found.values() for one in instances if one["follows"]):
        source = next((one for one in found.get(each["follows"]["region"], []) if one["id"] == each["follows"]["id"]), {})
        each["follows"] |= {name: source.get(name, "") for name in ("address", "port")}
    return found, {region: answer for region, answer in answers.items() if isinstance(answer, str)}


def _of(aws: Aws, scope: Scope) -> list[dict[str, Any]]:
    made = []
    for kind, role in ((Instance(), SOURCE), (Replica(), REPLICA)):
        for name, live in sorted(kind.read(aws, scope).items()):
            if ASIDE in name:
                continue
            where = {key: live.outputs.get(key, "") for key in ("address", "port")}
            follows = live.attrs.get("source", "")
            about = {"region": follows.split(":")[3], "id": follows.rpartition(":")[2]} if follows else {}
            made.append({"id": name, "role": role, "state": live.outputs["status"], **where, "follows": about})
    return made
