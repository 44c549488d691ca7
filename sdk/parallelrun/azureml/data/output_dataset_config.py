"""``azureml.data.output_dataset_config``: a folder that a step writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.step_data import StepData, StepInput
from parallelrun.azureml.backend.support import NotAvailableHere, Refused, azure

if TYPE_CHECKING:
    from parallelrun.azureml.core.datastore import Datastore

_REGISTER = (
    "Register it when the run is done: Dataset.File.from_files(output.path_on_datastore ...).register(ws, name)."
)
_count = [0]


class OutputFileDatasetConfig(StepData):
    """A folder that a step writes; ``as_input`` is it, as a later step reads it."""

    @azure(refuses={"source": "Leave it out: the script gets the folder's path as its argument."})
    def __init__(
        self,
        name: str | None = None,
        destination: tuple[Datastore, str] | None = None,
        source: str | None = None,
        partition_format: str | None = None,
    ) -> None:
        if name is None:
            _count[0] += 1
            name = f"output_{_count[0]}"
        datastore, path = (None, None) if destination is None else (destination[0], _path(destination))
        super().__init__(name, datastore, path)
        self.destination = destination
        self.partition_format = partition_format

    @azure()
    def as_input(self, name: str | None = None) -> StepInput:
        """This folder as a later step's input."""
        return StepInput(self, name or f"input_{self.name}", partition_format=self.partition_format)

    @azure(
        differs="The script writes to the folder itself.",
        refuses={"disable_metadata_cache": "Leave it out: there is no such cache."},
    )
    def as_mount(self, disable_metadata_cache: bool = False) -> OutputFileDatasetConfig:
        """The same: the script writes to the folder itself."""
        return self

    @azure(
        differs="The script writes to the folder itself; nothing is uploaded later.",
        refuses={"source_globs": "Write what is to be kept, and nothing else, to the folder."},
        notes={"overwrite": "each run has a folder of its own"},
    )
    def as_upload(self, overwrite: bool = False, source_globs: Any = None) -> OutputFileDatasetConfig:
        """The same: the script writes to the folder itself."""
        return self

    @azure(refuses={"include_path": "Leave it out.", "infer_column_types": "Say set_column_types={...}."})
    def read_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: Any = True,
        partition_format: str | None = None,
        path_glob: str | None = None,
        set_column_types: dict[str, Any] | None = None,
        infer_column_types: bool = True,
    ) -> OutputTabularDatasetConfig:
        """The folder's CSV files as a table."""
        table: dict[str, Any] = {"format": "csv", **({"separator": separator} if separator != "," else {})}
        table.update({} if header else {"header": False})
        return OutputTabularDatasetConfig(self, table, partition_format, path_glob, set_column_types)

    @azure(refuses={"include_path": "Leave it out."})
    def read_parquet_files(
        self,
        include_path: bool = False,
        partition_format: str | None = None,
        path_glob: str | None = None,
        set_column_types: dict[str, Any] | None = None,
    ) -> OutputTabularDatasetConfig:
        """The folder's Parquet files as a table."""
        return OutputTabularDatasetConfig(self, {"format": "parquet"}, partition_format, path_glob, set_column_types)

    register_on_complete = Refused(_REGISTER)

    def __repr__(self) -> str:
        return f"OutputFileDatasetConfig({self.name!r})"


class OutputTabularDatasetConfig:
    """The table in a folder that a step writes."""

    def __init__(
        self,
        data: OutputFileDatasetConfig,
        table: dict[str, Any],
        partition_format: str | None,
        glob: str | None,
        types: dict[str, Any] | None,
    ) -> None:
        columns = {name: one.dtype for name, one in (types or {}).items()}
        self.name = data.name
        self._input = StepInput(
            data,
            f"input_{data.name}",
            table={**table, **({"columns": columns} if columns else {})},
            partition_format=partition_format,
            glob=glob,
        )

    @azure()
    def as_input(self, name: str | None = None) -> StepInput:
        """This table as a later step's input."""
        return self._input.named(name or self._input.name)

    register_on_complete = Refused(_REGISTER)
    keep_columns = Refused("Choose columns in the script: frame[[...]].")
    drop_columns = Refused("Choose columns in the script: frame[[...]].")
    random_split = Refused("Take parts in the script.")


def _path(destination: Any) -> str | None:
    if not isinstance(destination, tuple) or len(destination) != 2:
        raise NotAvailableHere(
            f"OutputFileDatasetConfig(destination={destination!r}) has no counterpart here.", "Say (datastore, path)."
        )
    path = destination[1]
    return None if path is None else re.sub(r"{run-id}", "{run}", str(path)).strip("/")
