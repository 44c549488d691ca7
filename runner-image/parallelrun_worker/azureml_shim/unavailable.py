"""Names that can be imported, and say what to do instead when they are used."""

# The signatures are Azure ML's.
# ruff: noqa: ARG002
from __future__ import annotations

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


class NotAvailableError(NotImplementedError):
    """Raised where a script uses a part of Azure ML's SDK that has no meaning without a workspace."""


def unavailable(name: str, instead: str) -> type:
    """A class called ``name`` whose every use raises, naming the class, what was used of it, and ``instead``."""
    return _Unavailable(name, (), {"_path": name, "_instead": instead})


class _Unavailable(type):
    _path: str
    _instead: str

    def __getattr__(cls, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return _Attribute(cls._path + "." + attribute, cls._instead)

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        raise _error(cls._path + "(...)", cls._instead)


class _Attribute:
    """``Dataset.Tabular``, and what is called on it."""

    def __init__(self, path: str, instead: str) -> None:
        self._path = path
        self._instead = instead

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return _Attribute(self._path + "." + attribute, self._instead)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        raise _error(self._path + "()", self._instead)

    def __repr__(self) -> str:
        return "<%s: not available here; %s>" % (self._path, self._instead)


def _error(used: str, instead: str) -> NotAvailableError:
    return NotAvailableError("%s needs an Azure ML workspace, and there is none here: %s" % (used, instead))
