"""Files are fetched before mini-batches run, within the room there is, whatever dies, refuses or changes meanwhile."""

from __future__ import annotations

import asyncio
import errno
import random
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest
from fetching_node import SIZE, TRIED, Clock, FetchingNode, url_of
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelrun_agent import events as ev
from parallelrun_agent import prefetch
from parallelrun_agent.plan.reader import PlannedFile
from parallelrun_agent.rules import Rules
from parallelrun_agent.staging import weight_of
from parallelrun_agent.storage.errors import Changed, Gone, Refused, Unreachable


def node(folder: Path, total: int = 20, poison: dict[int, str] | None = None, **options: object) -> FetchingNode:
    rules = Rules(processes=2, fetches=True, run_max_try=int(options.pop("run_max_try", 3)))  # type: ignore[call-overload]
    return FetchingNode(random.Random(7), total, rules, poison or {}, folder, **options)  # type: ignore[arg-type]


def driven(scenario: Callable[[], Coroutine[object, object, None]]) -> None:
    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(scenario())


def test_every_mini_batch_runs_once_with_all_its_files_and_nothing_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 100)
        n.start_host()
        await n.to_the_end()
        assert n.counts == [100, 0, 0, 300, 0]
        assert sorted(n.store.fetched) == sorted(url_of(m, k) for m in range(100) for k in range(3)), "each file once"
        assert n.here() == []

    driven(scenario)


def test_groups_are_sent_apart_however_much_is_here(tmp_path: Path) -> None:
    """Where mini-batches are short, a process has two groups at a time; each comes back by itself."""

    async def scenario() -> None:
        n = node(tmp_path, 200)
        n.machine.average = 0.001
        n.start_host()
        sent: list[int] = []
        pass_on = n._pass_on
        n.prefetch._send = lambda who, tasks: (sent.append(len(tasks)), pass_on(who, tasks))[1]
        await n.to_the_end()
        assert max(sent) > 1
        assert n.counts[0] == 200

    driven(scenario)


def test_fetching_is_ahead_of_running(tmp_path: Path) -> None:
    """While processes still start, the files of what they will get are fetched."""

    async def scenario() -> None:
        n = node(tmp_path, 100)
        n.leased[0] = (9, 0, 50)
        n.give(ev.LeaseGranted(9, 0, 50, 50))
        await n.turns(200)
        assert len(n.here()) > 3 * 2 * n.machine.rules.processes
        assert n.store.most <= prefetch.AT_ONCE

    driven(scenario)


@pytest.mark.parametrize(
    ("size", "weight"), [(0, 1), (100_000, 1), (1 << 20, 2), (16 << 20, 2), (17 << 20, 4), (1 << 40, 8)]
)
def test_a_large_file_counts_for_as_many_as_its_pieces_take_memory(size: int, weight: int) -> None:
    """A table's part counts for what is read of it."""
    assert weight_of(PlannedFile(0, "s3://b/x", size, 1, 0)) == weight
    assert weight_of(PlannedFile(0, "s3://b/x", size, 1, 0, ((0, 10),))) == 1


def test_no_more_than_the_room_is_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 60, room=9 * SIZE)
        n.start_host()
        await n.to_the_end()
        assert n.counts[0] == 60
        assert 6 * SIZE <= n.most <= 9 * SIZE

    driven(scenario)


def test_where_the_plan_does_not_know_how_much_is_read_that_is_soon_learnt(tmp_path: Path) -> None:
    """Of Parquet files it knows rows: what comes at first may be too much, and nothing is fetched again and again."""

    async def scenario() -> None:
        n = node(tmp_path, 60, room=9 * SIZE, rows=True)
        n.start_host()
        await n.to_the_end()
        assert n.counts == [60, 0, 0, 180, 0]
        assert n.prefetch._largest == 3 * SIZE
        assert len(n.store.fetched) < 3 * 60 + 20
        assert n.here() == []

    driven(scenario)


