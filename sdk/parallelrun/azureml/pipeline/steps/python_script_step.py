"""``azureml.pipeline.steps.python_script_step``: a program that runs once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelrun.azureml.backend.step_data import StepData
from parallelrun.azureml.backend.support import NotAvailableHere, azure
from parallelrun.azureml.pipeline.core.builder import PipelineStep


class PythonScriptStep(PipelineStep):
    """A step of a pipeline that is a program."""

    @azure(
        differs="Folders of outputs come as arguments, not in environment variables.",
        refuses={
            "runconfig_pipeline_params": "Give the parameter as an argument.",
            "params": "Give the parameters as arguments.",
            "hash_paths": "Leave it out: all files of source_directory count.",
        },
        notes={"version": "a step whose code, configuration and input are the same is the same"},
    )
    def __init__(
        self,
        script_name: str,
        name: str | None = None,
        arguments: Sequence[Any] | None = None,
        compute_target: Any = None,
        runconfig: Any = None,
        runconfig_pipeline_params: Any = None,
        inputs: Sequence[Any] | None = None,
        outputs: Sequence[Any] | None = None,
        params: Any = None,
        source_directory: str | None = None,
        allow_reuse: bool = True,
        version: str | None = None,
        hash_paths: Any = None,
    ) -> None:
        written = [one for one in [*(outputs or []), *(arguments or [])] if isinstance(one, StepData)]
        for one in outputs or []:
            if not isinstance(one, StepData):
                raise NotAvailableHere(
                    f"PythonScriptStep(outputs=[{one!r}]) has no counterpart here.",
                    "Give PipelineData or OutputFileDatasetConfig.",
                )
        # What is given as an argument, and no earlier step has written, is written by this one.
        read = {id(getattr(one, "data", one)) for one in inputs or []}
        own = {id(one): one for one in written if one._producer is None and id(one) not in read}
        super().__init__(name or script_name, list(own.values()), allow_reuse)
        self.script_name = script_name
        self.arguments = list(arguments or [])
        self.compute_target = compute_target
        self.runconfig = runconfig
        self.inputs = list(inputs or [])
        self.source_directory = source_directory
