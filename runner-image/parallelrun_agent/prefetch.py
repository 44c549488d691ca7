"""Fetches the files of mini-batches just before they run: what processes were given first, then what comes next.

Everything follows from the machine's state, looked at anew whenever something happened: what it handed out or is going
to hand out is wanted, all else is let go of. So what a dead process, a lost lease or a drain leaves behind needs no
bookkeeping of its own. A process gets its mini-batches in the order in which the machine gave them to it, as soon as
their files are here: until then nothing is timed, and nobody is charged.

What is here and what is on its way stays within a number of bytes. A mini-batch that is larger than that runs all the
same, when nothing else takes room.

A store that refuses or cannot be reached pauses what is in it, and nothing else; see ``store_health``.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, zip_longest

from parallelrun.api.errors import InputError
from parallelrun_agent import events as ev
from parallelrun_agent.cache_room import CacheRoom
from parallelrun_agent.fetcher import Fetcher
from parallelrun_agent.machine import Machine
from parallelrun_agent.plan.reader import PlannedFile, PlanReader
from parallelrun_agent.staging import Staged, staged, weight_of
from parallelrun_agent.stall import CACHE, Stall, is_no_space
from parallelrun_agent.storage.errors import Refused, StorageError, Unreachable
from parallelrun_agent.watched_store import File, WatchedStore

log = logging.getLogger(__name__)

#: So many small files are fetched at a time of each store: enough for hundreds a second if it takes 50 ms to answer.
AT_ONCE = 32
#: Mini-batches that are looked ahead, and files: those that are not begun with so many before them can wait.
AHEAD = 64
FILES_AHEAD = 4 * AT_ONCE
#: A full disk is tried again after so long.
RETRY_SECONDS = 3.0
#: Where the disk had less room than it was to have, it is not filled as much for so long.
TIGHT_SECONDS = 60.0

Task = tuple[int, int, int]  # mini-batch, epoch, try
Who = tuple[int, int]  # process, incarnation


class Prefetch:
    """Of one node; all on the event loop's thread."""

    def __init__(
        self,
        machine: Machine,
        plan: PlanReader,
        fetcher: Fetcher,
        room: int,
        stall: Stall,
        send: Callable[[Who, Sequence[Task]], None],
        tell: Callable[[ev.Event], None],
        failed: Callable[[Exception], None],
        limit: int = 0,
    ) -> None:
        """``room`` in bytes, and ``limit``, which not even one mini-batch may be above (0: there is none).

        ``send`` tells a process, ``tell`` the machine, ``failed`` whoever stops the agent.
        """
        self._machine, self._plan, self._fetcher, self._stall = machine, plan, fetcher, stall
        self._send, self._tell, self._failed = send, tell, failed
        self._room = self._room_wanted = room
        self._limit = CacheRoom(limit)
        self._largest = 0  # bytes of the largest mini-batch that turned out to be larger than the plan made believe
        self._staged: dict[int, Staged] = {}
        self._leaving: dict[int, Staged] = {}  # let go of, while a fetch has not heard of it
        self._outbox: dict[Who, deque[deque[Task]]] = {}  # in the machine's groups: results come in groups
        self._stores: dict[str, WatchedStore] = {}
        self._running = 0
        self._careful = False  # the disk was full: one file at a time
        self._paused_until = 0.0
        self._woken: asyncio.Handle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()

    # --- what the node asks ---

    def hand_out(self, who: Who, tasks: Sequence[Task]) -> None:
        """Send these to a process when they are here, after all that it was given before."""
        self._outbox.setdefault(who, deque()).append(deque(tasks))
        self.wake()

    def gone(self, who: Who | None) -> None:
        """A process, or with None every one, is gone: nothing is sent to it any more."""
        if who is None:
            self._outbox.clear()
        else:
            self._outbox.pop(who, None)
        self.wake()

    def withdraw(self) -> list[ev.Withdrawn]:
        """Give up what was not sent yet."""
        waiting, self._outbox = self._outbox, {}
        return [ev.Withdrawn(*who, [task[0] for task in chain(*groups)]) for who, groups in waiting.items()]

    @property
    def keeps_all_waiting(self) -> bool:
        """Whether processes were given mini-batches, and the files of every one of them are still to come."""
        waiting = {task[0] for groups in self._outbox.values() for task in chain(*groups)}
        return bool(waiting) and waiting.issuperset(self._machine.handed_out)

    def staged(self, mini_batch: int) -> Staged:
        """A mini-batch that was sent and has not come back."""
        return self._staged[mini_batch]

    def shown(self, mini_batch: int, text: str) -> str:
        """What a process says about a mini-batch, with URLs in place of what they are called here."""
        one = self._staged.get(mini_batch)
        return one.shown(text) if one is not None else text

    def wake(self) -> None:
        """Something happened: look at everything anew, soon."""
        if self._woken is None and not self._closed:
            self._woken = self._loop.call_soon(self._look)

    def close(self) -> None:
        """Fetch nothing more."""
        self._closed = True
        for one in [*self._staged.values(), *self._leaving.values()]:
            for task in one.tasks:
                task.cancel()
        for store in self._stores.values():
            store.leave()
        self._stall.clear(CACHE)

    # --- one look ---

    def _look(self) -> None:
        self._woken = None
        if self._closed:
            return
        failures = list(self._failures())
        self._forgive()
        self._send_what_is_here()
        order = self._order()
        self._let_go({*self._machine.handed_out, *order})
        self._keep_within_room(order[1:])
        self._admit(order)
        self._start(order)
        for event in failures:
            self._tell(event)

    def _failures(self) -> Iterator[ev.FetchFailed]:
        for who, groups in self._outbox.items():
            for group in groups:
                for task in [task for task in group if self._has_failed(task[0])]:
                    group.remove(task)
                    error = self._staged[task[0]].failed
                    self._drop(task[0])
                    items = self._plan.items(task[0]) or 0
                    yield ev.FetchFailed(*who, task[0], str(error), items, not isinstance(error, Unreachable))

    def _forgive(self) -> None:
        """What could not be reached before anybody waited for it is fetched anew: it costs no try."""
        given = {task[0] for groups in self._outbox.values() for task in chain(*groups)}
        for mini_batch, one in list(self._staged.items()):
            if isinstance(one.failed, Unreachable) and mini_batch not in given:
                self._drop(mini_batch)

    def _has_failed(self, mini_batch: int) -> bool:
        return mini_batch in self._staged and self._staged[mini_batch].failed is not None

    def _send_what_is_here(self) -> None:
        for who, groups in list(self._outbox.items()):
            while groups:
                ready = []
                while groups[0] and self._is_here(groups[0][0][0]):
                    ready.append(groups[0].popleft())
                if ready:
                    self._send(who, ready)
                if groups[0]:
                    break
                groups.popleft()
            if not groups:
                del self._outbox[who]

    def _is_here(self, mini_batch: int) -> bool:
        return mini_batch in self._staged and self._staged[mini_batch].here

    def _order(self) -> list[int]:
        """What is wanted and not sent, most urgent first: what each process gets next, then after that, then others."""
        queues = [[task[0] for task in chain(*groups)] for groups in self._outbox.values()]
        given = [mini_batch for row in zip_longest(*queues) for mini_batch in row if mini_batch is not None]
        return given if self._machine.draining is not None else [*given, *self._machine.upcoming(AHEAD)]

    def _let_go(self, wanted: set[int]) -> None:
        for mini_batch in [one for one in self._staged if one not in wanted]:
            self._drop(mini_batch)

    def _drop(self, mini_batch: int) -> None:
        one = self._staged.pop(mini_batch)
        if not one.tasks:
            self._fetcher.forget(one)
            return
        self._leaving[mini_batch] = one
        for task in one.tasks:
            task.cancel()

    def _admit(self, order: Sequence[int]) -> None:
        """Begin with as many as there is room for, in order: what is urgent takes the room of what is not."""
        given = sum(len(group) for groups in self._outbox.values() for group in groups)
        waiting = sum(self._staged[one].left for one in order if one in self._staged)
        for place, mini_batch in enumerate(order):
            if mini_batch in self._staged:
                continue
            if mini_batch in self._leaving or (place >= given and waiting >= FILES_AHEAD):
                return
            one = staged(mini_batch, self._plan.planned_files(mini_batch), self._fetcher.takes_room)
            one.guess = self._largest
            self._require_room(one)
            one.stores = {file.number: self._fetcher.store_of(file) for file in one.todo}
            if not self._make_room(one.room, order[place + 1 :]):
                return
            self._staged[mini_batch] = one
            waiting += one.left
            if one.here:  # all of it is on this machine: somebody may wait for nothing else
                self.wake()

    def _require_room(self, one: Staged) -> None:
        """What can never be here fails, by name."""
        try:
            self._limit.need(one.mini_batch, one.bytes)
        except InputError as error:
            one.bytes = one.guess = 0
            self._fail(one, error)
            self.wake()

    def _keep_within_room(self, less_urgent: Sequence[int]) -> None:
        """Room may have become less."""
        for other in reversed(less_urgent):
            if self._used() <= self._room:
                return
            if other in self._staged and self._staged[other].room:
                self._drop(other)

    def _make_room(self, size: int, less_urgent: Sequence[int]) -> bool:
        for other in reversed(less_urgent):
            if self._used() + size <= self._room:
                return True
            if other in self._staged and self._staged[other].room:
                self._drop(other)
        return self._used() + size <= self._room or not self._used()

    def _used(self) -> int:
        return sum(one.room for one in chain(self._staged.values(), self._leaving.values()))

    def _start(self, order: Sequence[int]) -> None:
        if self._loop.time() < self._paused_until:
            return
        wanted = [one for mini_batch in order if (one := self._staged.get(mini_batch)) and not one.failed]
        for store in self._stores.values():
            if store.health.trouble:
                self._probe(store, wanted)
        for one in wanted:
            while one.todo and self._may_begin(self._store_of(one), weight_of(one.todo[0])):
                self._begin(one)

    def _may_begin(self, store: WatchedStore, weight: int) -> bool:
        if self._careful and self._running:
            return False
        return not store.health.trouble and (not store.running or store.running + weight <= AT_ONCE)

    def _probe(self, store: WatchedStore, wanted: Sequence[Staged]) -> None:
        """Ask a store that is in trouble for one thing, when it is time to."""
        health = store.health
        files = [one for one in wanted if one.todo and self._store_of(one) is store]
        if not files and not store.running:
            store.leave()
        elif files and health.may_probe(self._loop.time()):
            if store.can_be_asked:
                store.ask()
            else:
                health.is_probed = True
                self._begin(min(files, key=lambda one: health.failed_at((one.mini_batch, one.todo[0].number))), True)

    def _store_of(self, one: Staged) -> WatchedStore:
        """Of the file that comes next."""
        name = one.stores[one.todo[0].number]
        if name not in self._stores:
            self._stores[name] = WatchedStore(name, self._fetcher, self._stall, self.wake, self._blamed, self._failed)
        return self._stores[name]

    # --- one file ---

    def _begin(self, one: Staged, is_probe: bool = False) -> None:
        store, file = self._store_of(one), one.todo.popleft()
        weight = weight_of(file)
        self._running += weight
        store.running += weight
        task = self._loop.create_task(self._bring(one, file, store))
        one.tasks.add(task)
        task.add_done_callback(partial(self._ended, one, weight, store, is_probe))

    async def _bring(self, one: Staged, file: PlannedFile, store: WatchedStore) -> None:
        began = self._loop.time()
        try:
            await self._fetcher.bring(one, file)
        except (StorageError, InputError, OSError) as error:
            self._not_brought(one, file, store, began, error)
            return
        one.left -= 1
        store.came(file)
        if one.here and one.bytes > one.guess and one.sizes:
            self._largest = max(self._largest, one.bytes)
        if self._careful:
            self._careful = False
            self._stall.clear(CACHE)

    def _not_brought(self, one: Staged, file: PlannedFile, store: WatchedStore, began: float, error: Exception) -> None:
        if isinstance(error, Refused):
            one.todo.appendleft(file)
            store.refused(error)
        elif isinstance(error, Unreachable):
            if store.is_to_blame((one.mini_batch, file.number), began, error):
                self._fail(one, error)
            else:
                one.todo.appendleft(file)
        elif isinstance(error, StorageError | InputError) or (
            isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
        ):
            if isinstance(error, StorageError):
                store.answered()
            self._fail(one, error)
        else:
            one.todo.appendleft(file)
            self._disk_refused(one, error)

    def _blamed(self, file: File, error: Exception) -> None:
        one = self._staged.get(file[0])
        if one is not None and any(waiting.number == file[1] for waiting in one.todo):
            self._fail(one, error)

    def _fail(self, one: Staged, error: Exception) -> None:
        log.warning("mini-batch %d: %s", one.mini_batch, str(error).splitlines()[0])
        one.failed = one.failed or error
        one.todo.clear()

    def _disk_refused(self, one: Staged, error: Exception) -> None:
        """Nobody's fault: try again in a while, one file at first."""
        if is_no_space(error):  # less than was thought: what is urgent first
            self._room = max(1, self._used() - one.room)
            self._loop.call_later(TIGHT_SECONDS, self._as_before)
        self._stall.set(f"cannot keep what is fetched: {error}", CACHE)
        self._careful = True
        self._paused_until = self._loop.time() + RETRY_SECONDS
        self._loop.call_later(RETRY_SECONDS, self.wake)

    def _as_before(self) -> None:
        self._room = self._room_wanted

    def _ended(self, one: Staged, weight: int, store: WatchedStore, was_probe: bool, task: asyncio.Task[None]) -> None:
        self._running -= weight
        store.running -= weight
        one.tasks.discard(task)
        if was_probe:
            store.health.is_probed = False
        if not task.cancelled() and (error := task.exception()):
            self._failed(error if isinstance(error, Exception) else RuntimeError(repr(error)))
        if not one.tasks and self._leaving.get(one.mini_batch) is one:
            del self._leaving[one.mini_batch]
            self._fetcher.forget(one)
        self.wake()
