"""Policy documents: building them, and one form in which two equal ones compare equal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from .errors import KcError
from .model import canonical as in_order

Document = dict[str, Any]
Statement = dict[str, Any]
Words = str | Iterable[str]
"""One string or several, as policies take them."""
Principal = str | Mapping[str, Words]
"""`"*"` or, by type, as in `{"Service": "ecs-tasks.amazonaws.com"}`."""

VERSION = "2012-10-17"
_NO_VERSION = "2008-10-17"
"""What AWS takes a document without a version for (IAM user guide, IAM JSON policy elements: Version)."""

_ROOT = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):root")


def document(*statements: Statement) -> Document:
    """Return the canonical document of `statements`.

    Raises:
        KcError: Two statements share a Sid (IAM refuses it), or there is none.
    """
    sids = [statement["Sid"] for statement in statements]
    twice = sorted({sid for sid in sids if sids.count(sid) > 1})
    if twice:
        raise KcError(f"two statements of one policy are called {twice[0]}")
    if not statements:
        raise KcError("a policy needs a statement")
    return canonical({"Version": VERSION, "Statement": list(statements)})


def allow(
    sid: str,
    actions: Words,
    resources: Words = (),
    *,
    principal: Principal | None = None,
    when: Mapping[str, Mapping[str, Any]] | None = None,
) -> Statement:
    """Return a statement that allows.

    Args:
        sid: Letters and digits, unique in its document.
        actions: `service:Action`s; `*` stands for any characters.
        resources: ARNs or `"*"`; empty in a role's trust policy, which has none.
        principal: Whom it is for; only in policies of resources and in trust policies.
        when: Conditions: operator to key to value or values.
    """
    return _statement("Allow", sid, actions, resources, principal, when)


def deny(
    sid: str,
    actions: Words,
    resources: Words = (),
    *,
    principal: Principal | None = None,
    when: Mapping[str, Mapping[str, Any]] | None = None,
) -> Statement:
    """Return a statement that denies; arguments as for `allow`."""
    return _statement("Deny", sid, actions, resources, principal, when)


def _statement(
    effect: str, sid: str, actions: Words, resources: Words, principal: Principal | None, when: Mapping[str, Mapping[str, Any]] | None
) -> Statement:
    if not re.fullmatch(r"[A-Za-z0-9]+", sid):
        raise KcError(f"`{sid}` is no Sid", hint="use letters and digits only (IAM user guide, IAM JSON policy elements: Sid)")
    parts = {
        "Sid": sid,
        "Effect": effect,
        "Principal": principal,
        "Action": _words(actions),
        "Resource": _words(resources),
        "Condition": when,
    }
    return {name: part for name, part in parts.items() if part}


def canonical(policy: Mapping[str, Any] | str) -> Document:
    """Return a policy in the one form that all equal policies share; AWS accepts it as a policy.

    Lists are lists (never a single string), sorted and without repeats; a principal is always given by type, an
    account by its id; conditions compare strings. AWS gives policies back in other forms than it got them: IAM
    URL-encodes them and turns an account id into the ARN of its root; others turn a list of one into a string.

    Args:
        policy: As a dict, as JSON, or as URL-encoded JSON.
    """
    given = json.loads(policy if policy.lstrip().startswith("{") else unquote(policy)) if isinstance(policy, str) else policy
    statements = given.get("Statement") or []
    found: Document = {"Version": given.get("Version") or _NO_VERSION}
    if given.get("Id"):
        found["Id"] = given["Id"]
    found["Statement"] = _unique([_canonical_statement(one) for one in ([statements] if isinstance(statements, Mapping) else statements)])
    return found


def encode(policy: Mapping[str, Any]) -> str:
    """Return a policy as the shortest JSON: services limit a policy's length."""
    return json.dumps(policy, separators=(",", ":"))


def _canonical_statement(statement: Mapping[str, Any]) -> Statement:
    result: Statement = {}
    for name, part in statement.items():
        if name in ("Principal", "NotPrincipal"):
            result[name] = _canonical_principal(part)
        elif name == "Condition":
            result[name] = {
                operator: {key: _unique([_text(value) for value in _words(values)]) for key, values in keys.items()}
                for operator, keys in part.items()
            }
        elif name in ("Action", "NotAction", "Resource", "NotResource"):
            result[name] = _unique(_words(part))
        else:
            result[name] = part
    # an empty Sid, Condition or list says nothing
    return {name: part for name, part in result.items() if part}


def _canonical_principal(principal: Principal) -> dict[str, list[Any]]:
    if isinstance(principal, str):
        # `"*"` is everybody, and so is {"AWS": "*"} (IAM user guide, AWS JSON policy elements: Principal)
        principal = {"AWS": principal}
    return {
        kind: _unique([_ROOT.sub(r"\1", one) if kind == "AWS" and isinstance(one, str) else one for one in _words(who)])
        for kind, who in principal.items()
    }


def _words(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, str) else [value]


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _unique(items: list[Any]) -> list[Any]:
    """Sort as the engine does with values that are known late (Refs), and drop repeats."""
    result: list[Any] = []
    for item in in_order(items):
        if not result or item != result[-1]:
            result.append(item)
    return result
