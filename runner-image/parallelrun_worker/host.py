"""The host: starts, kills and replaces worker processes as the agent says, and makes their segments durable.

``python -m parallelrun_worker.host MEETING_FOLDER`` or, where the package was merely copied, ``python
/path/parallelrun_worker/host.py MEETING_FOLDER``. It decides nothing: which mini-batch, how long, how often is the
agent's business. When the agent is gone it kills all it started and leaves; a pod's kubelet then starts it again.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not __package__:  # run as a file: our folder must not shadow the standard library
    _here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(_here)] + [_entry for _entry in sys.path if _entry != _here]
    import parallelrun_worker  # noqa: F401

    del sys.path[0]

import collections
import contextlib
import platform
import selectors
import signal
import socket
import time

from parallelrun_worker import meeting, wire
from parallelrun_worker.children import Guard, kill_group, spawn
from parallelrun_worker.echo import Echo
from parallelrun_worker.sealing import Sealed, Sealer, Segment

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

_JOIN_SECONDS = 600.0
_CHUNK = 1 << 16


class Child:
    """A worker process that has not been reported as exited."""

    def __init__(self, pid: int, segment: Segment) -> None:
        self.pid = pid
        self.segment = segment
        self.sealing = False  #: a seal is asked for and not yet answered
        self.condemned = False  #: killed by the host, for its segment's sake
        self.status: int | None = None


class Host:
    """The host's loop: one thread that never waits for a disk."""

    def __init__(self, folder: str, connection: socket.socket, guard: Guard) -> None:
        self._folder = folder
        self._socket = connection
        self._guard = guard
        self._config = meeting.configuration(folder)
        self._children: dict[tuple[int, int], Child] = {}
        self._sealed: collections.deque[Sealed] = collections.deque()
        self._wake, self._waker = _wake_up_calls()
        self._sealer = Sealer(self._report_sealed)
        self._stopping = False
        self._echo = Echo(self._config) if self._config["echo"] else None

    def run(self) -> None:
        """Until told to stop, or the agent is gone; no process is left then."""
        try:
            self._send(["hello", "host", {"python": platform.python_version(), "pid": os.getpid()}])
            self._loop()
        except OSError as error:  # the agent is gone
            sys.stderr.write("parallelrun host: the agent is gone (%s)\n" % error)
        finally:
            for child in self._children.values():
                kill_group(child.pid)
            if self._echo is not None:
                self._echo.close()

    def _loop(self) -> None:
        decoder = wire.Decoder()
        seal_seconds = max(0.05, float(self._config["seal_seconds"]))
        next_seal = time.monotonic() + seal_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not (self._stopping and not self._children):
                for key, _ in selector.select(max(0.0, next_seal - time.monotonic())):
                    if key.fileobj is self._socket:
                        if not self._receive(decoder):
                            return
                    else:
                        self._wake.recv(_CHUNK)
                self._reap()
                self._answer_seals()
                if time.monotonic() >= next_seal:
                    self._seal_all()
                    next_seal = time.monotonic() + seal_seconds

    def _receive(self, decoder: wire.Decoder) -> bool:
        """Do what the agent says; False when it closed the socket."""
        chunk = self._socket.recv(_CHUNK)
        for message in decoder.feed(chunk):
            if message[0] == "spawn":
                self._spawn(*message[1:])
            elif message[0] == "kill":
                self._kill(message[1], message[2])
            elif message[0] == "seal":
                self._seal_all()
            elif message[0] == "stop":
                self._stop()
        return bool(chunk)

    def _spawn(self, process: int, incarnation: int, variables: dict[str, str]) -> None:
        config = self._config
        name = "%s-%s-%s-%s" % (config["node"], config["holder"], process, incarnation)
        segment = Segment(os.path.join(config["segments"], name), process, incarnation)
        try:
            pid = spawn(config, self._folder, process, incarnation, variables)
        except OSError as error:
            self._send(["host-error", "cannot start process %d: %s" % (process, error)])
            self._send(["exited", process, incarnation, wire.SEGMENT_FAILED])
            return
        self._guard.add(pid)
        self._children[process, incarnation] = Child(pid, segment)

    def _kill(self, process: int, incarnation: int) -> None:
        child = self._children.get((process, incarnation))
        if child is not None and child.status is None:
            kill_group(child.pid)

    def _stop(self) -> None:
        self._stopping = True
        for process, incarnation in self._children:
            self._kill(process, incarnation)

    def _reap(self) -> None:
        """Take leave of the dead: the rest of their groups is killed, then their segments are sealed."""
        by_pid = {child.pid: child for child in self._children.values() if child.status is None}
        while True:
            try:
                # Not reaped yet, so that its group's number cannot be anybody else's when the group is killed.
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if info is None:
                return
            child = by_pid.get(info.si_pid)
            if child is not None:
                kill_group(child.pid)
                self._guard.remove(child.pid)
            status = _exit_status(os.waitpid(info.si_pid, 0)[1])  # as process 1 of a pod: also orphans
            if child is not None:
                child.status = wire.SEGMENT_FAILED if child.condemned else status
                if self._echo is not None:
                    self._echo.ended(child.segment.process)
                self._sealer.request(child.segment, True)

    def _seal_all(self) -> None:
        for child in self._children.values():
            if child.status is None and not child.sealing:
                child.sealing = True
                self._sealer.request(child.segment, False)

    def _report_sealed(self, sealed: Sealed) -> None:
        """On the sealing thread."""
        self._sealed.append(sealed)
        with contextlib.suppress(BlockingIOError):  # full of earlier calls: the loop will wake up
            self._waker.send(b"\0")

    def _answer_seals(self) -> None:
        while self._sealed:
            sealed = self._sealed.popleft()
            child = self._children[sealed.process, sealed.incarnation]
            child.sealing = False
            if sealed.error:
                self._send(["host-error", sealed.error])
                child.condemned = True
                if child.status is None:
                    kill_group(child.pid)
            elif sealed.records:
                self._send(["sealed", sealed.process, sealed.incarnation, sealed.records])
            if sealed.last:
                del self._children[sealed.process, sealed.incarnation]
                status = wire.SEGMENT_FAILED if child.condemned else child.status
                self._send(["exited", sealed.process, sealed.incarnation, status])

    def _send(self, message: list[Any]) -> None:
        self._socket.sendall(wire.encode(message))


