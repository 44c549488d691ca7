"""From a manifest to settings: places, references, models, variables, GPUs."""

import os
from pathlib import Path
from typing import Any

import pytest

from parallelrun.api import layout
from parallelrun.api.errors import ParallelRunError
from parallelrun.api.models import Resources
from parallelrun.api.settings import JobSettings
from parallelrun.local import gpus

CONFIG_MAP = {
    "kind": "ConfigMap",
    "metadata": {"name": "tiny"},
    "data": {"a.txt": "A", "b.txt": "B", "score.py": "def run(b): return b\n"},
}


def test_relative_paths_start_at_the_manifest_s_folder_and_references_are_resolved(site: Any) -> None:
    run = site.prepare(
        sideInputs=[{"name": "labels", "path": "labels.txt"}],
        models=[{"name": "digits", "path": "model/"}],
        outputs=[{"name": "trained", "path": "trained/"}, {"name": "far", "path": str(site.base / "far")}],
        arguments=[
            "$(inputs.images)",
            "--l=$(sideInputs.labels)",
            "$(models.digits)",
            "$(outputs.trained)",
            "$(job.name)",
        ],
        environment={"env": [{"name": "WHERE", "value": "$(outputs.far)"}, {"name": "ESCAPED", "value": "$$(x)"}]},
    )
    base = str(site.base)
    assert run.settings.arguments == [
        f"{base}/images",
        f"--l={base}/labels.txt",
        f"{base}/model",
        f"{run.folder}/trained",
        "mnist",
    ]
    assert run.settings.environment == {"WHERE": f"{base}/far", "ESCAPED": "$(x)"}
    assert (run.folder / "trained").is_dir()
    assert (site.base / "far").is_dir()
    assert os.listdir(run.folder / layout.MODELS) == ["model"]
    assert (run.folder / layout.MODELS / "model" / "weights.bin").read_bytes() == b"w"


def test_settings_travel_as_json_and_are_what_the_agent_will_read(site: Any) -> None:
    run = site.prepare(
        inputs=[
            {
                "name": "t",
                "type": "Tabular",
                "paths": ["labels.txt"],
                "table": {"format": "csv", "columns": {"a": "int64"}},
            }
        ],
        miniBatchSize="10KB",
        output={"format": "CSV", "csv": {"separator": ";"}, "path": "results"},
        nodeCount=2,
        advanced={"progressUpdateTimeoutSeconds": 7},
    )
    settings = run.settings
    assert JobSettings.from_json(settings.to_json()) == settings
    assert settings.mini_batch_size == 10240
    assert settings.node_count == 2
    assert settings.inputs[0].table.columns == {"a": "int64"}
    assert settings.inputs[0].root == str(site.base)
    assert settings.output.path == str(site.base / "results")
    assert settings.output.csv_separator == ";"
    assert settings.advanced.progress_update_timeout == 7.0
    assert len(settings.uid) == 32
    assert settings.source_hash
    assert settings.spec_hash
    assert settings.python is None


def test_an_input_that_is_one_file_is_referred_to_as_that_file(site: Any) -> None:
    run = site.prepare(inputs=[{"name": "one", "type": "File", "paths": ["images/2.png"]}], arguments=["$(inputs.one)"])
    assert run.settings.arguments == [str(site.base / "images" / "2.png")]
    assert run.settings.inputs[0].root == str(site.base / "images")


@pytest.mark.parametrize(
    ("paths", "expected", "root"),
    [
        (["images"], ["images"], "images"),
        (["./images//"], ["images"], "images"),
        (["images/../labels.txt"], ["labels.txt"], "."),
        (["images/*.png", "labels.txt"], ["images/*.png", "labels.txt"], "."),
        (["im*/**/[12].png"], ["im*/**/[12].png"], "."),
        (["odd [1]/x.csv"], ["odd [1]/x.csv"], "odd [1]"),
        (["odd [1]/*.csv"], ["odd [1]/*.csv"], "."),
    ],
)
def test_globs_are_absolute_and_know_their_literal_folder(
    site: Any, paths: list[str], expected: list[str], root: str
) -> None:
    (site.base / "odd [1]").mkdir()
    (site.base / "odd [1]" / "x.csv").write_text("")
    (run_input,) = site.prepare(inputs=[{"name": "i", "type": "File", "paths": paths}]).settings.inputs
    assert run_input.paths == [f"{site.base}/{path}" for path in expected]
    assert run_input.root == os.path.normpath(site.base / root)


