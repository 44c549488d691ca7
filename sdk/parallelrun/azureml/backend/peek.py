"""Looks into a dataset by running a job over it on this machine, so that what is seen is what a job sees."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.models.metadata import API_VERSION
from parallelrun.azureml.backend.staging import Staged, staged

if TYPE_CHECKING:
    import pandas

    from parallelrun.azureml.data.abstract_dataset import AbstractDataset
    from parallelrun.client.run import Run

_ROWS = "def run(frame):\n    return frame\n"
_PATHS = """\
import json, os, sys

def run(mini_batch):
    root = os.path.dirname(sys.argv[1]) if os.path.isfile(sys.argv[1]) else sys.argv[1]
    return [json.dumps(os.path.relpath(path, root)) for path in mini_batch]
"""
_FETCH = """\
import json, os, shutil, sys

def run(mini_batch):
    root, target, overwrite = sys.argv[1], sys.argv[2], sys.argv[3] == "true"
    root = os.path.dirname(root) if os.path.isfile(root) else root
    made = []
    for path in mini_batch:
        there = os.path.join(target, os.path.relpath(path, root))
        if overwrite or not os.path.exists(there):
            os.makedirs(os.path.dirname(there), exist_ok=True)
            shutil.copyfile(path, there + ".tmp")
            os.replace(there + ".tmp", there)
        made.append(json.dumps(there))
    return made
"""
_HOUR = 3600


def frame(dataset: AbstractDataset) -> pandas.DataFrame:
    """All rows of a table."""
    with _job(dataset, _ROWS, [], "1GB", {"format": "Parquet"}) as run:
        return run.results()


def paths(dataset: AbstractDataset) -> list[str]:
    """The paths of files, below the dataset's folder."""
    with _job(dataset, _PATHS, ["$(inputs.data)"], 1000, {}) as run:
        found: list[str] = [json.loads(line) for line in run.results()["result"]]
        return [f"/{path}" for path in found]


def download(dataset: AbstractDataset, target: str | None, overwrite: bool) -> list[str]:
    """Files copied into ``target``, by default a new folder; their paths there."""
    place = Path(target or tempfile.mkdtemp(prefix="dataset-")).absolute()
    arguments = ["$(inputs.data)", str(place).replace("$(", "$$("), "true" if overwrite else "false"]
    with _job(dataset, _FETCH, arguments, 100, {}) as run:
        return [json.loads(line) for line in run.results()["result"]]


@contextmanager
def _job(
    dataset: AbstractDataset, script: str, arguments: list[str], size: int | str, output: dict[str, Any]
) -> Iterator[Run]:
    """A run of ``script`` over ``dataset`` that is done, for as long as this lasts. Raises as Job.run_local."""
    from parallelrun.client.job import Job

    with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
        base = Path(scratch)
        (base / "code").mkdir()
        (base / "code" / "look.py").write_text(script)
        there = staged(dataset, base) if dataset._workspace is not None else Staged(dataset._inline())
        spec = {
            "source": {"directory": str(base / "code")},
            "entryScript": "look.py",
            "arguments": arguments,
            "inputs": [{"name": "data", **there.input}],
            "miniBatchSize": size,
            "runInvocationTimeoutSeconds": _HOUR,
            "output": output,
        }
        job = Job.from_manifest(
            {"apiVersion": API_VERSION, "kind": "ParallelRunJob", "metadata": {"name": "look"}, "spec": spec}, base=base
        )
        yield job.run_local(base / "run", register=there.register, maps=there.maps)
