"""``azureml.data.dataset_consumption_config``: a dataset as a step's input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.support import Refused, azure

if TYPE_CHECKING:
    from parallelrun.azureml.data.abstract_dataset import AbstractDataset
    from parallelrun.azureml.pipeline.core.graph import PipelineParameter

MOUNT, DOWNLOAD, DIRECT = "mount", "download", "direct"
_PATH = (
    "files are where our nodes keep them, not at that path; their paths come in the mini-batch, and a side input's as "
    "its argument"
)


class DatasetConsumptionConfig:
    """A dataset, or a PipelineParameter that stands for one, with the name and way in which a step gets it."""

    @azure(notes={"path_on_compute": _PATH})
    def __init__(
        self,
        name: str,
        dataset: AbstractDataset | PipelineParameter,
        mode: str = DIRECT,
        path_on_compute: str | None = None,
    ) -> None:
        self.name = name
        self.dataset = dataset
        self.mode = mode
        self.path_on_compute = path_on_compute

    @azure(notes={"path_on_compute": _PATH})
    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Each file is fetched just before it is used (object stores), or read where it is (volumes)."""
        return self._with(MOUNT)

    @azure(notes={"path_on_compute": _PATH})
    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """All files are fetched before the first mini-batch."""
        return self._with(DOWNLOAD)

    @azure()
    def as_direct(self) -> DatasetConsumptionConfig:
        """Of tables; as without."""
        return self._with(DIRECT)

    as_hdfs = Refused("Leave it out: tables are read without Spark.")

    def _with(self, mode: str) -> DatasetConsumptionConfig:
        return DatasetConsumptionConfig(self.name, self.dataset, mode)

    def __repr__(self) -> str:
        return f"DatasetConsumptionConfig({self.name!r}, {self.dataset!r}, mode={self.mode!r})"


def named(config: Any) -> str:
    """For messages."""
    return f"{type(config).__name__} {config.name!r}"
