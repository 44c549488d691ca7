"""A table written anew with a file for each value of its keys, so that a job can have one mini-batch for each."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import InputError
from parallelrun.azureml.data.datapath import DataPath

if TYPE_CHECKING:
    from parallelrun.azureml.data.tabular_dataset import TabularDataset


def write(dataset: TabularDataset, keys: list[str], target: Any, name: str | None, as_files: bool) -> Any:
    """Write the rows below ``target``, and make a dataset of them; as files it is one of paths.

    Raises InputError for a key that is no column, or has values that cannot be folders.
    """
    from parallelrun.azureml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory

    place = target if isinstance(target, DataPath) else DataPath(*target)
    if place.datastore is None:
        raise InputError("TabularDataset.partition_by: the target names no datastore.", "Say target=(datastore, path).")
    frame = dataset.to_pandas_dataframe()
    missing = [key for key in keys if key not in frame.columns]
    if missing:
        raise InputError(
            f"TabularDataset.partition_by: {missing[0]} is no column.", f"There is: {list(frame.columns)}."
        )
    folder = "/".join(part for part in (place.path_on_datastore.strip("/"), str(uuid.uuid4())) if part)
    with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
        for values, part in frame.groupby(keys, sort=True, dropna=False):
            below = os.path.join(scratch, *(_folder(key, value) for key, value in zip(keys, values, strict=True)))
            os.makedirs(below)
            part.drop(columns=keys).to_parquet(os.path.join(below, "part-0.parquet"), index=False)
        place.datastore._upload_folder(Path(scratch), folder, None, overwrite=True)
    layout = "/".join(f"{{{key}}}" for key in keys) + "/part-0.parquet"
    where = (place.datastore, folder)
    made: Any = (
        FileDatasetFactory.from_files(where, partition_format=layout)
        if as_files
        else TabularDatasetFactory.from_parquet_files(where, partition_format=layout)
    )
    return made if name is None else made.register(place.datastore.workspace, name, create_new_version=True)


def _folder(key: str, value: Any) -> str:
    text = str(value)
    if text in ("", ".", "..", "nan", "None", "<NA>") or "/" in text:
        raise InputError(
            f"TabularDataset.partition_by: {key} has the value {text!r}, which cannot be a folder's name.",
            "Replace such values first; or use partition_keys with the column itself, without partition_by.",
        )
    return text
