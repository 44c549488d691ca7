"""Files with pipelines and runs of them: which is taken, and what is said of those that are not right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.api.registry import NotRegistered
from parallelrun.cli.validate import validate
from parallelrun.local.pipelines.detecting import in_kustomization, is_pipeline
from parallelrun.local.pipelines.folder import has_not_begun, new
from parallelrun.local.pipelines.loading import load, load_all
from parallelrun.local.pipelines.opening import open_
from parallelrun.local.pipelines.request import PipelineRequest

STEP = {"name": "a", "script": {"source": {"directory": "code"}, "entryScript": "a.py", "arguments": ["$(params.x)"]}}
SPEC = {"parameters": [{"name": "x", "default": "1"}], "steps": [STEP]}


def document(kind: str, name: str, spec: dict) -> dict:
    return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def pipeline(name: str = "p") -> dict:
    return document("ParallelRunPipeline", name, SPEC)


def a_run(name: str = "p-1", of: str = "p", **spec: object) -> dict:
    return document("ParallelRunPipelineRun", name, {"pipeline": {"name": of}, **spec})


def written(path: Path, *documents: dict) -> Path:
    path.write_text(yaml.safe_dump_all(documents))
    return path


def test_a_run_beside_its_pipeline_is_taken_with_its_parameters(tmp_path):
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {}}
    loaded = load(written(tmp_path / "p.yaml", a_run(parameters={"x": "2"}), pipeline(), config))
    assert (loaded.name, loaded.spec, loaded.others) == ("p", SPEC, [config])
    assert loaded.run["parameters"] == {"x": "2"}


def test_a_run_finds_its_pipeline_in_another_file_of_the_folder(tmp_path):
    written(tmp_path / "p.yaml", pipeline("q"), pipeline())
    assert load(written(tmp_path / "run.yaml", a_run())).spec == SPEC


def test_a_run_that_goes_on_from_the_pipelines_text_alone_has_what_its_file_has_beside_it(tmp_path):
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {}}
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").touch()
    asked = PipelineRequest(written(tmp_path / "p.yaml", pipeline(), config), output=tmp_path / "out")
    open_(asked, print).lock.close()
    again = open_(replace(asked, text=yaml.safe_dump(pipeline()), resume=True), print)
    again.lock.close()
    assert again.loaded.others == [config]


def test_an_inline_pipeline_has_the_runs_name(tmp_path):
    inline = document("ParallelRunPipelineRun", "once", {"pipelineSpec": SPEC})
    assert load(written(tmp_path / "p.yaml", inline)).name == "once"


def test_text_may_stand_for_a_file():
    loaded = load(yaml.safe_dump(pipeline()), name="/folder/p.yaml")
    assert (loaded.path, loaded.given) == (Path("/folder/p.yaml"), True)


def test_a_file_with_several_is_right_but_is_not_run(tmp_path):
    path = written(tmp_path / "p.yaml", pipeline(), a_run(), a_run("p-2"))
    assert len(load_all(path)) == 2
    assert validate(path, [], [])
    with pytest.raises(ManifestError, match="several runs of pipelines in this file: p"):
        load(path)


def test_a_run_whose_pipeline_is_elsewhere_is_right_as_it_may_be_in_the_cluster(tmp_path, capsys):
    path = written(tmp_path / "run.yaml", a_run(of="elsewhere"))
    with pytest.raises(NotRegistered, match="there is no pipeline elsewhere"):
        load(path)
    assert validate(path, [], [])
    assert "It may be in the cluster." in capsys.readouterr().err
    (tmp_path / "registry").mkdir()
    assert not validate(path, [], [tmp_path / "registry"])


def test_parameters_of_a_run_are_checked_against_its_pipeline(tmp_path, capsys):
    assert not validate(written(tmp_path / "p.yaml", pipeline(), a_run(parameters={"y": 1})), [], [])
    assert "there is no such parameter" in capsys.readouterr().err


def test_a_registered_name_that_a_step_uses_is_looked_for(tmp_path, capsys):
    job = {**STEP["script"], "inputs": [{"name": "i", "dataset": "$(params.x)"}]}
    spec = {"parameters": [{"name": "x", "type": "dataset", "default": "mnist"}], "steps": [{"name": "a", "job": job}]}
    whole = document("ParallelRunPipeline", "p", spec)
    assert validate(written(tmp_path / "p.yaml", whole), [], [])
    assert "step a" in capsys.readouterr().err
    mnist = document("Dataset", "mnist", {"type": "File", "paths": ["a/"]})
    assert validate(written(tmp_path / "p.yaml", whole, mnist), [], [])
    assert capsys.readouterr().err == ""


def test_a_folder_where_a_run_was_killed_before_it_began_is_taken(tmp_path):
    folder, lock = new("p", tmp_path / "out")
    (folder / "pipeline.yaml").touch()
    lock.close()
    assert has_not_begun(folder)
    again, lock = new("p", folder)
    lock.close()
    assert not (again / "pipeline.yaml").exists()


@pytest.mark.parametrize("left", ["pipeline.yaml", "pipeline_result.json", "settings.json", "steps/a/x"])
def test_a_folder_with_anything_else_in_it_is_refused_and_left_as_it_is(tmp_path, left):
    (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / left).touch()
    with pytest.raises(RunFolderError, match=r"is not empty|holds a run already"):
        new("p", tmp_path)
    assert (tmp_path / left).exists()


def test_a_kustomization_may_hold_a_pipeline(tmp_path):
    example = Path(__file__).parents[3] / "examples" / "pipeline"
    assert in_kustomization(example) == example / "cluster-pipeline.yaml"
    written(tmp_path / "kustomization.yaml", {"resources": ["p.yaml", "q.yaml"]})
    written(tmp_path / "p.yaml", pipeline())
    written(tmp_path / "q.yaml", pipeline("q"))
    with pytest.raises(ManifestError, match="has to be in one file"):
        in_kustomization(tmp_path)
    written(tmp_path / "q.yaml", document("ParallelRunJob", "q", {}))
    assert in_kustomization(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kind: ParallelRunPipeline\n", True),
        ('"kind": "ParallelRunPipelineRun"\n', True),
        ('{"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunPipeline"}', True),
        ("kind: ParallelRunPipelines\n", False),
        ("kind: ParallelRunJob\n---\nkind: ParallelRunPipeline\n", False),
        ("# kind: ParallelRunPipeline\nkind: ConfigMap\n", False),
    ],
)
def test_a_file_is_known_for_a_pipelines_without_being_parsed(tmp_path, text, found):
    (tmp_path / "a.yaml").write_text(text)
    assert is_pipeline(tmp_path / "a.yaml") is found
