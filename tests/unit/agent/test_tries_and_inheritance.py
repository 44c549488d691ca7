"""What one holder leaves and the next one finds: spent tries, suspects, sealed records."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from parallelrun.api import layout
from parallelrun_agent.inheritance import inherit, remembered
from parallelrun_agent.slots import Slots, left_behind
from parallelrun_agent.tries import TriesFile, read_tries
from parallelrun_worker.segment import FAILED, SUCCEEDED, Writer
from parallelrun_worker.wire import IDLE, RUNNING, SLOT


def segment(folder: Path, holder: str, records: list[tuple[int, int, int, int]], process: str = "0") -> None:
    """``records``: (mini-batch, epoch, try, status), of 2 items each."""
    (folder / layout.SEGMENTS).mkdir(exist_ok=True)
    writer = Writer(str(folder / layout.SEGMENTS / layout.segment_name(0, holder, process, 0)))
    for mini_batch, epoch, try_number, status in records:
        writer.add(b"x\n", mini_batch, epoch, try_number, status, 2, 2 if status else 0, 1, 0.1)
    writer.flush()
    writer.close()


def running(path: Path, mini_batch: int, process: int = 0) -> None:
    """As a process leaves its slot when it dies in run()."""
    with path.open("r+b") as file:
        view = mmap.mmap(file.fileno(), 0)
        SLOT.pack_into(view, process * SLOT.size, RUNNING, 1, mini_batch, 12.5, 2, 1)
        view.flush()


def test_a_file_of_tries_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert read_tries(tmp_path / "none.jsonl") == ({}, set())


def test_tries_read_as_they_were_charged_and_a_torn_last_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "t" / "0-a.jsonl"
    tries = TriesFile(path)
    tries.charged(4, 1)
    tries.charged(4, 2)
    tries.charged(9, 1)
    with path.open("ab") as file:
        file.write(b'{"charged": 1')
    assert read_tries(path) == ({4: 2, 9: 1}, set())


def test_a_suspect_that_was_started_alone_and_never_ended_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "0-a.jsonl"
    tries = TriesFile(path)
    tries.alone(1)
    tries.survived(1)
    tries.alone(2)
    tries.charged(2, 1)
    tries.alone(3)
    assert read_tries(path) == ({2: 1}, {3})


def test_slots_survive_their_holder(tmp_path: Path) -> None:
    path = layout.slots_file(tmp_path, 0, "a")
    slots = Slots(path, 3)
    assert [slot.state for slot in slots.read_all()] == [IDLE] * 3
    running(path, 41, process=1)
    assert slots.read(1).mini_batch == 41
    assert [slot.mini_batch for slot in left_behind(path)] == [41]


def test_without_former_holders_nothing_is_inherited(tmp_path: Path) -> None:
    found = inherit(tmp_path, (), 0, 10, 3, 0)
    assert (found.finished, found.counts, found.charged, found.suspects) == (None, (0, 0, 0, 0, 0), None, ())


def test_a_claimant_finds_what_is_sealed_what_was_charged_and_what_was_running(tmp_path: Path) -> None:
    segment(tmp_path, "a-b", [(2, 5, 1, SUCCEEDED), (3, 5, 2, SUCCEEDED), (30, 5, 1, SUCCEEDED)])
    segment(tmp_path, "a-b", [(4, 5, 3, FAILED)], process="agent")
    segment(tmp_path, "other", [(5, 9, 1, SUCCEEDED)])
    tries = TriesFile(layout.tries_file(tmp_path, 0, "a-b"))
    tries.charged(3, 1)
    tries.charged(6, 2)
    path = layout.slots_file(tmp_path, 0, "a-b")
    Slots(path, 1)
    running(path, 7)
    found = inherit(tmp_path, ("a-b",), 2, 10, 3, 0)
    assert found.finished == bytes([1, 1, 1, 0, 0, 0, 0, 0])
    assert found.counts == (3, 1, 2, 4, 2)
    assert found.charged == {6: 2}
    assert list(found.suspects) == [7]


def test_a_rerun_takes_successes_of_earlier_epochs_and_not_their_failures(tmp_path: Path) -> None:
    segment(tmp_path, "a", [(0, 5, 1, SUCCEEDED)])
    segment(tmp_path, "a", [(1, 5, 3, FAILED)], process="agent")
    TriesFile(layout.tries_file(tmp_path, 0, "a")).charged(1, 3)
    found = inherit(tmp_path, ("a",), 0, 2, 3, retry_failures_below=100)
    assert found.finished == bytes([1, 0])
    assert found.charged == {}, "its tries start anew"


def test_a_lone_run_that_took_its_holder_with_it_is_charged_to_the_mini_batch(tmp_path: Path) -> None:
    tries = TriesFile(layout.tries_file(tmp_path, 0, "a"))
    tries.charged(8, 1)
    tries.alone(8)
    os.sync()
    assert remembered(tmp_path, ("a",)) == ({8: 2}, {8})
