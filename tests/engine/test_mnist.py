"""The tutorial's script, a TensorFlow 1 checkpoint and all 10,000 images of MNIST's test set, as PNG files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

CODE = Path(__file__).resolve().parents[2] / "examples" / "mnist" / "code"
DATA = os.environ.get("PARALLELRUN_TEST_DATA", "")
pytestmark = [
    pytest.mark.engine,
    pytest.mark.tensorflow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not DATA, reason="PARALLELRUN_TEST_DATA is not set: the folder with the test data"),
]

JOB = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {{name: mnist}}
spec:
  source: {{directory: {code}}}
  entryScript: digit_identification.py
  inputs: [{{name: images, type: File, paths: ["images/*.png"]}}]
  models: [{{name: mnist, path: {model}}}]
  miniBatchSize: 10
"""

#: Scores the same images with the same script in one process, without parallelrun.
PLAIN_LOOP = """\
import sys, types
core = types.ModuleType("azureml.core")
core.Model = types.SimpleNamespace(get_model_path=lambda name: sys.argv[2])
sys.modules.update({"azureml": types.ModuleType("azureml"), "azureml.core": core})
sys.path.insert(0, sys.argv[1])
import contextlib, digit_identification
digit_identification.init()
for start in range(0, 10000, 10):
    with contextlib.redirect_stdout(sys.stderr):
        lines = digit_identification.run([f"{sys.argv[3]}/{number}.png" for number in range(start, start + 10)])
    print("\\n".join(lines))
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A folder with images/ and job.yaml."""
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("mnist")
    (folder / "images").mkdir()
    for number, pixels in enumerate(np.load(Path(DATA) / "mnist" / "t10k.npz")["images"]):
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    (folder / "job.yaml").write_text(JOB.format(code=CODE, model=Path(DATA) / "mnist-model"))
    return folder


@pytest.fixture(scope="module")
def reference(work) -> bytes:
    """What a plain loop over the script makes of the images, in order."""
    command = [sys.executable, "-c", PLAIN_LOOP, CODE, Path(DATA) / "mnist-model", work / "images"]
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_script_reads_the_digits(reference):
    """96.96 % of the 10,000 images, as the checkpoint is known to."""
    import numpy as np

    labels = np.load(Path(DATA) / "mnist" / "t10k.npz")["labels"]
    lines = reference.decode().splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{number}.png" for number in range(10_000)]
    right = sum(int(line.split(": ")[1]) == label for line, label in zip(lines, labels, strict=True))
    assert right == 9696


@pytest.mark.parametrize(("nodes", "processes"), [(1, 1), (1, 2), (1, 8), (3, 1)])
def test_any_number_of_nodes_and_processes_makes_the_same_bytes(nodes, processes, work, reference):
    """The output is the plain loop's, byte for byte, and every node and process had a part in it."""
    output = work / f"out-{nodes}-{processes}"
    settings = [f"spec.nodeCount={nodes}", f"spec.processCountPerNode={processes}"]
    command = [sys.executable, "-m", "parallelrun.cli.main", "run", work / "job.yaml", "--output", output]
    command += [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert (output / "parallel_run_step.txt").read_bytes() == reference
    assert (output / "_SUCCESS").exists()

    result = json.loads((output / "job_result.json").read_text())
    assert result["items"] == {"total": 10_000, "succeeded": 10_000, "failed": 0}
    assert_shares(result["nodes"], nodes)
    assert_shares(result["processes"], nodes * processes)


def assert_shares(completed: dict[str, int], wanted: int) -> None:
    """Each of ``wanted`` nodes or processes completed some of the 1,000 mini-batches."""
    shares = Counter(completed)
    assert len(shares) == wanted
    assert min(shares.values()) > 0, completed
    assert sum(shares.values()) == 1000
