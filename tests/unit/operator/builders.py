"""Jobs and Worlds for tests of what the operator makes and decides."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from parallelrun_operator.config import Config
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.world import World

UID = "0f9a1c5e-7d53-4c1b-9a64-2f4b6f5d8e11"
CLOCK = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "source": {"configMap": {"name": "mnist-code"}},
    "entryScript": "score.py",
    "inputs": [{"name": "images", "type": "File", "paths": ["images/*.png"]}],
}


def a_job(*, name: str = "mnist", namespace: str = "team", uid: str = UID, **spec: Any) -> dict[str, Any]:
    """A ParallelRunJob as the API server gives it: these fields of spec over a small right one; None removes one.

    ``labels``, ``annotations`` and ``status`` are not spec's.
    """
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "2026-01-31T11:59:00Z",
    }
    metadata |= {key: spec.pop(key) for key in ("labels", "annotations") if key in spec}
    status = spec.pop("status", None)
    fields = {key: value for key, value in {**copy.deepcopy(SPEC), **spec}.items() if value is not None}
    job = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunJob", "metadata": metadata, "spec": fields}
    return job if status is None else job | {"status": status}


def a_world(job: dict[str, Any] | None = None, *, config: Config | None = None, **fields: Any) -> World:
    """A World of ``job`` (default: :func:`a_job`) at second 1000; ``fields`` are World's."""
    given = {"config": config or Config(), "now": 1000.0, "clock": CLOCK, "job": job or a_job()}
    return World(**{**given, "memory": Memory(), **fields})
