"""CloudWatch's metric math, as far as scaling policies use it: arithmetic, comparisons, IF and FILL."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

Value = float | None
"""A metric's value in one period; None where there is none."""

_OPERATORS: Mapping[type[ast.AST], Callable[[float, float], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def evaluate(text: str, values: Mapping[str, Value]) -> Value:
    """Return what an expression gives in one period; its form is Python's too.

    Args:
        text: As in `visible / IF(FILL(running, 0) < 1, 1, FILL(running, 0))`.
        values: The values of what it names, by id.

    Raises:
        ValueError: It holds something that is not known here.
    """
    return _value(ast.parse(text, mode="eval").body, values)


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return _both(_OPERATORS[type(op)], _value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            chosen = _value(condition, values)
            return None if chosen is None else _value(yes if chosen else no, values)
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, other]):
            found = _value(filled, values)
            return _value(other, values) if found is None else found
    raise ValueError(f"the lab's metric math does not know `{ast.unparse(node)}`")


def _both(act: Callable[[float, float], Any], left: Value, right: Value) -> Value:
    """Return a value of two; without one of them, or by a division by zero, there is none."""
    if left is None or right is None:
        return None
    try:
        return float(act(left, right))
    except ZeroDivisionError:
        return None
