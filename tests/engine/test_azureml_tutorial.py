"""The tutorial of Azure ML's ParallelRunStep, with a real Azure Blob emulator: right digits, then one image again."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from store_servers import AZURE_ACCOUNT, AZURE_KEY, Azure

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HERE = EXAMPLES / "azure-notebook"
IMAGES = 24
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.mark.tensorflow
def test_the_tutorial_runs_from_its_first_line_to_its_last(tmp_path: Path) -> None:
    """The script as it is, with the first images and the model of examples/mnist.

    But for the number of processes: TensorFlow takes seconds to start in each.
    """
    for name in ("code", "model"):
        shutil.copytree(EXAMPLES / "mnist" / name, tmp_path / "mnist" / name)
    (tmp_path / "mnist/images").mkdir()
    for number in range(IMAGES):
        shutil.copyfile(EXAMPLES / f"mnist/images/{number}.png", tmp_path / f"mnist/images/{number}.png")
    labels = (EXAMPLES / "mnist/labels.txt").read_text().splitlines(keepends=True)[:IMAGES]
    (tmp_path / "mnist/labels.txt").write_text("".join(labels))
    (tmp_path / "here").mkdir()
    script = (HERE / "digits.py").read_text()
    assert "default_value=2" in script
    (tmp_path / "here/digits.py").write_text(script.replace("default_value=2", "default_value=1"))
    (tmp_path / "azurite").mkdir()
    with Azure(tmp_path / "azurite").running() as azurite:
        azurite.box("sampledata")
        where = {
            "BLOB_ACCOUNT": AZURE_ACCOUNT, "BLOB_CONTAINER": "sampledata", "BLOB_KEY": AZURE_KEY,
            "BLOB_ENDPOINT": azurite.endpoint.split("/")[2], "BLOB_PROTOCOL": "http",
        }  # fmt: skip
        ours = ("PARALLELRUN_", "AZURE", "BLOB")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        done = subprocess.run(
            [sys.executable, "-m", "parallelrun.azureml", "digits.py"],
            cwd=tmp_path / "here", env={**kept, **where, "PARALLELRUN_PACKAGES": "present"},
            capture_output=True, text=True, timeout=280,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"Prediction has {IMAGES} rows\n" in done.stdout
    found = re.search(r"([\d.]+)% of (\d+) digits are right", done.stdout)
    assert found is not None
    assert (float(found[1]) > 90, int(found[2])) == (True, IMAGES)
    assert re.search(r"Prediction has 1 rows\n +Filename +Prediction\n0 +0.png +8\n", done.stdout)
    runs = sorted((tmp_path / "here/runs").glob("digit-identification-*"))
    results = [json.loads((run / "steps/predict-digits-mnist/job_result.json").read_text()) for run in runs]
    assert [(one["miniBatches"]["total"], one["items"]["total"]) for one in results] == [(5, IMAGES), (1, 1)]
    assert len(results[0]["nodes"]) <= 2
    registered = {path.name for path in (tmp_path / "here/.parallelrun/registered").iterdir()}
    assert {
        "datastore-mnist-datastore.yaml",
        "dataset-mnist-sample-data-1.yaml",
        "model-mnist-prs-1.yaml",
    } <= registered


def test_the_notebook_has_the_cells_of_the_script() -> None:
    spec = importlib.util.spec_from_file_location("make_notebook", HERE / "make_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.notebook((HERE / "digits.py").read_text())
    assert json.loads((HERE / "digits.ipynb").read_text()) == made, "run python make_notebook.py"
