"""The sockets between an agent and its worker: bytes to events, instructions to bytes.

The host and every process have a connection of their own, so what a process said last may arrive after the host said
that it exited. Order matters to the machine (what was reported done is not run again), so an exit is passed on only
when that process's connection has been read to its end, and a lost host only when all of them have.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parallelrun.api.layout import segment_name
from parallelrun_agent import events as ev
from parallelrun_agent.slots import Slots
from parallelrun_worker import wire
from parallelrun_worker.segment import DATA_SUFFIX, INDEX_SUFFIX, RECORD_SIZE

Who = tuple[int, int]  # process, incarnation

#: A dead host's processes die with it; a connection that is open so long after it is of one that did not.
ORPHAN_SECONDS = 2.0
#: A process that exits before its connection was accepted: so long until it counts as one that never connected.
UNHEARD_SECONDS = 0.2


class WorkerLink:
    """Listens in the meeting folder and tells ``on_event`` what happens; passes questions to ``on_ask``.

    ``on_ask`` gets what is asked, its arguments, and what to call with the answer, now or later.
    """

    def __init__(
        self,
        slots: Slots,
        segments: Path,
        node: int,
        holder: str,
        on_event: Callable[[ev.Event], None],
        on_ask: Callable[[str, list[Any], Callable[[list[Any]], None]], None],
        on_host_error: Callable[[str], None],
    ) -> None:
        self.slots, self._segments, self._node, self._holder = slots, segments, node, holder
        self._on_event, self._on_ask, self._on_host_error = on_event, on_ask, on_host_error
        self._host: _Connection | None = None
        self._host_was_up = False
        self._processes: dict[Who, _Connection] = {}
        self._exits: dict[Who, ev.ProcessExited] = {}  # exited, but its connection is not read to its end
        self._spawned: set[Who] = set()  # and their exit not heard
        self._greeted: set[Who] = set()
        self._of_this_host: set[Who] = set()  # exited ones too: their last words may come later
        self._server: asyncio.Server | None = None
        self.pids: dict[int, int] = {}  # of the newest incarnation of each process, as it sees itself

    async def listen(self, path: str) -> None:
        """Start listening on the Unix socket ``path``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Connection(self), path, backlog=512)

    def close(self) -> None:
        """Close every connection; hosts and processes leave at that."""
        if self._server is not None:
            self._server.close()
        for connection in [self._host, *self._processes.values()]:
            if connection is not None:
                connection.close()

    # --- to the worker ---

    def spawn(self, process: int, incarnation: int, environment: dict[str, str]) -> None:
        """Have the host start a process."""
        self._spawned.add((process, incarnation))
        self._of_this_host.add((process, incarnation))
        self._tell_host(["spawn", process, incarnation, environment])

    def kill(self, process: int, incarnation: int) -> None:
        """Have the host kill a process and its group."""
        self._tell_host(["kill", process, incarnation])

    def seal(self) -> None:
        """Have the host make everything flushed durable."""
        self._tell_host(["seal"])

    def stop(self) -> None:
        """Let the host leave."""
        self._tell_host(["stop"])

    def send(self, who: Who, message: list[Any]) -> None:
        """Say something to a process; what cannot be said to one that is gone is made good when its exit is heard."""
        if connection := self._processes.get(who):
            connection.send(message)

    def _tell_host(self, message: list[Any]) -> None:
        if self._host is not None:
            self._host.send(message)

    # --- from the worker ---

    def received(self, connection: _Connection, message: list[Any]) -> None:
        """One message of one connection, in order."""
        kind = message[0]
        if connection.who is None and not connection.is_host:
            self._hello(connection, message)
        elif connection.is_host:
            self._from_host(kind, message)
        elif connection.who is not None:
            self._from_process(connection.who, kind, message)

    def _hello(self, connection: _Connection, message: list[Any]) -> None:
        if message[:2] == ["hello", "host"]:
            connection.is_host = True
            if self._host_was_up:
                self._supersede()
            self._host, self._host_was_up = connection, True
            self._on_event(ev.HostUp())
        elif message[:2] == ["hello", "process"] and (message[2], message[3]) in self._of_this_host:
            connection.who = (message[2], message[3])
            self.pids[message[2]] = message[4].get("pid", 0)
            self._processes[connection.who] = connection
            self._greeted.add(connection.who)
        else:  # also a process whose host died before its guard knew of it: it leaves when its socket closes
            connection.close()

    def _from_host(self, kind: str, message: list[Any]) -> None:
        if kind == "sealed":
            self._on_event(ev.Sealed(*message[1:4]))
        elif kind == "exited":
            process, incarnation, status = message[1:4]
            event = ev.ProcessExited(process, incarnation, status, self.slots.read(process))
            self._spawned.discard((process, incarnation))
            if (process, incarnation) in self._greeted:
                self._exited(event)
            else:  # what it said is in its socket, if it ever came to say anything
                asyncio.get_running_loop().call_later(UNHEARD_SECONDS, self._exited, event)
        elif kind == "host-error":
            self._on_host_error(message[1])

    def _exited(self, event: ev.ProcessExited) -> None:
        """Pass an exit on, or keep it until the process's connection is read to its end."""
        who = (event.process, event.incarnation)
        if who in self._processes:
            self._exits[who] = event
        elif who in self._of_this_host:
            self._on_event(event)

    def _from_process(self, who: Who, kind: str, message: list[Any]) -> None:
        if kind == "done":
            self._on_event(ev.GroupDone(*who, *message[1:4]))
        elif kind == "failed":
            self._on_event(ev.MiniBatchFailed(*who, *message[1:5]))
        elif kind == "ready":
            self._on_event(ev.ProcessReady(*who))
        elif kind == "init-failed":
            self._on_event(ev.InitFailed(*who, *message[1:3]))
        elif kind == "segment-error":
            self._on_event(ev.SegmentError(*who, message[1]))
        elif kind == "ask":
            self._on_ask(message[2], message[3], lambda value: self.send(who, ["answer", message[1], value]))

    def _supersede(self) -> None:
        """A new host came before the old one's end was heard: whatever is left of the old one is let go."""
        for connection in [self._host, *self._processes.values()]:
            if connection is not None:
                connection.close()
        self._host = None
        self._processes.clear()
        self._exits.clear()
        self._host_lost()

    def lost(self, connection: _Connection) -> None:
        """A connection was read to its end."""
        if connection is self._host:
            self._host = None
            asyncio.get_running_loop().call_later(ORPHAN_SECONDS, self._drop_orphans)
        elif connection.who is not None and self._processes.get(connection.who) is connection:
            del self._processes[connection.who]
            if event := self._exits.pop(connection.who, None):
                self._on_event(event)
        if self._host is None and not self._processes and self._host_was_up:
            self._host_was_up = False
            self._host_lost()

    def _drop_orphans(self) -> None:
        """Processes that outlive their host, which died before its guard knew of them, hold up nothing."""
        if self._host is None:
            for connection in list(self._processes.values()):
                connection.abort()

    def _host_lost(self) -> None:
        for process, incarnation in sorted(self._spawned):
            self._on_event(ev.Sealed(process, incarnation, self._seal(process, incarnation)))
        self._spawned.clear()
        self._of_this_host.clear()
        self._greeted.clear()
        self._on_event(ev.HostLost(self.slots.read_all()))

    def _seal(self, process: int, incarnation: int) -> int:
        """Make a segment durable in the dead host's stead; returns its records."""
        path = str(self._segments / segment_name(self._node, self._holder, process, incarnation))
        try:
            records = os.path.getsize(path + INDEX_SUFFIX) // RECORD_SIZE
        except FileNotFoundError:
            return 0
        for suffix in (DATA_SUFFIX, INDEX_SUFFIX):
            fd = os.open(path + suffix, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        return records


class _Connection(asyncio.Protocol):
    """One socket; who is at the other end is known after its first message."""

    def __init__(self, link: WorkerLink) -> None:
        self._link = link
        self._decoder = wire.Decoder()
        self._transport: asyncio.Transport | None = None
        self.is_host = False
        self.who: Who | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for message in self._decoder.feed(data):
            self._link.received(self, message)

    def connection_lost(self, _: Exception | None) -> None:
        self._link.lost(self)

    def send(self, message: list[Any]) -> None:
        """Write one message; dropped where the connection is closing."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(wire.encode(message))

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once, whatever is still to be written."""
        if self._transport is not None:
            self._transport.abort()