def test_a_mini_batch_larger_than_the_room_runs_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 10, room=SIZE)
        n.start_host()
        await n.to_the_end()
        assert n.counts == [10, 0, 0, 30, 0]
        assert n.most == 3 * SIZE, "one at a time"

    driven(scenario)


@pytest.mark.parametrize("error", [Changed, Gone])
def test_an_object_that_is_another_one_now_fails_its_mini_batch_alone_and_at_once(tmp_path: Path, error: type) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 30)
        n.store.trouble = lambda url: error(url, f"{url} is not what it was") if url == url_of(11, 1) else None
        n.start_host()
        await n.to_the_end()
        assert n.counts == [30, 1, 0, 87, 3]
        assert [(f.mini_batch, f.try_number) for f in n.failures] == [(11, 1)]
        assert url_of(11, 1) in n.failures[0].blame.text
        assert n.here() == []

    driven(scenario)


def test_a_file_that_cannot_be_reached_while_others_come_costs_a_try_each_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 30)
        time = asyncio.get_running_loop().time
        back = {url_of(11, 1): 2.5 * TRIED, url_of(12, 0): 100 * TRIED}
        n.store.trouble = lambda url: Unreachable(url, f"{url}: 503") if time() < back.get(url, 0.0) else None
        n.start_host()
        await n.through_pauses()
        assert n.counts == [30, 1, 2, 87, 3]
        assert [c.mini_batch for c in n.charges if c.mini_batch == 11] == [11, 11]
        assert [f.mini_batch for f in n.failures] == [12]

    driven(scenario)


def test_what_could_not_be_reached_before_it_was_handed_out_costs_no_try(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 30, run_max_try=1)
        n.leased[0] = (9, 0, 30)
        n.unclaimed.clear()
        n.give(ev.LeaseGranted(9, 0, 30, 0))
        n.store.trouble = lambda url: Unreachable(url, f"{url}: 503") if url != url_of(0, 0) else None
        await asyncio.sleep(1000.0)
        n.store.trouble = lambda _: None
        await asyncio.sleep(TRIED + 1.0)
        n.start_host()
        await n.through_pauses()
        assert not n.charges
        assert n.counts == [30, 0, 0, 90, 0]

    driven(scenario)


def away(n: FetchingNode, seconds: float) -> list[str]:
    """When ten files have come the store goes away for so long; returns what is asked meanwhile."""
    asked: list[str] = []
    time = asyncio.get_running_loop().time
    began: float | None = None

    def trouble(url: str) -> Exception | None:
        nonlocal began
        if began is None and len(n.store.fetched) >= 10:
            began = time()
        if began is None or time() - began >= seconds:
            return None
        asked.append(url)
        return Unreachable(url, f"{url}: 503")

    n.store.trouble = trouble
    return asked


def test_while_a_store_is_away_nobody_is_charged_however_long_that_takes(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 30, run_max_try=1)
        away(n, 3600.0)
        said: set[str] = set()
        n.start_host()
        await n.through_pauses(lambda: said.add(n.stall.text))
        assert n.counts == [30, 0, 0, 90, 0]
        assert not n.charges
        assert {text.partition(",")[0] for text in said} == {"", "s3://bucket cannot be reached"}
        assert n.stall.text == ""
        assert n.here() == []

    driven(scenario)


def test_a_store_that_is_away_is_asked_one_thing_at_a_time(tmp_path: Path) -> None:
    """All that was on its way when it went away is asked once; then there is one probe after another."""

    async def scenario() -> None:
        n = node(tmp_path, 30)
        asked = away(n, 3600.0)
        n.start_host()
        await n.through_pauses()
        assert n.counts == [30, 0, 0, 90, 0]
        assert len(asked) <= 21 * (prefetch.AT_ONCE + 3600.0 / TRIED)

    driven(scenario)


def test_a_store_that_was_never_reached_is_asked_for_what_is_wanted(tmp_path: Path) -> None:
    """Not always for the same: that may be what is broken."""

    async def scenario() -> None:
        n = node(tmp_path, 30, run_max_try=1)
        time = asyncio.get_running_loop().time
        n.store.trouble = lambda url: (
            Unreachable(url, f"{url}: 503") if time() < 3600.0 or url == url_of(0, 0) else None
        )
        n.start_host()
        await n.through_pauses()
        assert [f.mini_batch for f in n.failures] == [0]
        assert n.counts == [30, 1, 0, 87, 3]

    driven(scenario)


