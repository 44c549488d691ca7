"""--resume goes on with a run only where nothing changed but what may."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parallelrun.api import layout
from parallelrun.api.errors import InputChanged, RunFolderError
from parallelrun.leases import header as headers
from parallelrun.local import prepare, resume, run_folder

SPEC: dict[str, Any] = {
    "sideInputs": [{"name": "labels", "path": "labels.txt"}],
    "models": [{"name": "digits", "path": "model"}],
    "outputs": [{"name": "trained", "path": "trained"}],
}


@pytest.fixture
def run(site: Any) -> prepare.Prepared:
    prepared: prepare.Prepared = site.prepare(**SPEC)
    return prepared


def again(site: Any, *documents: dict, options: dict | None = None, **spec: Any) -> prepare.Prepared:
    prepared: prepare.Prepared = site.prepare(
        *documents, options={"resume": True, **(options or {})}, **{**SPEC, **spec}
    )
    return prepared


def test_a_resumed_run_is_the_same_run_of_the_next_generation(site: Any, run: prepare.Prepared) -> None:
    (run.folder / layout.SOURCE / "cloned-by-script").write_text("kept")
    shutil.rmtree(run.folder / "trained")
    resumed = again(site)
    assert resumed.folder == run.folder
    assert resumed.settings == run.settings
    assert resumed.header.generation == 2
    assert resumed.header.job_uid == run.header.job_uid
    assert resume.read_header(run.folder) == resumed.header
    assert (run.folder / layout.SOURCE / "cloned-by-script").exists()
    assert (run.folder / "trained").is_dir()


def test_it_can_be_named_by_its_folder(site: Any, run: prepare.Prepared) -> None:
    site.prepare(**SPEC).lock.close()  # a newer one
    assert again(site, options={"output": run.folder}).settings.uid == run.settings.uid


def test_the_node_count_may_change_and_is_kept(site: Any, run: prepare.Prepared) -> None:
    assert again(site, nodeCount=3, suspend=True, ttlSecondsAfterFinished=1).settings.node_count == 3
    assert run_folder.read_settings(run.folder).node_count == 3


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "a number": ({"errorThreshold": 5}, "spec.errorThreshold was 0, now 5"),
    "a path": (
        {"inputs": [{"name": "images", "type": "File", "paths": ["images/1*.png"]}]},
        r'spec.inputs\[0\].paths\[0\] was "images/\*.png", now "images/1\*.png"',
    ),
    "one more": ({"arguments": ["--x"]}, r'spec.arguments was \[\], now \["--x"\]'),
    "a new field": ({"miniBatchSize": 5}, "spec.miniBatchSize was nothing, now 5"),
    "another job": ({"name": "iris"}, 'metadata.name was "mnist", now "iris"'),
}


@pytest.mark.parametrize(("spec", "words"), CHANGED.values(), ids=CHANGED)
def test_a_changed_field_is_refused_by_name(site: Any, run: prepare.Prepared, spec: dict, words: str) -> None:
    with pytest.raises(InputChanged, match=words):
        again(site, options={"output": run.folder}, **spec)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda base: (base / "code" / "helper.py").write_text("LABELS = 2\n"), "helper.py has changed since the run"),
        (lambda base: (base / "code" / "helper.py").unlink(), "helper.py was removed since the run began"),
        (lambda base: (base / "labels.txt").write_text("other"), "The side input labels is not what it was"),
        (lambda base: (base / "model" / "more.bin").write_text(""), "The model digits is not what it was"),
    ],
)
def test_a_changed_file_is_refused_by_name(site: Any, run: prepare.Prepared, change: Any, words: str) -> None:
    change(site.base)
    with pytest.raises(InputChanged, match=words):
        again(site)


def test_another_source_folder_with_the_same_code_will_do(site: Any, run: prepare.Prepared) -> None:
    site.base.joinpath("code").rename(site.base / "moved")
    assert again(site, options={"source": site.base / "moved"})
    (site.base / "moved" / "score.py").write_text("def run(b): return []")
    with pytest.raises(InputChanged, match=r"moved: score.py has changed"):
        again(site, options={"source": site.base / "moved"})


def test_a_source_that_is_gone_is_not_needed(site: Any, run: prepare.Prepared) -> None:
    shutil.rmtree(site.base / "code")
    assert again(site).folder == run.folder


def test_a_changed_config_map_is_refused_by_its_key_and_an_unchanged_one_is_not_written_again(site: Any) -> None:
    spec = {"inputs": [{"name": "i", "type": "File", "paths": ["configmap://tiny"]}]}
    document = {"kind": "ConfigMap", "metadata": {"name": "tiny"}, "data": {"a.txt": "A"}}
    run = site.prepare(document, **SPEC, **spec)
    file = run.folder / layout.CONFIG_MAPS / "tiny" / "a.txt"
    before = file.stat().st_mtime_ns
    assert again(site, document, **spec)
    assert file.stat().st_mtime_ns == before
    with pytest.raises(InputChanged, match=r"configmap://tiny/a.txt is not what it was"):
        again(site, {**document, "data": {"a.txt": "B"}}, **spec)


def test_maps_are_remembered_and_may_not_change(site: Any, tmp_path: Path) -> None:
    spec = {"inputs": [{"name": "i", "type": "File", "paths": ["pvc://data/*.png"]}]}
    site.prepare(**SPEC, **spec, options={"maps": {"pvc://data": str(site.base / "images")}})
    assert again(site, **spec)
    with pytest.raises(InputChanged, match=r"--map pvc://data was .*images, now "):
        again(site, **spec, options={"maps": {"pvc://data": str(tmp_path)}})


def test_a_run_that_is_going_on_cannot_be_resumed(site: Any, run: prepare.Prepared) -> None:
    with run_folder.Lock(run.folder), pytest.raises(RunFolderError, match=f"process {os.getpid()} runs"):
        again(site)


def test_a_refused_resume_changes_nothing_and_gives_the_folder_back(site: Any, run: prepare.Prepared) -> None:
    with pytest.raises(InputChanged):
        again(site, errorThreshold=5)
    assert again(site).header.generation == 2


def test_a_preparation_that_was_cut_short_begins_again(site: Any, tmp_path: Path) -> None:
    folder, lock = run_folder.new("mnist", tmp_path / "cut")
    (folder / layout.SOURCE).mkdir()
    lock.close()
    begun = again(site, options={"output": folder})
    assert begun.header.generation == 1
    assert any("had not begun" in text for text in site.said)


def test_there_must_be_something_to_resume(site: Any, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match='no run of "mnist"'):
        again(site)
    with pytest.raises(RunFolderError, match="nothere does not exist"):
        again(site, options={"output": tmp_path / "nothere"})


def test_a_done_run_stays_done_and_a_damaged_header_is_named(site: Any, run: prepare.Prepared) -> None:
    done = replace(run.header, phase=headers.Phase.DONE)
    run_folder.write_json(run.folder, layout.HEADER, done.to_json())
    assert again(site).header == done
    run_folder.write_json(run.folder, layout.HEADER, {"phase": "Lost"})
    with pytest.raises(RunFolderError, match=r"header.json was written by another version"):
        again(site)


def test_another_job_s_output_folder_is_refused_and_an_old_success_of_this_one_goes(site: Any) -> None:
    out = site.base / "out"
    site.prepare(output={"path": "out"})
    assert (out / layout.OWNER).read_text() == "default/mnist\n"
    (out / layout.SUCCESS).write_text("")
    site.prepare(output={"path": "out"})
    assert not (out / layout.SUCCESS).exists()
    (out / layout.OWNER).write_text("default/iris\n")
    with pytest.raises(Exception, match="holds the output of another job: default/iris"):
        site.prepare(output={"path": "out"})


def test_without_a_manifest_the_recorded_one_is_used(site: Any) -> None:
    document = {"kind": "ConfigMap", "metadata": {"name": "tiny"}, "data": {"score.py": "def run(b): return b\n"}}
    run = site.prepare(document, **{**SPEC, "source": {"configMap": {"name": "tiny"}}})
    resumed = resume.reopen(run.folder)
    resumed.lock.close()
    assert resumed.settings == run.settings
    assert resumed.header.generation == 2
    (site.base / "labels.txt").write_text("other")
    with pytest.raises(InputChanged, match="The side input labels"):
        resume.reopen(run.folder)
