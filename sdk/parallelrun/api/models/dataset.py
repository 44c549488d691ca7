"""``Dataset``: files or tables under a name, and how they are read."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, PathText
from parallelrun.api.models.inputs import AllowEmpty, HowParsed, InputType, Mode, PartitionFormat, Taken
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.registered import RegisteredName, Versioned, spec

DATASET = "Dataset"


class DatasetSpec(Versioned):
    """What it consists of. A job takes it with inputs: [{name: images, dataset: NAME}]; what that input says itself
    (its mode, say) counts instead of what stands here, field by field."""

    type: InputType = Field(
        description="File: run gets a list of paths. Tabular: a pandas DataFrame. MLTable: decided by the MLTable file "
        "in the folder when a job is planned.",
        examples=["File"],
    )
    datastore: RegisteredName | None = Field(
        None,
        description="The name of the Datastore that paths are in. Default: paths as in a job's inputs.",
        examples=["mnist_datastore"],
    )
    paths: list[PathText] = Field(
        min_length=1,
        max_length=1024,
        description="Globs, folders (with all below them) and files: relative to the datastore where one is named, "
        "else as in a job's inputs (paths of spec.volume's claim, or URLs).",
        examples=[["mnist/*.png"]],
    )
    partition_format: PartitionFormat = None
    table: HowParsed = None
    mode: Mode = None
    allow_empty: AllowEmpty = None
    subset: Taken = None


class Dataset(Model):
    """Files or tables under a name: where they are, how they are read, which part of them is taken."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["Dataset"] = Field(description="Always this.", examples=[DATASET])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "mnist-1"}])
    spec: DatasetSpec = spec(DatasetSpec)