def test_the_last_file_is_known_to_be_broken_by_asking_for_another_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 3)
        broken = url_of(2, 2)
        n.store.trouble = lambda url: (
            Unreachable(url, f"{url}: 503") if url == broken and len(n.store.fetched) >= 8 else None
        )
        delayed = n.store.fetch

        async def fetch(path: str, *more: object) -> None:
            while path == broken and len(n.store.fetched) < 8:
                await asyncio.sleep(0)
            await delayed(path, *more)  # type: ignore[arg-type]

        n.store.fetch = fetch  # type: ignore[method-assign]
        n.start_host()
        await n.through_pauses()
        assert n.counts == [3, 1, 1, 6, 3]
        assert [c.mini_batch for c in n.charges] == [2, 2, 2]
        assert n.store.asked
        assert n.stall.text == ""

    driven(scenario)


@pytest.mark.parametrize("error", [Unreachable, Refused])
def test_a_store_in_trouble_does_not_hold_up_another(tmp_path: Path, error: type) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 40)
        n.plan.elsewhere = range(3, 40)
        n.store.trouble = lambda url: None if "other" in url or is_mended else error(url, f"{url} is not to be had")
        is_mended = False
        n.leased[0] = (9, 0, 40)
        n.unclaimed.clear()
        n.give(ev.LeaseGranted(9, 0, 40, 0))
        await n.turns(1000)
        assert len([path for path in n.store.fetched if "other" in path]) == 37 * 3
        await asyncio.sleep(3600.0)
        assert n.stall.on == "store"
        is_mended = True
        n.start_host()
        await n.through_pauses()
        assert n.counts == [40, 0, 0, 120, 0]
        assert not n.charges

    driven(scenario)


def test_a_pause_ends_when_nobody_wants_anything_of_the_store(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 10)
        n.store.trouble = lambda url: Unreachable(url, f"{url}: 503")
        n.leased[0] = (9, 0, 10)
        n.unclaimed.clear()
        n.give(ev.LeaseGranted(9, 0, 10, 0))
        await asyncio.sleep(1000.0)
        assert n.stall.text
        n.give(ev.Drain(n.now + 100.0))
        await n.turns()
        assert (n.stall.text, n.store.running) == ("", 0)

    driven(scenario)


def test_while_a_store_refuses_nobody_is_charged_and_the_work_goes_on_when_that_is_mended(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 30)
        refused = 0

        def trouble(url: str) -> Exception | None:
            nonlocal refused
            refused += len(n.store.fetched) >= 10 and refused < 40
            return Refused(url, "datastore 'images' refuses") if len(n.store.fetched) >= 10 and refused < 40 else None

        n.store.trouble = trouble
        said: set[str] = set()
        n.start_host()

        def look() -> None:
            said.add(n.stall.text)

        await n.through_pauses(look)
        assert refused >= 40
        assert n.counts == [30, 0, 0, 90, 0]
        assert not n.charges
        assert said == {"", "datastore 'images' refuses"}
        assert n.stall.text == ""

    driven(scenario)


def test_on_a_full_disk_what_is_urgent_takes_the_room_of_what_is_not(tmp_path: Path) -> None:
    """The disk has less room than it was to have: for eight files."""

    async def scenario() -> None:
        n = node(tmp_path, 30)
        full = 0

        def trouble(url: str) -> Exception | None:
            nonlocal full
            is_full = len(n.here()) >= 8
            full += is_full
            return OSError(errno.ENOSPC, "No space left on device") if is_full else None

        n.store.trouble = trouble
        n.start_host()
        await n.through_pauses(seconds=1.0)
        assert full
        assert n.counts == [30, 0, 0, 90, 0]
        assert not n.charges

    driven(scenario)


