"""Processes that a program spawns, which begin from nothing: they find ``azureml`` as the program does.

multiprocessing sends each of them a pickle before it loads the program's file. One more entry in it, when it is
unpickled, imports this module and installs the shim.
"""

from __future__ import annotations

import os

from parallelrun_worker import azureml_shim, meeting

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CODE = """
import sys
sys.path.insert(0, %r)
from parallelrun_worker import spawned
del sys.path[0]
spawned.install(%r, %r)
"""


class _Shim:
    """Unpickled, it runs its code."""

    def __init__(self, folder: str, process: int) -> None:
        self._code = _CODE % (_ROOT, folder, process)

    def __reduce__(self) -> Any:
        return exec, (self._code, {})


def follow(folder: str, process: int) -> None:
    """Have what this process spawns find the shim; ``folder`` is the meeting folder."""
    from multiprocessing import spawn

    prepared = spawn.get_preparation_data

    def get_preparation_data(*arguments: Any, **options: Any) -> dict[str, Any]:
        return {**prepared(*arguments, **options), "parallelrun": _Shim(folder, process)}

    spawn.get_preparation_data = get_preparation_data


def install(folder: str, process: int) -> None:
    """In the spawned process."""
    azureml_shim.install(meeting.configuration(folder), process, _no_answer)


def _no_answer(what: str, arguments: list[Any]) -> Any:
    """Only the worker process itself has a socket to the agent."""
    reason = "ask for the %s %r in the program's first process, or list it in the manifest" % (what, arguments[0])
    return [None, reason]
