"""The table that a task's options describe; what can't be is refused before any server is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import KcError
from .quote import check_name, shown, value
from .table import Column, Table
from .text import expression
from .types import parse
from .version import FEATURES, Version

KINDS = {"default": "DEFAULT", "materialized": "MATERIALIZED", "alias": "ALIAS"}


def wanted(params: Mapping[str, Any], version: Version, ignored: list[str]) -> Table:
    """Return the table that a task's options describe.

    Args:
        params: The module's options.
        version: The servers'.
        ignored: Gets a line for each option that means nothing to this version.

    Raises:
        KcError: An option, named by its path, is wrong.
    """
    database, table = params["database"], params["name"]
    for option in ("database", "name"):
        check_name(params[option], what=f"`{option}`")
        if any(not one.isprintable() for one in params[option]):
            raise KcError(
                f"`{option}`: {shown(params[option])} holds a character that can't be printed",
                hint="name it without line breaks and the like",
            )
    if params["kind"] == "view":
        return _view(params)
    columns = _columns(params.get("columns") or [], version, ignored)
    engine = params.get("engine") or ""
    if not engine.isidentifier():
        raise KcError(
            f"`engine`: {shown(engine)} is no engine",
            hint="write its name alone, such as ReplicatedMergeTree; arguments are in `engine_arguments`",
        )
    tree = engine.endswith("MergeTree")
    order = tuple(expression(each, f"`order_by[{at}]`") for at, each in enumerate(params.get("order_by") or []))
    if not tree:
        for option in ("order_by", "partition_by", "primary_key", "sample_by", "ttl", "settings"):
            if params.get(option):
                raise KcError(f"`{option}`: {engine} has none", hint="only engines of the MergeTree family have it")
    ttl = params.get("ttl")
    if ttl is not None and not version.has("TTL"):
        ignored += ["ttl: needs {}.{}".format(*_since("TTL"))] if ttl else []
        ttl = None
    path, replica = _path(params, engine)
    return Table(
        database,
        table,
        engine,
        columns,
        tuple(expression(str(each), f"`engine_arguments[{at}]`") for at, each in enumerate(params.get("engine_arguments") or [])),
        path,
        replica,
        order,
        tuple(expression(each, f"`primary_key[{at}]`") for at, each in enumerate(params.get("primary_key") or [])),
        expression(params["partition_by"], "`partition_by`") if params.get("partition_by") else "",
        expression(params["sample_by"], "`sample_by`") if params.get("sample_by") else "",
        expression(ttl, "`ttl`") if ttl else ttl,
        {_setting(key): _settings_value(key, given) for key, given in (params.get("settings") or {}).items()},
    )


def _view(params: Mapping[str, Any]) -> Table:
    for option in ("columns", "engine", "order_by", "partition_by", "primary_key", "sample_by", "ttl", "settings", "engine_arguments"):
        if params.get(option):
            raise KcError(f"`{option}`: a view has none", hint="it belongs to the table that the view fills (`target`)")
    for option in ("target", "select"):
        if not params.get(option):
            raise KcError(
                f"`{option}`: a view needs it", hint="`target` is the table that it fills, `select` the query that it fills it from"
            )
    check_name(params["target"], what="`target`")
    select = expression(params["select"], "`select`")
    if not select.upper().startswith("SELECT ") and not select.upper().startswith("WITH "):
        raise KcError(f"`select`: {shown(select)} is no query", hint="write SELECT … FROM database.table …")
    return Table(params["database"], params["name"], "MaterializedView", target=(params["database"], params["target"]), select=select)


def _columns(given: Sequence[Mapping[str, Any]], version: Version, ignored: list[str]) -> tuple[Column, ...]:
    if not given:
        raise KcError("`columns` is empty", hint="a table has at least one column")
    found: list[Column] = []
    for at, each in enumerate(given):
        label = f"columns[{at}]"
        check_name(each["name"], what=f"`{label}.name`")
        if each["name"] in (column.name for column in found):
            raise KcError(f"`{label}.name`: there are two columns {shown(each['name'])}", hint="give each its own name")
        kinds = [kind for kind in KINDS if each.get(kind)]
        if len(kinds) > 1:
            raise KcError(f"`{label}`: it has {' and '.join(kinds)}", hint="one of them is possible")
        kind = kinds[0] if kinds else ""
        comment, codec = each.get("comment") or "", each.get("codec") or None
        if comment and not version.has("column comments"):
            ignored.append("comments: need {}.{}".format(*_since("column comments")))
        if codec and not version.has("codecs"):
            ignored.append("codecs: need {}.{}".format(*_since("codecs")))
            codec = None
        found.append(
            Column(
                each["name"],
                parse(each["type"], f"`{label}.type`", version),
                KINDS.get(kind, ""),
                expression(str(each[kind]), f"`{label}.{kind}`") if kind else "",
                comment if version.has("column comments") else None,
                expression(codec, f"`{label}.codec`") if codec else None,
            )
        )
    return tuple(found)


def _path(params: Mapping[str, Any], engine: str) -> tuple[str, str]:
    if not engine.startswith("Replicated"):
        if params.get("path"):
            raise KcError(f"`path`: {engine} has none", hint=f"Replicated{engine} keeps replicas alike by it")
        return "", ""
    path = params.get("path")
    if not path:
        for option in ("database", "name"):
            # a name is a part of the path there, where these mean something else (ZooKeeper, data model; ClickHouse, macros)
            odd = sorted(set(params[option]) & set("/{}"))
            if odd or params[option] in (".", ".."):
                raise KcError(
                    f"`{option}`: {shown(params[option])} can't be a part of a path in the ensemble",
                    hint="name it without / { }, or give `path`",
                )
        path = f"/clickhouse/tables/{{shard}}/{params['database']}/{params['name']}"
    if not path.startswith("/") or path.endswith("/") or "//" in path or any(not one.isprintable() for one in path):
        raise KcError(f"`path`: {shown(path)} is no path in the ensemble", hint="write it like /clickhouse/tables/{shard}/database/table")
    return path, params.get("replica") or "{replica}"


def _since(feature: str) -> tuple[int, int]:
    return FEATURES[feature].since


def _setting(key: str) -> str:
    if not str(key).isidentifier():
        raise KcError(f"`settings`: {shown(str(key))} is no setting", hint="name it as ClickHouse does, such as index_granularity")
    return str(key)


def _settings_value(key: str, given: Any) -> str:
    if not isinstance(given, (str, int, float)):
        raise KcError(f"`settings.{key}`: {shown(str(given))} is no value of a setting", hint="give a number or a text")
    return value(given)