def test_a_manifest_in_a_folder_with_brackets_globs_below_that_folder_only(site: Any) -> None:
    odd = site.base.parent / "a[b]c"
    site.base.rename(odd)
    site.base = odd
    (run_input,) = site.prepare().settings.inputs
    assert run_input.paths == [f"{odd.parent}/a[[]b]c/images/*.png"]
    assert run_input.root == str(odd / "images")


def test_a_file_whose_name_is_a_pattern_that_others_match_is_refused(site: Any) -> None:
    """A shell leaves one where its pattern matched nothing; the others were left out without a word."""
    (site.base / "in").mkdir(exist_ok=True)
    (site.base / "in" / "*.txt").write_text("")
    inputs = [{"name": "files", "type": "File", "paths": ["in/*.txt"]}]
    site.prepare(inputs=inputs)
    (site.base / "in" / "one.txt").write_text("")
    with pytest.raises(ParallelRunError, match="others match"):
        site.prepare(inputs=inputs)


def test_claims_and_stores_are_where_map_says_the_longest_url_first(site: Any) -> None:
    run = site.prepare(
        inputs=[{"name": "i", "type": "File", "paths": ["pvc://data/images/*.png", "s3://bucket/deep/labels.txt"]}],
        options={"maps": {"pvc://data": str(site.base), "s3://bucket": "/", "s3://bucket/deep/": str(site.base)}},
    )
    assert run.settings.inputs[0].paths == [f"{site.base}/images/*.png", f"{site.base}/labels.txt"]


def test_a_config_map_serves_as_source_input_side_input_and_variables(site: Any) -> None:
    run = site.prepare(
        CONFIG_MAP,
        source={"configMap": {"name": "tiny"}},
        inputs=[{"name": "i", "type": "File", "paths": ["configmap://tiny/*.txt"]}],
        sideInputs=[{"name": "whole", "path": "configmap://tiny"}, {"name": "one", "path": "configmap://tiny/b.txt"}],
        environment={
            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "tiny", "key": "a.txt"}}}],
            "envFrom": [{"prefix": "P_", "configMapRef": {"name": "tiny"}}],
        },
    )
    folder = run.folder / layout.CONFIG_MAPS / "tiny"
    assert run.settings.inputs[0].paths == [f"{folder}/*.txt"]
    assert run.settings.side_inputs == {"whole": str(folder), "one": str(folder / "b.txt")}
    assert run.settings.environment["A"] == "A"
    assert run.settings.environment["P_b.txt"] == "B"
    assert (folder / "b.txt").read_text() == "B"
    assert (run.folder / layout.SOURCE / "score.py").exists()


def test_a_config_map_may_come_from_the_kustomization_beside_the_manifest(site: Any) -> None:
    (site.base / "kustomization.yaml").write_text("configMapGenerator:\n- {name: mnist-code, files: [code/score.py]}\n")
    run = site.prepare(source={"configMap": {"name": "mnist-code"}})
    assert os.listdir(run.folder / layout.SOURCE) == ["score.py"]


def test_registered_models_stand_beside_the_job_and_several_listed_ones_share_no_folder(site: Any) -> None:
    (site.base / "other.bin").write_bytes(b"o")
    documents = [
        site.registered("Model", "mnist-prs", name="mnist_prs", version="3", path="model"),
        site.registered("Model", "plain", path="other.bin"),
    ]
    run = site.prepare(*documents, models=[{"name": "a", "path": "model"}, {"name": "b", "path": "other.bin"}])
    found = [(model.name, model.path, model.version) for model in run.settings.registered_models]
    assert found == [("mnist_prs", f"{site.base}/model", "3"), ("plain", f"{site.base}/other.bin", "1")]
    assert not (run.folder / layout.MODELS).exists()


