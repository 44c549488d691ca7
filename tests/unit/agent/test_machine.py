"""The agent's machine, driven through schedules of crashes without a process or a clock."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_node import SimulatedNode

from parallelrun_agent import events as ev
from parallelrun_agent.rules import Rules
from parallelrun_agent.slots import NOTHING
from parallelrun_agent.worker_process import obituary
from parallelrun_worker.wire import RUNNING, SEGMENT_FAILED


def node(total: int = 20, poison: dict[int, str] | None = None, **rules: object) -> SimulatedNode:
    made = SimulatedNode(random.Random(7), total, Rules(**{"processes": 2, **rules}), poison or {})  # type: ignore[arg-type]
    made.start_host()
    return made


def test_every_mini_batch_is_sealed_and_counted_once() -> None:
    n = node(100)
    n.run()
    assert n.counts == [100, 0, 0, 300, 0]
    assert sorted(n.calls) == list(range(100))


def lonely_completes(n: SimulatedNode) -> int:
    """How often a lease was completed while there was more to claim, and no claim was made or under way."""
    handle, found = n.machine.handle, 0

    def watched(event: ev.Event, now: float) -> list[ev.Instruction]:
        nonlocal found
        instructions = handle(event, now)
        completes = any(isinstance(one, ev.Complete) for one in instructions)
        leases = n.machine.leases
        found += completes and bool(leases.unclaimed) and not leases.claiming and not leases.no_work
        return instructions

    n.machine.handle = watched  # type: ignore[method-assign]
    n.run()
    return found


def test_a_complete_lease_may_wait_for_a_claim_to_be_written_with_it() -> None:
    """In a cluster, where writes are dear; at the end of the job nothing waits."""
    patient, at_once = node(500, complete_within=10.0), node(500)
    assert (lonely_completes(patient), lonely_completes(at_once) > 0) == (0, True)
    assert patient.counts == at_once.counts == [500, 0, 0, 1500, 0]


def test_a_complete_lease_waits_only_so_long() -> None:
    """Where claims are long, others see what is done."""
    n = node(500, complete_within=10.0)
    while not any(lease.complete for lease in n.machine.leases.open.values()):
        n.settle()
        assert n.step()
        for number, worker in n.workers.items():
            n.events.append(n._sealed_event(number, worker.incarnation, worker.records))
    held = len(n.machine.leases.open)
    n.now += 10.0
    n.give(ev.Tick([NOTHING] * 2))
    assert len(n.machine.leases.open) < held


def test_a_raising_mini_batch_is_tried_run_max_try_times_and_then_fails_alone() -> None:
    n = node(20, {7: "raise"}, run_max_try=3)
    n.run()
    assert n.counts == [20, 1, 1, 57, 3]
    assert [c.mini_batch for c in n.charges] == [7, 7, 7]
    assert [c.try_number for c in n.charges] == [1, 2, 3]
    assert n.machine.leases.first_failure is not None
    assert n.machine.leases.first_failure[0] == 7


def test_short_returns_fail_items_and_not_the_mini_batch() -> None:
    n = node(10, {3: "short"})
    notes: list[ev.Note] = []
    n._Note = notes.append  # type: ignore[method-assign]
    n.run()
    assert n.counts == [10, 0, 0, 29, 1]
    assert [(note.mini_batch, "2 elements for 3 items" in note.text) for note in notes] == [(3, True)]


def test_what_a_process_remarks_on_is_passed_on() -> None:
    n = node(10, {3: "note"})
    n.run()
    assert n.notes == [ev.Note(3, "remarkable")]


@pytest.mark.parametrize(
    ("status", "words"),
    [(3, "exit code 3"), (-11, "signal 11 (SIGSEGV)"), (-40, "signal 40"), (-9, "signal 9 (SIGKILL)")],
)
def test_how_a_process_ended_in_words(status: int, words: str) -> None:
    assert obituary(status) == words


def test_a_mini_batch_that_kills_its_process_takes_no_other_with_it() -> None:
    n = node(30, {4: "die"}, processes=4)
    n.run()
    assert n.counts == [30, 1, 1, 87, 3]
    assert {c.mini_batch for c in n.charges} == {4}


def test_a_mini_batch_that_kills_the_whole_host_is_the_only_one_charged() -> None:
    n = node(60, {11: "kill-host"}, processes=8)
    n.run()
    assert n.counts[:2] == [60, 1]
    assert [c.mini_batch for c in n.charges] == [11, 11, 11]


def test_init_that_always_fails_aborts_the_job_with_the_users_traceback() -> None:
    n = node(5, processes=2)
    for _ in range(6):
        process, worker = next(iter(n.workers.items()))
        n.give(ev.InitFailed(process, worker.incarnation, "Traceback: no model"))
        n.kill_process(process, 70)
    assert n.aborted is not None
    assert n.aborted.reason == "InitFailed"
    assert n.aborted.message == "init() failed 6 times on one node; the first time:\nTraceback: no model"


def test_a_script_that_never_loads_aborts_the_job_as_one_that_has_not_begun() -> None:
    n = node(5, processes=1)
    for _ in range(3):
        n.give(ev.InitFailed(0, n.workers[0].incarnation, "Traceback: no pandas", began=False))
        n.kill_process(0, 70)
    assert n.aborted is not None
    assert n.aborted.reason == "SourceError"
    assert n.aborted.message == "the script cannot be loaded:\nTraceback: no pandas"


def test_a_call_that_runs_too_long_is_killed_and_charged_as_a_timeout() -> None:
    n = node(1, processes=1, timeout=60.0, run_max_try=1)
    n.settle()
    n.step()
    n.settle()
    n.give(ev.Tick([ev.Slot(RUNNING, 0, 1, n.now, 3)]))
    assert not n.charges, "it has just started"
    n.now += 61.0
    slot = ev.Slot(RUNNING, 0, 1, n.now - 61.0, 3)
    n.give(ev.Tick([slot]))
    assert [(c.kind, c.mini_batch) for c in n.charges] == [("timeout", 0)]
    assert "runInvocationTimeoutSeconds (60 s)" in n.charges[0].text


def test_a_kill_that_hits_the_next_mini_batch_charges_nobody() -> None:
    n = node(4, processes=1, timeout=1.0)
    n.settle()
    n.step()
    n.settle()
    process = n.machine.processes[0]
    process.killed_for = 99  # it ran too long, came back at the last moment, and the kill came after
    n.kill_process(0)
    n.run()
    assert not n.charges
    assert n.counts == [4, 0, 0, 12, 0]


def test_a_segment_that_cannot_be_written_charges_nobody_and_loses_nothing() -> None:
    n = node(6, processes=1)
    n.settle()
    n.step()
    n.settle()
    worker = n.workers[0]
    n.give(ev.SegmentError(0, worker.incarnation, "no space left on device: /volume"))
    assert n.machine.stalled == "no space left on device: /volume"
    n.kill_process(0, SEGMENT_FAILED)
    assert 0 not in n.workers, "it waits before the next attempt"
    n.run()
    assert n.counts == [6, 0, 0, 18, 0]
    assert not n.charges


def test_draining_gives_back_what_did_not_run_and_completes_the_rest() -> None:
    n = node(50, processes=2)
    for _ in range(12):
        n.settle()
        n.step()
    n.settle()
    n.give(ev.Drain(n.now + 10.0))
    n.run()
    assert n.drained
    assert n.counts[0] == len(n.sealed)
    assert sum(b - a for a, b in n.unclaimed) == 50 - n.counts[0]


def test_a_process_that_starts_when_all_is_done_ends_as_soon_as_it_is_ready() -> None:
    n = node(4, processes=2)
    n.give(ev.ProcessReady(0, n.workers[0].incarnation))
    n.workers[0].ready = True
    while len(n.calls) < 4:
        n.settle()
        n._run_one(0, n.workers[0])
    n.settle()
    n.give(ev.Drain(n.now + 1000.0))
    n.run()
    assert n.drained
    assert n.now < 100.0, "nobody waited for the deadline"


def test_processes_beyond_the_gpus_see_none_and_a_replacement_gets_the_released_index() -> None:
    spawned: list[ev.Spawn] = []
    n = SimulatedNode(random.Random(1), 5, Rules(processes=3, gpus=("0", "1")), {})
    original = n._Spawn
    n._Spawn = lambda i: (spawned.append(i), original(i))[1]  # type: ignore[method-assign]
    n.start_host()
    assert [s.gpu for s in spawned] == ["0", "1", ""]
    n.settle()
    while not any(w.queue for w in n.workers.values()):
        n.step()
        n.settle()
    victim = next(p for p, w in n.workers.items() if w.queue)
    n.kill_process(victim)
    assert spawned[-1].process == victim
    assert spawned[-1].gpu == ["0", "1", ""][victim]


def test_tries_spent_under_former_holders_are_not_given_again() -> None:
    n = node(0, processes=1, run_max_try=3)
    n.settle()
    n.leased[0] = (9, 0, 3)
    n.give(ev.LeaseGranted(9, 0, 3, 0, None, charged={1: 3}, items={1: 5}))
    n.run()
    assert 1 not in n.calls
    assert n.counts == [3, 1, 1, 6, 5]


def test_a_former_holders_suspect_runs_with_nothing_else() -> None:
    n = node(0, processes=3)
    n.settle()
    n.leased[0] = (9, 0, 8)
    n.give(ev.LeaseGranted(9, 0, 8, 0, None, suspects=[5]))
    n.run()
    assert n.calls[0] == 5
    assert sorted(n.calls) == list(range(8))
    assert n.counts == [8, 0, 0, 24, 0]


def test_what_former_holders_sealed_is_not_run_again_and_counted_once() -> None:
    n = node(0, processes=1)
    n.settle()
    n.leased[0] = (9, 0, 4)
    n.sealed.update({0: "succeeded", 2: "succeeded"})
    n.give(ev.LeaseGranted(9, 0, 4, 0, bytes([1, 0, 1, 0]), (2, 0, 0, 6, 0)))
    n.run()
    assert sorted(n.calls) == [1, 3]
    assert n.counts == [4, 0, 0, 12, 0]


def test_half_of_a_long_rest_goes_back_when_nothing_is_left_for_others() -> None:
    n = node(0, processes=1, nodes=2)
    n.settle()
    n.leased[0] = (9, 0, 100)
    n.give(ev.LeaseGranted(9, 0, 100, 0))
    n.step()
    n.settle()
    worker = n.workers[0]
    mini_batch, _, _ = worker.queue.popleft()
    worker.records.append((mini_batch, 9, 1))
    n.give(ev.GroupDone(0, worker.incarnation, 1, 2.0, [[mini_batch, 3, 3, ""]]))
    n.give(ev.Tick([NOTHING], unclaimed=0))
    assert n.unclaimed, "a node with 200 s of work keeps all of it"


def fetching(total: int, unfetchable: dict[int, str], **rules: object) -> SimulatedNode:
    n = SimulatedNode(random.Random(7), total, Rules(**{"processes": 2, "fetches": True, **rules}), {})  # type: ignore[arg-type]
    n.unfetchable = unfetchable
    n.start_host()
    return n


def test_a_mini_batch_whose_object_is_gone_fails_at_once_and_alone() -> None:
    n = fetching(20, {7: "gone"}, run_max_try=3)
    n.run()
    assert n.counts == [20, 1, 0, 57, 3]
    assert [(f.mini_batch, f.try_number, f.blame.kind) for f in n.failures] == [(7, 1, "input")]
    assert 7 not in n.calls


def test_a_mini_batch_that_cannot_be_reached_is_tried_as_often_as_one_that_raises() -> None:
    n = fetching(20, {7: "unreachable"}, run_max_try=3)
    n.run()
    assert n.counts == [20, 1, 1, 57, 3]
    assert [(c.mini_batch, c.try_number) for c in n.charges] == [(7, 1), (7, 2), (7, 3)]


def test_a_suspect_whose_object_is_gone_holds_up_nobody() -> None:
    n = fetching(0, {5: "gone"}, processes=3)
    n.settle()
    n.leased[0] = (9, 0, 8)
    n.give(ev.LeaseGranted(9, 0, 8, 0, None, suspects=[5]))
    n.run()
    assert n.counts == [8, 1, 0, 21, 3]


def test_a_suspect_that_waits_for_its_files_when_the_host_dies_stays_one() -> None:
    n = fetching(0, {}, processes=3)
    n.settle()
    n.leased[0] = (9, 0, 8)
    n.give(ev.LeaseGranted(9, 0, 8, 0, None, suspects=[5]))
    while n.machine.alone is None:
        assert n.step()
    n.kill_host()
    assert n.machine.upcoming(1) == [5]
    assert list(n.machine.leases.open[0].suspects) == [5]
    n.start_host()
    n.run()
    assert not n.charges
    assert n.counts == [8, 0, 0, 24, 0]


def test_draining_waits_for_no_files() -> None:
    n = fetching(50, {}, processes=2)
    while not any(w.waiting for w in n.workers.values()):
        n.settle()
        assert n.step()
    n.settle()
    n.give(ev.Drain(n.now + 1000.0))
    n.withdraw()
    n.run()
    assert n.drained
    assert n.now < 100.0, "nobody waited for the deadline"
    assert sum(b - a for a, b in n.unclaimed) == 50 - n.counts[0]


def test_more_is_claimed_early_where_files_are_fetched() -> None:
    """So much that fetching is ahead of running, but no more than a second of work."""

    def ahead(fetches: bool, seconds: float) -> int:
        n = node(0, processes=2, fetches=fetches)
        n.machine.average = seconds
        n.settle()
        n.leased[0] = (9, 0, 40)
        n.give(ev.LeaseGranted(9, 0, 40, 1000))
        n.give(ev.WorkReturned())
        return len(n.events)

    assert (ahead(True, 0.02), ahead(False, 0.02), ahead(True, 10.0)) == (1, 0, 0)


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 5), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_any_schedule_of_fetches_and_kills_ends_with_every_mini_batch_sealed_and_counted_once(
    seed: int, total: int, processes: int, max_try: int
) -> None:
    rng = random.Random(seed)
    n = SimulatedNode(
        rng,
        total,
        Rules(processes=processes, run_max_try=max_try, fetches=True),
        {m: k for m in range(total) if (k := rng.choice(["", "", "", "", "", "raise", "die", "kill-host"]))},
    )
    n.unfetchable = {m: k for m in range(total) if (k := rng.choice(["", "", "", "", "gone", "unreachable"]))}
    n.start_host()
    disturbances = rng.randint(0, 6)
    for _ in range(100_000):
        n.settle()
        if disturbances and rng.random() < 0.05:
            disturbances -= 1
            alive = [p for p, w in n.workers.items() if w.ready]
            if alive and rng.random() < 0.4:
                n.kill_process(rng.choice(alive))
            elif rng.random() < 0.5:
                n.withdraw()
            else:
                n.kill_host()
                n.start_host()
        elif not n.step():
            break
    n.run()
    assert n.counts[0] == total
    assert set(n.sealed) == set(range(total))
    assert {f.mini_batch for f in n.failures} >= set(n.unfetchable)
    assert not set(n.unfetchable) & set(n.calls)
    assert n.counts[3] + n.counts[4] == 3 * total


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 5), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_any_schedule_of_kills_ends_with_every_mini_batch_sealed_and_counted_once(
    seed: int, total: int, processes: int, max_try: int
) -> None:
    rng = random.Random(seed)
    kinds = ["", "", "", "", "raise", "die", "kill-host", "short"]
    poison = {m: k for m in range(total) if (k := rng.choice(kinds))} if rng.random() < 0.7 else {}
    n = SimulatedNode(rng, total, Rules(processes=processes, run_max_try=max_try), poison)
    n.start_host()
    kills = rng.randint(0, 6)
    for _ in range(100_000):
        n.settle()
        if kills and rng.random() < 0.05:
            kills -= 1
            busy = [p for p, w in n.workers.items() if w.ready and w.queue]
            if busy and rng.random() < 0.6:
                n.kill_process(rng.choice(busy))
            else:
                n.kill_host()
                n.start_host()
        elif not n.step():
            break
    n.run()
    assert n.counts[0] == total
    assert set(n.sealed) == set(range(total))
    killers = {m for m, k in poison.items() if k in ("raise", "die", "kill-host")}
    failed = {f.mini_batch for f in n.failures}
    assert killers <= failed
    assert n.counts[3] + n.counts[4] == 3 * total
