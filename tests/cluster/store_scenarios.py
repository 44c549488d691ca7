"""Scenarios of test_datastores.py: a store that goes away, parts of inputs, machines, and what does not fit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cluster_harness import small
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.object_stores import S3_SECRETS, ObjectStores, secret
from cluster_harness.store_jobs import AWAY_SECONDS, IMAGES, SCRIPT, hurry, manifest, output_of, stalled
from cluster_harness.waiting import wait_for
from cluster_harness.wheel import WHEEL, write_wheel
from store_servers import S3_KEY, Box

from parallelrun.api import conditions
from parallelrun.kube.names import Names
from parallelrun.kube.resources import JOBS

Json = dict[str, Any]
Boxes = dict[str, Box]
GIB = 1 << 30
#: So many that not all of them are fetched ahead while the first ones run.
MANY = {f"{number}.png": b"%d" % number for number in range(100)}


# --- in the middle of a job -------------------------------------------------------------------------------------------


def a_store_that_goes_away_and_comes_back_with_another_key_costs_no_try(
    shared: Namespace, stores: ObjectStores, boxes: Boxes
) -> None:
    """The job waits and says for what; a Secret that is mended is taken up by the pod that runs."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: boxes["s3"].write(f"many/{one[0]}", one[1]), MANY.items()))
    secret(shared, "passing", **S3_SECRETS)
    store = stores.datastore(boxes["s3"], "passing_store", secretRef={"name": "passing"})
    store["spec"]["s3"]["endpoint"] = stores.passing(S3_KEY)
    shared.apply(store)
    waits = {"arguments": ["--wait"], "runInvocationTimeoutSeconds": 600, "miniBatchSize": 1}
    job = shared.submit(manifest("passing", "datastore://passing_store/many/", **waits))
    job.wait_completed(3)
    stores.pass_away()
    small.let_end(job)
    assert "passing_store" in stalled(job, conditions.STORE_REFUSED, "does not answer", AWAY_SECONDS)
    assert job.status["miniBatches"]["completed"] < len(MANY)
    stores.passing("renewed-key")
    assert "passing_store" in stalled(job, conditions.STORE_REFUSED, "Correct the Secret", AWAY_SECONDS)
    secret(shared, "passing", **{**S3_SECRETS, "accessKeyId": "renewed-key"})
    hurry(job)
    job.wait_complete(120)
    assert job.output == output_of(MANY)
    counts = job.status["miniBatches"]
    assert (counts["failed"], counts["retried"]) == (0, 0)
    assert job.condition(conditions.STALLED) is None


# --- a part of an input -----------------------------------------------------------------------------------------------


