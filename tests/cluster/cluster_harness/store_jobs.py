"""Jobs over images in object stores: what has to come out, and what is told of those that wait."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cluster_harness import small
from cluster_harness.cluster import REPOSITORY
from cluster_harness.job import Job, name_of
from cluster_harness.waiting import wait_for
from parallelrun.api import conditions
from parallelrun.kube.resources import PODS

Json = dict[str, Any]
DIGITS = REPOSITORY / "examples" / "mnist"

#: For each file, its name and what is in it. With --wait, all but the first few are waited with; those take so long
#: that the agent hands out no more than one at a time, and does not fetch everything ahead.
SCRIPT = """
import hashlib, os, sys, time

def init():
    pass

def is_first(mini_batch):
    return int(os.path.basename(mini_batch[0]).split(".")[0]) < 4

def run(mini_batch):
    if "--wait" in sys.argv:
        time.sleep(1 if is_first(mini_batch) else 0)
        while not is_first(mini_batch) and not os.path.exists(os.environ["AZUREML_BI_OUTPUT_PATH"] + "/open"):
            time.sleep(0.1)
    return [f"{os.path.basename(path)} {hashlib.sha256(open(path, 'rb').read()).hexdigest()}" for path in mini_batch]
"""
IMAGES = {f"{number}.png": (DIGITS / "images" / f"{number}.png").read_bytes() for number in range(40)}
#: Until something that is wrong has to be told; of a store that does not answer at first, until it counts as away.
NAMED_SECONDS, AWAY_SECONDS = 30, 90


def output_of(files: Mapping[str, bytes]) -> bytes:
    """What has to come out."""
    return "".join(f"{name} {hashlib.sha256(data).hexdigest()}\n" for name, data in files.items()).encode()


EXPECTED = output_of(IMAGES)


def manifest(name: str, *paths: str, **spec: Any) -> Json:
    """A job over them; ``spec`` overrides fields of its spec."""
    fields = {
        "source": {"configMap": {"name": "hashes"}},
        "entryScript": "hashes.py",
        "inputs": [{"name": "images", "type": "File", "paths": list(paths)}],
        "miniBatchSize": 3,
        "processCountPerNode": 2,
    }
    return small.manifest(name, **{**fields, **spec})


def stalled(job: Job, reason: str, words: str = "", seconds: float = NAMED_SECONDS) -> str:
    """What is told of it, once it is told for this reason with these words."""

    def told() -> str | None:
        found = job.condition(conditions.STALLED)
        is_told = found is not None and found["reason"] == reason and words in found["message"]
        return str(found["message"]) if is_told else None

    return wait_for(told, seconds, lambda: f"{job.name} is not stalled for {reason} ({words}): {job.status}")


def hurry(job: Job) -> None:
    """Kubelet looks at a pod's Secrets now and then, and at once when the pod is changed."""
    for pod in job.pods():
        path = PODS.path(job.namespace.name, name_of(pod))
        job.namespace.api.request("PATCH", path, {"metadata": {"annotations": {"looked": "at"}}})
