"""``azureml.data.tabular_dataset``: tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import InputError
from parallelrun.azureml.backend.support import NotAvailableHere, Refused, azure
from parallelrun.azureml.data.abstract_dataset import AbstractDataset, _settings, _subset

if TYPE_CHECKING:
    import pandas

    from parallelrun.azureml.data.datapath import DataPath

_COLUMNS = "Choose columns in the script: frame[[...]]; or in an MLTable file (keep_columns, drop_columns)."
_TIME = "Compare the column: dataset.filter(dataset['date'] >= '2026-01-01')."


class Column:
    """``dataset["name"]``, to be compared with a value for ``filter``."""

    __hash__ = object.__hash__

    def __init__(self, name: str) -> None:
        self._name = name

    def _compared(self, op: str, value: Any) -> Condition:
        if isinstance(value, Column | Condition) or not isinstance(value, str | int | float | bool):
            raise NotAvailableHere(
                f"TabularDataset.filter: {self._name} {op} {value!r} has no counterpart here.",
                "Compare a column with text, a number or a boolean; or choose rows in the script.",
            )
        return Condition([{"column": self._name, "op": op, "value": value}])

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return self._compared("==", value)

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        return self._compared("!=", value)

    def __lt__(self, value: Any) -> Condition:
        return self._compared("<", value)

    def __le__(self, value: Any) -> Condition:
        return self._compared("<=", value)

    def __gt__(self, value: Any) -> Condition:
        return self._compared(">", value)

    def __ge__(self, value: Any) -> Condition:
        return self._compared(">=", value)

    def is_null(self) -> Condition:
        """Where there is no value."""
        return Condition([{"column": self._name, "op": "isNull"}])

    def is_not_null(self) -> Condition:
        """Where there is a value."""
        return Condition([{"column": self._name, "op": "notNull"}])


class Condition:
    """Conditions that all have to hold; ``&`` joins them."""

    def __init__(self, where: list[dict[str, Any]]) -> None:
        self.where = where

    def __and__(self, other: Condition) -> Condition:
        return Condition([*self.where, *other.where])

    def __or__(self, other: object) -> Condition:
        raise _alternatives("|")

    def __invert__(self) -> Condition:
        raise _alternatives("~")

    def __bool__(self) -> bool:
        raise TypeError("join conditions with &, each in parentheses")


def _alternatives(operator: str) -> NotAvailableHere:
    return NotAvailableHere(
        f"TabularDataset.filter: conditions with {operator} have no counterpart here.",
        "Join conditions with &; for one of several values register the dataset with where: [{column: ..., op: in, "
        "values: [...]}].",
    )


class TabularDataset(AbstractDataset):
    """Rows of CSV, JSON lines or Parquet files."""

    _type = "Tabular"

    def __getitem__(self, name: str) -> Column:
        if not isinstance(name, str):
            raise NotAvailableHere(f"TabularDataset[{name!r}] has no counterpart here.", _COLUMNS)
        return Column(name)

    @azure(differs="Conditions on columns, joined by &; before skip, take and take_sample.")
    def filter(self, expression: Condition) -> TabularDataset:
        """The rows that meet the conditions."""
        if not isinstance(expression, Condition):
            raise InputError(f"TabularDataset.filter: {expression!r} is no condition.", "Example: ds['Store'] == 1001")
        subset = self._spec.get("subset") or {}
        if _settings(subset).skip or "take" in subset or "sample" in subset:
            raise InputError(f"{self!r}: filter comes before skip, take and take_sample.", "Filter first.")
        where = [*subset.get("where", []), *expression.where]
        made = {**_subset(_settings({key: value for key, value in subset.items() if key != "where"})), "where": where}
        return TabularDataset({**self._plain(), "subset": made}, self._workspace)

    @azure(
        differs="Read as a job reads it: types as in a job, dates as text unless set_column_types says otherwise.",
        refuses={
            "on_error": "Leave it out: a value that is no number makes its column text.",
            "out_of_range_datetime": "Leave it out: dates are text unless set_column_types says otherwise.",
        },
    )
    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> pandas.DataFrame:
        """All rows."""
        from parallelrun.azureml.backend import peek

        return peek.frame(self)

    @azure(
        differs="Writes a Parquet file a partition, with the keys as folders; key columns are then text made of these.",
    )
    def partition_by(
        self,
        partition_keys: list[str],
        target: DataPath | tuple[Any, str],
        name: str | None = None,
        show_progress: bool = True,
        partition_as_file_dataset: bool = False,
    ) -> Any:
        """The same rows, a file for each value of the keys; with a name it is registered."""
        from parallelrun.azureml.backend import partitions

        return partitions.write(self, partition_keys, target, name, partition_as_file_dataset)

    keep_columns = Refused(_COLUMNS)
    drop_columns = Refused(_COLUMNS)
    with_timestamp_columns = Refused(_TIME)
    time_before = Refused(_TIME)
    time_after = Refused(_TIME)
    time_between = Refused(_TIME)
    time_recent = Refused(_TIME)
    to_spark_dataframe = Refused("Leave Spark out: run a job over the dataset.")
    to_dask_dataframe = Refused("Leave Dask out: run a job over the dataset.")
    to_csv_files = Refused("Write them from a frame: dataset.to_pandas_dataframe().to_csv(path).")
    to_parquet_files = Refused("Write them from a frame: dataset.to_pandas_dataframe().to_parquet(path).")
    download = Refused("Download files: Dataset.File.from_files(path).download(folder).")
    get_profile = Refused("Look at a frame: dataset.to_pandas_dataframe().describe().")
