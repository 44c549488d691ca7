"""Reading a run's folder: done, aborted, killed, copied elsewhere."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from written_job import Written, failed, header, settings, write_job

from parallelrun.api.errors import RunFolderError
from parallelrun.leases.header import Phase
from parallelrun_agent.output import finalize
from parallelrun_agent.report.failures import failure_payload
from parallelrun_agent.report.reading import RunReport


def killed(folder: Path) -> Path:
    payload = failure_payload("raised", "ValueError: no", ["2.png"], 0)
    return write_job(
        folder,
        {
            "0-a-0-0": [Written(0), Written(3)],
            "1-b-0-0": [Written(1)],
            "0-a-agent-0": [failed(2, payload, try_number=3)],
        },
    )


def done(folder: Path, **output: object) -> Path:
    killed(folder)
    prepared = finalize.prepare(folder, 4)
    finalize.commit(folder, settings(**output), header(4, Phase.COMMITTING, prepared.sha256))
    finalize.clean_up(folder, settings(**output).output)
    return folder


def told(report: RunReport) -> list[tuple[int, str, list[str]]]:
    return [(f.mini_batch, f.error, f.files) for f in report.failures()]


@pytest.mark.parametrize("make", [killed, done])
def test_a_copied_folder_tells_of_its_mini_batches_and_is_left_as_it_is(tmp_path: Path, make: object) -> None:
    shutil.move(make(tmp_path / "run"), tmp_path / "copy")  # type: ignore[operator]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "copy").rglob("*")}
    report = RunReport(tmp_path / "copy")
    assert [m.mini_batch for m in report.mini_batches()] == [0, 1, 2, 3]
    assert [m.mini_batch for m in report.mini_batches(failed=True)] == [2]
    assert [m.mini_batch for m in report.mini_batches(failed=False, node=0)] == [0, 3]
    assert [m.node for m in report.mini_batches(mini_batch=1)] == ["node001"]
    assert told(report) == [(2, "ValueError: no", ["2.png"])]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "copy").rglob("*")} == before


def test_one_failure_is_found_by_its_mini_batch(tmp_path: Path) -> None:
    report = RunReport(killed(tmp_path))
    failure = report.failure(2)
    assert failure is not None
    assert failure.tries == 3
    assert report.failure(1) is None


def test_without_segments_failures_come_from_the_list(tmp_path: Path) -> None:
    report = RunReport(done(tmp_path, keep_segments=False))
    assert told(report) == [(2, "ValueError: no", [])]
    assert [m.mini_batch for m in report.mini_batches()] == [0, 1, 2, 3]


def test_a_run_that_went_on_after_it_was_aborted_shows_what_it_did_since(tmp_path: Path) -> None:
    killed(tmp_path)
    finalize.report_aborted(tmp_path, settings(), replace(header(6, Phase.ABORTED), reason="Cancelled"))
    write_job(tmp_path, {"0-c-0-0": [Written(2, epoch=1 << 40), Written(4, epoch=1 << 40)]})
    report = RunReport(tmp_path)
    assert [m.mini_batch for m in report.mini_batches()] == [0, 1, 2, 3, 4]
    assert told(report) == []


def test_the_result_is_there_once_the_run_has_ended(tmp_path: Path) -> None:
    assert RunReport(killed(tmp_path / "a")).result() is None
    result = RunReport(done(tmp_path / "b")).result()
    assert result is not None
    assert result["status"] == "Complete"


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "job_result.json").write_text("{")
    with pytest.raises(RunFolderError, match="job_result"):
        RunReport(tmp_path).result()


def test_a_damaged_list_is_named(tmp_path: Path) -> None:
    done(tmp_path)
    (tmp_path / "logs/processed_mini-batches.csv").write_text("what\n")
    with pytest.raises(RunFolderError, match="processed mini-batches"):
        list(RunReport(tmp_path).mini_batches())


def test_logs_are_those_that_are_there(tmp_path: Path) -> None:
    assert RunReport(done(tmp_path)).logs() == {"mini-batches": tmp_path / "logs/processed_mini-batches.csv"}


def test_an_empty_folder_has_nothing_to_tell(tmp_path: Path) -> None:
    report = RunReport(tmp_path)
    assert (report.result(), list(report.failures()), list(report.mini_batches()), report.logs()) == (None, [], [], {})
