"""What ``helm test`` runs: one small job through the installed operator, and a look at what it gave.

Runs in the runner image. The job is deleted at the end, however it went; what it was waiting for is printed before.
Usage: helm_test.py JOB.yaml EXPECTED.txt SECONDS
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from parallelrun.kube.client import Kube
from parallelrun.kube.errors import KubeError, NotFound, Unavailable
from parallelrun.kube.resources import PARALLEL_RUN_JOBS

LOOK_SECONDS = 1.0
GONE_SECONDS = 60.0  # until the job of an interrupted test is deleted

Json = dict[str, Any]


async def run_job(kube: Kube, job: Json, seconds: float) -> Json:
    """Create the job, wait until it is Complete or Failed or time is up; its last status."""
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    await remove(kube, namespace, name)
    await kube.create(job)
    print(f"created ParallelRunJob {namespace}/{name}", flush=True)
    status: Json = {}
    told = None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (holds(status, "Complete") or holds(status, "Failed")):
        await asyncio.sleep(LOOK_SECONDS)
        try:
            status = (await kube.get(PARALLEL_RUN_JOBS, namespace, name)).get("status") or {}
        except Unavailable as error:
            print(f"the API server does not answer, trying again: {error}", flush=True)
        if (now := (status.get("phase"), status.get("progress"))) != told:
            print(*(part for part in now if part), flush=True)
            told = now
    return status


async def remove(kube: Kube, namespace: str, name: str) -> None:
    """Delete the job, and wait until it is gone; raises TimeoutError."""
    deadline = time.monotonic() + GONE_SECONDS
    while await kube.delete(PARALLEL_RUN_JOBS, namespace, name):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"ParallelRunJob {namespace}/{name} was deleted {GONE_SECONDS:.0f} s ago and is still there"
            )
        await asyncio.sleep(LOOK_SECONDS)


def conditions(status: Json) -> list[Json]:
    """Those of a job; none where nobody has written any yet."""
    return status.get("conditions") or []


def holds(status: Json, condition: str) -> bool:
    """Is this condition True?"""
    return any(one["type"] == condition and one["status"] == "True" for one in conditions(status))


def problem(status: Json, expected: bytes, seconds: float) -> str:
    """What is wrong with how the job ended; "" where nothing is."""
    if not status:
        return f"no status after {seconds:.0f} s: does the operator run, and does it watch this namespace?"
    if not holds(status, "Complete"):
        said = [
            f"{one['type']}={one['status']} {one['reason']}: {one.get('message', '')}" for one in conditions(status)
        ]
        return "; ".join([f"not Complete within {seconds:.0f} s: phase {status.get('phase')}", *said])
    output = status.get("output") or {}
    wanted = {"rows": expected.count(b"\n"), "bytes": len(expected), "sha256": hashlib.sha256(expected).hexdigest()}
    wrong = [f"{key} is {output.get(key)}, not {value}" for key, value in wanted.items() if output.get(key) != value]
    return f"another output than expected: {', '.join(wrong)}" if wrong else ""


async def main(manifest: str, expected: str, seconds: float) -> int:
    """Exit status: 0 where the job gave what was expected."""
    job = yaml.safe_load(Path(manifest).read_text(encoding="utf-8"))
    async with await Kube.in_cluster() as kube:
        try:
            found = problem(await run_job(kube, job, seconds), Path(expected).read_bytes(), seconds)
        except (KubeError, TimeoutError) as error:
            hint = " Are the CustomResourceDefinitions installed?" if isinstance(error, NotFound) else ""
            found = f"{error}{hint}"
        finally:
            await remove(kube, job["metadata"]["namespace"], job["metadata"]["name"])
    print(f"failed: {found}" if found else "passed: the job gave the expected output", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
