"""What a step reads and gets as arguments, as its manifest says it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from parallelrun.api import store_urls
from parallelrun.api.reference import REFERENCE
from parallelrun.azureml.backend.parameters import Parameters, is_files
from parallelrun.azureml.backend.step_data import StepData, StepInput
from parallelrun.azureml.backend.support import NotAvailableHere
from parallelrun.azureml.data.abstract_dataset import AbstractDataset
from parallelrun.azureml.data.datapath import DataPath
from parallelrun.azureml.data.dataset_consumption_config import DOWNLOAD, DatasetConsumptionConfig
from parallelrun.azureml.exceptions import UserErrorException
from parallelrun.azureml.pipeline.core.graph import PipelineParameter

if TYPE_CHECKING:
    from parallelrun.azureml.backend.compile import Output, Step

Json = dict[str, Any]
_ONE_PATH = "Make a dataset of the file or folder itself: Dataset.File.from_files((datastore, 'labels/'))."


class Bindings:
    """Of one step; ``side_inputs`` and ``own_outputs`` grow as values are bound."""

    def __init__(self, step: Step, known: dict[int, tuple[Step, Output]], parameters: Parameters) -> None:
        """``known``: the outputs of all steps, by the identity of what stands for them."""
        self._step = step
        self._known = known
        self._parameters = parameters
        self._inputs: dict[str, str] = {}  # of those of the mini-batches, by name: what stands for it
        self._sides: dict[str, Json] = {}
        self.own_outputs: list[Json] = []

    @property
    def side_inputs(self) -> list[Json]:
        """``sideInputs``, so far."""
        return list(self._sides.values())

    def main_input(self, value: Any, where: str) -> Json:
        """One of ``inputs``. Raises NotAvailableHere."""
        if isinstance(value, AbstractDataset):
            value = value.as_named_input(value.name or "input")
        if isinstance(value, StepData):
            value = StepInput(value, value.name)
        if isinstance(value, StepInput):
            made = self._of_step(value, where)
        elif isinstance(value, DatasetConsumptionConfig):
            made = self._of_dataset(value)
        else:
            raise NotAvailableHere(
                f"{where}: {value!r} has no counterpart here.", "Give a dataset: dataset.as_named_input(name)."
            )
        self._inputs[str(made["name"])] = f"$(inputs.{made['name']})"
        return made

    def side_input(self, value: Any, where: str) -> str:
        """Have ``value`` among ``sideInputs``; what stands for its path."""
        if isinstance(value, AbstractDataset):
            value = value.as_named_input(value.name or "input")
        if isinstance(value, StepData):
            value = StepInput(value, value.name)
        if isinstance(value, StepInput):
            path = self._folder(value.data, where)
        elif isinstance(value, DatasetConsumptionConfig):
            path = self._one_path(value, where)
        else:
            raise NotAvailableHere(
                f"{where}: {value!r} has no counterpart here.", "Give a dataset: dataset.as_named_input(name)."
            )
        self._sides[value.name] = {"name": value.name, "path": path}
        return f"$(sideInputs.{value.name})"

    def argument(self, value: Any, where: str) -> str:
        """One of ``arguments``."""
        if isinstance(value, PipelineParameter):
            return self._parameters.reference(value)
        if isinstance(value, StepData) and (output := self._own(value)) is not None:
            return output
        if isinstance(value, StepData | StepInput | DatasetConsumptionConfig | AbstractDataset):
            name = value.name
            if name in self._inputs and name not in self._sides:
                return self._inputs[str(name)]
            return self.side_input(value, where)
        if isinstance(value, DataPath) or value is None:
            raise NotAvailableHere(
                f"{where}: {value!r} has no counterpart here.",
                "Give text, a number, a dataset, a PipelineParameter or a PipelineData.",
            )
        return REFERENCE.sub(r"$\g<0>", str(value))

    def number(self, field: str, value: Any) -> Any:
        """A count, which may be a parameter or text. Raises UserErrorException."""
        if value is None:
            return None
        if isinstance(value, PipelineParameter):
            return self._parameters.reference(value, "integer")
        try:
            return int(value)
        except (TypeError, ValueError):
            raise UserErrorException(f"ParallelRunConfig({field}={value!r}): it is a whole number.") from None

    def text(self, field: str, value: Any) -> Any:
        """Text, or a number, which may be a parameter."""
        if isinstance(value, PipelineParameter):
            return self._parameters.reference(value)
        if value is not None and not isinstance(value, str | int):
            raise UserErrorException(f"ParallelRunConfig({field}={value!r}): it is text or a whole number.")
        return value

    def percent(self, value: Any) -> Any:
        """A percentage, which may be a parameter."""
        if isinstance(value, PipelineParameter):
            return self._parameters.reference(value, "number")
        return None if value is None else float(value)

    def _own(self, data: StepData) -> str | None:
        found = self._known.get(id(data))
        if found is None or found[0] is not self._step:
            return None
        output = found[1]
        if output.key != "output":
            return f"$(outputs.{output.key})"
        # The folder of the job's output is also one that its script writes to.
        name = f"{output.name}_" if output.name in ("output", "file") else output.name
        if not any(one["name"] == name for one in self.own_outputs):
            self.own_outputs.append({"name": name, "path": output.url})
        return f"$(outputs.{name})"

    def _folder(self, data: StepData, where: str) -> str:
        found = self._known.get(id(data))
        if found is None:
            raise UserErrorException(f"{where}: no step writes {data!r}. Put it into the outputs of one.")
        step, output = found
        what = "output" if output.key == "output" else f"outputs.{output.key}"
        return f"$(steps.{step.name}.{what})"

    def _of_step(self, value: StepInput, where: str) -> Json:
        folder = self._folder(value.data, where)
        made: Json = {
            "name": value.name,
            "type": "File" if value.table is None else "Tabular",
            "paths": [f"{folder}/{value.glob}" if value.glob else folder],
        }
        made.update({} if value.table is None else {"table": value.table})
        made.update({"partitionFormat": value.partition_format.lstrip("/")} if value.partition_format else {})
        made.update({"mode": "Download"} if value.download else {})
        return made

    def _of_dataset(self, value: DatasetConsumptionConfig) -> Json:
        mode = {"mode": "Download"} if value.mode == DOWNLOAD and is_files(value.dataset) else {}
        if isinstance(value.dataset, PipelineParameter):
            return {"name": value.name, "dataset": self._parameters.reference(value.dataset), **mode}
        value.dataset._require_reachable(self._parameters.workspace)
        return {"name": value.name, **value.dataset._inline(), **mode}

    def _one_path(self, value: DatasetConsumptionConfig, where: str) -> str:
        dataset = value.dataset
        if isinstance(dataset, PipelineParameter):
            raise NotAvailableHere(
                f"{where}: a PipelineParameter ({dataset.name}) as a side input has no counterpart here.",
                "Give the dataset itself, or its path as a parameter of type string.",
            )
        dataset._require_reachable(self._parameters.workspace)
        spec = dataset._plain()
        paths = spec["paths"]
        if len(paths) != 1 or "subset" in spec or any(sign in paths[0] for sign in "*?["):
            raise NotAvailableHere(
                f"{where}: {dataset!r} is more than one file or folder, which a side input has to be.", _ONE_PATH
            )
        datastore = spec.get("datastore")
        return store_urls.below(datastore, paths[0]) if datastore else os.fspath(paths[0])
