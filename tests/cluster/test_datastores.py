"""Jobs on object stores: what they read and write, who has the credentials, and what is told when those are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import store_scenarios
from cluster_harness import small
from cluster_harness.cluster import REPOSITORY, Cluster
from cluster_harness.job import name_of
from cluster_harness.namespace import Namespace
from cluster_harness.object_stores import AZURE_SECRET, S3_SECRETS, ObjectStores, read, secret
from cluster_harness.store_jobs import DIGITS, EXPECTED, IMAGES, SCRIPT, hurry, manifest, stalled
from cluster_harness.waiting import wait_for
from store_servers import AZURE_ACCOUNT, AZURE_KEY, Box

from parallelrun.api import conditions, layout, pod_layout
from parallelrun.kube.resources import DATASTORES, PODS

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

Json = dict[str, Any]
Boxes = dict[str, Box]
EXAMPLE = REPOSITORY / "examples" / "azure-blob"
OUTPUT = "parallel_run_step.txt"

#: Run in a container: which of the files that it can read, and of the environments, hold a text.
SEARCH = """
import os, sys
wanted, found = sys.argv[1].encode(), []
for root in ("/parallelrun", "/tmp", "/etc", "/run", "/var", "/dev/shm", "/home", "/opt/parallelrun/etc"):
    for folder, folders, files in os.walk(root):
        found += [os.path.join(folder, name) for name in files]
found += [f"/proc/{pid}/environ" for pid in os.listdir("/proc") if pid.isdecimal()]
for path in found:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        continue
    if wanted in data:
        print(path)
