"""The filter `kc_hosts`: hosts of the inventory as data for a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def kc_hosts(
    names: Sequence[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    fields: Mapping[str, str],
    where: Mapping[str, Any] | None = None,
    first: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return hosts as a list of mappings.

    Args:
        names: Of the hosts, such as `groups['keeper']`.
        hostvars: Ansible's.
        fields: What a mapping holds, and the variable of the host that each is taken from.
        where: Variables, and the values that hosts must have of them.
        first: The same, of hosts that come before the others; else the order of names stays.
    """

    def are(name: str, wanted: Mapping[str, Any]) -> bool:
        return all(hostvars[name].get(variable) == value for variable, value in wanted.items())

    found = sorted((name for name in names if are(name, where or {})), key=lambda name: not are(name, first or {}))
    return [{field: hostvars[name][variable] for field, variable in fields.items()} for name in found]


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Any]:
        return {"kc_hosts": kc_hosts}
