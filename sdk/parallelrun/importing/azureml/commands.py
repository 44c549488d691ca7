"""``command`` of a command job: one Python program with arguments, or lines for a shell; pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_MARK = "\1{}\1"
_MARKED = re.compile("\1([0-9]+)\1")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_FLAGS = ("-u", "-B", "-s", "-E", "-I")  # of python: none changes what a program does
#: What a shell would not hand on as it is; quotes are looked at apart.
_FOR_SHELL = re.compile(r"[|&;<>()$`*?\[\]{}~#\n!]")
_QUOTES = re.compile(r"""'[^']*'|"(?:[^"\\$`]|\\.)*\"""", re.DOTALL)

WRAPPER = "run_command.py"
WRAPPER_TEXT = '''"""Runs a shell command, as the `command` of the job that this was imported from did."""

import os
import subprocess
import sys

here = os.path.dirname(sys.executable)  # so that `python` is the one of this step's environment
os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", os.defpath)])
status = subprocess.call(["bash", "-c", sys.argv[1]])
if status != 0:
    sys.exit(status if status > 0 else 128 - status)
'''


@dataclass(frozen=True)
class Program:
    """A command as a Python file and its arguments, expressions still in them."""

    script: str
    arguments: tuple[str, ...]
    wrapped: bool = False  # run by a shell: the file is WRAPPER, which has to be put beside the code


def read(command: str) -> Program:
    """What ``command``, without optional parts any more, runs."""
    return _one_program(command) or Program(WRAPPER, (command.strip(),), wrapped=True)


def _one_program(command: str) -> Program | None:
    """The Python file that ``command`` runs and nothing else; None where it takes a shell to say."""
    expressions: list[str] = []

    def put(found: re.Match[str]) -> str:
        expressions.append(found[0])
        return _MARK.format(len(expressions) - 1)

    marked = _EXPRESSION.sub(put, re.sub(r"\\\r?\n", " ", command.strip().replace("\1", "")))
    if _FOR_SHELL.search(_QUOTES.sub("", marked)):
        return None
    try:
        words = [_MARKED.sub(lambda found: expressions[int(found[1])], word) for word in shlex.split(marked)]
    except ValueError:
        return None
    if not words or not _PYTHON.fullmatch(words.pop(0)):
        return None
    while words and words[0] in _FLAGS:
        words.pop(0)
    if not words or not words[0].endswith(".py") or words[0].startswith("/") or "${{" in words[0]:
        return None
    return Program(words[0].removeprefix("./"), tuple(words[1:]))