def on_a_laptop(files: Mapping[str, bytes], script: str, one: Json, **spec: Any) -> bytes:
    """The output of a job with the input ``one``, over ``files`` beside its manifest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in {**files, "code/score.py": script.encode()}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        job = manifest(
            "laptop", **{"inputs": [one], "source": {"directory": "code"}, "entryScript": "score.py", **spec}
        )
        (folder / "job.yaml").write_text(json.dumps(job))
        run = ("run", str(folder / "job.yaml"), "--output", str(folder / "out"))
        done = subprocess.run([sys.executable, "-m", "parallelrun.cli.main", *run], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return (folder / "out" / "parallel_run_step.txt").read_bytes()


def parts_of_files_and_of_tables_are_those_of_a_laptop(shared: Namespace, stores: ObjectStores, boxes: Boxes) -> None:
    """Chosen by name, by condition, by number and by chance."""
    rows = {"parts/a.csv": "".join(["number,word\n", *(f"{n},{'ab'[n % 2]}{n}\n" for n in range(3000))]).encode()}
    boxes["s3"].write("parts/a.csv", rows["parts/a.csv"])
    row_script = "def run(frame):\n    return [f'{row.number} {row.word}' for row in frame.itertuples()]\n"
    shared.config_map("parts", {"score.py": row_script})
    some: Json = {"skip": 1, "take": 20, "sample": {"fraction": 0.6, "seed": 3}}
    where = [{"column": "number", "op": ">=", "value": 100}, {"column": "number", "op": "<", "value": 2500}]
    images = {"name": "images", "type": "File", "subset": {"include": ["*[0-6].png"], "exclude": ["1?.png"], **some}}
    table = {"name": "rows", "type": "Tabular", "subset": {"where": where, **some, "take": 900}}
    source = {"source": {"configMap": {"name": "parts"}}, "entryScript": "score.py"}
    jobs = [
        shared.submit(manifest("some-files", inputs=[{**images, "paths": ["datastore://s3/mnist/"]}])),
        shared.submit(
            manifest("some-rows", inputs=[{**table, "paths": ["datastore://s3/parts/"]}], miniBatchSize="2KB", **source)
        ),
    ]
    files = {f"mnist/{name}": data for name, data in IMAGES.items()}
    expected = [
        on_a_laptop(files, SCRIPT, {**images, "paths": ["mnist/"]}),
        on_a_laptop(rows, row_script, {**table, "paths": ["parts/"]}, miniBatchSize="2KB"),
    ]
    for job in jobs:
        job.wait_complete(180)
    assert [job.output for job in jobs] == expected
    counts = [len(text.splitlines()) for text in expected]
    assert 0 < counts[0] < 20
    assert 400 < counts[1] < 700


# --- machines, room, packages -----------------------------------------------------------------------------------------


def why_not_running(job: Job) -> str:
    """The reason of the condition Running."""
    found = [one for one in job.status.get("conditions", []) if one["type"] == conditions.RUNNING]
    return str(found[0]["reason"]) if found else ""


def a_compute_target_s_queue_and_spot_machines_are_on_what_is_to_be_scheduled(
    shared: Namespace, stores: ObjectStores, boxes: Boxes
) -> None:
    target = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ComputeTarget",
        "metadata": {"name": "spot-pool"},
        "spec": {"spot": True, "queueName": "team", "nodeSelector": {"disk": "fast"}},
    }
    shared.apply(target)
    job = shared.submit(manifest("spotted", "datastore://https/mnist/0.png", computeTarget="spot-pool"))
    found = wait_for(
        lambda: shared.get(JOBS, Names.of(job.name, job.uid).base), 60, lambda: f"{job.name} has no Job: {job.status}"
    )
    assert found["spec"]["suspend"] is True
    assert found["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    pod = found["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"parallelrun.dev/spot": "true", "disk": "fast"}
    assert {"key": "parallelrun.dev/spot", "operator": "Exists"} in pod["tolerations"]
    wait_for(lambda: why_not_running(job) == conditions.QUEUED, 30, lambda: f"not told: {job.status}")
    job.delete()


def downloads_that_no_pod_can_hold_fail_with_their_size_and_what_to_raise(
    shared: Namespace, stores: ObjectStores, boxes: Boxes
) -> None:
    boxes["https"].write("large/video.bin", b"")
    assert boxes["https"].folder is not None
    os.truncate(boxes["https"].folder / "large/video.bin", 30 * GIB)  # a hole: it takes no room
    one = {"name": "videos", "type": "File", "mode": "Download", "paths": ["datastore://https/large/video.bin"]}
    failed = shared.submit(manifest("large", inputs=[one])).wait_failed(120)
    assert failed["reason"] == conditions.INPUT_ERROR
    for words in ("input videos", "30.0 GB", "18.0 GB", "runner.cacheSize"):
        assert words in failed["message"]


def that_packages_are_installed_is_told_while_it_lasts(shared: Namespace, stores: ObjectStores, boxes: Boxes) -> None:
    box = stores.web("wheels")
    with tempfile.TemporaryDirectory() as folder:
        box.write(WHEEL, write_wheel(Path(folder)).read_bytes())
    assert box.folder is not None
    closed = box.folder / ".closed"
    closed.touch()
    asked = {"pip": [f"tiny @ {stores.endpoint('https')}/wheels/{WHEEL}"]}
    job = shared.submit(manifest("packaged", "datastore://https/mnist/0.png", environment=asked))
    wait_for(lambda: why_not_running(job) == conditions.INSTALLING_PACKAGES, 90, lambda: f"not told: {job.status}")
    closed.unlink()
    job.wait_complete(180)
    assert job.output == output_of({"0.png": IMAGES["0.png"]})


#: What takes longest begins first.
LONG = [a_store_that_goes_away_and_comes_back_with_another_key_costs_no_try]
OTHERS = [
    parts_of_files_and_of_tables_are_those_of_a_laptop,
    a_compute_target_s_queue_and_spot_machines_are_on_what_is_to_be_scheduled,
    downloads_that_no_pod_can_hold_fail_with_their_size_and_what_to_raise,
    that_packages_are_installed_is_told_while_it_lasts,
]
