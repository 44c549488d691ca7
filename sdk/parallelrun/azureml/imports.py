"""Makes ``azureml.*`` resolve to the modules here, in this process, whatever else is installed.

What of ``azureml`` is not here is not found: with the real package it would need a workspace in Azure.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_THEIRS, _OURS = "azureml", __package__ or "parallelrun.azureml"
#: Packages that work without a workspace, and that others (mltable) stand on: these stay the real ones.
_REAL = ("azureml.dataprep", "azureml.fsspec")
#: Ours, and no modules of Azure ML.
_INNER = ("backend", "imports", "notebook", "reference", "__main__")


class Alias(MetaPathFinder, Loader):
    """A meta path finder that gives ``azureml.x`` the module ``parallelrun.azureml.x``."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of the protocol of finders."""
        if name != _THEIRS and not name.startswith(f"{_THEIRS}."):
            return None
        if name.startswith(_REAL):
            root = PathFinder.find_spec(_THEIRS)
            found_there = None if root is None else root.submodule_search_locations
            return PathFinder.find_spec(name, list(found_there or [])) if name in _REAL else None
        ours = _OURS + name[len(_THEIRS) :]
        inner = name.split(".")[1:2]
        if inner and inner[0] in _INNER:
            raise _missing(name)
        try:
            found = importlib.util.find_spec(ours)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise _missing(name)
        return ModuleSpec(name, self, is_package=found.submodule_search_locations is not None)

    def __init__(self) -> None:
        self._before: dict[str, tuple[ModuleSpec | None, object]] = {}

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The very module, so that its classes are the same by both names."""
        module = importlib.import_module(_OURS + spec.name[len(_THEIRS) :])
        self._before[spec.name] = (module.__spec__, module.__loader__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has been executed; it stays what it is."""
        assert module.__spec__ is not None
        module.__spec__, module.__loader__ = self._before.pop(module.__spec__.name)  # type: ignore[assignment]


def _missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"{name} is not part of parallelrun.azureml, which stands for azureml here. What there is: "
        "docs/reference/azureml.md.",
        name=name,
    )


def install() -> None:
    """From now on ``import azureml.core`` gives ours; what was imported before is forgotten."""
    for name in [name for name in sys.modules if name == _THEIRS or name.startswith(f"{_THEIRS}.")]:
        if not name.startswith(_REAL):
            del sys.modules[name]
    if not any(isinstance(finder, Alias) for finder in sys.meta_path):
        sys.meta_path.insert(0, Alias())
