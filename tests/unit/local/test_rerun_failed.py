"""A run again in a new folder, with what succeeded in the earlier one, or from the start."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parallelrun.api import layout
from parallelrun.api.errors import InputChanged, ParallelRunError, RunFolderError
from parallelrun.leases import header as headers
from parallelrun.local import prepare, rerun, run_folder

PLAN = headers.Plan("abc", 12, "def")


@pytest.fixture
def base(site: Any) -> prepare.Prepared:
    """A run that is done, with a plan and a segment."""
    run: prepare.Prepared = site.prepare(
        outputs=[{"name": "trained", "path": "trained"}], arguments=["$(outputs.trained)"]
    )
    for name in (f"{layout.PLAN_PREFIX}{PLAN.sha256}", layout.SEGMENTS, layout.TRIES):
        (run.folder / name).mkdir()
        (run.folder / name / "file").write_bytes(name.encode())
    (run.folder / layout.SCHEMA).write_text("{}")
    (run.folder / layout.SUCCESS).write_text("")
    (run.folder / "trained" / "old").write_text("")
    set_header(run, phase=headers.Phase.DONE, plan=PLAN, open_shards=0, winners="w", reported=True, result={"a": 1})
    return run


def set_header(run: prepare.Prepared, **fields: Any) -> None:
    run_folder.write_json(run.folder, layout.HEADER, replace(run.header, **fields).to_json())


def again(run: prepare.Prepared, *sets: str, **options: Any) -> prepare.Prepared:
    prepared = rerun.prepare_rerun(run.folder, None, sets, **options)
    prepared.lock.close()
    return prepared


def test_a_rerun_plans_again_under_higher_epochs_and_must_find_the_same_plan(base: prepare.Prepared) -> None:
    header = again(base).header
    assert (header.phase, header.generation, header.plan) == (headers.Phase.PLANNING, 2, PLAN)
    assert header.open_shards == 1
    assert header.winners is None
    assert header.result == {}
    assert not header.reported
    assert header.job_uid != base.header.job_uid


def test_failures_of_the_earlier_run_are_below_the_line_and_its_own_are_not(base: prepare.Prepared) -> None:
    run = again(base)
    assert run.settings.retry_failures_below == 2 << headers.GENERATION_SHIFT == run.header.epoch
    assert run.settings.uid == run.header.job_uid
    set_header(run, plan=PLAN)
    assert again(run).settings.retry_failures_below == 3 << headers.GENERATION_SHIFT


def test_results_are_linked_and_all_else_is_new(base: prepare.Prepared) -> None:
    run = again(base)
    for name in (layout.PLAN_PREFIX + PLAN.sha256, layout.SEGMENTS, layout.TRIES):
        assert os.path.samefile(run.folder / name / "file", base.folder / name / "file")
    assert (run.folder / layout.SCHEMA).exists()
    assert not (run.folder / layout.SUCCESS).exists()
    assert run.settings.arguments == [f"{run.folder}/trained"]
    assert os.listdir(run.folder / "trained") == []
    assert run.settings.inputs == base.settings.inputs


def test_where_links_fail_results_are_copied(base: prepare.Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    run = again(base)
    file = run.folder / layout.SEGMENTS / "file"
    assert file.read_bytes() == b"segments"
    assert file.stat().st_nlink == 1


def test_settings_may_change_but_not_what_the_results_were_made_with(base: prepare.Prepared) -> None:
    assert again(base, "spec.runMaxTry=7", "spec.nodeCount=2").settings.run_max_try == 7
    with pytest.raises(InputChanged, match=r"spec.miniBatchSize was nothing, now 5: rerun --failed keeps"):
        again(base, "spec.miniBatchSize=5")
    with pytest.raises(InputChanged, match=r'spec.output.format was "Text", now "CSV"'):
        again(base, "spec.output.format=CSV")
    assert again(base, "spec.miniBatchSize=5", failed_only=False).settings.mini_batch_size == 5


def test_the_script_that_was_run_is_run_again_unless_another_is_given(site: Any, base: prepare.Prepared) -> None:
    (base.folder / layout.SOURCE / "made-by-script").write_text("")
    (site.base / "code" / "score.py").write_text("def run(b): return []\n")
    said: list[str] = []
    run = again(base, say=said.append)
    assert run.settings.source_hash == base.settings.source_hash
    assert sorted(os.listdir(run.folder / layout.SOURCE)) == ["helper.py", "score.py"]
    assert "return mini_batch" in (run.folder / layout.SOURCE / "score.py").read_text()
    assert len(said) == 1
    assert "score.py has changed" in said[0]
    assert "--source" in said[0]
    fixed = again(base, source=site.base / "code")
    assert "return []" in (fixed.folder / layout.SOURCE / "score.py").read_text()
    assert fixed.settings.source_hash != base.settings.source_hash


def test_a_changed_side_input_is_said_and_an_unchanged_one_is_not(site: Any) -> None:
    side_inputs = [{"name": "labels", "path": "labels.txt"}, {"name": "tiny", "path": "configmap://tiny"}]
    document = {"kind": "ConfigMap", "metadata": {"name": "tiny"}, "data": {"x": "1"}}
    run = site.prepare(document, sideInputs=side_inputs)
    for name in ("plan-abc", layout.SEGMENTS):
        (run.folder / name).mkdir()
    set_header(run, plan=PLAN)
    said: list[str] = []
    again(run, say=said.append)
    assert said == []
    (site.base / "labels.txt").write_text("other")
    again(run, say=said.append)
    assert len(said) == 1
    assert said[0].startswith("the side input labels has changed since the earlier run")


def test_config_maps_and_models_come_from_the_earlier_run(site: Any) -> None:
    documents = [
        {"kind": "ConfigMap", "metadata": {"name": "tiny"}, "data": {"score.py": "def run(b): return b\n", "x": "1"}},
        site.registered("Model", "m", path="model"),
    ]
    run = site.prepare(
        *documents,
        source={"configMap": {"name": "tiny"}},
        inputs=[{"name": "i", "type": "File", "paths": ["configmap://tiny"]}],
        environment={"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "tiny", "key": "x"}}}]},
    )
    whole = again(run, failed_only=False)
    shutil.rmtree(run.folder)
    assert whole.settings.environment == {"X": "1"}
    assert whole.header.generation == 1
    assert whole.settings.inputs[0].paths == [str(whole.folder / layout.CONFIG_MAPS / "tiny")]
    assert sorted(os.listdir(whole.settings.inputs[0].root)) == ["score.py", "x"]
    assert [model.name for model in whole.settings.registered_models] == ["m"]
    assert whole.settings.retry_failures_below == 0


REFUSED: dict[str, tuple[Any, str]] = {
    "no plan": (lambda run: set_header(run, plan=None), "has no plan"),
    "plan is gone": (lambda run: shutil.rmtree(run.folder / "plan-abc"), "has no plan"),
    "segments are gone": (lambda run: shutil.rmtree(run.folder / layout.SEGMENTS), "kept no segments"),
    "no record": (lambda run: (run.folder / layout.PREPARED).unlink(), "has no prepared.json"),
}


@pytest.mark.parametrize(("damage", "words"), REFUSED.values(), ids=REFUSED)
def test_a_run_whose_results_cannot_be_used_is_refused(base: prepare.Prepared, damage: Any, words: str) -> None:
    damage(base)
    before = sorted(os.listdir("runs"))
    with pytest.raises(RunFolderError, match=words):
        again(base)
    assert sorted(os.listdir("runs")) == before


def test_a_run_that_is_going_on_is_refused(base: prepare.Prepared) -> None:
    with run_folder.Lock(base.folder), pytest.raises(RunFolderError, match=f"process {os.getpid()} runs this job"):
        again(base)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run's folder"):
        rerun.prepare_rerun(tmp_path)


def test_a_bad_set_is_refused_before_anything_is_made(base: prepare.Prepared) -> None:
    before = sorted(os.listdir("runs"))
    with pytest.raises(ParallelRunError, match="nodeCuont"):
        again(base, "spec.nodeCuont=4")
    assert sorted(os.listdir("runs")) == before
