"""Jobs whose output is known beforehand: many mini-batches that each take a little time, by what they hold.

The last one waits until a test lets it go, so a fault certainly falls into the running time, however slow the machine
or its harness is; and whatever a fault did, the output can be compared byte by byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for
from parallelrun.api import layout

Json = dict[str, Any]

SCRIPT = """
import os, sys, time

def run(mini_batch):
    results = []
    for path in mini_batch:
        with open(path) as file:
            seconds, word, *held = file.read().split()
        outputs = os.environ["AZUREML_BI_OUTPUT_PATH"]
        if word == "poison":  # asks for its end, and waits for it
            open(os.path.join(outputs, "poison"), "w").close()
            time.sleep(600)
        while held and not os.path.exists(os.path.join(outputs, "go")):
            time.sleep(0.05)
        time.sleep(float(seconds))
        results.append(word.upper())
    return results
"""


def texts(mini_batches: int, seconds: float, words: Mapping[int, str], held: bool) -> dict[str, str]:
    """Files for so many mini-batches, of half to one and a half times so many seconds each; ``words`` for some."""
    files = {
        f"{n:04}.txt": f"{seconds * (0.5 + n * 7 % 11 / 10):.3f} {words.get(n, f'word-{n}')}"
        for n in range(mini_batches)
    }
    files[max(files)] += " held" * held
    return files


def submit(
    namespace: Namespace,
    name: str,
    mini_batches: int = 200,
    seconds: float = 0.1,
    words: Mapping[int, str] | None = None,
    held: bool = True,
    **spec: Any,
) -> Job:
    """A job of so many mini-batches that take ``seconds`` on average; ``spec`` overrides fields of its spec.

    Unless it is not ``held``, it cannot be over before :func:`wait_whole`.
    """
    namespace.config_map(f"{name}-code", {"shout.py": SCRIPT})
    namespace.config_map(f"{name}-texts", texts(mini_batches, seconds, words or {}, held))
    fields: Json = {
        "source": {"configMap": {"name": f"{name}-code"}},
        "entryScript": "shout.py",
        "inputs": [{"name": "texts", "type": "File", "paths": [f"configmap://{name}-texts"]}],
        "miniBatchSize": 1,
        "nodeCount": 2,
        "maxNodeCount": 4,
        "runMaxTry": 20,  # faults may hit one and the same mini-batch again and again
        "runInvocationTimeoutSeconds": 900,  # of the one that waits
    }
    manifest = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunJob", "metadata": {"name": name}}
    return namespace.submit({**manifest, "spec": {**fields, **spec}})


def expected(mini_batches: int, without: tuple[int, ...] = ()) -> bytes:
    """The output of a job of so many mini-batches, of which some failed."""
    return b"".join(f"WORD-{n}\n".encode() for n in range(mini_batches) if n not in without)


def wait_whole(job: Job, mini_batches: int, seconds: float = 120, failed: tuple[int, ...] = ()) -> Json:
    """Let a job come to its end: its status when it is Complete, with every byte of the output as it has to be."""
    outputs = job.folder / layout.OUTPUTS
    wait_for(outputs.is_dir, seconds, f"{job.name} has no folder {layout.OUTPUTS}")
    (outputs / "go").touch()
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
