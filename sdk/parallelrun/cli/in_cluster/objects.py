"""Objects of a cluster, printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from parallelrun.cli.terminal import give
from parallelrun.cluster.jobs import Observed
from parallelrun.kube.client import Json


def plain(one: Observed) -> Json:
    """The object without what only the API server needs."""
    meta = {key: value for key, value in one.obj["metadata"].items() if key != "managedFields"}
    return {**one.obj, "metadata": meta}


def give_objects(objects: Sequence[Json], form: str) -> None:
    """All of them as JSON or YAML, or the last one's name."""
    if form == "name":
        give(str(objects[-1]["metadata"]["name"]))
    elif form == "json":
        whole: Any = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        give(json.dumps(whole, indent=2))
    else:
        give(yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True).rstrip())
