"""``azureml.data.dataset_factory``: what ``Dataset.File`` and ``Dataset.Tabular`` make."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.support import NotAvailableHere, Refused, azure
from parallelrun.azureml.data.abstract_dataset import located
from parallelrun.azureml.data.datapath import DataPath
from parallelrun.azureml.data.file_dataset import FileDataset
from parallelrun.azureml.data.tabular_dataset import TabularDataset

if TYPE_CHECKING:
    import pandas

_VALIDATE = "nothing is validated before a job is planned; what is wrong is then said with its file"
_INCLUDE_PATH = (
    "Leave it out, and make columns of the path's parts with partition_format; or use an MLTable file with "
    "include_path_column: true."
)
_INFER = "Say set_column_types={name: DataType.to_string()} for the columns that are to stay text."


class DataType:
    """The type of a column, for set_column_types."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    @staticmethod
    @azure()
    def to_string() -> DataType:
        """Text."""
        return DataType("object")

    @staticmethod
    @azure()
    def to_long() -> DataType:
        """Integers; missing values are kept as such."""
        return DataType("Int64")

    @staticmethod
    @azure()
    def to_float(decimal_mark: str = ".") -> DataType:
        """Numbers."""
        if decimal_mark != ".":
            raise NotAvailableHere(
                f"DataType.to_float(decimal_mark={decimal_mark!r}) has no counterpart here.", "Convert in the script."
            )
        return DataType("float64")

    @staticmethod
    @azure()
    def to_bool() -> DataType:
        """True and false."""
        return DataType("boolean")

    @staticmethod
    @azure(refuses={"formats": "Leave it out, if dates are in the ISO form; else convert in the script."})
    def to_datetime(formats: Any = None) -> DataType:
        """Dates and times in the ISO form."""
        return DataType("datetime64[ns]")

    to_stream = Refused("Give run() the paths: Dataset.File.from_files(...).")


class PromoteHeadersBehavior:
    """Which files begin with column names."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class FileDatasetFactory:
    """``Dataset.File``."""

    @staticmethod
    @azure(
        differs="Also takes paths of this machine, in a local workspace.",
        notes={"is_file": "a path is a file or a folder, as it is found"},
    )
    def from_files(
        path: Any, validate: bool = True, partition_format: str | None = None, is_file: bool = False
    ) -> FileDataset:
        """Files: a DataPath, (datastore, path), a URL, a glob, or a list of these."""
        spec, workspace = located("Dataset.File.from_files", path)
        named = {"partitionFormat": partition_format.lstrip("/")} if partition_format else {}
        return FileDataset({"type": "File", **spec, **named}, workspace)

    @staticmethod
    @azure()
    def upload_directory(
        src_dir: str, target: Any, pattern: str | None = None, overwrite: bool = False, show_progress: bool = True
    ) -> FileDataset:
        """Put a folder of this machine into a datastore, and make a dataset of it."""
        place = (
            target
            if isinstance(target, DataPath)
            else DataPath(*(target if isinstance(target, tuple) else (target, "")))
        )
        assert place.datastore is not None
        place.datastore._upload_folder(Path(src_dir), place.path_on_datastore, pattern, overwrite)
        return FileDatasetFactory.from_files(place)


class TabularDatasetFactory:
    """``Dataset.Tabular``."""

    @staticmethod
    @azure(
        differs="Dates stay text unless set_column_types says otherwise.",
        refuses={
            "include_path": _INCLUDE_PATH,
            "infer_column_types": _INFER,
            "empty_as_string": "Fill them in the script: frame.fillna('').",
        },
    )
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: dict[str, DataType] | None = None,
        separator: str = ",",
        header: bool | int = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
        partition_format: str | None = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Rows of CSV and the like."""
        table: dict[str, Any] = {"format": "csv"}
        table.update({"separator": separator} if separator != "," else {})
        table.update({} if _has_header(header) else {"header": False})
        table.update({"supportMultiLine": True} if support_multi_line else {})
        table.update({"encoding": encoding} if encoding not in ("utf8", "utf-8") else {})
        return _table("Dataset.Tabular.from_delimited_files", path, table, set_column_types, partition_format)

    @staticmethod
    @azure(refuses={"include_path": _INCLUDE_PATH})
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: dict[str, DataType] | None = None,
        partition_format: str | None = None,
    ) -> TabularDataset:
        """Rows of Parquet files."""
        return _table(
            "Dataset.Tabular.from_parquet_files", path, {"format": "parquet"}, set_column_types, partition_format
        )

    @staticmethod
    @azure(
        refuses={
            "include_path": _INCLUDE_PATH,
            "invalid_lines": "Correct the lines: one that is no JSON fails its mini-batch.",
        }
    )
    def from_json_lines_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: dict[str, DataType] | None = None,
        partition_format: str | None = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Rows of files with a JSON object a line."""
        table = {"format": "jsonl", **({"encoding": encoding} if encoding not in ("utf8", "utf-8") else {})}
        return _table("Dataset.Tabular.from_json_lines_files", path, table, set_column_types, partition_format)

    @staticmethod
    @azure(
        notes={
            "row_group_size": "row groups are as pandas makes them",
        },
    )
    def register_pandas_dataframe(
        dataframe: pandas.DataFrame,
        target: Any,
        name: str,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        show_progress: bool = True,
        row_group_size: int | None = None,
        make_target_path_unique: bool = True,
    ) -> TabularDataset:
        """Write a frame as Parquet into a datastore, and register it."""
        import uuid

        place = (
            target
            if isinstance(target, DataPath)
            else DataPath(*(target if isinstance(target, tuple) else (target, "")))
        )
        assert place.datastore is not None
        folder = "/".join(
            part
            for part in (place.path_on_datastore.strip("/"), str(uuid.uuid4()) if make_target_path_unique else "")
            if part
        )
        with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
            dataframe.to_parquet(Path(scratch) / "part-0.parquet", index=False)
            place.datastore._upload_folder(Path(scratch), folder, None, overwrite=True)
        made = TabularDatasetFactory.from_parquet_files((place.datastore, folder or "."))
        return made.register(place.datastore.workspace, name, description, tags, create_new_version=True)

    register_spark_dataframe = Refused(
        "Write it as Parquet, and register that: Dataset.Tabular.from_parquet_files(...)."
    )
    register_dask_dataframe = Refused(
        "Write it as Parquet, and register that: Dataset.Tabular.from_parquet_files(...)."
    )
    from_sql_query = Refused(
        "Export the query's rows to files first, Parquet say: Dataset.Tabular.from_parquet_files(...)."
    )


def _has_header(header: bool | int) -> bool:
    if isinstance(header, bool):
        return header
    if header == PromoteHeadersBehavior.NO_HEADERS:
        return False
    if header == PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS:
        return True
    raise NotAvailableHere(
        f"Dataset.Tabular.from_delimited_files(header={header!r}) has no counterpart here.",
        "Give every file the same header (ALL_FILES_HAVE_SAME_HEADERS), or none (NO_HEADERS).",
    )


def _table(
    what: str, path: Any, table: dict[str, Any], types: dict[str, DataType] | None, partition_format: str | None
) -> TabularDataset:
    spec, workspace = located(what, path)
    named = {"partitionFormat": partition_format.lstrip("/")} if partition_format else {}
    columns = {name: one.dtype for name, one in (types or {}).items()}
    how = {**table, **({"columns": columns} if columns else {})}
    return TabularDataset({"type": "Tabular", **spec, **named, "table": how}, workspace)
