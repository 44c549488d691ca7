"""A simulated node whose mini-batches' files are fetched: the real machine, prefetch and cache, and a store of ours."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from simulated_node import SimulatedNode

from parallelrun.api.settings import InputSettings
from parallelrun_agent import events as ev
from parallelrun_agent.cache import Cache
from parallelrun_agent.downloads import Downloads
from parallelrun_agent.fetcher import Fetcher
from parallelrun_agent.machine import Rules
from parallelrun_agent.plan.reader import PlannedFile
from parallelrun_agent.prefetch import Prefetch
from parallelrun_agent.stall import Stall

ROOT = "s3://bucket/in"
SIZE = 10


def url_of(mini_batch: int, number: int) -> str:
    return f"{ROOT}/{mini_batch}/{number}.bin"


def content_of(url: str) -> bytes:
    return url.encode()[-SIZE:].rjust(SIZE, b"-")


class SlowStore:
    """Answers after some turns of the loop; ``trouble`` says what to raise instead, by URL."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.trouble: Callable[[str], Exception | None] = lambda _: None
        self.fetched: list[str] = []
        self.open = asyncio.Event()  # nothing is answered while this is not set
        self.open.set()
        self.running = self.most = 0

    async def fetch(
        self, path: str, size: int, version: int, target: Path, ranges: Sequence[tuple[int, int]] | None = None
    ) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(self.rng.randint(0, 5)):
                await asyncio.sleep(0)
            await self.open.wait()
            if error := self.trouble(path):
                raise error
            temporary = target.with_name(f".part-{target.name}")
            temporary.write_bytes(content_of(path))
            temporary.rename(target)
            self.fetched.append(path)
        finally:
            self.running -= 1

    async def needed(self, table, path, size, start, stop, version) -> list[tuple[int, int]]:  # type: ignore[no-untyped-def]
        await asyncio.sleep(0)
        return [(0, SIZE)]

    def signed(self, url: str, seconds: float) -> str:
        return f"https://signed/{url}?{seconds:g}"


class FilesPlan:
    """So many files in each mini-batch, or one row of each."""

    def __init__(self, files: int, rows: bool) -> None:
        self.files, self._parts = files, ((0, 1),) if rows else ()

    def planned_files(self, mini_batch: int) -> list[PlannedFile]:
        first = mini_batch * self.files
        return [PlannedFile(first + n, url_of(mini_batch, n), SIZE, 1, 0, self._parts) for n in range(self.files)]

    def items(self, mini_batch: int) -> int:
        return self.files


class FetchingNode(SimulatedNode):
    """What is sent to a process must be here, all of it."""

    def __init__(
        self,
        rng: random.Random,
        total: int,
        rules: Rules,
        poison: dict[int, str],
        folder: Path,
        files: int = 3,
        room: int = 1 << 30,
        mode: str = "Mount",
        rows: bool = False,
    ) -> None:
        super().__init__(rng, total, rules, poison, items=files)
        self.store, self.plan, self.stall = SlowStore(rng), FilesPlan(files, rows), Stall()
        self.cache = Cache(folder)
        self.cache.own(["images"])
        inputs = [InputSettings("images", "File", [f"{ROOT}/**"], ROOT, mode=mode)]
        table = {"format": "parquet"} if rows else None
        fetcher = Fetcher(self.store, inputs, table, self.cache, Downloads(folder, self.store))  # type: ignore[arg-type]
        self.defects: list[Exception] = []
        self.told: list[ev.Event] = []
        self.room, self.most = room, 0
        self.prefetch = Prefetch(
            self.machine,
            self.plan,  # type: ignore[arg-type]
            fetcher,
            room,
            self.stall,
            self._pass_on,
            self._tell,
            self.defects.append,
        )

    def give(self, event: ev.Event) -> None:
        self.prefetch.wake()
        if isinstance(event, ev.ProcessExited):
            self.prefetch.gone((event.process, event.incarnation))
        elif isinstance(event, ev.HostLost):
            self.prefetch.gone(None)
        super().give(event)

    def _tell(self, event: ev.Event) -> None:
        self.told.append(event)
        self.give(event)

    def _Send(self, i: ev.Send) -> None:
        self.prefetch.hand_out((i.process, self.machine.processes[i.process].incarnation), i.tasks)

    def _pass_on(self, who: tuple[int, int], tasks: Sequence[tuple[int, int, int]]) -> None:
        worker = self.workers[who[0]]
        assert worker.incarnation == who[1], "sent to a process that is gone"
        group = next(g for g in self.machine.processes[who[0]].groups if tasks[0][0] in g.rest)
        assert {task[0] for task in tasks} <= set(group.rest), "what is sent together is reported together"
        for task in tasks:
            places = self.prefetch.staged(task[0]).places
            for n in range(self.plan.files):
                number = task[0] * self.plan.files + n
                assert Path(places[number]).read_bytes() == content_of(url_of(task[0], n))
        worker.queue.extend(tasks)

    def withdraw(self) -> None:
        for event in self.prefetch.withdraw():
            self.give(event)

    def here(self) -> list[Path]:
        """Files in the cache."""
        return [path for path in self.cache.folder.rglob("*") if path.is_file()]

    async def turns(self, count: int = 20) -> None:
        """Let what can happen by itself happen."""
        for _ in range(count):
            await asyncio.sleep(0)
            self.most = max(self.most, self.prefetch._used())

    async def to_the_end(self, disturb: Callable[[], None] = lambda: None) -> None:
        """Run until everything is done; fails where nothing moves any more."""
        still = 0
        while still < 200:
            self.settle()
            disturb()
            moved = self.step() or bool(self.events)
            await self.turns(1)
            if moved:
                still = 0
                continue
            still += 1
            if still == 100:
                self.now += 5.0
                self.give(ev.Tick([self._slot(n) for n in range(self.machine.rules.processes)]))
        assert not self.defects, self.defects

    def called(self) -> Counter[int]:
        return Counter(self.calls)
