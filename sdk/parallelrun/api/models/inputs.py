"""What the job reads: its inputs (split into mini-batches), side inputs and models (whole, on every node)."""

from typing import Annotated, Literal

from pydantic import Field

from parallelrun.api.models.base import Model, Name, PathText, Separator
from parallelrun.api.models.registered import Reference, RegisteredName, Sha256, VersionText
from parallelrun.api.models.subset import Subset

InputType = Literal["File", "Tabular", "MLTable"]
InputMode = Literal["Mount", "Download", "Direct"]
TableFormat = Literal["csv", "jsonl", "parquet"]
ColumnType = Literal[  # pandas dtypes: object is text as it is; Int64 and its like hold missing values
    "object", "string", "bool", "boolean", "category", "datetime64[ns]", "datetime64[us]",
    "datetime64[ms]", "datetime64[s]",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
    "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64",
]  # fmt: skip


class Table(Model):
    """How a tabular input is parsed, the same in every mini-batch."""

    format: TableFormat | None = Field(
        None, description="The files' format. Default: by each file's extension.", examples=["csv"]
    )
    separator: Separator | None = Field(
        None, description='One character between columns. Default: "," or, for .tsv, a tab.', examples=[";"]
    )
    header: bool | None = Field(
        None, description="Whether the first row of each file names the columns. Default: true.", examples=[False]
    )
    encoding: Name | None = Field(
        None, description="The files' encoding, by its Python name. Default: utf-8.", examples=["latin-1"]
    )
    support_multi_line: bool | None = Field(
        None,
        description="Whether a quoted value may hold newlines. The input is then read once while it is planned. "
        "Default: false.",
        examples=[True],
    )
    columns: dict[str, ColumnType] = Field(
        {},
        max_length=1024,
        description="pandas dtypes by column. Those of other columns are inferred from a sample when the job is "
        "planned; dates stay strings unless declared.",
        examples=[{"store": "int64"}],
    )


# What an input says of how it is read, and a Dataset for all who name it.
PartitionFormat = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=512,
        description="Makes columns of the paths' parts, from the paths' common folder on.",
        examples=["{Store}/{Brand}.csv"],
    ),
]
HowParsed = Annotated[
    Table | None,
    Field(description="How to parse it; type Tabular only.", examples=[{"format": "csv", "separator": ";"}]),
]
Mode = Annotated[
    InputMode | None,
    Field(
        description="Type File only. Mount (default): each file is fetched just before use. Download: all are fetched "
        "before the start. Direct: the script gets URLs.",
        examples=["Download"],
    ),
]
AllowEmpty = Annotated[
    bool | None, Field(description="Whether matching nothing is no error. Default: false.", examples=[True])
]
Taken = Annotated[
    Subset | None, Field(description="Which part of it is taken. Default: all.", examples=[{"take": 1000}])
]


class Input(Model):
    """One part of the job's input; the parts follow each other in the manifest's order."""

    name: Name = Field(description="Its name, for $(inputs.name) in arguments.", examples=["images"])
    type: InputType | None = Field(
        None,
        description="File: run gets a list of paths. Tabular: a pandas DataFrame. MLTable: decided by the MLTable file "
        "in the folder when the job is planned. Needed with paths; a dataset knows its own.",
        examples=["File"],
    )
    dataset: Reference | None = Field(
        None,
        description="A registered Dataset, instead of paths: its name, name:version or name@latest (the default). "
        "What is said beside it counts instead, field by field.",
        examples=["mnist"],
    )
    paths: list[PathText] = Field(
        [],
        max_length=1024,
        description="Globs, folders (with all below them) and URLs: relative, pvc://claim/path, s3://, "
        "az://account/container/path, gs://, https://, datastore://name/path (a registered Datastore), "
        "configmap://name. Relative paths start "
        "at the root of spec.volume's claim, or locally at the manifest's folder.",
        examples=[["images/*.png"]],
    )
    partition_format: PartitionFormat = None
    table: HowParsed = None
    mode: Mode = None
    allow_empty: AllowEmpty = None
    subset: Taken = None


class SideInput(Model):
    """A file or folder that every node gets whole, read-only."""

    name: Name = Field(description="Its name, for $(sideInputs.name) in arguments.", examples=["labels"])
    path: PathText = Field(description="A path or URL, as in inputs, without globs.", examples=["labels.txt"])


class JobModel(Model):
    """A model that the job lists: with a path, or a registered one. One that is registered is also found by name when
    the script asks."""

    name: RegisteredName = Field(
        description="Its name, for Model.get_model_path and $(models.name).", examples=["mnist"]
    )
    version: VersionText | None = Field(
        None,
        description="Of a registered model: its version, in quotes where it is a number. Default: the highest one, "
        "which can also be said as latest.",
        examples=["2"],
    )
    path: PathText | None = Field(
        None,
        description="A file or folder: a path or URL, as in inputs. Default: that of the registered model.",
        examples=["model/"],
    )
    sha256: Sha256 | None = Field(
        None,
        description="What its content must have, as in a registered model. Default: as registered, else not checked.",
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    )
