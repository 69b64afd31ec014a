"""A rule's conditions and actions in nginx's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]

CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
"""Where a condition's values stand (ELBv2 API, RuleCondition)."""


def quoted(text: str) -> str:
    """Return text as nginx reads it back."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """Return text as nginx reads it back where it looks for variables: `$kc_dollar` is the only way to write a dollar sign."""
    return quoted(text.replace("$", "${kc_dollar}"))


def pattern(text: str, any_one: str = ".") -> str:
    """Return a pattern with `*` and `?` as a regular expression; `any_one` is what a wildcard stands for."""
    return "".join({"*": f"{any_one}*", "?": any_one}.get(each) or re.escape(each) for each in text)


def condition(name: str, item: Item) -> Iterator[str]:
    """Yield the lines that set the variable `name` to 1 where a condition is met, and to 0 elsewhere.

    Hosts, headers' values and query strings are compared whatever their case, paths and methods as they are (Application
    Load Balancer user guide, "Listener rules").
    """
    field = item["Field"]
    config = item.get(CONFIGS[field]) or {}
    values = config.get("Values") or item.get("Values") or ()
    if field == "source-ip":
        yield from _block(f"geo {name}", ((value, "1") for value in values))
        return
    source, flag, found = {
        "host-header": ("$host", "*", (pattern(value) for value in values)),
        "path-pattern": ("$kc_path", "", (pattern(value) for value in values)),
        "http-request-method": ("$request_method", "", (re.escape(value) for value in values)),
        "http-header": (f"$http_{_variable(config.get('HttpHeaderName', ''))}", "*", (pattern(value) for value in values)),
        "query-string": ("$args", "*", (_query(value) for value in values)),
    }[field]
    ends = ("", "") if field == "query-string" else ("^", "$")
    yield from _block(f"map {source} {name}", ((quoted(f"~{flag}{ends[0]}{each}{ends[1]}"), "1") for each in found))


def _block(head: str, lines: Iterable[tuple[str, str]], default: str = "0") -> Iterator[str]:
    yield f"{head} {{"
    yield f"    default {default};"
    yield from (f"    {key} {value};" for key, value in lines)
    yield "}"


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")


def _query(value: Item) -> str:
    """Return the regular expression of a key and a value, or of a value alone, in a query string."""
    key = pattern(value["Key"], "[^&=]") + "=" if value.get("Key") else "(?:[^&=]*=)?"
    return f"(?:^|&){key}{pattern(value['Value'], '[^&]')}(?:&|$)"


def choice(name: str, met: Iterable[tuple[list[str], str]], default: str) -> Iterator[str]:
    """Yield the lines that set `name` to the result of the first rule whose conditions are all met.

    Args:
        name: The variable.
        met: The variables of each rule's conditions, and the rule's result, in the order of the rules.
        default: The result where no rule's are.
    """
    rules = list(met)
    bits = [bit for variables, _ in rules for bit in variables]
    lines, before = [], 0
    for variables, result in rules:
        lines.append((quoted(f"~^.{{{before}}}{'1' * len(variables)}"), result))
        before += len(variables)
    yield from _block(f'map "{"".join(bits)}." {name}', lines, default)


def redirect(config: Item) -> str:
    """Return the arguments of nginx's `return` for a redirection."""
    parts = {"Protocol": "#{protocol}", "Host": "#{host}", "Port": "#{port}", "Path": "/#{path}", "Query": "#{query}"}
    protocol, host, port, path, query = (str(config.get(part, default)) for part, default in parts.items())
    target = f"{protocol.lower()}://{host}:{port}{path}"
    if query == "#{query}":
        target += "#{asked}"
    elif query:
        target += f"?{query}"
    text = literal(target)
    for part, variable in (
        ("protocol", "$scheme"),
        ("host", "$host"),
        ("port", "$server_port"),
        ("/#{path}", "$kc_path"),
        ("path", "$kc_relative"),
        ("asked", "$is_args$args"),
        ("query", "$args"),
    ):
        text = text.replace(part if part.startswith("/") else f"#{{{part}}}", variable)
    return f"{config['StatusCode'].removeprefix('HTTP_')} {text}"


def action_of(actions: Sequence[Item]) -> Item:
    """Return the action that answers: the last one, after those that ask who it is."""
    return sorted(actions, key=lambda each: each.get("Order", 0))[-1]


def forwards(action: Item) -> dict[str, int]:
    """Return the weights of the target groups that an action forwards to, by ARN."""
    if action["Type"] != "forward":
        return {}
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or [{"TargetGroupArn": action.get("TargetGroupArn")}]
    return {each["TargetGroupArn"]: int(each.get("Weight", 1)) for each in several}
