"""Runs one mini-batch as a worker process would, but in a terminal: with pdb, without agent, segment or time limit.

Of a job with a program (``run_once``) that is a run of it, as ``__main__`` of this process.

``python debugger.py FOLDER``, started by ``parallelrun debug`` with the job's interpreter. FOLDER has worker.json and
:data:`TASK`: {"mini_batch", "work", "pdb": bool, "asks": [descriptor that is read, descriptor that is written]}, by
which whoever started it answers what an agent would, a JSON line each.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # run as a file: our folder must not shadow the script's modules
    _here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(_here)] + [_entry for _entry in sys.path if _entry != _here]
    import parallelrun_worker  # noqa: F401  # once imported, its modules are found without sys.path

    del sys.path[0]

import bdb
import json
import logging
import pdb
import time
from types import CodeType, TracebackType
from typing import Any, Callable

from parallelrun_worker import azureml_shim, meeting, run_once, wire
from parallelrun_worker.context import MiniBatchContext
from parallelrun_worker.results import Results, count
from parallelrun_worker.script import Script, ScriptError, format_error
from parallelrun_worker.unfit import Unfit

TASK = "debug.json"
SUCCEEDED, FAILED = 0, 1
_NOT_THEIRS = (__file__, bdb.__file__, pdb.__file__)
_LONGEST_REPR = 2000  # characters of a result that are shown


class _Pdb(pdb.Pdb):
    """pdb that tells whether it was left: runcall() then returns None, as a script may."""

    left = False

    def set_quit(self) -> None:
        self.left = True
        super().set_quit()


class Debugger:
    """One mini-batch, once."""

    def __init__(self, config: wire.WorkerConfig, task: dict[str, Any]) -> None:
        self._config = config
        self._task = task

    def run(self) -> int:
        """init(), run(mini_batch), shutdown(); what was returned or raised is said. SUCCEEDED or FAILED."""
        try:
            script, results, arguments, items = self._prepare()
            if not items:  # its subset takes none of its rows
                _say("mini-batch %d has no items: run() is not called with it" % self._task["mini_batch"])
                return SUCCEEDED
            started = time.monotonic()
            value = self._call(script.run, *arguments)
            seconds = time.monotonic() - started
            results.serialise(value)
            self._report(value, items, seconds)
            if script.shutdown is not None:
                script.shutdown()
        except bdb.BdbQuit:
            _say("left the debugger")
            return FAILED
        except (ScriptError, Unfit) as error:
            _say("mini-batch %d would fail: %s" % (self._task["mini_batch"], error))
            return FAILED
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # sys.exit() in a script is a failed mini-batch
            error.__traceback__ = _beyond_pdb(error.__traceback__)
            _say(format_error(error))
            self._examine(error)
            return FAILED
        return SUCCEEDED

    def _prepare(self) -> tuple[Script, Results, tuple[Any, ...], int]:
        config, task = self._config, self._task
        azureml_shim.install(config, 0, self._answer)
        results = Results(config)
        read = _reader(config["input"])
        script = Script(config["script"], config["source"], config["arguments"])
        if script.init is not None:
            _say("calling init()")
            script.init()
        work = task["work"]
        data = work[1] if read is None else read(work)
        items = len(data)
        context = MiniBatchContext(task["mini_batch"], work)
        _say("calling run() with mini-batch %d: %d items of %s" % (task["mini_batch"], items, _files(context.dataset)))
        return script, results, (data, context) if script.takes_context else (data,), items

    def _answer(self, _: str, arguments: list[Any]) -> Any:
        """What an agent would answer; a model is all that is ever asked for."""
        read, write = self._task["asks"]
        os.write(write, json.dumps(arguments).encode("ascii") + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            some = os.read(read, 65536)
            if not some:
                raise ScriptError("parallelrun debug is gone: nobody says where the model %r is" % arguments[0])
            line += some
        return json.loads(line.decode("ascii"))

    def _call(self, run: Callable[..., Any], *arguments: Any) -> Any:
        if not self._task["pdb"]:
            return run(*arguments)
        _say("pdb: at the start of run(); c goes on, n steps, q leaves")
        debugger = _Pdb(nosigint=True)
        value = debugger.runcall(run, *arguments)
        if debugger.left:
            raise bdb.BdbQuit
        return value

    def _report(self, value: Any, items: int, seconds: float) -> None:
        returned = count(value)
        short = "; %d items count as failed" % (items - returned) if returned < items else ""
        _say("run() returned %d elements for %d items in %.3f s%s" % (returned, items, seconds, short))
        sys.stdout.write(repr(value)[:_LONGEST_REPR] + "\n")

    def _examine(self, error: BaseException) -> None:
        if self._task["pdb"] and error.__traceback__ is not None:
            _say("pdb: where it was raised; u and d move along the calls, q leaves")
            pdb.post_mortem(error.__traceback__)


class ProgramDebugger(Debugger):
    """A program that is run once."""

    def run(self) -> int:
        """Run it; how it ended is said. SUCCEEDED or FAILED."""
        azureml_shim.install(self._config, 0, self._answer)
        try:
            self._run_program(*run_once.program(self._config))
        except bdb.BdbQuit:
            _say("left the debugger")
            return FAILED
        except ScriptError as error:
            _say(str(error))
            return FAILED
        except SystemExit as end:
            if end.code not in (None, 0):
                _say("%s" % end.code if isinstance(end.code, str) else "exit status %s" % (end.code,))
                return FAILED
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            error.__traceback__ = _beyond_pdb(error.__traceback__)
            _say(format_error(error))
            self._examine(error)
            return FAILED
        return SUCCEEDED

    def _run_program(self, code: CodeType, names: dict[str, Any]) -> None:
        if not self._task["pdb"]:
            exec(code, names)
            return
        _say("pdb: at the start of the program; c goes on, n steps, q leaves")
        debugger = _Pdb(nosigint=True)
        debugger.run(code, names)
        if debugger.left:
            raise bdb.BdbQuit


def _reader(settings: dict[str, Any]) -> Any:
    if settings["kind"] != "table":
        return None
    from parallelrun_worker.tables import Reader

    return Reader(settings["table"]).read


def _files(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:3])
    return shown + (" and %d more" % (len(names) - 3) if len(names) > 3 else "")


def _beyond_pdb(trace: TracebackType | None) -> TracebackType | None:
    """A traceback's frames from the script's first on: above it are ours and the debugger's."""
    while trace is not None and (trace.tb_frame.f_code.co_filename in _NOT_THEIRS):
        trace = trace.tb_next
    return trace


def _say(text: str) -> None:
    shown = "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
    sys.stderr.write(shown + "\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Run the mini-batch that the folder names; the exit code."""
    folder = arguments[0]
    config = meeting.configuration(folder)
    with open(os.path.join(folder, TASK), encoding="utf-8") as file:
        task = json.load(file)
    logging.basicConfig(level=config["log_level"], format="%(levelname)s %(name)s: %(message)s")
    return (ProgramDebugger if config["run_once"] else Debugger)(config, task).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
