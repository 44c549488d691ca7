"""The entry point: finds the command, runs it, and turns what went wrong into one screen of text and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from parallelrun.api import exit_codes
from parallelrun.api.errors import JobFailed, ParallelRunError
from parallelrun.cli import commands
from parallelrun.cli.terminal import give, tell


def main(argv: Sequence[str] | None = None) -> int:
    """Run `parallelrun` with ``argv`` (default: the process's own); the exit code, see parallelrun.api.exit_codes."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except SystemExit as leave:  # argparse after --help
        return leave.code if isinstance(leave.code, int) else exit_codes.DONE
    except KeyboardInterrupt:
        tell("Interrupted.")
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:
        if os.environ.get("PARALLELRUN_DEBUG") == "1":
            raise
        return _explain(error)


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "--help"
    if first in ("help", "-h", "--help"):
        return _help(arguments[1:])
    if first in ("--version", "-V"):
        arguments = ["version", *arguments[1:]]
    command = commands.find(arguments[0])
    module = command.load()
    return module.execute(commands.build_parser(command, module).read(arguments[1:]))


def _help(names: list[str]) -> int:
    if names:
        command = commands.find(names[0])
        give(commands.build_parser(command, command.load()).format_help().rstrip())
    else:
        give(commands.overview())
    return exit_codes.DONE


def _explain(error: Exception) -> int:
    """One screen about ``error``, on stderr; the exit code."""
    if isinstance(error, ParallelRunError):
        tell(f"parallelrun: {error.message}")
        if error.hint:
            tell(error.hint)
        return exit_codes.JOB_FAILED if isinstance(error, JobFailed) else exit_codes.NOT_STARTED
    where = _keep_traceback(error)
    if isinstance(error, OSError) and error.strerror:
        name = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        tell(f"parallelrun: {name}{error.strerror}.")
        tell(f"The details are in {where}.")
    else:
        tell(f"parallelrun: {type(error).__name__}: {str(error)[:500]}")
        tell(f"This is a defect of parallelrun. Please report it with the traceback in {where}.")
    return exit_codes.JOB_FAILED


def _keep_traceback(error: Exception) -> str:
    """Write the traceback where it can be sent from; a sentence's end that says where."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    try:
        file, name = tempfile.mkstemp(prefix="parallelrun-defect-", suffix=".txt")
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(f"parallelrun {' '.join(sys.argv[1:])}\nPython {sys.version}\n\n{text}")
    except OSError:
        return f"these lines (no temporary file could be written):\n{text}"
    return name


def _reader_left() -> int:
    """Whoever read our stdout closed it (`| head`): leave as a program killed by SIGPIPE would."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 128 + 13


def command() -> NoReturn:
    """The installed command: :func:`main`, and out without taking every module apart, which would take as long as it
    takes to run a thousand mini-batches."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    command()
