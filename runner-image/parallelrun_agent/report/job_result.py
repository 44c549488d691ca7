"""``job_result.json``: how a job ended, in one file; a short form of it travels in the job's state.

Names are as in the job's status. The short form leaves out what grows with the number of nodes and processes.
"""

from __future__ import annotations

import itertools
import json
import platform
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy

import parallelrun
from parallelrun.api import layout
from parallelrun.api.conditions import REUSED
from parallelrun.api.settings import JobSettings
from parallelrun.leases.header import Header
from parallelrun_agent.output import durable
from parallelrun_agent.output.winners import Winners
from parallelrun_agent.report import outputs
from parallelrun_agent.report.failures import Failure, origin, read_failures, shortened

#: Failures that are told in the result itself.
FIRST_ERRORS = 10
#: Characters of a traceback and files of a mini-batch in them.
_TRACEBACK_LIMIT, _FILES_LIMIT = 4000, 10
_SHORT_ERROR = 200  # characters of either in the short form
_LIBRARIES = ["numpy", "pyarrow"]
_SHORT_FORM = ("phase", "status", "reason", "message", "miniBatches", "items", "output", "startTime", "completionTime",
               "outputs", "fingerprint")  # fmt: skip


def write(folder: Path, result: dict[str, Any]) -> None:
    """Write ``job_result.json``, durably. Raises NoSpace or OutputError."""
    durable.write_file(folder / layout.RESULT, (json.dumps(result, indent=2) + "\n").encode())


def short_form(result: dict[str, Any]) -> dict[str, Any]:
    """What of ``result`` fits into a job's state: under 8 KiB. ``firstErrors`` are as in the job's status."""
    short = {name: result[name] for name in _SHORT_FORM}
    short |= {"reusedFrom": result["reusedFrom"]} if "reusedFrom" in result else {}
    short["message"] = result["message"][:2000]
    short["firstErrors"] = [_short_error(error) for error in result["firstErrors"]]
    return short


def _short_error(error: dict[str, Any]) -> dict[str, Any]:
    said = (error["traceback"].strip() or error["error"])[-_SHORT_ERROR:]
    files = [path[-_SHORT_ERROR:] for path in error["files"][:1]]
    return {"miniBatch": error["miniBatch"], "files": files, "message": said}


def describe(
    folder: Path,
    settings: JobSettings,
    header: Header,
    winners: Winners,
    output: dict[str, Any] | None,
    started: float,
    finished: float,
) -> dict[str, Any]:
    """The whole result; ``output`` None: the job was aborted. Times are Unix times."""
    counts = winners.totals()
    done = output is not None
    return {
        "job": settings.name,
        "namespace": settings.namespace,
        "uid": settings.uid,
        "phase": "Done" if done else "Aborted",
        "status": "Complete" if done else "Failed",
        "reason": header.reason,
        "message": header.message,
        "miniBatches": {
            "total": header.plan.total if header.plan else None,
            "completed": counts.completed,
            "failed": counts.failed,
            "retried": counts.retried,
        },
        "items": {
            "total": counts.items_succeeded + counts.items_failed,
            "succeeded": counts.items_succeeded,
            "failed": counts.items_failed,
        },
        "output": output,
        "outputs": outputs.places(folder, settings) if done else {},
        "outputFile": outputs.appended_file(folder, settings) if done else None,
        "outputListings": outputs.listings(settings) if done else {},
        "fingerprint": header.fingerprint,
        "startTime": _stamp(started),
        "completionTime": _stamp(finished),
        "durationSeconds": round(max(0.0, finished - started), 3),
        "plan": header.plan.sha256 if header.plan else None,
        "winners": winners.sha256() if done else None,
        "versions": _versions(),
        "firstErrors": [first_error(f) for f in itertools.islice(read_failures(folder, winners), FIRST_ERRORS)],
        **_completed_by(winners),
    }


def taken_over(settings: JobSettings, header: Header, started: float, finished: float) -> dict[str, Any]:
    """The whole result of a job that took over what an earlier one made."""
    assert header.plan is not None
    reused, total = header.reused, header.plan.total
    return {
        "job": settings.name,
        "namespace": settings.namespace,
        "uid": settings.uid,
        "phase": "Done",
        "status": "Complete",
        "reason": REUSED,
        "message": f"Script, configuration and input are those of {reused['reusedFrom']}: its results were taken over.",
        "miniBatches": {"total": total, "completed": total, "failed": 0, "retried": 0},
        **reused,
        "fingerprint": header.fingerprint,
        "startTime": _stamp(started),
        "completionTime": _stamp(finished),
        "durationSeconds": round(max(0.0, finished - started), 3),
        "plan": header.plan.sha256,
        "winners": None,
        "versions": _versions(),
        "firstErrors": [],
        "nodes": {},
        "processes": {},
    }


def first_error(failure: Failure) -> dict[str, Any]:
    """A failure with its traceback and files cut to a screen."""
    return {
        "miniBatch": failure.mini_batch,
        "kind": failure.kind,
        "error": failure.error,
        "traceback": shortened(failure.traceback, _TRACEBACK_LIMIT),
        "files": failure.files[:_FILES_LIMIT],
        "node": failure.node,
        "process": failure.process,
        "tries": failure.tries,
    }


def _completed_by(winners: Winners) -> dict[str, dict[str, int]]:
    """Mini-batches by node and by process; those that an agent recorded as failed are its node's alone."""
    nodes: Counter[str] = Counter()
    processes: Counter[str] = Counter()
    sums = numpy.zeros(max(1, len(winners.segments)), dtype=numpy.int64)
    for _, rows in winners.chunks():
        sums += numpy.bincount(rows["segment"][rows["state"] > 0], minlength=len(sums))
    for name, count in zip(winners.segments, sums.tolist(), strict=False):
        node, process = origin(name)
        nodes[node] += count
        if process:
            processes[f"{node}/{process}"] += count
    return {"nodes": dict(sorted(nodes.items())), "processes": dict(sorted(processes.items()))}


def _versions() -> dict[str, str]:
    loaded = {name: str(sys.modules[name].__version__) for name in _LIBRARIES if name in sys.modules}
    return {"parallelrun": parallelrun.__version__, "python": platform.python_version(), **loaded}


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
