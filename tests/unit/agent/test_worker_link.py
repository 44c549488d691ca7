"""The agent's sockets to its worker, where a process outlives its host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from parallelrun_agent import events as ev
from parallelrun_agent import worker_link
from parallelrun_agent.slots import Slots
from parallelrun_agent.worker_link import WorkerLink
from parallelrun_worker import wire

HOST = ["hello", "host", {"pid": 1}]
PROCESS = ["hello", "process", 0, 0, {"pid": 2}]


class Worker:
    """Connections to a link, and what the link tells the machine."""

    def __init__(self, folder: Path) -> None:
        self.events: list[ev.Event] = []
        self.link = WorkerLink(
            Slots(folder / "slots", 1), folder, 0, "holder", self.events.append, lambda *_: None, lambda _: None
        )
        self._path = str(folder / "socket")

    async def with_host(self) -> asyncio.StreamWriter:
        """Listening, a host joined, and one process asked for; the host's connection."""
        await self.link.listen(self._path)
        _, host = await self.join(HOST)
        await self.told(ev.HostUp)
        self.link.spawn(0, 0, {})
        return host

    async def join(self, hello: list[object]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(self._path)
        writer.write(wire.encode(hello))
        return reader, writer

    async def told(self, kind: type) -> None:
        await until(lambda: any(isinstance(event, kind) for event in self.events), f"no {kind.__name__}")


async def until(condition: Callable[[], bool], message: str) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, message
        await asyncio.sleep(0.005)


def test_a_process_that_outlives_its_host_does_not_hide_that_the_host_is_gone(tmp_path, monkeypatch) -> None:
    """It is let go some time later: its host died before its guard knew of it, so that nobody killed it."""
    monkeypatch.setattr(worker_link, "ORPHAN_SECONDS", 0.05)

    async def scenario() -> None:
        worker = Worker(tmp_path)
        host = await worker.with_host()
        orphan, its_end = await worker.join(PROCESS)
        await until(lambda: worker.link.pids == {0: 2}, "the process was not heard")
        host.close()
        await worker.told(ev.HostLost)
        assert await asyncio.wait_for(orphan.read(), 20) == b""
        its_end.close()
        worker.link.close()

    asyncio.run(scenario())


def test_a_process_of_an_earlier_host_is_sent_away(tmp_path) -> None:
    """It joins after its host's end was heard; nothing that it says counts."""

    async def scenario() -> None:
        worker = Worker(tmp_path)
        host = await worker.with_host()
        host.close()
        await worker.told(ev.HostLost)
        late, writer = await worker.join(PROCESS)
        writer.write(wire.encode(["ready", 0.1]))
        assert await asyncio.wait_for(late.read(), 20) == b""
        assert not any(isinstance(event, ev.ProcessReady) for event in worker.events)
        writer.close()
        worker.link.close()

    asyncio.run(scenario())


def test_what_a_process_said_before_it_exited_is_heard_before_its_exit(tmp_path) -> None:
    """Also where the host reports the exit before the process's connection was accepted."""

    async def scenario() -> None:
        worker = Worker(tmp_path)
        host = await worker.with_host()
        host.write(wire.encode(["exited", 0, 0, 70]))
        _, process = await worker.join(PROCESS)
        process.write(wire.encode(["init-failed", "no such model", ""]))
        process.close()
        await worker.told(ev.ProcessExited)
        kinds = [type(event) for event in worker.events]
        assert kinds.index(ev.InitFailed) < kinds.index(ev.ProcessExited)
        host.close()
        worker.link.close()

    asyncio.run(scenario())
