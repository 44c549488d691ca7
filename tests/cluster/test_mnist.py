"""Digits on two nodes: the example as it is applied, and all 10,000 images of MNIST's test set, uploaded."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from cluster_harness.cluster import REPOSITORY
from cluster_harness.namespace import Namespace

from parallelrun.api import layout

DATA = os.environ.get("PARALLELRUN_TEST_DATA", "")
EXAMPLE = REPOSITORY / "examples" / "mnist"
OUTPUT = "parallel_run_step.txt"

pytestmark = [pytest.mark.cluster, pytest.mark.tensorflow, pytest.mark.timeout(900)]


def parallelrun(namespace: Namespace | None, *words: object, folder: Path) -> None:
    """The command, in ``folder``; it has to succeed."""
    where = [] if namespace is None else ["-n", namespace.name]
    variables = os.environ if namespace is None else namespace.cluster.environment
    done = subprocess.run(
        [sys.executable, "-m", "parallelrun.cli.main", *map(str, words), *where],
        cwd=folder,
        env={**variables},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def nodes_of(results: Path) -> Counter[str]:
    """How many mini-batches each node ran, as the fetched report has it."""
    with (results / layout.MINI_BATCHES).open(newline="") as file:
        return Counter(row["node"] for row in csv.DictReader(file))


@pytest.mark.usefixtures("tensorflow_image")
def test_the_example_gives_in_a_cluster_what_it_gives_on_a_laptop(namespace: Namespace, tmp_path: Path) -> None:
    """``kubectl apply -k`` and nothing else; the same bytes as ``parallelrun run -k``."""
    namespace.kubectl("apply", "-k", str(EXAMPLE))
    namespace.kubectl("wait", "--for=condition=Complete", "prj/mnist", "--timeout=400s", seconds=420)
    parallelrun(namespace, "results", "mnist", "--to", tmp_path / "cluster", folder=tmp_path)
    parallelrun(None, "run", "-k", EXAMPLE, "--output", tmp_path / "laptop", folder=tmp_path)
    assert (tmp_path / "cluster" / OUTPUT).read_bytes() == (tmp_path / "laptop" / OUTPUT).read_bytes()
    assert len(nodes_of(tmp_path / "cluster")) == 2


@pytest.mark.skipif(not DATA, reason="PARALLELRUN_TEST_DATA is not set: the folder with the test data")
def test_ten_thousand_uploaded_images_are_read_by_both_nodes(
    namespace: Namespace, tensorflow_image: str, tmp_path: Path
) -> None:
    """96.96 %, as the checkpoint is known to; every image once, in input order."""
    import numpy as np
    from PIL import Image

    test_set = np.load(Path(DATA) / "mnist" / "t10k.npz")
    (tmp_path / "images").mkdir()
    for number, pixels in enumerate(test_set["images"]):
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    parallelrun(namespace, "upload", "images", "pvc://parallelrun/images", folder=tmp_path)
    parallelrun(namespace, "upload", Path(DATA) / "mnist-model", "pvc://parallelrun/model", folder=tmp_path)
    script = (EXAMPLE / "code" / "digit_identification.py").read_text()
    namespace.config_map("mnist-code", {"digit_identification.py": script})
    job = namespace.submit(
        {
            "apiVersion": "parallelrun.dev/v1alpha1",
            "kind": "ParallelRunJob",
            "metadata": {"name": "mnist"},
            "spec": {
                "source": {"configMap": {"name": "mnist-code"}},
                "entryScript": "digit_identification.py",
                "environment": {"image": tensorflow_image},
                "inputs": [{"name": "images", "type": "File", "paths": ["images/*.png"]}],
                "models": [{"name": "mnist", "path": "model"}],
                "miniBatchSize": 10,
                "nodeCount": 2,
                "processCountPerNode": 2,
                "volume": {"claimName": "parallelrun"},
            },
        }
    )
    job.wait_complete(600)
    parallelrun(namespace, "results", "mnist", "--to", tmp_path / "results", folder=tmp_path)
    lines = [line.split(": ") for line in (tmp_path / "results" / OUTPUT).read_text().splitlines()]
    assert [name for name, _ in lines] == [f"{number}.png" for number in range(10_000)]
    right = sum(int(digit) == label for (_, digit), label in zip(lines, test_set["labels"], strict=True))
    assert right == 9696
    assert set(nodes_of(tmp_path / "results")) == {"node000", "node001"}
