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


def _immutable(name: str) -> Rule:
    return Rule(
        name=f"immutable-{name}",
        place=("spec",),
        reads=(name,),
        message=f"{name} cannot change after the job was created (only {', '.join(MUTABLE)} can): create another job",
        example="metadata: {name: mnist-2}",
        cel=f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
        transition=_same(name),
    )


_CANCEL = Rule(
    name="cancel-one-way",
    place=("spec",),
    reads=("cancel",),
    message="a cancelled job stays cancelled: create another job",
    example="cancel: true",
    cel="!oldSelf.cancel || self.cancel",
    transition=lambda old, new: not old["cancel"] or new["cancel"],
)

RULES = (_CANCEL, *map(_immutable, IMMUTABLE))
