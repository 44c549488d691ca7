"""``azureml.pipeline.steps.parallel_run_step``: a script over an input, in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelrun.azureml.backend.step_data import StepData
from parallelrun.azureml.backend.support import NotAvailableHere, azure
from parallelrun.azureml.pipeline.core.builder import PipelineStep
from parallelrun.azureml.pipeline.steps.parallel_run_config import ParallelRunConfig


class ParallelRunStep(PipelineStep):
    """A step of a pipeline that is a ParallelRunJob."""

    @azure(
        differs="The output is in input order, and has the result of each mini-batch once. A step whose script also "
        "writes to the folder of its append_row output is not reused."
    )
    def __init__(
        self,
        name: str,
        parallel_run_config: ParallelRunConfig,
        inputs: Sequence[Any],
        output: StepData | None = None,
        side_inputs: Sequence[Any] | None = None,
        arguments: Sequence[Any] | None = None,
        allow_reuse: bool = True,
    ) -> None:
        if output is not None and not isinstance(output, StepData):
            raise NotAvailableHere(
                f"ParallelRunStep(output={output!r}) has no counterpart here.",
                "Give a PipelineData or an OutputFileDatasetConfig.",
            )
        super().__init__(name, [] if output is None else [output], allow_reuse)
        self.parallel_run_config = parallel_run_config
        self.inputs = list(inputs) if isinstance(inputs, Sequence) else [inputs]
        self.output = output
        self.side_inputs = list(side_inputs or [])
        self.arguments = list(arguments or [])
        self._config = _snapshot(parallel_run_config)


def _snapshot(config: ParallelRunConfig) -> ParallelRunConfig:
    """As it is when the step is made: what is changed later is of later steps."""
    made = object.__new__(ParallelRunConfig)
    made.__dict__.update(config.__dict__)
    return made