def test_what_comes_from_a_secret_is_taken_from_the_shell_as_it_is(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "$(s3cr$$et)")
    secret = {"secretKeyRef": {"name": "login", "key": "token"}}
    missing = {"secretKeyRef": {"name": "login", "key": "other", "optional": True}}
    run = site.prepare(
        environment={"env": [{"name": "TOKEN", "valueFrom": secret}, {"name": "UNSET_X", "valueFrom": missing}]}
    )
    assert run.settings.environment == {"TOKEN": "$(s3cr$$et)"}


def test_the_image_is_ignored_and_said_once(site: Any) -> None:
    site.prepare(environment={"image": "registry.example.com/x"})
    assert [text for text in site.said if "image" in text] == site.said
    assert len(site.said) == 1


@pytest.mark.parametrize(
    ("limits", "visible", "expected"),
    [
        ({}, "0,1", []),
        ({"nvidia.com/gpu": 2}, "3,GPU-ab,5", ["3", "GPU-ab"]),
        ({"nvidia.com/gpu": "4"}, "0,1", ["0", "1"]),
        ({"nvidia.com/gpu": 2}, "", []),
        ({"nvidia.com/gpu": 2}, "0,-1,1", ["0"]),
    ],
)
def test_gpus_are_handed_out_only_to_jobs_that_ask_for_them(limits: dict, visible: str, expected: list[str]) -> None:
    resources = Resources.model_validate({"limits": limits})
    assert gpus.for_job(resources, {"CUDA_VISIBLE_DEVICES": visible}) == expected


