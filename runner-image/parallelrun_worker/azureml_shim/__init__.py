"""Lets entry scripts written for Azure ML import what they import there, with or without Azure's packages installed.

``Model``, ``Run`` and ``EntryScript`` are always ours: there is no workspace here for the real ones. For all else the
real package wins where it is installed; where it is not, ``Dataset``, ``Workspace`` and ``Datastore`` can be imported,
and say what to do instead when they are used. ``mltable`` is left alone. Nothing is loaded until a script asks for it.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Callable


def install(config: dict[str, Any], process: int, ask: Callable[[str, list[Any]], Any]) -> None:
    """Make the names resolve from now on.

    ``config``: worker.json; ``process``: this process's number; ``ask`` asks the agent for a model that it does not
    list and waits for its path, or None.
    """
    from parallelrun_worker.azureml_shim.finder import Finder

    Finder.install(config, process, ask)
