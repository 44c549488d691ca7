"""A job's end, as the agent that is granted it goes through it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from written_job import Written, data_file, failed, flip, header, settings, write_job

from parallelrun.api.errors import OutputError
from parallelrun.leases.allocator import Counts
from parallelrun.leases.header import Phase
from parallelrun_agent.output import durable, finalize, owner
from parallelrun_agent.output.payloads import CorruptRecord


def finished(folder: Path) -> Path:
    return write_job(
        folder,
        {
            "0-a-0-0": [Written(0, b"zero\n", items=2, returned=2), Written(3, b"three\n", items=2, returned=1)],
            "0-a-1-0": [Written(1, b"one\n", try_number=2)],
            "0-a-agent-0": [failed(2, b'{"error": "ValueError: no", "kind": "raised", "process": 1}', try_number=3)],
        },
    )


def committed(folder: Path, total: int = 4, epoch: int = 9, **output: object) -> dict[str, object]:
    prepared = finalize.prepare(folder, total)
    assert prepared.missing == []
    short = finalize.commit(folder, settings(**output), header(total, Phase.COMMITTING, prepared.sha256, epoch))
    assert not (folder / "_SUCCESS").exists(), "it comes last"
    finalize.succeed(folder, settings(**output))
    return short


def test_a_finished_job_gets_its_output_its_result_and_success_last(tmp_path: Path) -> None:
    finished(tmp_path)
    short = committed(tmp_path)
    result = json.loads((tmp_path / "job_result.json").read_text())
    assert (tmp_path / "parallel_run_step.txt").read_text() == "zero\none\nthree\n"
    assert result["miniBatches"] == {"total": 4, "completed": 4, "failed": 1, "retried": 2}
    assert result["items"] == {"total": 6, "succeeded": 4, "failed": 2}
    assert result["nodes"] == {"node000": 4}
    assert result["processes"] == {"node000/process000": 2, "node000/process001": 1}
    assert [e["error"] for e in result["firstErrors"]] == ["ValueError: no"]
    assert short["output"] == result["output"]
    files = [tmp_path / name for name in ("parallel_run_step.txt", "job_result.json", "_SUCCESS")]
    assert sorted(files, key=lambda path: path.stat().st_mtime_ns) == files


def test_prepare_counts_what_the_table_holds(tmp_path: Path) -> None:
    finished(tmp_path)
    assert finalize.prepare(tmp_path, 4).counts == Counts(4, 1, 2, 4, 2)


def test_a_successor_repeats_the_commit_with_the_same_bytes(tmp_path: Path) -> None:
    finished(tmp_path)
    first = committed(tmp_path)
    output = (tmp_path / "parallel_run_step.txt").read_bytes()
    write_job(tmp_path, {"9-z-0-0": [Written(0, b"a thawed node's late word\n", epoch=99)]})
    frozen = header(4, Phase.COMMITTING, json.loads((tmp_path / "job_result.json").read_text())["winners"], epoch=10)
    again = finalize.commit(tmp_path, settings(), frozen)
    assert (tmp_path / "parallel_run_step.txt").read_bytes() == output
    assert again["output"] == first["output"]


def keep_done(folder: Path) -> None:
    """What the one who finished does, before the header itself says Done."""
    done = header(4, Phase.DONE).to_json()
    (folder / "header.json").write_text(json.dumps(done))


@pytest.mark.parametrize("path", [None, "out"])
def test_who_thaws_after_another_has_finished_leaves_its_success(tmp_path: Path, path: str | None) -> None:
    job = settings(path=path and str(tmp_path / path))
    finished(tmp_path / "job")
    prepared = finalize.prepare(tmp_path / "job", 4)
    frozen = header(4, Phase.COMMITTING, prepared.sha256, epoch=9)
    committed(tmp_path / "job", path=job.output.path, epoch=10)
    keep_done(tmp_path / "job")
    finalize.commit(tmp_path / "job", job, frozen)
    assert (tmp_path / "job" / "_SUCCESS").exists()
    assert (tmp_path / (path or "job") / "_SUCCESS").exists()


def test_who_was_frozen_between_looking_and_removing_puts_success_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_SUCCESS").touch()
    remove = durable.remove

    def thaw(path: Path) -> None:
        keep_done(tmp_path)
        remove(path)

    monkeypatch.setattr(durable, "remove", thaw)
    owner.clear_success(tmp_path, lambda: owner.is_done(tmp_path, "uid-1"))
    assert (tmp_path / "_SUCCESS").exists()


@pytest.mark.parametrize(
    ("uid", "phase", "is_done"),
    [("uid-1", Phase.DONE, True), ("uid-2", Phase.DONE, False), ("uid-1", Phase.COMMITTING, False)],
)
def test_a_job_is_done_if_its_own_header_says_so(tmp_path: Path, uid: str, phase: Phase, is_done: bool) -> None:
    assert not owner.is_done(tmp_path, uid)
    (tmp_path / "header.json").write_text(json.dumps(header(4, phase).to_json()))
    assert owner.is_done(tmp_path, uid) is is_done


def test_missing_results_are_told_as_ranges_and_no_table_is_frozen(tmp_path: Path) -> None:
    finished(tmp_path)
    prepared = finalize.prepare(tmp_path, 7)
    assert (prepared.missing, prepared.sha256) == ([(4, 7)], "")
    assert not list(tmp_path.glob("winners-*"))


def test_a_damaged_winner_gives_way_to_another_success(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-a-0-0": [Written(0, b"same\n", epoch=1)], "1-b-0-0": [Written(0, b"same\n", epoch=2)]})
    flip(data_file(tmp_path, "1-b-0-0"), 0)
    prepared = finalize.prepare(tmp_path, 1)
    assert prepared.missing == []
    assert [(c.mini_batch, c.segment) for c in prepared.corrupt] == [(0, "1-b-0-0")]
    finalize.commit(tmp_path, settings(), header(1, Phase.COMMITTING, prepared.sha256))
    assert (tmp_path / "parallel_run_step.txt").read_text() == "same\n"


def test_all_damaged_records_of_a_mini_batch_reopen_it_and_tell_what_it_had_counted_for(tmp_path: Path) -> None:
    write_job(
        tmp_path,
        {
            "0-a-0-0": [Written(0), Written(1, b"one\n", epoch=1, items=5, returned=5)],
            "1-b-0-0": [Written(1, b"one\n", epoch=2, items=5, returned=4, try_number=2)],
        },
    )
    flip(data_file(tmp_path, "0-a-0-0"), 2)
    flip(data_file(tmp_path, "1-b-0-0"), 0)
    prepared = finalize.prepare(tmp_path, 4)
    assert prepared.missing == [(1, 4)]
    assert prepared.uncount(1, 4) == Counts(completed=3, retried=1, items_succeeded=4, items_failed=1)
    assert prepared.uncount(2, 4) == Counts(completed=2)


@pytest.mark.parametrize(("failure_epoch", "missing"), [(1, [(0, 1)]), (2, [(0, 1)]), (3, [])])
def test_a_damaged_success_makes_no_failure_unless_it_ran_again_since(
    tmp_path: Path, failure_epoch: int, missing: list[tuple[int, int]]
) -> None:
    write_job(tmp_path, {"0-a-0-0": [Written(0, epoch=2)], "0-a-agent-0": [failed(0, epoch=failure_epoch)]})
    flip(data_file(tmp_path, "0-a-0-0"), 0)
    assert finalize.prepare(tmp_path, 1).missing == missing


def test_a_reopened_mini_batch_that_ran_again_ends_the_matter(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-a-0-0": [Written(0, epoch=2)]})
    flip(data_file(tmp_path, "0-a-0-0"), 0)
    assert finalize.prepare(tmp_path, 1).missing == [(0, 1)]
    write_job(tmp_path, {"0-b-0-0": [Written(0, b"again\n", epoch=3)]})
    committed(tmp_path, 1)
    assert (tmp_path / "parallel_run_step.txt").read_text() == "again\n"


def test_corruption_after_the_table_was_frozen_fails_the_commit_by_name(tmp_path: Path) -> None:
    finished(tmp_path)
    prepared = finalize.prepare(tmp_path, 4)
    flip(data_file(tmp_path, "0-a-1-0"), 0)
    with pytest.raises(CorruptRecord, match="mini-batch 1"):
        finalize.commit(tmp_path, settings(), header(4, Phase.COMMITTING, prepared.sha256))
    assert not (tmp_path / "_SUCCESS").exists()
    assert not (tmp_path / "parallel_run_step.txt").exists()


def test_an_output_folder_gets_the_output_and_its_own_success(tmp_path: Path) -> None:
    finished(tmp_path / "job")
    committed(tmp_path / "job", path=str(tmp_path / "out"), file_name="scores.txt")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["_OWNER", "_SUCCESS", "scores.txt"]
    assert (tmp_path / "job" / "_SUCCESS").exists()


def test_another_jobs_output_folder_is_refused(tmp_path: Path) -> None:
    finished(tmp_path / "job")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_OWNER").write_text("default/iris\n")
    with pytest.raises(OutputError, match="default/iris"):
        committed(tmp_path / "job", path=str(tmp_path / "out"))
    assert not (tmp_path / "job" / "_SUCCESS").exists()


def test_an_aborted_job_gets_its_reports_and_no_output(tmp_path: Path) -> None:
    finished(tmp_path)
    aborted = header(10, Phase.ABORTED)
    from dataclasses import replace

    result = finalize.report_aborted(
        tmp_path, settings(), replace(aborted, reason="ErrorThresholdExceeded", message="2 items failed")
    )
    assert (result["status"], result["reason"], result["output"]) == ("Failed", "ErrorThresholdExceeded", None)
    assert result["miniBatches"] == {"total": 10, "completed": 4, "failed": 1, "retried": 2}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job_result.json", "logs", "segments"]


def test_a_job_aborted_before_it_had_a_plan_is_reported(tmp_path: Path) -> None:
    from dataclasses import replace

    result = finalize.report_aborted(
        tmp_path, settings(), replace(header(1, Phase.ABORTED), plan=None, reason="InputError")
    )
    assert result["miniBatches"] == {"total": None, "completed": 0, "failed": 0, "retried": 0}


def test_segments_that_are_not_kept_go_after_done(tmp_path: Path) -> None:
    finished(tmp_path)
    committed(tmp_path, keep_segments=False)
    assert (tmp_path / "segments").is_dir()  # a successor may still have to merge again
    (tmp_path / "winners.tmp-left").touch()
    finalize.clean_up(tmp_path, settings(keep_segments=False).output)
    assert not (tmp_path / "segments").exists()
    assert not (tmp_path / "winners.tmp-left").exists()
    assert (tmp_path / "parallel_run_step.txt").read_text() == "zero\none\nthree\n"
