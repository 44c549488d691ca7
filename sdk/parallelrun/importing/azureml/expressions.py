"""``${{...}}`` and ``$[[...]]`` in texts: found, and replaced by what they mean here; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from parallelrun.api.reference import REFERENCE

_EXPRESSION = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_MARK = re.compile("\0([0-9]+)\0")


@dataclass(frozen=True)
class Meaning:
    """What an expression stands for."""

    text: str
    is_reference: bool = False  # in our notation, such as "$(sideInputs.labels)"; else plain text


def only(text: str) -> str:
    """The expression that ``text`` is nothing but; "" where it is not."""
    found = _EXPRESSION.fullmatch(text.strip())
    return found[1] if found else ""


def names(text: str) -> list[str]:
    """Every expression in ``text``."""
    return _EXPRESSION.findall(text)


def escaped(text: str) -> str:
    """``text`` so that what looks like a reference of ours stays text."""
    return REFERENCE.sub(lambda found: "$" + found[0], text)


def required(text: str, has: Callable[[str], bool]) -> str:
    """``text`` with its optional parts ``$[[...]]`` as they are where every expression in them ``has`` a value, else
    without them."""
    return _OPTIONAL.sub(lambda found: found[1] if all(map(has, names(found[1]))) else "", text)


def replaced(text: str, meaning: Callable[[str], Meaning]) -> str:
    """``text`` in our notation, each expression being its ``meaning``."""
    references: list[str] = []

    def put(found: re.Match[str]) -> str:
        made = meaning(found[1])
        if not made.is_reference:
            return made.text
        references.append(made.text)
        return f"\0{len(references) - 1}\0"

    whole = escaped(_EXPRESSION.sub(put, text.replace("\0", "")))
    return _MARK.sub(lambda found: references[int(found[1])], whole)