def test_without_the_variable_nvidia_smi_says_which_gpus_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A100 (UUID: x)'\necho '  MIG 1g.5gb'\necho 'GPU 1: A100 (UUID: y)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert gpus.on_machine({}) == ["0", "1"]
    tool.write_text("#!/bin/sh\necho 'no driver'; exit 9\n")
    assert gpus.on_machine({}) == []


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "reference": ({"arguments": ["$(inputs.imges)"]}, r'spec.arguments\[0\](.|\n)*Did you mean "inputs.images"'),
    "reference in env": (
        {"environment": {"env": [{"name": "A", "value": "$(nope)"}]}},
        r"spec.environment.env\[0\].value: \$\(nope\)",
    ),
    "input folder": (
        {"inputs": [{"name": "i", "type": "File", "paths": ["imags/*.png"]}]},
        r'spec.inputs\[0\].paths\[0\]: imags/\*.png does not exist(.|\n)*Did you mean "images"',
    ),
    "input file": (
        {"inputs": [{"name": "i", "type": "File", "paths": ["images/1.png", "images/3.png"]}]},
        r"spec.inputs\[0\].paths\[1\]: images/3.png does not exist",
    ),
    "dataset": (
        {"inputs": [{"name": "i", "dataset": "mnist"}]},
        r'inputs\[0\].dataset: there is no Dataset registered as "mnist"',
    ),
    "side input": (
        {"sideInputs": [{"name": "l", "path": "label.txt"}]},
        r'spec.sideInputs\[0\].path: label.txt does not exist(.|\n)*Did you mean "labels.txt"',
    ),
    "below a file": (
        {"sideInputs": [{"name": "l", "path": "labels.txt/x"}]},
        r"labels.txt/x does not exist(.|\n)*labels.txt is a file, not a folder",
    ),
    "model": ({"models": [{"name": "m", "path": "modle"}]}, r'spec.models\[0\].path(.|\n)*Did you mean "model"'),
    "claim": (
        {"sideInputs": [{"name": "l", "path": "pvc://data/labels.txt"}]},
        r"spec.sideInputs\[0\].path: pvc://data/labels.txt is on a claim(.|\n)*--map pvc://data=DIR",
    ),
    "s3 for code": (
        {"source": {"directory": "s3://b/code"}},
        r"spec.source.directory: s3://b/code is in an object store(.|\n)*--map",
    ),
    "script-written output": (
        {"outputs": [{"name": "o", "path": "az://a/c/out"}]},
        r"spec.outputs\[0\].path: az://a/c/out is in an object store",
    ),
    "datastore": (
        {"models": [{"name": "m", "path": "datastore://d/m"}]},
        'there is no Datastore registered as "d"(.|\n)*--register DIR',
    ),
    "output in no datastore": ({"output": {"path": "datastore://d/x"}}, "no Datastore"),
    "config map": (
        {"source": {"configMap": {"name": "nope"}}},
        r'spec.source.configMap: there is no ConfigMap "nope" in this file(.|\n)*There is no ConfigMap at all',
    ),
    "config map of an input": (
        {"inputs": [{"name": "i", "type": "File", "paths": ["configmap://nope"]}]},
        r'spec.inputs\[0\].paths\[0\]: there is no ConfigMap "nope"',
    ),
    "source folder": ({"source": {"directory": "cod"}}, r'spec.source.directory(.|\n)*Did you mean "code"'),
    "git": (
        {"source": {"git": {"url": "https://example.com/r.git"}}},
        r"spec.source.git: https://example.com/r.git is not on this machine(.|\n)*--source DIR",
    ),
    "image path": ({"source": {"imagePath": "/app"}}, r"spec.source.imagePath: /app is not on this machine"),
    "script": (
        {"entryScript": "scores.py"},
        r'there is no scores.py in the source folder(.|\n)*Did you mean "score.py"',
    ),
    "script outside": ({"entryScript": "../labels.txt"}, r"outside the source folder"),
    "secret": (
        {"environment": {"env": [{"name": "UNSET_T", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}},
        r"spec.environment.env\[0\]: the value of UNSET_T comes from a Secret(.|\n)*export UNSET_T=",
    ),
    "field of the pod": (
        {"environment": {"env": [{"name": "UNSET_T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}},
        r"comes from the pod",
    ),
    "whole secret": (
        {"environment": {"envFrom": [{"secretRef": {"name": "s"}}]}},
        r'envFrom\[0\]: the Secret "s" cannot be read',
    ),
    "conda": ({"environment": {"conda": "env.yml"}}, r"environment.conda"),
    "requirements": (
        {"environment": {"requirements": "req.txt"}},
        r"spec.environment.requirements: .*req.txt does not exist",
    ),
    "output above the run": (
        {"outputs": [{"name": "o", "path": "../x"}]},
        r"outputs\[0\].path: ../x is outside the run",
    ),
    "our own folder": ({"outputs": [{"name": "o", "path": "./segments/x"}]}, r"is parallelrun's own place"),
    "output is a file": ({"output": {"path": "labels.txt/out"}}, r"labels.txt/out.* cannot be written"),
    "GPUs": ({"resources": {"limits": {"nvidia.com/gpu": "500m"}}}, r"nvidia.com/gpu is '500m', not a whole number"),
    "rerunOf": ({"rerunOf": {"name": "mnist-1"}}, r"spec.rerunOf(.|\n)*parallelrun rerun"),
    "cancelled": ({"cancel": True}, r"spec.cancel is true"),
}


@pytest.mark.parametrize(("spec", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_on_one_screen_and_leaves_no_run_behind(site: Any, spec: dict, words: str) -> None:
    with pytest.raises(ParallelRunError, match=words) as caught:
        site.prepare(**spec)
    assert len(str(caught.value).splitlines()) <= 6
    assert caught.value.hint
    assert os.listdir("runs") == []


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ({"pvc://data": "/no/such/dir"}, r"--map pvc://data=/no/such/dir: there is no such folder"),
        ({"data": "."}, r"--map data: .data. is not a URL"),
        ({"pvc://dta": "."}, r"pvc://data/x is on a claim(.|\n)*There is --map pvc://dta"),
    ],
)
def test_a_bad_map_is_named(site: Any, maps: dict[str, str], words: str) -> None:
    with pytest.raises(ParallelRunError, match=words):
        site.prepare(sideInputs=[{"name": "l", "path": "pvc://data/x"}], options={"maps": maps})


def test_an_input_that_may_be_empty_may_be_missing(site: Any) -> None:
    assert site.prepare(inputs=[{"name": "i", "type": "File", "paths": ["none/*.x"], "allowEmpty": True}])
