"""What the job reads: its inputs (split into mini-batches), side inputs and models (whole, on every node)."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, Name, ObjectName, PathText, Separator

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
    header: bool = Field(True, description="Whether the first row of each file names the columns.", examples=[False])
    encoding: Name = Field("utf-8", description="The files' encoding, by its Python name.", examples=["latin-1"])
    support_multi_line: bool = Field(
        False,
        description="Whether a quoted value may hold newlines. The input is then read once while it is planned.",
        examples=[True],
    )
    columns: dict[str, ColumnType] = Field(
        {},
        max_length=1024,
        description="pandas dtypes by column. Those of other columns are inferred from a sample when the job is "
        "planned; dates stay strings unless declared.",
        examples=[{"store": "int64"}],
    )


class Input(Model):
    """One part of the job's input; the parts follow each other in the manifest's order."""

    name: Name = Field(description="Its name, for $(inputs.name) in arguments.", examples=["images"])
    type: InputType | None = Field(
        None,
        description="File: run gets a list of paths. Tabular: a pandas DataFrame. MLTable: decided by the MLTable file "
        "in the folder when the job is planned. Needed with paths; a dataset knows its own.",
        examples=["File"],
    )
    dataset: ObjectName | None = Field(None, description="A registered dataset, instead of paths.", examples=["mnist"])
    paths: list[PathText] = Field(
        [],
        max_length=1024,
        description="Globs, folders (with all below them) and URLs: relative, pvc://claim/path, s3://, "
        "az://account/container/path, gs://, https://, datastore://name/path, configmap://name. Relative paths start "
        "at the root of spec.volume's claim, or locally at the manifest's folder.",
        examples=[["images/*.png"]],
    )
    partition_format: str | None = Field(
        None,
        min_length=1,
        max_length=512,
        description="Makes columns of the paths' parts, from the paths' common folder on.",
        examples=["{Store}/{Brand}.csv"],
    )
    table: Table | None = Field(
        None, description="How to parse it; type Tabular only.", examples=[{"format": "csv", "separator": ";"}]
    )
    mode: InputMode = Field(
        "Mount",
        description="Type File only. Mount: each file is fetched just before use. Download: all are fetched before the "
        "start. Direct: the script gets URLs.",
        examples=["Download"],
    )
    allow_empty: bool = Field(False, description="Whether matching nothing is no error.", examples=[True])


class SideInput(Model):
    """A file or folder that every node gets whole, read-only."""

    name: Name = Field(description="Its name, for $(sideInputs.name) in arguments.", examples=["labels"])
    path: PathText = Field(description="A path or URL, as in inputs, without globs.", examples=["labels.txt"])


class JobModel(Model):
    """A model that the job lists; a registered one is also found by name when the script asks."""

    name: Name = Field(description="Its name, for Model.get_model_path and $(models.name).", examples=["mnist"])
    path: PathText = Field(description="A file or folder: a path or URL, as in inputs.", examples=["model/"])