"""


@pytest.fixture(scope="module")
def stores(cluster: Cluster) -> Iterator[ObjectStores]:
    found = ObjectStores(cluster)
    try:
        found.start()
        yield found
    finally:
        found.remove()


@pytest.fixture(scope="module")
def boxes(stores: ObjectStores, shared: Namespace) -> Boxes:
    """Where the images are, by kind of store; registered under the names of the kinds, with Secrets."""
    made = {"azureBlob": stores.azure("images"), "s3": stores.s3("images"), "https": stores.web("images")}
    for box in made.values():
        for name, data in IMAGES.items():
            box.write(f"mnist/{name}", data)
    secret(shared, "azure", **AZURE_SECRET)
    secret(shared, "s3", **S3_SECRETS)
    shared.apply(
        stores.datastore(made["azureBlob"], "azureBlob", secretRef={"name": "azure"}),
        stores.datastore(made["s3"], "s3", secretRef={"name": "s3"}),
        stores.datastore(made["https"], "https", anonymous=True),
    )
    shared.config_map("hashes", {"hashes.py": SCRIPT})
    return made


@pytest.fixture(scope="module")
def given(shared: Namespace, stores: ObjectStores, boxes: Boxes) -> tuple[Any, ...]:
    return shared, stores, boxes


# --- the same everywhere ----------------------------------------------------------------------------------------------


def the_same_files_give_the_same_bytes_wherever_they_are(shared: Namespace, stores: ObjectStores, boxes: Boxes) -> None:
    claim = shared.volume() / "images"
    shared.cluster.on_node(shared.cluster.nodes[0], "mkdir", "-m", "777", f"/volumes/{shared.name}/parallelrun/images")
    for name, data in IMAGES.items():
        (claim / name).write_bytes(data)
    one_by_one = [f"datastore://https/mnist/{name}" for name in IMAGES]
    jobs = [
        shared.submit(manifest("claim", "images/*.png")),
        shared.submit(manifest("azure", "datastore://azureBlob/mnist/*.png")),
        shared.submit(manifest("s3", "datastore://s3/mnist/", output={"path": "datastore://azureBlob/hashes"})),
        shared.submit(manifest("https", *one_by_one)),
    ]
    for job in jobs:
        job.wait_complete(180)
    assert [job.output for job in (jobs[0], jobs[1], jobs[3])] == [EXPECTED] * 3
    assert read(boxes["azureBlob"], f"hashes/{OUTPUT}") == EXPECTED
    assert read(boxes["azureBlob"], f"hashes/{layout.SUCCESS}") is not None
    assert jobs[2].status["output"]["path"] == f"datastore://azureBlob/hashes/{OUTPUT}"


def rows_of_tables_in_a_bucket_are_read_in_parts(shared: Namespace, stores: ObjectStores, boxes: Boxes) -> None:
    """Many mini-batches of one file: each node fetches the bytes that it needs, into what scripts can only read."""
    rows = [(number, f"word {number}") for number in range(5000)]
    for name, part in (("a", rows[:3000]), ("b", rows[3000:])):
        text = "number,word\n" + "".join(f"{number},{word}\n" for number, word in part)
        boxes["s3"].write(f"tables/{name}.csv", text.encode())
    script = "def run(frame):\n    return [f'{row.number} {row.word}' for row in frame.itertuples()]\n"
    shared.config_map("rows", {"rows.py": script})
    tables = [{"name": "rows", "type": "Tabular", "paths": ["datastore://s3/tables/*.csv"]}]
    source = {"source": {"configMap": {"name": "rows"}}, "entryScript": "rows.py"}
    job = shared.submit(manifest("rows", inputs=tables, miniBatchSize="4KB", nodeCount=2, **source))
    job.wait_complete(180)
    assert job.status["miniBatches"]["total"] > 10
    assert job.output == "".join(f"{number} {word}\n" for number, word in rows).encode()


# --- who has the credentials ------------------------------------------------------------------------------------------


def the_script_s_container_holds_no_credential(shared: Namespace, stores: ObjectStores, boxes: Boxes) -> None:
    """The agent's does; the script's sees neither the Secret nor a way to the files but those that were fetched."""
    job = shared.submit(
        manifest("spied-on", "datastore://azureBlob/mnist/*.png", arguments=["--wait"], runInvocationTimeoutSeconds=600)
    )
    pod = name_of(small.first_pod(job))
    own = shared.execute(pod, "python3", "-c", SEARCH, AZURE_KEY, container=pod_layout.AGENT).split()
    assert f"{pod_layout.CREDENTIALS}/azureBlob/accountKey" in own, "the search finds what is there"
    assert shared.execute(pod, "python3", "-c", SEARCH, AZURE_KEY).split() == []
    mounts = shared.execute(pod, "cat", "/proc/self/mountinfo")
    paths = {line.split()[4]: line.split()[5].split(",")[0] for line in mounts.splitlines()}
    assert not [path for path in paths if "secret" in path or path.startswith(pod_layout.CREDENTIALS)]
    assert paths[pod_layout.CACHE] == "ro"
    refused = shared.execute(pod, "sh", "-c", f"touch {pod_layout.CACHE}/x 2>&1 || true")
    assert "Read-only file system" in refused
    small.let_end(job)
    job.wait_complete(120)
    assert job.output == EXPECTED


# --- what is wrong ----------------------------------------------------------------------------------------------------


def wrong_credentials_are_named_and_the_job_goes_on_when_they_are_mended(
    shared: Namespace, stores: ObjectStores, boxes: Boxes
) -> None:
    secret(shared, "rotten", accountKey="d3Jvbmc=")
    shared.apply(stores.datastore(boxes["azureBlob"], "rotten_store", secretRef={"name": "rotten"}))
    job = shared.submit(manifest("rotten", "datastore://rotten_store/mnist/"))
    job.wait_pods(1)
    assert "rotten_store" in stalled(job, conditions.STORE_REFUSED)
    secret(shared, "rotten", **AZURE_SECRET)
    hurry(job)
    job.wait_complete(180)
    assert job.output == EXPECTED


def a_missing_secret_and_a_missing_datastore_are_named_and_may_come_later(
    shared: Namespace, stores: ObjectStores, boxes: Boxes
) -> None:
    job = shared.submit(manifest("early", "datastore://late_store/mnist/"))
    assert "spec.inputs[0].paths[0]" in stalled(job, "MissingDatastore")
    shared.apply(stores.datastore(boxes["azureBlob"], "late_store", secretRef={"name": "late"}))
    assert "Secret late" in stalled(job, "MissingSecret")
    secret(shared, "late", **AZURE_SECRET)
    job.wait_complete(180)
    assert job.output == EXPECTED


# --- what names stand for ---------------------------------------------------------------------------------------------


def what_a_job_was_resolved_with_stays_whatever_is_registered_later(
    shared: Namespace, stores: ObjectStores, boxes: Boxes
) -> None:
    """The Dataset gets a new version, and the Datastore goes, while the job waits within ``run``."""
    shared.apply(stores.datastore(boxes["s3"], "passing", secretRef={"name": "s3"}))
    dataset: Json = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": "digits-1"},
        "spec": {"name": "digits", "type": "File", "datastore": "passing", "paths": ["mnist/"]},
    }
    target: Json = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ComputeTarget",
        "metadata": {"name": "narrow"},
        "spec": {
            "maxNodes": 1,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "resources": {"requests": {"cpu": "10m"}},
        },
    }
    shared.apply(dataset, target)
    inputs = [{"name": "images", "dataset": "digits@latest"}]
    names = {"inputs": inputs, "computeTarget": "narrow", "nodeCount": 3}
    job = shared.submit(manifest("steady", **names, arguments=["--wait"], runInvocationTimeoutSeconds=600))
    pod = name_of(small.first_pod(job))
    later = {**dataset, "metadata": {"name": "digits-2"}, "spec": {**dataset["spec"], "version": "2", "paths": ["x/"]}}
    shared.apply(later)
    shared.api.request("DELETE", DATASTORES.path(shared.name, "passing"))
    assert job.status["nodes"]["wanted"] == len(job.pods()) == 1
    shared.api.request("DELETE", PODS.path(shared.name, pod), {"gracePeriodSeconds": 1})
    small.let_end(job)
    job.wait_complete(180)
    assert job.output == EXPECTED
    resolved = job.status["resolved"]
    assert (resolved["datasets"], resolved["computeTarget"]) == ({"digits": "1"}, "narrow")


def a_model_that_no_job_lists_is_found_where_the_pod_can_read_it(
    shared: Namespace, stores: ObjectStores, boxes: Boxes
) -> None:
    boxes["s3"].write("models/words/words.txt", b"found")
    script = (
        "from azureml.core.model import Model\n\n\n"
        "def run(mini_batch):\n"
        "    path = Model.get_model_path('my_words')\n"
        "    return [open(path).read() for _ in mini_batch]\n"
    )
    shared.config_map("asks", {"asks.py": script})
    shared.apply(
        {
            "apiVersion": "parallelrun.dev/v1alpha1",
            "kind": "Model",
            "metadata": {"name": "my-words-3"},
            "spec": {"name": "my_words", "version": "3", "path": "datastore://s3/models/words/words.txt"},
        }
    )
    asks = {"source": {"configMap": {"name": "asks"}}, "entryScript": "asks.py"}
    job = shared.submit(manifest("asks", "datastore://s3/mnist/0.png", **asks))
    elsewhere = shared.submit(manifest("asks-elsewhere", "datastore://azureBlob/mnist/0.png", **asks))
    job.wait_complete(180)
    assert job.output == b"found\n"
    # Told before the job is done; by another object, so the operator may hear of it a moment later.
    wait_for(lambda: job.status["resolved"]["models"] == {"my_words": "3"}, 10, lambda: f"not recorded: {job.status}")
    elsewhere.wait_failed(180)
    assert "cannot read datastore://s3/models/words/words.txt." in json.dumps(elsewhere.status)
    assert "spec.models: [{name: my_words}]" in json.dumps(elsewhere.status)


SCENARIOS = [
    *store_scenarios.LONG,
    the_same_files_give_the_same_bytes_wherever_they_are,
    rows_of_tables_in_a_bucket_are_read_in_parts,
    the_script_s_container_holds_no_credential,
    wrong_credentials_are_named_and_the_job_goes_on_when_they_are_mended,
    a_missing_secret_and_a_missing_datastore_are_named_and_may_come_later,
    what_a_job_was_resolved_with_stays_whatever_is_registered_later,
    a_model_that_no_job_lists_is_found_where_the_pod_can_read_it,
    *store_scenarios.OTHERS,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_data_in_object_stores(
    outcomes: Mapping[Callable[..., None], Future[None]], scenario: Callable[..., None]
) -> None:
    """That it is as the scenario's name says."""
    outcomes[scenario].result()


