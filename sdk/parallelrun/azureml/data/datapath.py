"""``azureml.data.datapath``: a path in a datastore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallelrun.azureml.backend.support import Refused, refused_class

if TYPE_CHECKING:
    from parallelrun.azureml.core.datastore import Datastore

_INSTEAD = "Make a dataset of it: Dataset.File.from_files(datastore.path(...)).as_named_input(name).as_mount()"


class DataPath:
    """A path in a datastore; ``datastore.path(p)`` gives one."""

    def __init__(
        self, datastore: Datastore | None = None, path_on_datastore: str | None = None, name: str | None = None
    ) -> None:
        self.datastore = datastore
        self.path_on_datastore = path_on_datastore or ""
        self.name = name

    as_mount = Refused(_INSTEAD)
    as_download = Refused(_INSTEAD)
    as_upload = Refused("Write to a folder of the step's own: PipelineData(name) in its outputs and arguments.")

    @property
    def data_reference_name(self) -> str:
        """The name that it was given."""
        return self.name or self.path_on_datastore

    def __repr__(self) -> str:
        where = "" if self.datastore is None else self.datastore.name
        return f"DataPath({where!r}, {self.path_on_datastore!r})"


DataPathComputeBinding = refused_class("DataPathComputeBinding", __name__, _INSTEAD)
