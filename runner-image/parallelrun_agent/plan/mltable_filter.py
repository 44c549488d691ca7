"""MLTable's ``filter``: comparisons of columns with values, joined by ``and``, as conditions of a subset."""

from __future__ import annotations

import ast
from typing import Any

from parallelrun.api.settings import Condition

_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "notIn",
}
_TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class NotSimple(Exception):
    """The expression, or the part of it that is named, is not made of comparisons with ``and`` between them."""


def conditions(text: str) -> list[Condition]:
    """The conditions that ``text``, say ``col("price") > 3 and col("store") == "x"``, is; raises NotSimple."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise NotSimple(f"{text!r} is not an expression") from error
    return _of(tree.body)


def _of(node: ast.expr) -> list[Condition]:
    if isinstance(node, ast.BoolOp):
        parts = [one for value in node.values for one in _of(value)]
        return parts if isinstance(node.op, ast.And) else [_any_of(node, parts)]
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return [_comparison(node, *pair) for pair in zip(sides[:-1], map(type, node.ops), sides[1:], strict=True)]
    raise NotSimple(f"{ast.unparse(node)} is not a comparison of a column with a value")


def _any_of(node: ast.BoolOp, parts: list[Condition]) -> Condition:
    """``or`` between values of one column; each part is then one condition."""
    if len({one.column for one in parts}) > 1 or any(one.op not in ("==", "in") for one in parts):
        raise NotSimple(f"{ast.unparse(node)}: or is supported between values of one column alone: a == 1 or a == 2")
    if len(parts) != len(node.values):
        raise NotSimple(f"{ast.unparse(node)} has and within or")
    return Condition(parts[0].column, "in", [value for one in parts for value in one.values])


def _comparison(node: ast.expr, left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> Condition:
    op = _OPERATORS.get(kind)
    column, value = _column(left), right
    if column is None and op in _TURNED:
        column, value, op = _column(right), left, _TURNED[op]
    if column is None or op is None:
        raise NotSimple(f"{ast.unparse(node)} is not a comparison of a column with a value")
    return Condition(column, op, _values(node, value, op in ("in", "notIn")))


def _column(node: ast.expr) -> str | None:
    """The name in ``col("name")``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col":
        match node.args:
            case [ast.Constant(value=str(name))] if not node.keywords:
                return name
    return None


def _values(node: ast.expr, value: ast.expr, several: bool) -> list[Any]:
    try:
        found = ast.literal_eval(value)
    except (ValueError, TypeError) as error:
        raise NotSimple(f"{ast.unparse(node)}: {ast.unparse(value)} is not a number, text, True or False") from error
    values = list(found) if several and isinstance(found, (list, tuple)) else [found]
    if not values or (several and values == [found]) or not all(isinstance(one, (str, int, float)) for one in values):
        raise NotSimple(f"{ast.unparse(node)}: {ast.unparse(value)} is not a number, text, True or False")
    return values