def _exit_status(status: int) -> int:
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _wake_up_calls() -> tuple[socket.socket, socket.socket]:
    """A pair that wakes the loop: a byte for each dead child (by signal) and each finished seal."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _nothing)
    return reader, writer


def _nothing(number: int, frame: object) -> None:
    pass


_told_to_leave: list[int] = []


def _leave(*_: object) -> None:
    os._exit(0)  # no agent came: there is nothing to lose


def _leave_later(number: int, _: object) -> None:
    _told_to_leave.append(number)


def _wait_for_the_next_agent() -> None:
    """Begin anew in place: a container that ends before its pod does would be started again by kubelet.

    A signal in between waits until the new program has a handler for it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if not _told_to_leave:
        os.execv(sys.executable, [sys.executable, *sys.argv])


def main(arguments: list[str]) -> int:
    """Join the agent of the meeting folder and serve it; 0 when it let go of us or is gone, 1 when none came.

    As process 1 of a pod's container it stays until it is told to leave.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: host.py MEETING_FOLDER\n")
        return 2
    folder = os.path.abspath(arguments[0])
    guard = Guard()
    in_pod = os.getpid() == 1
    # Process 1 of a pod hears no signal that it has no handler for, and waits for as long as planning takes.
    signal.signal(signal.SIGTERM, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        connection = meeting.join(folder, float("inf") if in_pod else _JOIN_SECONDS)
    except OSError as error:
        sys.stderr.write("parallelrun host: no agent came to %s within %d s (%s)\n" % (folder, _JOIN_SECONDS, error))
        return 1
    # Ctrl-C and a pod's end reach the agent first: it drains, then closes the socket, and that is what ends the host.
    # Handlers and not SIG_IGN, which the processes would inherit.
    signal.signal(signal.SIGINT, _nothing)
    signal.signal(signal.SIGTERM, _leave_later)
    Host(folder, connection, guard).run()
    connection.close()
    if in_pod:
        _wait_for_the_next_agent()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
