"""Reading the index of segments."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_job import Written, data_file, failed, flip, index_file, write_job

from parallelrun.api import layout
from parallelrun_agent.output.record_crc import record_crcs
from parallelrun_agent.output.segments import best_records, list_segments, read_index, segment_path
from parallelrun_worker.segment import RECORD_SIZE

NAME = "0-pod-a-0-0"


def numbers(folder: Path, name: str = NAME) -> list[int]:
    return read_index(segment_path(folder, name))["mini_batch"].tolist()


def three(folder: Path) -> Path:
    return write_job(folder, {NAME: [Written(n, b"payload %d\n" % n) for n in range(3)]})


@given(st.lists(st.binary(min_size=64, max_size=64), min_size=1, max_size=40), st.integers(1, 64))
def test_the_crc_of_many_records_is_the_crc_of_each(rows: list[bytes], size: int) -> None:
    array = numpy.frombuffer(b"".join(rows), dtype=numpy.uint8).reshape(-1, 64)
    assert record_crcs(array, size).tolist() == [zlib.crc32(row[:size]) for row in rows]


def test_crcs_are_right_across_the_blocks_that_they_are_computed_in() -> None:
    array = numpy.random.default_rng(1).integers(0, 256, (40_000, 64), dtype=numpy.uint8)
    assert record_crcs(array, 56).tolist() == [zlib.crc32(bytes(row[:56])) for row in array]


@pytest.mark.parametrize("cut", [1, 17, RECORD_SIZE - 1])
def test_a_torn_tail_is_cut(tmp_path: Path, cut: int) -> None:
    three(tmp_path)
    path = index_file(tmp_path, NAME)
    path.write_bytes(path.read_bytes()[:-cut])
    assert numbers(tmp_path) == [0, 1]


@pytest.mark.parametrize("position", range(RECORD_SIZE))
def test_a_flipped_byte_loses_its_record_and_no_other(tmp_path: Path, position: int) -> None:
    three(tmp_path)
    flip(index_file(tmp_path, NAME), RECORD_SIZE + position)
    assert numbers(tmp_path) == [0, 2]


def test_a_record_beyond_the_end_of_the_data_is_not_sound(tmp_path: Path) -> None:
    three(tmp_path)
    path = data_file(tmp_path, NAME)
    path.write_bytes(path.read_bytes()[:-1])
    assert numbers(tmp_path) == [0, 1]


def test_a_segment_without_its_data_has_no_records(tmp_path: Path) -> None:
    three(tmp_path)
    data_file(tmp_path, NAME).unlink()
    assert numbers(tmp_path) == []


def test_a_tail_of_zeros_as_some_file_systems_leave_after_a_crash_is_no_record(tmp_path: Path) -> None:
    three(tmp_path)
    path = index_file(tmp_path, NAME)
    path.write_bytes(path.read_bytes() + bytes(3 * RECORD_SIZE))
    assert numbers(tmp_path) == [0, 1, 2]


def test_segments_are_listed_by_name_and_a_job_that_wrote_none_has_none(tmp_path: Path) -> None:
    assert list_segments(tmp_path) == []
    write_job(tmp_path, {"1-b-0-0": [], "0-a-0-0": []})
    assert list_segments(tmp_path) == ["0-a-0-0", "1-b-0-0"]


def test_best_records_are_those_of_the_named_holders_in_the_range(tmp_path: Path) -> None:
    write_job(
        tmp_path,
        {
            "0-pod-a-0-0": [Written(4, epoch=1), Written(2, epoch=1), Written(9, epoch=1)],
            "0-pod-b-agent-0": [failed(2, epoch=7), failed(3, epoch=7)],
            "1-pod-c-0-0": [Written(2, epoch=9), Written(5, epoch=9)],
        },
    )
    best = best_records(tmp_path, {"pod-a", "pod-b"}, 2, 6)
    assert best[["mini_batch", "status", "epoch"]].tolist() == [(2, 1, 1), (3, 0, 7), (4, 1, 1)]


def test_best_records_leave_out_damaged_payloads_unless_told_not_to_look(tmp_path: Path) -> None:
    three(tmp_path)
    flip(data_file(tmp_path, NAME), len("payload 0\n") + 1)
    assert best_records(tmp_path, {"pod-a"}, 0, 3)["mini_batch"].tolist() == [0, 2]
    assert best_records(tmp_path, {"pod-a"}, 0, 3, check_payloads=False)["mini_batch"].tolist() == [0, 1, 2]


def test_a_failure_that_a_damaged_success_made_up_for_is_not_final(tmp_path: Path) -> None:
    """Else the mini-batch would count as failed, where it only has to be run again."""
    write_job(
        tmp_path,
        {
            "0-a-0-0": [failed(0, epoch=1), failed(1, epoch=3)],
            "0-b-0-0": [Written(0, b"good\n", epoch=2), Written(1, b"good\n", epoch=2)],
        },
    )
    for position in (0, 5):
        flip(data_file(tmp_path, "0-b-0-0"), position)
    assert best_records(tmp_path, {"a", "b"}, 0, 2)[["mini_batch", "status"]].tolist() == [(1, 0)]


def test_a_segment_that_cannot_be_read_counts_as_not_there(tmp_path: Path) -> None:
    three(tmp_path)
    write_job(tmp_path, {"0-pod-b-0-0": [Written(1)]})
    path = index_file(tmp_path, NAME)
    path.unlink()
    path.mkdir()
    assert (tmp_path / layout.SEGMENTS).is_dir()
    assert best_records(tmp_path, {"pod-a", "pod-b"}, 0, 3)["mini_batch"].tolist() == [1]
