"""The parameters of a pipeline: found where steps use them, and given when it is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.support import NotAvailableHere
from parallelrun.azureml.data.abstract_dataset import AbstractDataset
from parallelrun.azureml.data.datapath import DataPath
from parallelrun.azureml.data.file_dataset import FileDataset
from parallelrun.azureml.exceptions import UserErrorException
from parallelrun.azureml.pipeline.core.graph import PipelineParameter

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
DATASET = "dataset"
#: The parameter whose value is another in each run: outputs are in folders that it names.
RUN = "azureml_run"


class Parameters:
    """Those of one pipeline, by name."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._definitions: dict[str, dict[str, Any]] = {}

    def add(self, name: str, kind: str, default: Any) -> None:
        """One that is used as a value of ``kind``; where it is used as several, the strictest counts."""
        there = self._definitions.get(name)
        if there is not None and (there["type"] != "string" or kind == "string"):
            return
        self._definitions[name] = {"name": name, "type": kind, **({} if default is None else {"default": default})}

    def reference(self, parameter: PipelineParameter, kind: str | None = None) -> str:
        """What stands for ``parameter`` in a manifest. Raises UserErrorException for a default that is none."""
        default = parameter.default_value
        if isinstance(default, AbstractDataset):
            self.add(parameter.name, DATASET, default._registered_in(self.workspace))
        elif default is None or type(default) in _TYPES:
            self.add(parameter.name, kind or _TYPES.get(type(default), "string"), default)
        elif isinstance(default, DataPath):
            raise NotAvailableHere(
                f"PipelineParameter({parameter.name!r}, default_value={default!r}) has no counterpart here.",
                "Let the parameter be a dataset: Dataset.File.from_files(path).",
            )
        else:
            raise UserErrorException(
                f"PipelineParameter({parameter.name!r}, default_value={default!r}): it is a number, text, a "
                "boolean or a dataset."
            )
        return f"$(params.{parameter.name})"

    def definitions(self) -> list[dict[str, Any]]:
        """As ``spec.parameters`` has them."""
        return list(self._definitions.values())

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a run sets, as its ``parameters`` have it. Raises UserErrorException."""
        made: dict[str, Any] = {}
        for name, value in given.items():
            if name not in self._definitions:
                known = ", ".join(sorted(self._definitions.keys() - {RUN})) or "none"
                raise UserErrorException(f"pipeline_parameters: the pipeline has no {name!r}; it has: {known}.")
            kind = self._definitions[name]["type"]
            if isinstance(value, AbstractDataset):
                made[name] = value._registered_in(self.workspace)
            elif kind == DATASET and not isinstance(value, str):
                raise UserErrorException(f"pipeline_parameters[{name!r}] = {value!r}: it has to be a dataset.")
            elif type(value) not in _TYPES:
                raise UserErrorException(f"pipeline_parameters[{name!r}] = {value!r}: it is no value of a parameter.")
            else:
                made[name] = str(value) if kind == "string" and not isinstance(value, bool) else value
        return made


def is_files(dataset: Any) -> bool:
    """Whether a dataset, or a parameter that stands for one, is of files."""
    return isinstance(getattr(dataset, "default_value", dataset), FileDataset)