def test_what_is_shrunk_away_or_withdrawn_is_not_fetched_for_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 40)
        n.store.open.clear()
        n.start_host()
        n.settle()
        while n.step():
            n.settle()
        await n.turns()
        assert n.store.running
        n.give(ev.Drain(n.now + 100.0))
        n.withdraw()
        await n.turns()
        assert (n.store.running, n.here()) == (0, [])
        await n.to_the_end()
        assert n.drained
        assert n.now < 100.0, "nobody waited for the deadline"

    driven(scenario)


def test_in_mode_download_files_stay_and_are_fetched_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 10, {4: "raise"}, mode="Download")
        n.start_host()
        await n.to_the_end()
        assert n.counts[:2] == [10, 1]
        assert len(n.store.fetched) == len(n.here()) == 30

    driven(scenario)


def test_texts_of_processes_show_urls(tmp_path: Path) -> None:
    async def scenario() -> None:
        n = node(tmp_path, 1)
        n.leased[0] = (9, 0, 1)
        n.give(ev.LeaseGranted(9, 0, 1, 0))
        await n.turns(100)
        place = n.prefetch.staged(0).places[1]
        assert place == str(tmp_path / "inputs/images/0/1.bin")
        assert n.prefetch.shown(0, f"cannot open '{place}'") == f"cannot open '{url_of(0, 1)}'"

    driven(scenario)


@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(1, 4), st.integers(1, 3), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_whatever_dies_or_fails_nothing_is_lost_or_leaks(
    seed: int, total: int, processes: int, files: int, room: int
) -> None:
    rng = random.Random(seed)
    poison = {m: k for m in range(total) if (k := rng.choice(["", "", "", "", "", "raise", "die", "kill-host"]))}
    kinds = {m: k for m in range(1, total) if (k := rng.choice(["", "", "", "", "", "gone", "unreachable"]))}

    def trouble(url: str) -> Exception | None:
        kind = kinds.get(int(url.split("/")[-2]))
        wanted = kind and url.endswith(f"/{seed % files}.bin")
        return {"gone": Gone, "unreachable": Unreachable}[kind](url, f"{url}: {kind}") if wanted else None

    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            rules = Rules(processes=processes, run_max_try=2, fetches=True)
            n = FetchingNode(rng, total, rules, poison, Path(folder), files, room * SIZE)
            n.store.trouble = trouble
            n.start_host()
            left = rng.randint(0, 6)

            def disturb() -> None:
                nonlocal left
                if not left or rng.random() > 0.05:
                    return
                left -= 1
                alive = [p for p, w in n.workers.items() if w.ready]
                if alive and rng.random() < 0.5:
                    n.kill_process(rng.choice(alive))
                elif rng.random() < 0.5:
                    n.withdraw()
                else:
                    n.kill_host()
                    n.start_host()

            await n.through_pauses(disturb, TRIED)
            assert n.counts[0] == total
            assert set(n.sealed) == set(range(total))
            assert not set(kinds) & set(n.calls)
            assert {f.mini_batch for f in n.failures} >= set(kinds)
            assert n.most <= max(room, files) * SIZE
            assert (n.here(), n.store.running) == ([], 0)

    driven(scenario)


def test_a_mini_batch_that_no_cache_can_hold_fails_by_name_and_the_rest_runs(tmp_path: Path) -> None:
    """A pod that outgrows its volume is sent away, as is the next one."""

    async def scenario() -> None:
        n = node(tmp_path, 20, limit=4 * SIZE)
        n.plan.planned_files = planned(n.plan.planned_files)  # type: ignore[method-assign]
        n.start_host()
        await n.to_the_end()
        assert [f.mini_batch for f in n.failures] == [7]
        assert "mini-batch 7 needs" in n.failures[0].blame.text
        assert "runner.cacheSize" in n.failures[0].blame.text
        assert n.counts[:2] == [20, 1]

    def planned(before: Callable[[int], list[PlannedFile]]) -> Callable[[int], list[PlannedFile]]:
        return lambda m: [replace(file, size=SIZE * 9) if m == 7 else file for file in before(m)]

    driven(scenario)
