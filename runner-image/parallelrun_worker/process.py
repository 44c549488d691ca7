"""A worker process: loads the script, runs mini-batches as they come, appends results to its segment.

``python process.py MEETING_FOLDER PROCESS INCARNATION``, started by the host. One process has one thread of the user's
script, one slot, one segment; it never decides anything about other mini-batches, tries or limits.
"""

from __future__ import annotations

import os
import sys

if __name__ != "parallelrun_worker.process":  # run as a file: our folder must not shadow the script's modules
    _here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(_here)] + [_entry for _entry in sys.path if _entry != _here]
    import parallelrun_worker  # noqa: F401  # once imported, its modules are found without sys.path

    del sys.path[0]

import atexit
import contextlib
import signal
import threading
import time

from parallelrun_worker import azureml_shim, logs, meeting, wire
from parallelrun_worker.channel import AgentGone, Channel
from parallelrun_worker.context import MiniBatchContext
from parallelrun_worker.outcomes import Outcomes, give_up_segment
from parallelrun_worker.results import Results
from parallelrun_worker.script import Script, ScriptError, format_error
from parallelrun_worker.slots import Slot
from parallelrun_worker.unfit import Unfit, Unwritable

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Iterator

_JOIN_SECONDS = 60.0  # the agent is there already, or gone for good
_THREADS_SECONDS = 2.0  # for what the script's own threads still do after shutdown()


class Process:
    """One incarnation of one worker process, from its hello to its end."""

    def __init__(self, config: wire.WorkerConfig, channel: Channel, process: int, incarnation: int) -> None:
        self._config = config
        self._channel = channel
        self._process = process
        self._incarnation = incarnation
        self._noted_more = False
        self.init_began = False

    def prepare(self) -> None:
        """Load the script and call init(); raises whatever either raises, and Unfit for what this image lacks."""
        started = time.monotonic()
        config = self._config
        logs.capture(logs.log_path(config["entry_script_log"], self._process), config["log_level"])
        azureml_shim.install(config, self._process, self._channel.ask)
        self._load()
        self._open()
        self._channel.send(["ready", time.monotonic() - started])

    def _load(self) -> None:
        config = self._config
        self._results = Results(config)
        self._table = _table_reader(config["input"])
        self._script = Script(config["script"], config["source"], config["arguments"])
        if self._script.init is not None:
            self.init_began = True
            self._script.init()

    def _open(self) -> None:
        config = self._config
        name = "%s-%s-%s-%s" % (config["node"], config["holder"], self._process, self._incarnation)
        path = os.path.join(config["segments"], name)
        try:
            self._outcomes = Outcomes(self._channel, path)
        except OSError as error:
            give_up_segment(self._channel, path, error)
        self._slot = Slot(config["slots"], self._process)

    def serve(self) -> None:
        """Run groups until the agent says end."""
        while True:
            message = self._channel.receive()
            if message[0] == "run":
                self._run_group(message[1])
            elif message[0] == "end":
                return

    def shut_down(self) -> None:
        """Call shutdown(), where defined; what it raises is said loudly and changes no result."""
        if self._script.shutdown is None:
            return
        try:
            self._script.shutdown()
        except BaseException as error:  # noqa: BLE001  # sys.exit() included
            sys.stderr.write("shutdown() raised; no result is changed by it:\n%s\n" % format_error(error))

    def _run_group(self, group: list[list[Any]]) -> None:
        if len(group) > 1:
            self._outcomes.watch()
        for mini_batch, epoch, try_number, work in group:
            self._run_one(mini_batch, epoch, try_number, work)
        self._outcomes.flush()

    def _run_one(self, mini_batch: int, epoch: int, try_number: int, work: list[Any]) -> None:
        """One try of one mini-batch; its slot is set until its result is bytes, which may kill the process as well."""
        script = self._script
        slot = self._slot
        items = 0
        elapsed = 0.0
        try:
            if work[0] == "f":
                data = work[1]
            else:
                slot.enter(wire.READING, mini_batch, epoch, try_number, time.monotonic(), 0)
                data = self._table.read(work)
                if not len(data):  # its subset takes none of its rows
                    slot.leave()
                    self._outcomes.succeeded(mini_batch, epoch, try_number, 0, 0, 0, 0.0, b"", "")
                    return
            items = len(data)  # before run(), which may change its argument
            arguments = (data, MiniBatchContext(mini_batch, work)) if script.takes_context else (data,)
            started = time.monotonic()
            slot.enter(wire.RUNNING, mini_batch, epoch, try_number, started, items)
            try:
                value = script.run(*arguments)
            finally:
                elapsed = time.monotonic() - started
            payload, returned, rows, note = self._results.serialise(value)
        except Unfit as error:
            slot.leave()
            if not items and work[0] != "f":
                items = self._table.rows_at_least(work)
            self._outcomes.failed(mini_batch, items, elapsed, "%s (mini-batch %d)" % (error, mini_batch))
            return
        except Unwritable as error:
            slot.leave()
            give_up_segment(self._channel, error.path, error.error)
        except BaseException as error:  # noqa: BLE001  # sys.exit() in a script is no end of the job
            slot.leave()
            self._outcomes.failed(mini_batch, items, elapsed, format_error(error))
            return
        slot.leave()
        if returned > items and not self._noted_more:
            self._noted_more = True
            more = "returned %d elements for %d items" % (returned, items)
            note = more + "; " + note if note else more
        self._outcomes.succeeded(mini_batch, epoch, try_number, items, returned, rows, elapsed, payload, note)