@pytest.mark.tensorflow
@pytest.mark.usefixtures("tensorflow_image")
def test_the_example_reads_images_and_model_from_a_container_and_writes_to_another(
    shared: Namespace, stores: ObjectStores, tmp_path: Path
) -> None:
    """As it stands, but for the address of the storage account; the same bytes as on a laptop, from files."""
    data, results = stores.azure("sampledata"), stores.azure("results")
    for name, folder in (("mnist", "images"), ("models/mnist", "model")):
        for path in (DIGITS / folder).iterdir():
            data.write(f"{name}/{path.name}", path.read_bytes())
    secret(shared, "pipelinedata-key", **AZURE_SECRET)
    account = {"account": AZURE_ACCOUNT, "endpoint": stores.endpoint("azureBlob")}
    patch = [{"op": "add", "path": f"/spec/azureBlob/{field}", "value": value} for field, value in account.items()]
    overlay = {
        "resources": [os.path.relpath(EXAMPLE, tmp_path)],
        "patches": [{"target": {"kind": "Datastore"}, "patch": json.dumps(patch)}],
    }
    (tmp_path / "kustomization.yaml").write_text(json.dumps(overlay))
    shared.kubectl("apply", "-k", str(tmp_path))
    run = ("run", str(DIGITS / "job.yaml"), "--output", str(tmp_path / "laptop"))
    laptop = subprocess.run([sys.executable, "-m", "parallelrun.cli.main", *run], capture_output=True, text=True)
    assert laptop.returncode == 0, laptop.stderr[-3000:]
    job = shared.job("mnist-blob")
    job.wait_complete(300)
    assert read(results, f"mnist/{OUTPUT}") == (tmp_path / "laptop" / OUTPUT).read_bytes()
    assert read(results, f"mnist/{layout.SUCCESS}") is not None
    report = (read(results, f"mnist/{layout.MINI_BATCHES}") or b"").decode().splitlines()
    assert set(Counter(line.split(",")[1] for line in report[1:])) == {"node000", "node001"}
    resolved = job.status["resolved"]
    assert (resolved["datasets"], resolved["models"]) == ({"mnist_images": "1"}, {"mnist": "1"})
