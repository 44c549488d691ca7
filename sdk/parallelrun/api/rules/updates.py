"""What may change after a job was created: nodeCount, suspend, cancel and ttlSecondsAfterFinished; nothing else.

A half-done job under another threshold, model or script would mix two jobs in one output. Each field has its own rule,
so that the API server names the field.
"""

from collections.abc import Callable
from typing import Any

from parallelrun.api import shape
from parallelrun.api.models.spec import ParallelRunJobSpec
from parallelrun.api.mutable import MUTABLE
from parallelrun.api.rule import Rule

IMMUTABLE = tuple(name for name in shape.fields(ParallelRunJobSpec) if name not in MUTABLE)


def _same(name: str) -> Callable[[Any, Any], bool]:
    return lambda old, new: old.get(name) == new.get(name)


def immutable(rule: str, name: str, mutable: tuple[str, ...], what: str) -> Rule:
    """The rule that the field ``name`` of spec stays as it was, unlike those in ``mutable``."""
    return Rule(
        name=rule,
        place=("spec",),
        reads=(name,),
        message=f"{name} cannot change after the {what} was created (only {', '.join(mutable)} can): create another "
        f"{what}",
        example="metadata: {name: mnist-2}",
        cel=f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
        transition=_same(name),
    )


def one_way(rule: str, what: str) -> Rule:
    """The rule that what is cancelled stays so."""
    return Rule(
        name=rule,
        place=("spec",),
        reads=("cancel",),
        message=f"a cancelled {what} stays cancelled: create another {what}",
        example="cancel: true",
        cel="!oldSelf.cancel || self.cancel",
        transition=lambda old, new: not old["cancel"] or new["cancel"],
    )


RULES = (
    one_way("cancel-one-way", "job"),
    *(immutable(f"immutable-{name}", name, MUTABLE, "job") for name in IMMUTABLE),
)