class ProgramProcess(Process):
    """A worker process of a job with a program that is run once: its one mini-batch is one run of it."""

    def __init__(
        self, folder: str, config: wire.WorkerConfig, channel: Channel, process: int, incarnation: int
    ) -> None:
        super().__init__(config, channel, process, incarnation)
        self._folder = folder

    def _load(self) -> None:
        pass  # it begins when it is run: a second try is a second beginning

    def shut_down(self) -> None:
        """A program ends by itself."""

    def _run_one(self, mini_batch: int, epoch: int, try_number: int, work: list[Any]) -> None:  # noqa: ARG002
        from parallelrun_worker import run_once

        started = time.monotonic()
        self._slot.enter(wire.RUNNING, mini_batch, epoch, try_number, started, 1)
        try:
            profile = _profile(self._config, self._process, self._incarnation)
            failed = run_once.run(self._config, self._folder, self._process, profile)
        except OSError as error:
            failed = "the program cannot be started: %s" % error
        elapsed = time.monotonic() - started
        self._slot.leave()
        if failed:
            self._outcomes.failed(mini_batch, 1, elapsed, failed)
        else:
            self._outcomes.succeeded(mini_batch, epoch, try_number, 1, 1, 0, elapsed, b"", "")


def main(arguments: list[str]) -> int:
    """Run one process to its end and return its exit code."""
    folder, process, incarnation = arguments[0], int(arguments[1]), int(arguments[2])
    signal.signal(signal.SIGINT, _ignore)  # Ctrl-C is for the run to decide about; not SIG_IGN, which children inherit
    logs.prepare_streams()
    try:
        channel = Channel(meeting.join(folder, _JOIN_SECONDS))
        channel.send(["hello", "process", process, incarnation, {"pid": os.getpid()}])
        config = meeting.configuration(folder)
        if config["run_once"]:  # profiled where it runs
            return _live(ProgramProcess(folder, config, channel, process, incarnation), channel)
        with _profile(config, process, incarnation):
            return _live(Process(config, channel, process, incarnation), channel)
    except (AgentGone, OSError) as error:
        sys.stderr.write("parallelrun: process %d leaves: no agent (%s)\n" % (process, error))
        sys.stderr.flush()
        os._exit(wire.AGENT_GONE)


def _live(worker: Process, channel: Channel) -> int:
    try:
        worker.prepare()
    except AgentGone:
        raise
    except (ScriptError, Unfit) as error:
        return _init_failed(channel, str(error), worker.init_began)
    except BaseException as error:  # noqa: BLE001  # sys.exit() included
        return _init_failed(channel, format_error(error), worker.init_began)
    worker.serve()
    worker.shut_down()
    return 0


@contextlib.contextmanager
def _profile(config: wire.WorkerConfig, process: int, incarnation: int) -> Iterator[None]:
    """Where the job asks for it, leave a profile of this process behind, for pstats and the like."""
    if not config["profiling"]:
        yield
        return
    import cProfile

    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        name = "%s-%d.%s" % (logs.file_name(process), incarnation, config["profiling"])
        profile.dump_stats(os.path.join(config["profile_dir"], name))


def _init_failed(channel: Channel, text: str, began: bool) -> int:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
    channel.send(["init-failed", text, began])
    return wire.INIT_FAILED


def _table_reader(settings: dict[str, Any]) -> Any:
    if settings["kind"] != "table":
        return None
    from parallelrun_worker.tables import Reader

    return Reader(settings["table"])


def _leave(code: int) -> None:
    """End this process, also where a thread that the script started never ends; the whole job would wait for it."""
    deadline = time.monotonic() + (_THREADS_SECONDS if code == 0 else 0.0)
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    for thread in others:
        thread.join(max(0.0, deadline - time.monotonic()))
    running = [thread.name for thread in others if thread.is_alive()]
    if not running:
        sys.exit(code)
    sys.stderr.write("the script's threads %s still ran after its end; they are left behind\n" % ", ".join(running))
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _ignore(number: int, frame: object) -> None:
    pass


if __name__ == "__main__":
    _leave(main(sys.argv[1:]))
