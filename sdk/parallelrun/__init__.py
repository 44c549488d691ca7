"""parallelrun: run a script's ``init()`` and ``run(mini_batch)`` over millions of files or rows, exactly once.

Jobs and pipelines in Python: :class:`Job`, :class:`Pipeline` and :class:`Run`; see docs/how-to/python.md. What is named
here is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parallelrun.api.errors import InputError as InputError
    from parallelrun.api.errors import JobFailed as JobFailed
    from parallelrun.api.errors import ManifestError as ManifestError
    from parallelrun.api.errors import ParallelRunError as ParallelRunError
    from parallelrun.client.inputs import Dataset as Dataset
    from parallelrun.client.inputs import Files as Files
    from parallelrun.client.inputs import MLTable as MLTable
    from parallelrun.client.inputs import Tables as Tables
    from parallelrun.client.job import Job as Job
    from parallelrun.client.pipeline import Pipeline as Pipeline
    from parallelrun.client.pipeline_run import PipelineRun as PipelineRun
    from parallelrun.client.pipeline_run import StepRun as StepRun
    from parallelrun.client.progress import Progress as Progress
    from parallelrun.client.run import Run as Run
    from parallelrun.client.run import Status as Status
    from parallelrun.client.steps import Parameter as Parameter
    from parallelrun.client.steps import ScriptStep as ScriptStep
    from parallelrun.client.steps import Step as Step
    from parallelrun_agent.report.failures import Failure as Failure

__version__ = "0.1.0"

_PLACES = {
    "Dataset": "parallelrun.client.inputs",
    "Failure": "parallelrun_agent.report.failures",
    "Files": "parallelrun.client.inputs",
    "InputError": "parallelrun.api.errors",
    "Job": "parallelrun.client.job",
    "JobFailed": "parallelrun.api.errors",
    "MLTable": "parallelrun.client.inputs",
    "ManifestError": "parallelrun.api.errors",
    "ParallelRunError": "parallelrun.api.errors",
    "Parameter": "parallelrun.client.steps",
    "Pipeline": "parallelrun.client.pipeline",
    "PipelineRun": "parallelrun.client.pipeline_run",
    "Progress": "parallelrun.client.progress",
    "Run": "parallelrun.client.run",
    "ScriptStep": "parallelrun.client.steps",
    "Status": "parallelrun.client.run",
    "Step": "parallelrun.client.steps",
    "StepRun": "parallelrun.client.pipeline_run",
    "Tables": "parallelrun.client.inputs",
}
__all__ = [*_PLACES, "__version__"]


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
