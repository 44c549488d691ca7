"""``azureml.data.data_reference``."""

from parallelrun.azureml.backend.support import refused_class

DataReference = refused_class(
    "DataReference",
    __name__,
    "Make a dataset of it: Dataset.File.from_files((datastore, path)).as_named_input(name).as_mount()",
)
