"""``azureml.core.dataset``: datasets by name, and what makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from parallelrun.api.registry import Entry, NotRegistered
from parallelrun.azureml.backend.support import Refused, azure
from parallelrun.azureml.data.abstract_dataset import KIND, AbstractDataset
from parallelrun.azureml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory
from parallelrun.azureml.data.file_dataset import FileDataset
from parallelrun.azureml.data.tabular_dataset import TabularDataset
from parallelrun.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

_TYPED = "Say what it is: Dataset.File.from_files(...) or Dataset.Tabular.from_delimited_files(...)."


class Dataset:
    """What makes datasets, and finds registered ones."""

    File = FileDatasetFactory
    Tabular = TabularDatasetFactory

    @staticmethod
    @azure()
    def get_by_name(workspace: Workspace, name: str, version: int | str = "latest") -> AbstractDataset:
        """A registered dataset, the newest version unless another is named."""
        try:
            entry = workspace._objects.find("Dataset.get_by_name", KIND, name, str(version))
        except NotRegistered as error:
            raise UserErrorException(str(error)) from None
        return _of(workspace, entry)

    @staticmethod
    @azure(differs="An id is name:version.")
    def get_by_id(workspace: Workspace, id: str) -> AbstractDataset:
        """A registered dataset by its id."""
        name, _, version = id.partition(":")
        return Dataset.get_by_name(workspace, name, version or "latest")

    @staticmethod
    @azure()
    def get_all(workspace: Workspace) -> Mapping[str, AbstractDataset]:
        """As workspace.datasets."""
        return workspace.datasets

    from_delimited_files = Refused(_TYPED)
    from_parquet_files = Refused(_TYPED)
    from_json_files = Refused(_TYPED)
    from_pandas_dataframe = Refused(
        "Dataset.Tabular.register_pandas_dataframe(frame, (datastore, path), name) does it."
    )
    from_sql_query = Refused("Export the query's rows to files first, Parquet say.")
    auto_read_files = Refused(_TYPED)
    get = Refused("Dataset.get_by_name(workspace, name) does it.")


def _of(workspace: Workspace, entry: Entry) -> AbstractDataset:
    spec = AbstractDataset._spec_of(entry)
    made = FileDataset if spec.get("type") == "File" else TabularDataset
    return made(spec, workspace, entry)
