"""``parallelrun run pipeline.yaml``: one run of a pipeline on this machine, from a request to an outcome."""

from __future__ import annotations

import asyncio

from parallelrun.local.pipelines import opening
from parallelrun.local.pipelines.request import PipelineListener, PipelineOutcome, PipelineRequest
from parallelrun.local.pipelines.runner import Runner

DONE_ALREADY = "This run is done already."
FAILED_ALREADY = "This run has failed; `parallelrun rerun --failed` tries again."


def run(request: PipelineRequest, listener: PipelineListener) -> PipelineOutcome:
    """Run what was asked for, to its end or until it is interrupted.

    Raises a ParallelRunError for whatever is wrong before the first step starts; KeyboardInterrupt on a second Ctrl-C.
    """
    opened = opening.open_(request, listener.message)
    try:
        listener.started(opened.folder)
        return asyncio.run(Runner(opened, listener).run())
    finally:
        opened.lock.close()
