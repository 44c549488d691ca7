"""The table of winning records, against a model of a few lines of Python."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_job import Written, data_file, failed, flip, index_file, write_job

from parallelrun.api.errors import RunFolderError
from parallelrun.leases.allocator import Counts
from parallelrun_agent.output.payloads import Payloads
from parallelrun_agent.output.winners import Winners
from parallelrun_worker.segment import FAILED, RECORD_SIZE, SUCCEEDED

TOTAL = 8
NAMES = ["0-a-0-0", "0-a-1-0", "1-b-0-0", "1-b-agent-0"]

written = st.builds(
    Written,
    mini_batch=st.integers(0, TOTAL),  # one beyond the plan
    payload=st.binary(max_size=12),
    epoch=st.sampled_from([1, 2, 1 << 40]),
    try_number=st.integers(1, 3),
    status=st.sampled_from([SUCCEEDED, FAILED]),
    items=st.integers(0, 5),
    returned=st.integers(0, 6),
)


@dataclass
class Damage:
    """What happens to one segment after it was written; positions are taken modulo the file's size."""

    torn_index: int
    torn_data: int
    flipped: list[int]


damages = st.builds(
    Damage,
    torn_index=st.sampled_from([0, 0, 0, 1, 63, 64, 100]),
    torn_data=st.sampled_from([0, 0, 0, 1, 5]),
    flipped=st.lists(st.integers(0, 1 << 20), max_size=2),
)
schedules = st.lists(st.tuples(st.lists(written, max_size=12), damages), min_size=1, max_size=len(NAMES))


def damage(folder: Path, name: str, what: Damage) -> None:
    index, data = index_file(folder, name), data_file(folder, name)
    for position in what.flipped:
        if index.stat().st_size:
            flip(index, position % index.stat().st_size)
    index.write_bytes(index.read_bytes()[: max(0, index.stat().st_size - what.torn_index)])
    data.write_bytes(data.read_bytes()[: max(0, data.stat().st_size - what.torn_data)])


