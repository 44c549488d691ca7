"""``program_arguments``: what is an option of the parallel runtime and what is the script's own; pure.

Azure's runtime reads its options with argparse, which takes abbreviations too; real files have ``--resource_monitor_
interva``. What is left goes to the script as it is, in order.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

#: A word; quotes keep spaces in it, and an expression is one word however it is spaced.
_WORD = re.compile(r"""(?:\$\{\{.*?\}\}|'[^']*'|"(?:\\.|[^"\\])*"|\\\S|[^\s])+""", re.DOTALL)
_QUOTED = re.compile(r"""('[^']*')|"((?:\\.|[^"\\])*)\"""", re.DOTALL)
_DECLARED = re.compile(r"""add_argument\(\s*["'](--?[A-Za-z][\w-]*)["'](?:\s*,\s*["'](--[A-Za-z][\w-]*)["'])?""")
_NEAR = 0.88  # of difflib: one or two letters of a long name


def _percent(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


#: Fields of our job by option, and what their values are read with.
OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "error_threshold": ("errorThreshold", int),
    "mini_batch_error_threshold": ("miniBatchErrorThreshold", int),
    "allowed_failed_count": ("miniBatchErrorThreshold", int),
    "allowed_failed_percent": ("allowedFailedPercent", _percent),
    "task_overhead_timeout": ("advanced.taskOverheadTimeoutSeconds", int),
    "progress_update_timeout": ("advanced.progressUpdateTimeoutSeconds", int),
    "first_task_creation_timeout": ("advanced.firstTaskCreationTimeoutSeconds", int),
    "resource_monitor_interval": ("advanced.resourceMonitorIntervalSeconds", int),
    "profiling_module": ("advanced.profilingModule", str),
    "append_row_file_name": ("output.appendRowFileName", str),
    "run_invocation_timeout": ("runInvocationTimeoutSeconds", int),
    "run_max_try": ("runMaxTry", int),
}
#: Options that mean nothing here, and why.
WITHOUT_MEANING = {
    "copy_logs_to_parent": "dropped: the logs of a step are in its own folder",
}
_ALL = (*OPTIONS, *WITHOUT_MEANING)


@dataclass(frozen=True)
class Taken:
    """One option of the runtime, as it was written and as it was understood."""

    written: str
    name: str
    value: str

    @property
    def is_exact(self) -> bool:
        """Whether it was written as its documentation says."""
        return self.written == f"--{self.name}"


@dataclass
class Arguments:
    """What ``program_arguments`` says."""

    script: list[str] = field(default_factory=list)  # in order, quotes as they were
    options: list[Taken] = field(default_factory=list)
    double_quoted: list[str] = field(default_factory=list)  # words whose double quotes were taken away


def declared(script: str) -> frozenset[str]:
    """The options that a script's source declares itself."""
    return frozenset(name for found in _DECLARED.findall(script) for name in found if name)


def words(text: str) -> list[str]:
    """``text`` at white space; what is in quotes stays together, with its quotes."""
    return [word for word in _WORD.findall(text) if word != "\\"]


def read(text: str, own: Collection[str] = ()) -> Arguments:
    """``text`` apart; ``own`` are options that the script declares, which stay its own."""
    found = Arguments()
    left = words(text)
    while left:
        word = left.pop(0)
        written, equals, value = word.partition("=")
        name = "" if written in own else _option(written)
        if not name or (not equals and not left) or not _fits(name, value if equals else left[0]):
            found.script.append(_without_double_quotes(word, found.double_quoted))
            continue
        found.options.append(Taken(written, name, _bare(value if equals else left.pop(0))))
    return found


def _option(word: str) -> str:
    """The runtime's option that ``word`` is, abbreviated or misspelt; "" where it is none, or may be several."""
    if not word.startswith("--") or len(word) < len("--error"):
        return ""
    name = word[2:].replace("-", "_")
    if name in _ALL:
        return name
    longer = [option for option in _ALL if option.startswith(name)]
    if longer:
        return longer[0] if len(longer) == 1 else ""
    near = difflib.get_close_matches(name, _ALL, 2, _NEAR)
    return near[0] if len(near) == 1 else ""


def _fits(name: str, value: str) -> bool:
    """Whether ``value`` is one that the option takes; an expression may be."""
    if "${{" in value:
        return True
    try:
        OPTIONS.get(name, ("", str))[1](_bare(value))
    except ValueError:
        return False
    return not value.startswith("--")


def _bare(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _without_double_quotes(word: str, told: list[str]) -> str:
    """As a shell would take them: scripts strip single quotes themselves, and get no double ones."""
    bare = _QUOTED.sub(lambda found: found[1] or re.sub(r"\\(.)", r"\1", found[2]), word)
    if bare != word:
        told.append(word)
    return bare
