"""What the units' builders make of an inventory: their complaints, and what it needs of an account."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import KcError
from ..model import Resource
from ..options import Path, Spec, filled
from ..preflight import needs
from ..unit import scope_of
from .model import GROUPS, Host, Problem, feeding, feeds, units_of


def desired(host: Host, unit: str, modules: Mapping[str, Spec], hosts: Sequence[Host]) -> Sequence[Resource]:
    """Return what a unit would make of a host's variables.

    Raises:
        KcError: The builder refuses them.
    """
    given, scope = ({option: host.values.get(name) for name, option in feeding(host, of, modules).items()} for of in (unit, "scope"))
    given |= {option: [one.name for one in hosts if group in one.groups] for (of, option), group in GROUPS.items() if of == unit}
    whose = {"account": str(scope["account"]), "region": host.region, "client": host.client}
    params = {**filled(modules[unit], given), "scope": {**scope, **whose}}
    found = importlib.import_module(f"kc.units.{unit}").UNIT
    resources: Sequence[Resource] = found.build(scope_of(found, params), params)
    return resources


def needs_of(hosts: Sequence[Host], modules: Mapping[str, Spec]) -> dict[str, dict[str, Any]]:
    """Return what each region has to have room for (see `preflight.needs`), of an inventory without problems.

    What is dedicated to clients takes its room in the regions that it stands in. Buckets count for the account as a
    whole: they are asked about once, on the hosts of `global`.
    """
    wanted = [resource for host in hosts for unit in units_of(host) for resource in desired(host, unit, modules, hosts)]
    regions = [host for host in hosts if units_of(host) and not host.client]
    found = {host.name: needs(resource for resource in wanted if resource.region == host.name) for host in regions}
    buckets = sorted({name for one in found.values() for name in one["buckets"]})
    return {host.name: {**found[host.name], "buckets": buckets if "global" in host.groups else []} for host in regions}


def built(host: Host, unit: str, modules: Mapping[str, Spec], hosts: Sequence[Host], wrong: set[str]) -> Iterator[Problem]:
    """Yield the builder's complaint, unless what it builds from is known to be wrong already."""
    suspect = {*wrong, *host.broken}
    if any(of in (unit, "scope") for name in suspect for of, _ in feeds(name, modules)):
        return
    try:
        desired(host, unit, modules, hosts)
    except KcError as error:
        path, message = _blamed(host, feeding(host, unit, modules), error.message)
        yield Problem(host.name, path, f"{'' if path else f'{unit}: '}{message}{f': {error.hint}' if error.hint else ''}")


def _blamed(host: Host, options: Mapping[str, str], message: str) -> tuple[Path, str]:
    """Return the path that a builder's message is about: the option that it names, or that of a value it quotes."""
    named = [(match.start(), variable, match) for variable, option in options.items() for match in _named(option).finditer(message)]
    if named:
        start, variable, match = min(named, key=lambda one: one[0])
        path: Path = (variable, *match[1].split(".")[1:])
        value = reached(host.values.get(variable), path[1:])
        inner = [word for word in re.findall(r"`([^`]+)`", message) if isinstance(value, Mapping) and word in value]
        return (*path, *inner[:1]), message if start else message[match.end() :].lstrip(": ")
    words = [word for variable in sorted(options) for word in _words(host.values.get(variable), (variable,))]
    quoted = [(len(text), path) for path, text in words if _quotes(message, text)]
    return max(quoted, key=lambda one: one[0], default=(0, ()))[1], message


def _named(option: str) -> re.Pattern[str]:
    return re.compile(rf"`?\b{option}((?:\.[\w-]+)+\b|(?=[`:]))`?")


def reached(value: Any, path: Path) -> Any:
    """Return what stands at a path inside a value; None where the way is no mapping."""
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _quotes(message: str, text: str) -> bool:
    """Whether a message is about a text; a plain word counts only where it is marked as a quotation."""
    return f"`{text}`" in message or bool(not text.isalpha() and re.search(rf"(?<![\w-]){re.escape(text)}(?![\w-])", message))


def _words(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield every name and text inside a value, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield (*path, str(key)), str(key)
            yield from _words(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _words(item, (*path, index))
    elif isinstance(value, str):
        yield path, value
