"""Plans of File input."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from parallelrun.api.errors import InputError, NoSpace, RunFolderError
from parallelrun.api.settings import OutputSettings, SubsetSettings
from parallelrun_agent.plan import make_plan, open_plan


def test_mini_batches_hold_so_many_files_in_natural_order(planner) -> None:
    planner.write({f"{number}.txt": "x" for number in range(25)})
    reader = planner.plan(planner.input(), size=10)
    assert (reader.kind, reader.total) == ("file", 3)
    assert planner.names(reader) == [
        [f"{number}.txt" for number in range(start, min(start + 10, 25))] for start in (0, 10, 20)
    ]
    assert [reader.items(index) for index in range(3)] == [10, 10, 5]
    assert reader.files(2) == [str(planner.root / f"{number}.txt") for number in range(20, 25)]
    assert reader.input_config() == {"kind": "file", "mode": "Mount", "table": None}


def test_a_mini_batch_never_holds_files_of_two_inputs(planner) -> None:
    planner.write(dict.fromkeys(("a/1", "a/2", "a/3", "b/1", "b/2"), ""))
    reader = planner.plan(planner.input("b", name="b"), planner.input("a", name="a"), size=2)
    assert planner.names(reader) == [["b/1", "b/2"], ["a/1", "a/2"], ["a/3"]]


def test_work_of_a_range_is_the_work_of_its_mini_batches(planner) -> None:
    planner.write({f"{number} é\n.txt": "" for number in range(30)})
    for size in (1, 7):
        reader = planner.plan(planner.input(), size=size)
        alone = [work for index in range(reader.total) for work in reader.work(index, index + 1)]
        assert reader.work(0, reader.total) == alone
        assert reader.work(2, 5) == alone[2:5]
        assert reader.work(3, 3) == []
        assert json.loads(json.dumps(alone)) == alone
    with pytest.raises(IndexError):
        reader.work(0, reader.total + 1)


def test_a_name_of_any_bytes_reaches_the_worker(planner) -> None:
    name = os.fsdecode(b"\xff\xfe'\".txt")
    planner.write({name: "x"})
    (work,) = planner.plan(planner.input()).work(0, 1)
    (path,) = json.loads(json.dumps(work))[1]
    assert Path(path).read_text() == "x"


def test_the_same_input_gives_the_same_plan_wherever_it_is_made(planner, tmp_path) -> None:
    planner.write({"a": "1", "b": "2"})
    settings = planner.settings(planner.input())
    first = make_plan(settings, tmp_path / "one")
    assert make_plan(settings, tmp_path / "two") == first
    assert make_plan(settings, tmp_path / "one") == first
    assert os.listdir(tmp_path / "one") == [f"plan-{first.sha256}"]


def test_every_change_of_a_file_changes_both_hashes(planner) -> None:
    planner.write({"a": "1", "b": "2"})
    plans = [make_plan(planner.settings(planner.input()), planner.folder)]

    def again() -> None:
        plans.append(make_plan(planner.settings(planner.input()), planner.folder))

    planner.write({"b": "22"})
    again()
    os.utime(planner.root / "b", ns=(1, 1))
    again()
    planner.write({"c": ""})
    again()
    (planner.root / "c").rename(planner.root / "d")
    again()
    assert len({plan.sha256 for plan in plans}) == len(plans)
    assert len({plan.input_sha256 for plan in plans}) == len(plans)


def test_a_setting_changes_the_plan_but_not_the_input(planner) -> None:
    planner.write({"a": "1", "b": "2"})
    one, two = (make_plan(planner.settings(planner.input(), size=size), planner.folder) for size in (1, 2))
    assert one.sha256 != two.sha256
    assert one.input_sha256 == two.input_sha256


def test_an_empty_input_is_no_success(planner) -> None:
    with pytest.raises(InputError, match="allowEmpty"):
        planner.plan(planner.input())
    assert list(planner.folder.iterdir()) == [], "what was begun is cleaned up"


def test_an_input_that_may_be_empty_gives_an_empty_plan(planner) -> None:
    reader = planner.plan(planner.input("*.png", allow_empty=True))
    assert (reader.total, reader.work(0, 0)) == (0, [])


def test_a_job_with_one_empty_input_that_may_be_and_one_that_has_files_runs(planner) -> None:
    planner.write({"a": "1"})
    reader = planner.plan(planner.input("*.png", allow_empty=True), planner.input("a", name="b"))
    assert planner.names(reader) == [["a"]]


def test_a_job_of_files_and_tables_is_refused(planner) -> None:
    planner.write({"a.csv": "x\n1\n"})
    with pytest.raises(InputError, match="input 't' is a table and input 'in' is files"):
        planner.plan(planner.input(), planner.input(type="Tabular", name="t"))


def test_files_by_key_are_grouped_in_natural_order_of_the_key(planner) -> None:
    planner.write({f"{store}/{brand}.csv": "" for store in (10, 9) for brand in ("b", "a")})
    planner.write({"x/9/a.csv": ""})
    reader = planner.plan(planner.input(partition_format="{Store}/{Brand}.csv"), keys=("Store",))
    assert planner.names(reader) == [["9/a.csv", "9/b.csv", "x/9/a.csv"], ["10/a.csv", "10/b.csv"]]
    assert [work[2] for work in reader.work(0, 2)] == [{"Store": "9"}, {"Store": "10"}]
    assert reader.items(0) == 3
    by_both = planner.plan(planner.input(partition_format="{Store}/{Brand}.csv"), keys=("Brand", "Store"))
    assert [tuple(work[2].values()) for work in by_both.work(0, 4)] == [
        ("a", "9"),
        ("a", "10"),
        ("b", "9"),
        ("b", "10"),
    ]


def test_an_unknown_key_names_the_nearest(planner) -> None:
    planner.write({"1/a.csv": ""})
    with pytest.raises(InputError, match=r"'store' is not in the .*\n.*Did you mean 'Store'\?"):
        planner.plan(planner.input(partition_format="{Store}/{Brand}.csv"), keys=("store",))
    with pytest.raises(InputError, match="set partitionFormat"):
        planner.plan(planner.input(), keys=("Store",))


def test_a_folder_that_is_not_a_whole_plan_says_so(planner) -> None:
    planner.write({"a": "1"})
    plan = make_plan(planner.settings(planner.input()), planner.folder)
    (planner.folder / f"plan-{plan.sha256}" / "files.arrow").write_bytes(b"ARROW1")
    with pytest.raises(RunFolderError, match="is not a whole plan"):
        open_plan(planner.folder, plan.sha256)
    with pytest.raises(RunFolderError, match="is not a whole plan"):
        open_plan(planner.folder, "0" * 64)


def test_inputs_of_different_modes_are_refused(planner) -> None:
    planner.write({"a": "1", "b": "2"})
    with pytest.raises(InputError, match="input 'b' has mode Direct, but input 'in' Mount"):
        planner.plan(planner.input("a"), planner.input("b", name="b", mode="Direct"))


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, NoSpace), (errno.EROFS, RunFolderError)])
def test_a_folder_that_cannot_be_written_is_said_so(planner, monkeypatch, number: int, kind: type) -> None:
    planner.write({"a": "1"})

    def full(*_args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(kind, match=str(planner.folder)):
        planner.plan(planner.input())
    assert list(planner.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["_OWNER", "_SUCCESS", "parallel_run_step.txt"])
def test_the_jobs_own_output_is_not_taken_for_input(planner, tmp_path, name: str) -> None:
    """Else the next run of the same job would read what this one wrote."""
    planner.write({"a.txt": "1", name: "x"})
    own = OutputSettings(path=str(planner.root))
    with pytest.raises(InputError, match=f"{name} belongs to the job's own output"):
        make_plan(replace(planner.settings(planner.input()), output=own), tmp_path / "plans")


def test_an_output_beside_the_input_is_fine_where_the_input_leaves_it_out(planner, tmp_path) -> None:
    planner.write({"a.txt": "1", "_OWNER": "x", "parallel_run_step.txt": "x"})
    own = OutputSettings(path=str(planner.root))
    one = replace(planner.input(), subset=SubsetSettings(exclude=["_*", "parallel_run_step.txt"]))
    assert make_plan(replace(planner.settings(one), output=own), tmp_path / "plans").total == 1
