"""What of Azure ML's SDK works here, works differently or is refused, said beside each method, and held to.

The reference page is made of these marks, so that it cannot say what the code does not do.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from parallelrun.api.errors import ParallelRunError
from parallelrun.api.text import printable

P = ParamSpec("P")
T = TypeVar("T")
MARK = "__azure__"
_said: set[str] = set()


class NotAvailableHere(ParallelRunError, NotImplementedError):
    """A part of Azure ML's SDK that has no counterpart here; the hint says how it is done instead."""


def say_once(text: str) -> None:
    """A remark for people, on stderr, the first time only."""
    if text not in _said:
        _said.add(text)
        print(printable(f"parallelrun: {text}"), file=sys.stderr, flush=True)


class Mark:
    """What is to be known of one method, class or attribute."""

    def __init__(
        self, differs: str = "", refuses: Mapping[str, str] | None = None, notes: Mapping[str, str] | None = None
    ) -> None:
        """``differs``: how; ``refuses`` and ``notes``: by argument, what to do instead, and what it does here."""
        self.differs = differs
        self.refuses = dict(refuses or {})
        self.notes = dict(notes or {})


def azure(
    differs: str = "", refuses: Mapping[str, str] | None = None, notes: Mapping[str, str] | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Marks a method; arguments that ``refuses`` names may have no other value than their default, and of those that
    ``notes`` names it is said once what becomes of them. Raises NotAvailableHere when the method is called."""
    mark = Mark(differs, refuses, notes)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*arguments: P.args, **options: P.kwargs) -> T:
            try:
                given = signature.bind(*arguments, **options).arguments
            except TypeError as error:
                raise TypeError(f"{_shown(function)}: {error}; docs/reference/azureml.md says what there is") from None
            for name, value in given.items():
                if name not in mark.refuses and name not in mark.notes:
                    continue
                default = signature.parameters[name].default
                if value is default or (type(value) is type(default) and value == default):
                    continue
                where = f"{_shown(function)}({name}={_brief(value)})"
                if name in mark.refuses:
                    raise NotAvailableHere(f"{where} has no counterpart here.", mark.refuses[name])
                say_once(f"{where}: {mark.notes[name]}")
            return function(*arguments, **options)

        setattr(checked, MARK, mark)
        return checked

    return decorate


def _shown(function: Callable[..., Any]) -> str:
    return str(function.__qualname__).removesuffix(".__init__")


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Refused:
    """An attribute or method that is not there; every use of it says what to do instead."""

    def __init__(self, instead: str) -> None:
        """``instead``: a sentence."""
        self.instead = instead
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"{owner.__name__}.{name}"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None and owner is not None and getattr(owner, "__refusals_shown__", False):
            return self
        raise self.error()

    def error(self) -> NotAvailableHere:
        """As it is raised."""
        return NotAvailableHere(f"{self.name} has no counterpart here.", self.instead)


def refused_class(name: str, module: str, instead: str) -> type:
    """A class that can be imported, and says what to do instead when it is used."""
    error = NotAvailableHere(f"{name} has no counterpart here.", instead)

    class Meta(type):
        def __call__(cls, *_: Any, **__: Any) -> Any:
            raise error

        def __getattr__(cls, attribute: str) -> Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            raise NotAvailableHere(f"{name}.{attribute} has no counterpart here.", instead)

    return Meta(name, (), {"__module__": module, "__doc__": instead, "INSTEAD": instead})