def survivors(records: list[Written], what: Damage) -> list[Written]:
    """Those whose record and payload bytes, by position, no damage touched."""
    offset, kept = 0, []
    data_end = max(0, sum(len(r.payload) for r in records) - what.torn_data)
    size = RECORD_SIZE * len(records)
    touched = [position % size // RECORD_SIZE for position in what.flipped] if size else []
    for place, record in enumerate(records):
        offset += len(record.payload)
        whole = RECORD_SIZE * (place + 1) <= size - what.torn_index
        # two flips of the same byte undo each other
        flips = [p % size for p in what.flipped] if size else []
        hit = touched.count(place) and not (len(flips) == 2 and flips[0] == flips[1])
        if whole and not hit and offset <= data_end:
            kept.append(record)
    return kept


def model(segments: list[list[Written]]) -> dict[int, Written]:
    """The winner of each mini-batch: success, then epoch, then try; the first one written where all are equal."""
    winners: dict[int, Written] = {}
    for records in segments:
        for new in records:
            old = winners.get(new.mini_batch)
            if new.mini_batch < TOTAL and (
                old is None or (new.status, new.epoch, new.try_number) > (old.status, old.epoch, old.try_number)
            ):
                winners[new.mini_batch] = new
    return winners


def payload(folder: Path, winners: Winners, mini_batch: int) -> bytes:
    row = winners.rows[mini_batch]
    data = data_file(folder, winners.segments[row["segment"]]).read_bytes()
    return data[int(row["offset"]) : int(row["offset"]) + int(row["length"])]


@settings(max_examples=60, deadline=None)
@given(schedules)
def test_winners_are_those_of_the_model_whatever_was_torn_or_flipped(
    schedule: list[tuple[list[Written], Damage]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_job(folder, {n: records for n, (records, _) in zip(NAMES, schedule, strict=False)})
        for segment, (_, what) in zip(NAMES, schedule, strict=False):
            damage(folder, segment, what)
        expected = model([survivors(records, what) for records, what in schedule])
        winners = Winners.build(folder, TOTAL)
        found = {
            m: (int(r["state"]) - 1, int(r["epoch"]), int(r["try_number"]), payload(folder, winners, m))
            for m, r in enumerate(winners.rows)
            if r["state"]
        }
        assert found == {m: (r.status, r.epoch, r.try_number, r.payload) for m, r in expected.items()}
        assert winners.totals() == counts(expected.values())
        missing = [m for start, stop in winners.missing() for m in range(start, stop)]
        assert missing == [m for m in range(TOTAL) if m not in expected]
        winners.close()


def counts(records: object) -> Counts:
    """Summed one by one."""
    total = Counts()
    for r in records:  # type: ignore[attr-defined]
        done = min(r.items, r.returned) if r.status == SUCCEEDED else 0
        total += Counts(1, int(r.status == FAILED), int(r.try_number > 1), done, r.items - done)
    return total


def test_of_equals_the_first_segment_by_name_wins(tmp_path: Path) -> None:
    write_job(tmp_path, {"1-b-0-0": [Written(0, b"b\n")], "0-a-0-0": [Written(0, b"a1\n"), Written(0, b"a2\n")]})
    winners = Winners.build(tmp_path, 1)
    assert payload(tmp_path, winners, 0) == b"a1\n"
    winners.close()


def test_an_excluded_record_gives_way_to_the_next_best(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-a-0-0": [Written(0, b"old\n", epoch=1)], "1-b-0-0": [Written(0, b"new\n", epoch=2)]})
    winners = Winners.build(tmp_path, 1, {("1-b-0-0", 0)})
    assert payload(tmp_path, winners, 0) == b"old\n"
    winners.close()


def test_missing_ranges_are_one_range_across_chunks(tmp_path: Path) -> None:
    total = 200_000
    write_job(tmp_path, {"0-a-0-0": [Written(3), Written(total - 1)]})
    winners = Winners.build(tmp_path, total)
    assert winners.missing() == [(0, 3), (4, total - 1)]
    winners.close()


def test_no_mini_batches_make_an_empty_table(tmp_path: Path) -> None:
    winners = Winners.build(tmp_path, 0)
    assert (winners.missing(), winners.totals(), len(winners)) == ([], Counts(), 0)
    sha256 = winners.save(tmp_path)
    winners.close()
    assert len(Winners.open(tmp_path, sha256)) == 0


def test_a_saved_table_is_named_by_its_hash_and_opens_as_it_was(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-a-0-0": [Written(0), Written(2)], "1-b-0-0": [failed(1)]})
    winners = Winners.build(tmp_path, 3)
    sha256 = winners.save(tmp_path)
    again = Winners.open(tmp_path, sha256)
    assert again.segments == winners.segments == ["0-a-0-0", "1-b-0-0"]
    assert again.rows.tolist() == winners.rows.tolist()
    assert again.sha256() == sha256
    winners.close()
    again.close()
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [f"winners-{sha256}"]


def test_the_hash_depends_on_winners_and_not_on_who_lost(tmp_path: Path) -> None:
    segments = {"0-a-0-0": [Written(0, epoch=2)], "2-c-0-0": [Written(1, epoch=2)]}
    hashes = []
    for place, losers in (("one", {}), ("two", {"1-b-0-0": [Written(0, epoch=1), Written(1, epoch=1)]})):
        winners = Winners.build(write_job(tmp_path / place, {**segments, **losers}), 2)
        hashes.append(winners.sha256())
        winners.close()
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("position", [0, 10, 64, 100, -1])
def test_a_damaged_table_is_refused(tmp_path: Path, position: int) -> None:
    write_job(tmp_path, {"0-a-0-0": [Written(0)]})
    winners = Winners.build(tmp_path, 1)
    sha256 = winners.save(tmp_path)
    winners.close()
    flip(tmp_path / f"winners-{sha256}", position)
    with pytest.raises(RunFolderError, match="damaged"):
        Winners.open(tmp_path, sha256)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="winners-abc"):
        Winners.open(tmp_path, "abc")


def test_a_table_that_was_not_saved_leaves_nothing_behind(tmp_path: Path) -> None:
    Winners.build(tmp_path, 5).close()
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(written, min_size=1, max_size=12), st.sets(st.integers(0, 200), max_size=3))
def test_verify_names_exactly_the_winners_whose_payload_was_changed(records: list[Written], flips: set[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = write_job(Path(name), {"0-a-0-0": records})
        path = data_file(folder, "0-a-0-0")
        size = path.stat().st_size
        positions = {p % size for p in flips} if size else set()
        for position in positions:
            flip(path, position)
        winners = Winners.build(folder, TOTAL)
        expected = [
            m
            for m, row in enumerate(winners.rows)
            if any(int(row["offset"]) <= p < int(row["offset"]) + int(row["length"]) for p in positions)
        ]
        with Payloads(folder, winners) as payloads:
            assert [c.mini_batch for c in payloads.verify()] == expected
        winners.close()


def test_verify_tells_a_segment_that_went_away_after_it_was_read(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-a-0-0": [Written(0), Written(2)], "1-b-0-0": [Written(1)]})
    winners = Winners.build(tmp_path, 3)
    data_file(tmp_path, "0-a-0-0").unlink()
    with Payloads(tmp_path, winners) as payloads:
        assert [(c.mini_batch, c.problem) for c in payloads.verify()] == [(0, "cannot be read"), (2, "cannot be read")]
    winners.close()
