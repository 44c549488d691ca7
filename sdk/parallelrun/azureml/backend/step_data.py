"""Folders that one step writes and others read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.support import azure

if TYPE_CHECKING:
    from parallelrun.azureml.core.datastore import Datastore
    from parallelrun.azureml.pipeline.core.builder import PipelineStep


class StepData:
    """A folder that one step writes and others read."""

    def __init__(self, name: str, datastore: Datastore | None = None, path: str | None = None) -> None:
        self.name = name
        self.datastore = datastore
        self._path = path  # in the datastore, may have {run} and {output-name} in it; None: of the run's own
        self._producer: PipelineStep | None = None


class StepInput:
    """A folder that an earlier step writes, as an input."""

    def __init__(
        self,
        data: StepData,
        name: str,
        table: dict[str, Any] | None = None,
        partition_format: str | None = None,
        glob: str | None = None,
        download: bool = False,
    ) -> None:
        self.data = data
        self.name = name
        self.table = table
        self.partition_format = partition_format
        self.glob = glob
        self.download = download

    def named(self, name: str) -> StepInput:
        """The same under another name."""
        return StepInput(self.data, name, self.table, self.partition_format, self.glob, self.download)

    @azure()
    def as_named_input(self, name: str) -> StepInput:
        """The same under another name."""
        return self.named(name)

    @azure(notes={"path_on_compute": "files are where our nodes keep them, not at that path"})
    def as_mount(self, path_on_compute: str | None = None) -> StepInput:
        """Files are read where they are."""
        return self

    @azure(notes={"path_on_compute": "files are where our nodes keep them, not at that path"})
    def as_download(self, path_on_compute: str | None = None) -> StepInput:
        """All files are fetched before the first mini-batch."""
        return StepInput(self.data, self.name, self.table, self.partition_format, self.glob, download=True)

    @azure()
    def as_direct(self) -> StepInput:
        """Of tables; as without."""
        return self

    @azure(
        differs="Types are as in a job's table.",
        refuses={"include_path": "Leave it out.", "promote_headers": "Say header=False where files have none."},
    )
    def parse_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: Any = True,
        partition_format: str | None = None,
        file_extension: str = "",
        set_column_types: dict[str, Any] | None = None,
        quoted_line_breaks: bool = False,
        promote_headers: bool = True,
    ) -> StepInput:
        """The folder's CSV files as a table."""
        table: dict[str, Any] = {"format": "csv", **({"separator": separator} if separator != "," else {})}
        table.update({} if header else {"header": False})
        table.update({"supportMultiLine": True} if quoted_line_breaks else {})
        glob = f"**/*{file_extension}" if file_extension else None
        return StepInput(self.data, self.name, _typed(table, set_column_types), partition_format, glob)

    @azure(differs="Types are as in a job's table.", refuses={"include_path": "Leave it out."})
    def parse_parquet_files(
        self,
        include_path: bool = False,
        partition_format: str | None = None,
        file_extension: str = ".parquet",
        set_column_types: dict[str, Any] | None = None,
    ) -> StepInput:
        """The folder's Parquet files as a table."""
        table = _typed({"format": "parquet"}, set_column_types)
        return StepInput(self.data, self.name, table, partition_format, f"**/*{file_extension}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, of {self.data.name!r})"


def _typed(table: dict[str, Any], types: dict[str, Any] | None) -> dict[str, Any]:
    columns = {name: one.dtype for name, one in (types or {}).items()}
    return {**table, **({"columns": columns} if columns else {})}
