"""A program that is run once: as ``__main__``, in a process of its own, as ``python script.py arguments`` would.

The worker process forks for it. So all that a program may do at its end happens as it always does (threads that outlive
the script, atexit, os._exit, a crash in C code), and only then is it known how it ended.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import signal
import sys
import tempfile
from types import CodeType, ModuleType

from parallelrun_worker import spawned, wire
from parallelrun_worker.script import format_error, source_of, take_over, their_frames

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import IO, Any, ContextManager

#: What the module was that this process began with: it must not be taken apart while its functions run.
_replaced: list[ModuleType] = []


def run(config: wire.WorkerConfig, folder: str, process: int, profile: ContextManager[Any]) -> str:
    """Run the program of ``config`` to its end; why it failed, "" where it did not. Raises OSError.

    ``folder`` is the meeting folder, ``process`` the number of the worker process.
    In the forked process this raises the SystemExit of the program: it has to leave the interpreter by that.
    """
    with tempfile.TemporaryFile() as said:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            try:
                spawned.follow(folder, process)
                _be(config, profile, said)
            except Exception:  # noqa: BLE001  # ours; this process must never go on as a second worker
                sys.excepthook(*sys.exc_info())
                os._exit(1)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    if not status:
        return ""
    how = _ending(status)
    return text if text.startswith("Traceback") else (text + "\n" + how if text else how)


def program(config: wire.WorkerConfig) -> tuple[CodeType, dict[str, Any]]:
    """Become the program of ``config``: its code, and the names of ``__main__`` to run it with.

    Raises ScriptError where it cannot be read, and SyntaxError.
    """
    path = config["script"]
    take_over(path, config["source"], config["arguments"])
    code, loader = source_of(path, "__main__")
    module = ModuleType("__main__")
    # No __spec__, as in any script: multiprocessing finds the file by that.
    module.__dict__.update(__file__=path, __loader__=loader, __builtins__=builtins, __cached__=None, __spec__=None)
    _replaced.append(sys.modules["__main__"])
    sys.modules["__main__"] = module
    return code, module.__dict__


def _be(config: wire.WorkerConfig, profile: ContextManager[Any], said: IO[bytes]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code, names = program(config)
        with profile:
            exec(code, names)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            _say(said, str(end.code))
        raise
    except BaseException as error:  # noqa: BLE001  # all that a program may end with
        _say(said, format_error(error))
        trace = their_frames(error.__traceback__)
        with contextlib.suppress(Exception):
            sys.excepthook(type(error), error.with_traceback(trace), trace)
        raise SystemExit(1) from None
    raise SystemExit(0)


def _say(said: IO[bytes], text: str) -> None:
    """For the process that waits: at once, since this one may end in any way."""
    said.write(text.encode("utf-8", "backslashreplace"))
    said.flush()


def _ending(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return "exit status %d" % os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    try:
        return "killed by signal %d (%s)" % (number, signal.Signals(number).name)
    except ValueError:
        return "killed by signal %d" % number
