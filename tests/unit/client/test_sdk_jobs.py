"""Jobs as Python objects: what they say in YAML, and what is wrong with them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import parallelrun as pr
from parallelrun.api.models.spec import ParallelRunJobSpec

IMAGES = pr.Files("images/*.png", name="images")


def job(**fields: object) -> pr.Job:
    return pr.Job("mnist", **{"source": "code", "entry_script": "score.py", "inputs": [IMAGES], **fields})


def test_every_field_of_the_spec_is_a_keyword():
    keywords = set(inspect.signature(pr.Job).parameters)
    assert set(ParallelRunJobSpec.model_fields) <= keywords


def test_keywords_are_fields_of_the_manifest():
    made = job(mini_batch_size=5, process_count_per_node=2, run_max_try=1, tags={"team_name": "vision"})
    assert made.spec == {
        "source": {"directory": "code"},
        "entryScript": "score.py",
        "inputs": [{"name": "images", "type": "File", "paths": ["images/*.png"]}],
        "miniBatchSize": 5,
        "processCountPerNode": 2,
        "runMaxTry": 1,
        "tags": {"team_name": "vision"},
    }


@pytest.mark.parametrize("key", ["support_multi_line", "supportMultiLine"])
def test_keys_of_mappings_are_in_either_spelling(key):
    made = job(inputs=[{"name": "rows", "type": "Tabular", "paths": ["a.csv"], "table": {key: True}}])
    assert made.spec["inputs"][0]["table"] == {"supportMultiLine": True}


def test_shorthands_become_what_the_manifest_has():
    made = job(
        source=Path("code"),
        inputs=[pr.Tables("a.csv", separator=";", columns={"my_column": "int64"}), pr.Dataset("more:2")],
        side_inputs={"labels": Path("labels.txt")},
        models=["mnist", {"name": "other", "path": "model/"}],
        outputs={"plots": "plots"},
        environment={"pip": ["pillow"], "env": {"OMP_NUM_THREADS": 1}},
        arguments=["--size", 28, pr.Parameter("name")],
        output={"format": "CSV", "csv": {"separator": ";"}, "keep_segments": False},
    )
    assert made.spec["source"] == {"directory": "code"}
    assert made.spec["inputs"] == [
        {
            "name": "input",
            "type": "Tabular",
            "paths": ["a.csv"],
            "table": {"separator": ";", "columns": {"my_column": "int64"}},
        },
        {"name": "input2", "dataset": "more:2"},
    ]
    assert made.spec["sideInputs"] == [{"name": "labels", "path": "labels.txt"}]
    assert made.spec["models"] == [{"name": "mnist"}, {"name": "other", "path": "model/"}]
    assert made.spec["outputs"] == [{"name": "plots", "path": "plots"}]
    assert made.spec["environment"] == {"pip": ["pillow"], "env": [{"name": "OMP_NUM_THREADS", "value": "1"}]}
    assert made.spec["arguments"] == ["--size", "28", "$(params.name)"]
    assert made.spec["output"] == {"format": "CSV", "csv": {"separator": ";"}, "keepSegments": False}


def test_numbers_of_numpy_are_numbers():
    import numpy

    made = job(node_count=numpy.int64(2))
    made.validate()
    assert "nodeCount: 2\n" in made.to_yaml()


def test_a_job_is_the_same_after_yaml():
    made = job(mini_batch_size="1MB", inputs=[pr.Tables("a.csv")], namespace="team", labels={"a": "b"})
    again = pr.Job.from_yaml(made.to_yaml())
    assert again.manifest == made.manifest == yaml.safe_load(made.to_yaml())


def test_from_yaml_reads_a_file_with_values_in_place_of_its_own(tmp_path):
    (tmp_path / "job.yaml").write_text(job().to_yaml())
    read = pr.Job.from_yaml(tmp_path / "job.yaml", ["spec.nodeCount=3"])
    assert (read.name, read.spec["nodeCount"], read.base) == ("mnist", 3, tmp_path)


def test_every_problem_of_a_job_is_said_at_once():
    wrong = job(mini_batch_size=0, advanced={"progress_update_timeout": 5})
    wrong.spec["nodecount"] = 2
    with pytest.raises(pr.ManifestError) as error:
        wrong.validate()
    text = str(error.value)
    assert "Job mnist: 3 problems" in text
    assert "spec.nodecount: 2\n    unknown field; did you mean nodeCount?" in text
    assert "progress_update_timeout" in text
    assert "spec.miniBatchSize: 0" in text


def test_a_word_that_is_no_keyword_is_refused_by_python():
    with pytest.raises(TypeError, match="mini_batch"):
        job(mini_batch=5)


def test_import_parallelrun_imports_nothing_slow():
    slow = "pandas", "pydantic", "pyarrow", "numpy", "kubernetes", "rich", "yaml", "asyncio", "anywidget"
    code = f"import sys, parallelrun; print([name for name in {slow!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_all_that_is_exported_is_there():
    for name in pr.__all__:
        assert getattr(pr, name) is not None
    assert set(pr.__all__) <= set(dir(pr))
    with pytest.raises(AttributeError, match="nosuch"):
        pr.nosuch  # noqa: B018
