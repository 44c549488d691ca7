"""Jobs whose output is known beforehand: many mini-batches that each take a little time, by what they hold.

So a fault certainly falls into the running time, and whatever it did, the output can be compared byte by byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from parallelrun.api import layout

Json = dict[str, Any]

SCRIPT = """
import os, sys, time

def run(mini_batch):
    results = []
    for path in mini_batch:
        with open(path) as file:
            seconds, word = file.read().split()
        if word == "poison":  # asks for its end, and waits for it
            open(os.path.join(os.environ["AZUREML_BI_OUTPUT_PATH"], "poison"), "w").close()
            time.sleep(600)
        time.sleep(float(seconds))
        results.append(word.upper())
    return results
"""


def texts(mini_batches: int, seconds: float, words: Mapping[int, str]) -> dict[str, str]:
    """Files for so many mini-batches, of half to one and a half times so many seconds each; ``words`` for some."""
    return {
        f"{n:04}.txt": f"{seconds * (0.5 + n * 7 % 11 / 10):.3f} {words.get(n, f'word-{n}')}"
        for n in range(mini_batches)
    }


def submit(
    namespace: Namespace,
    name: str,
    mini_batches: int = 200,
    seconds: float = 0.1,
    words: Mapping[int, str] | None = None,
    **spec: Any,
) -> Job:
    """A job of so many mini-batches that take ``seconds`` on average; ``spec`` overrides fields of its spec."""
    namespace.config_map(f"{name}-code", {"shout.py": SCRIPT})
    namespace.config_map(f"{name}-texts", texts(mini_batches, seconds, words or {}))
    fields: Json = {
        "source": {"configMap": {"name": f"{name}-code"}},
        "entryScript": "shout.py",
        "inputs": [{"name": "texts", "type": "File", "paths": [f"configmap://{name}-texts"]}],
        "miniBatchSize": 1,
        "nodeCount": 2,
        "maxNodeCount": 4,
        "runMaxTry": 20,  # faults may hit one and the same mini-batch again and again
    }
    manifest = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunJob", "metadata": {"name": name}}
    return namespace.submit({**manifest, "spec": {**fields, **spec}})


def expected(mini_batches: int, without: tuple[int, ...] = ()) -> bytes:
    """The output of a job of so many mini-batches, of which some failed."""
    return b"".join(f"WORD-{n}\n".encode() for n in range(mini_batches) if n not in without)


def wait_whole(job: Job, mini_batches: int, seconds: float = 120, failed: tuple[int, ...] = ()) -> Json:
    """The status of a job that is Complete, with every byte of the output as it has to be."""
    status = job.wait_complete(seconds)
    assert job.output == expected(mini_batches, failed)
    counts = status["miniBatches"]
    assert (counts["total"], counts["failed"]) == (mini_batches, len(failed))
    assert counts["completed"] == mini_batches
    result = json.loads(job.file(layout.RESULT))
    assert result["miniBatches"]["completed"] == mini_batches
    return status


def exits(job: Job) -> list[int]:
    """The exit codes that the job's agents wrote into their logs, those who could."""
    logs = sorted((job.folder / layout.SYS).glob("*.log"))
    return [int(code) for path in logs for code in re.findall(r"leaves with (\d+) after", path.read_text())]


def index_bytes(folder: Path, holder: str) -> int:
    """Of a holder's segments in a job's folder: they grow with each record that is written."""
    return sum(path.stat().st_size for path in (folder / layout.SEGMENTS).glob(f"*-{holder}-*.idx"))
