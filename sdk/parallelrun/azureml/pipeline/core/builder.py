"""``azureml.pipeline.core.builder``: steps, and the folders that they hand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.step_data import StepData, StepInput
from parallelrun.azureml.backend.support import Refused, azure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parallelrun.azureml.core.datastore import Datastore

_MODES = "the script reads and writes the folder itself"


class PipelineStep:
    """A step: what comes of it is in its outputs; steps that read these come after it."""

    def __init__(self, name: str, outputs: Sequence[StepData], allow_reuse: bool) -> None:
        self.name = name
        self.allow_reuse = allow_reuse
        self._after: list[PipelineStep] = []
        self._outputs = list(outputs)
        for output in outputs:
            output._producer = self

    @azure()
    def run_after(self, step: PipelineStep) -> PipelineStep:
        """Start when ``step`` has succeeded, whether or not data of it are read."""
        self._after.append(step)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class StepSequence:
    """Steps that run one after the other."""

    def __init__(self, steps: Sequence[Any] | None = None) -> None:
        self._steps = list(steps or [])

    def __iter__(self) -> Any:
        return iter(self._steps)


class PipelineData(StepData):
    """A folder that a step writes: in its outputs and arguments, and in the inputs and arguments of later steps."""

    @azure(
        notes={
            "output_mode": _MODES,
            "output_path_on_compute": _MODES,
            "output_overwrite": "each run has a folder of its own",
            "data_type": "folders have no type here",
            "is_directory": "it is always a folder",
        },
        refuses={
            "pipeline_output_name": "Read it by its step: run.find_step_run(step)[0].get_output_data(name).",
            "training_output": "Write models to the folder, and register them when the run is done.",
        },
    )
    def __init__(
        self,
        name: str,
        datastore: Datastore | None = None,
        output_name: str | None = None,
        output_mode: str | None = "mount",
        output_path_on_compute: str | None = None,
        output_overwrite: bool | None = None,
        data_type: str | None = None,
        is_directory: bool | None = None,
        pipeline_output_name: str | None = None,
        training_output: Any = None,
    ) -> None:
        super().__init__(output_name or name, datastore)

    @azure()
    def as_dataset(self) -> StepInput:
        """This folder as a later step's input."""
        return StepInput(self, self.name)

    @azure()
    def as_input(self, input_name: str | None = None) -> StepInput:
        """This folder as a later step's input."""
        return StepInput(self, input_name or self.name)

    @azure()
    def as_mount(self) -> PipelineData:
        """The same: the script reads and writes the folder itself."""
        return self

    @azure()
    def as_download(
        self, input_name: str | None = None, path_on_compute: Any = None, overwrite: Any = None
    ) -> StepInput:
        """This folder as a later step's input."""
        return StepInput(self, input_name or self.name, download=True)

    @azure()
    def as_upload(self) -> PipelineData:
        """The same: the script writes to the folder itself."""
        return self

    get_env_variable_name = Refused("Give the folder as an argument: arguments=['--out', data].")
    create_input_binding = Refused("Say data.as_input(name).")

    def __repr__(self) -> str:
        return f"PipelineData({self.name!r})"
