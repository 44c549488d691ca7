"""A rule about several fields, held once for both sides: CEL for the API server, a predicate for Python.

The message is the same on both sides, and the example is tested to be right. A rule that only one side can check says
why in ``only``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parallelrun.api.problems import Path

ITEMS = "[]"  # in a place: every element of the list


@dataclass(frozen=True)
class Rule:
    """``place`` says what ``self`` is in CEL and what the predicate gets: plain values with defaults filled in."""

    name: str
    place: tuple[str, ...]  # ("spec", "inputs", ITEMS)
    reads: tuple[str, ...]  # fields of it; the rule is not asked where one of them is malformed. () is the value itself
    message: str
    example: str  # YAML of the fields that are to be changed, within place
    cel: str | None = None
    broken: Callable[[Any], Iterable[Path]] | None = None  # paths within place of what breaks the rule
    transition: Callable[[Any, Any], bool] | None = None  # for rules about updates: old, new -> whether it holds
    only: str = ""  # why CEL or the predicate is missing

    @property
    def validation(self) -> dict[str, str]:
        """The rule in the CRD. The API server names the field where the rule is about one field."""
        assert self.cel is not None
        entry = {"rule": self.cel, "message": self.sentence}
        if len(self.reads) == 1 and self.place:
            entry["fieldPath"] = f".{self.reads[0]}"
        if self.transition is not None:
            entry["reason"] = "FieldValueForbidden"
        return entry

    @property
    def sentence(self) -> str:
        """The message with its example, on one line: what the API server says."""
        return f"{self.message}; for example: {' '.join(self.example.split())}"


def fields_that(holds: Callable[[Any], bool], *blamed: str) -> Callable[[Any], Iterable[Path]]:
    """A ``broken`` that blames the first of ``blamed`` that is there, where ``holds`` says no."""

    def broken(value: Any) -> Iterator[Path]:
        if not holds(value):
            there = [name for name in blamed if isinstance(value, dict) and name in value]
            yield tuple(there[:1])

    return broken


def broken_rules(rules: Sequence[Rule], document: Any, malformed: set[Path]) -> Iterator[tuple[Rule, Path]]:
    """(rule, path) of everything in ``document`` that breaks a rule.

    ``malformed``: paths of values that have the wrong type or are missing; rules that read them are not asked.
    """
    for rule in rules:
        if rule.broken is None:
            continue
        for place, value in _places(document, rule.place, ()):
            if _is_sound(rule, place, malformed):
                for path in rule.broken(value):
                    yield rule, (*place, *path)


def _places(value: Any, parts: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    if not parts:
        yield path, value
    elif parts[0] == ITEMS and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, parts[1:], (*path, index))
    elif isinstance(value, dict) and parts[0] in value:
        yield from _places(value[parts[0]], parts[1:], (*path, parts[0]))


def _is_sound(rule: Rule, place: Path, malformed: set[Path]) -> bool:
    read = [(*place, name) for name in rule.reads] or [place]
    return not any(bad[: len(path)] == path or path[: len(bad)] == bad for bad in malformed for path in read)
