"""Which part of an input is taken: conditions that fit their operators, and only tables have columns."""

from typing import Any

from parallelrun.api.rule import ITEMS, Rule, fields_that

_LISTS = ("in", "notIn")
_ALONE = ("isNull", "notNull")
_UNSEEN = "value may be text, a number or a boolean, and CEL does not see fields of any type; the operator checks it"
_INPUT = ("spec", "inputs", ITEMS)

_WHERE = Rule(
    name="where-tables-only",
    place=_INPUT,
    reads=("type", "subset"),
    message="subset.where is for tables only: files have no columns",
    example="{type: File, subset: {include: ['2026/*.png']}}",
    cel="!has(self.type) || self.type != 'File' || !has(self.subset) || !has(self.subset.where) || "
    "size(self.subset.where) == 0",
    broken=fields_that(
        lambda item: item.get("type") != "File" or not (item.get("subset") or {}).get("where"), "subset"
    ),
)

#: Its place is a job's input.
OF_INPUT = (_WHERE,)


def _values_fit(condition: Any) -> bool:
    return (condition["op"] in _LISTS) == bool(condition["values"])


def _value_fits(condition: Any) -> bool:
    needed = condition["op"] not in (*_LISTS, *_ALONE)
    return ("value" in condition) == needed or not _values_fit(condition)  # one mistake is said once


def rules(place: tuple[str, ...], prefix: str = "") -> tuple[Rule, ...]:
    """Of ``subset`` in ``place``; ``prefix`` makes the rules' names unique."""
    condition = (*place, "subset", "where", ITEMS)
    return (
        Rule(
            name=f"{prefix}condition-values",
            place=condition,
            reads=("op", "values"),
            message="values is for in and notIn, which need some; all others have value, or none",
            example="{op: in, values: [1001, 1002]}",
            broken=fields_that(_values_fit, "op"),
            only=_UNSEEN,
        ),
        Rule(
            name=f"{prefix}condition-value",
            place=condition,
            reads=("op", "value", "values"),
            message="value is for ==, !=, <, <=, > and >=, which need one (isNull and notNull have none)",
            example="{op: '==', value: 1001}",
            broken=fields_that(_value_fits, "value", "op"),
            only=_UNSEEN,
        ),
    )
