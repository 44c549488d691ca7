"""The tutorial of Azure ML's ParallelRunStep on two nodes, its images in an Azure Blob emulator that pods reach too."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_harness.cluster import REPOSITORY, Cluster
from cluster_harness.namespace import Namespace
from cluster_harness.object_stores import ObjectStores
from store_servers import AZURE_ACCOUNT, AZURE_KEY

from parallelrun.kube.resources import PARALLEL_RUN_JOBS

EXAMPLES = REPOSITORY / "examples"
IMAGES = 40
SPOT = "parallelrun.dev/spot"
pytestmark = [pytest.mark.cluster, pytest.mark.tensorflow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stores(cluster: Cluster) -> Iterator[ObjectStores]:
    found = ObjectStores(cluster)
    try:
        found.start()
        yield found
    finally:
        found.remove()


@pytest.fixture
def spot_machines(cluster: Cluster) -> Iterator[None]:
    """The tutorial's cluster is of low-priority machines."""
    cluster.kubectl("label", "nodes", "--all", "--overwrite", f"{SPOT}=true")
    yield
    cluster.kubectl("label", "nodes", "--all", f"{SPOT}-")


@pytest.mark.usefixtures("spot_machines")
def test_the_tutorial_runs_in_a_cluster(
    namespace: Namespace, stores: ObjectStores, tensorflow_image: str, tmp_path: Path
) -> None:
    """The script as it is, with the first images and the model of examples/mnist; then one image again."""
    for name in ("code", "model"):
        shutil.copytree(EXAMPLES / "mnist" / name, tmp_path / "mnist" / name)
    (tmp_path / "mnist/images").mkdir()
    for number in range(IMAGES):
        shutil.copyfile(EXAMPLES / f"mnist/images/{number}.png", tmp_path / f"mnist/images/{number}.png")
    labels = (EXAMPLES / "mnist/labels.txt").read_text().splitlines(keepends=True)[:IMAGES]
    (tmp_path / "mnist/labels.txt").write_text("".join(labels))
    here = tmp_path / "here"
    (here / ".parallelrun").mkdir(parents=True)
    (here / ".parallelrun/vm_sizes.yaml").write_text("STANDARD_D2_V2: {cpu: 50m, memory: 200Mi}\n")  # of this machine
    shutil.copyfile(EXAMPLES / "azure-notebook/digits.py", here / "digits.py")
    ours = {"target": "cluster", "namespace": namespace.name}
    (here / "config.json").write_text(json.dumps({"workspace_name": "digits", "parallelrun": ours}))
    box = stores.azure("sampledata")
    where = {
        "BLOB_ACCOUNT": AZURE_ACCOUNT, "BLOB_CONTAINER": "sampledata", "BLOB_KEY": AZURE_KEY, "BLOB_PROTOCOL": "http",
        "BLOB_ENDPOINT": box.store.endpoint.split("/")[2], "IMAGE": tensorflow_image,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "parallelrun.azureml", "digits.py"],
        cwd=here, env={**namespace.cluster.environment, **where}, capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert f"Prediction has {IMAGES} rows\n" in done.stdout
    found = re.search(r"([\d.]+)% of (\d+) digits are right", done.stdout)
    assert found is not None
    assert (float(found[1]) > 90, int(found[2])) == (True, IMAGES)
    assert re.search(r"Prediction has 1 rows\n +Filename +Prediction\n0 +0.png +8\n", done.stdout)
    jobs = sorted(namespace.items(PARALLEL_RUN_JOBS), key=lambda job: str(job["metadata"]["creationTimestamp"]))
    assert [(one["spec"]["nodeCount"], one["spec"]["processCountPerNode"]) for one in jobs] == [(2, 2), (2, 1)]
    assert [one["status"]["items"]["succeeded"] for one in jobs] == [IMAGES, 1]
