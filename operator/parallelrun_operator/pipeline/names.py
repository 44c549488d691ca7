"""Names, labels and folders of a pipeline's runs and of their jobs: each follows from what it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from parallelrun.api.conditions import LABEL_PIPELINE, LABEL_PIPELINE_RUN, LABEL_STEP
from parallelrun.pipelines import names

Json = dict[str, Any]

#: Labels of a run that its jobs carry too: by them a queue admits a job.
_QUEUE_LABELS = "kueue.x-k8s.io/"


def job_of(run: Json, step: str) -> str:
    """The name of a step's job."""
    return names.job(run["metadata"]["name"], step)


def scheduled_run(pipeline: Json, time: datetime) -> str:
    """The name of the run for a time of the schedule: whoever makes it, and however often, it is one run."""
    return f"{pipeline['metadata']['name']}-{time:%y%m%d%H%M}"


def pipeline_of(run: Json) -> str:
    """The name of the pipeline that a run is of; for one that brings its own, what its label says; else ""."""
    named = (run["spec"].get("pipeline") or {}).get("name")
    return str(named or (run["metadata"].get("labels") or {}).get(LABEL_PIPELINE, ""))


def labels(run: Json, step: str) -> dict[str, str]:
    """Of a step's job."""
    own = run["metadata"].get("labels") or {}
    kept = {name: value for name, value in own.items() if name.startswith(_QUEUE_LABELS)}
    found = {LABEL_PIPELINE: pipeline_of(run), LABEL_PIPELINE_RUN: run["metadata"]["name"], LABEL_STEP: step}
    return kept | {name: value for name, value in found.items() if value}


def folder_of(run: Json, claim: str) -> Callable[[str, str], str]:
    """(step, output) to the folder of that output, on the claim; no other run has the same."""
    meta = run["metadata"]
    root = f"pvc://{claim}/pipelines/{meta['namespace']}/{meta['name']}-{meta['uid'][:8]}"
    return lambda step, output: f"{root}/{step}/{output}"


def owner(obj: Json) -> Json:
    """The owner reference to a run or a pipeline."""
    named = {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}
    meta = {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}
    return {**named, **meta, "controller": True, "blockOwnerDeletion": False}
