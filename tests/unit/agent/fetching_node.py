"""A simulated node whose mini-batches' files are fetched: the real machine, prefetch and cache, and a store of ours."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from simulated_node import SimulatedNode

from parallelrun.api.settings import InputSettings, StoreSettings
from parallelrun_agent import events as ev
from parallelrun_agent.cache import Cache
from parallelrun_agent.downloads import Downloads
from parallelrun_agent.fetcher import Fetcher
from parallelrun_agent.plan.reader import PlannedFile
from parallelrun_agent.prefetch import Prefetch
from parallelrun_agent.rules import Rules
from parallelrun_agent.stall import Stall
from parallelrun_agent.storage.errors import Unreachable
from parallelrun_agent.storage.places import Place, find

ROOT = "s3://bucket/in"
OTHER_ROOT = "s3://other/in"
SIZE = 10
#: For so long a store is asked before a file counts as unreachable.
TRIED = 300.0


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time passes when nothing else is to be done, and at once."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def pass_time(timeout: float | None = None) -> object:
            self._now += timeout or 0.0
            return select(timeout if timeout is None else 0)

        self._selector.select = pass_time  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now


def url_of(mini_batch: int, number: int, root: str = ROOT) -> str:
    return f"{root}/{mini_batch}/{number}.bin"


def content_of(url: str) -> bytes:
    return url.encode()[-SIZE:].rjust(SIZE, b"-")


class SlowStore:
    """Answers after some turns of the loop; ``trouble`` says what to raise instead, by URL."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.trouble: Callable[[str], Exception | None] = lambda _: None
        self.fetched: list[str] = []
        self.asked: list[str] = []  # for a byte alone
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
            began = asyncio.get_running_loop().time()
            while error := self.trouble(path):
                if not isinstance(error, Unreachable) or asyncio.get_running_loop().time() - began >= TRIED:
                    raise error
                await asyncio.sleep(TRIED / 20)
            temporary = target.with_name(f".part-{target.name}")
            temporary.write_bytes(content_of(path))
            temporary.rename(target)
            (self.fetched if ranges is None or ranges == [(0, SIZE)] else self.asked).append(path)
        finally:
            self.running -= 1

    async def needed(self, table, path, size, start, stop, version) -> list[tuple[int, int]]:  # type: ignore[no-untyped-def]
        await asyncio.sleep(0)
        return [(0, SIZE)]

    def signed(self, url: str, seconds: float) -> str:
        return f"https://signed/{url}?{seconds:g}"

    def place(self, url: str) -> Place:
        return find([StoreSettings(f"s3://{name}", "s3", bucket=name) for name in ("bucket", "other")], url)


class FilesPlan:
    """So many files in each mini-batch, or one row of each; mini-batches ``elsewhere`` are in another store."""

    def __init__(self, files: int, rows: bool) -> None:
        self.files, self._parts = files, ((0, 1),) if rows else ()
        self.elsewhere: range = range(0)

    def url(self, mini_batch: int, number: int) -> str:
        return url_of(mini_batch, number, OTHER_ROOT if mini_batch in self.elsewhere else ROOT)

    def planned_files(self, mini_batch: int) -> list[PlannedFile]:
        first = mini_batch * self.files
        return [PlannedFile(first + n, self.url(mini_batch, n), SIZE, 1, 0, self._parts) for n in range(self.files)]

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
        limit: int = 0,
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
            limit,
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
                assert Path(places[number]).read_bytes() == content_of(self.plan.url(task[0], n))
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

    async def through_pauses(self, disturb: Callable[[], None] = lambda: None, seconds: float = 50.0) -> None:
        """As :meth:`to_the_end`, where it may have to wait until something is tried again; looks every ``seconds``."""
        async with asyncio.timeout(1e6):
            while self.counts[0] < self.total:
                await self.to_the_end(disturb)
                await asyncio.sleep(seconds)

    def called(self) -> Counter[int]:
        return Counter(self.calls)
