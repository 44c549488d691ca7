"""``azureml.data.file_dataset``: files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.support import Refused, azure
from parallelrun.azureml.data.abstract_dataset import AbstractDataset
from parallelrun.azureml.data.dataset_consumption_config import DatasetConsumptionConfig

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "input"


class FileDataset(AbstractDataset):
    """Files, by paths, folders and globs."""

    _type = "File"

    @azure(notes={"path_on_compute": "files are where our nodes keep them, not at that path"})
    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Each file is fetched just before it is used."""
        return self.as_named_input(self.name or _NAME).as_mount()

    @azure(notes={"path_on_compute": "files are where our nodes keep them, not at that path"})
    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """All files are fetched before the first mini-batch."""
        return self.as_named_input(self.name or _NAME).as_download()

    @azure(notes={"ignore_not_found": "a file that is not there is named and fails"})
    def download(
        self, target_path: str | None = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> list[str]:
        """Fetch the files into a folder; their paths, in the dataset's order."""
        from parallelrun.azureml.backend import peek

        return peek.download(self, target_path, overwrite)

    @azure()
    def to_path(self) -> list[str]:
        """Where the files are, below the dataset's folder."""
        from parallelrun.azureml.backend import peek

        return peek.paths(self)

    mount = Refused("Fetch the files: dataset.download(target_path).")
    as_hdfs = Refused("Leave it out: files are read without Spark.")
    as_cache = Refused("Leave it out: files of object stores are kept on each node while a job runs.")
    file_metadata = Refused("Choose files by their paths: globs in from_files.")
    filter = Refused("Choose files by their paths: globs in from_files, or exclude and include of a Dataset's subset.")

    @classmethod
    def _of(cls, path: Path | str) -> Any:
        return cls({"type": "File", "paths": [str(path)]})
