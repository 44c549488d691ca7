"""Which part of an input is taken: of a job's input or of a registered dataset."""

from typing import Annotated, Literal

from pydantic import Field

from parallelrun.api.models.base import MAX_INT32, Model, PathText, Text

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "notIn", "isNull", "notNull"]
#: A field without a type in the CRD: rules see to it that nothing but these is in it.
Scalar = Annotated[str | int | float | bool, Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]


class Condition(Model):
    """A condition on one column; rows that do not meet all conditions are left out. Missing values meet none but
    isNull."""

    column: Text = Field(min_length=1, description="The column's name.", examples=["Store"])
    op: Operator = Field(description="How the column's value is compared.", examples=["=="])
    value: Scalar | None = Field(
        None, description="What it is compared with: text, a number, true or false.", examples=[1001]
    )
    values: list[Scalar] = Field(
        [], max_length=1024, description="For in and notIn: the values, any of which counts.", examples=[[1001, 1002]]
    )


class Sample(Model):
    """A part that is drawn at random, the same one every time."""

    fraction: float = Field(gt=0, le=1, description="How much of it, about: 0.1 is a tenth.", examples=[0.1])
    seed: int = Field(0, ge=0, le=MAX_INT32, description="Another seed draws another part.", examples=[42])


class Subset(Model):
    """Which part is taken, in the order of the fields. skip, take and sample are of files for type File, of rows for
    tables."""

    include: list[PathText] = Field(
        [],
        max_length=256,
        description="Globs on the files' paths, from the paths' common folder on, of which a file has to match one. "
        "Default: all files.",
        examples=[["2026/**/*.csv"]],
    )
    exclude: list[PathText] = Field(
        [], max_length=256, description="Globs on the files' paths; a file that matches one is left out.",
        examples=[["**/*.tmp"]],
    )  # fmt: skip
    where: list[Condition] = Field(
        [],
        max_length=64,
        description="Conditions on columns, all of which a row has to meet. Tables only.",
        examples=[[{"column": "Store", "op": "==", "value": 1001}]],
    )
    skip: int | None = Field(
        None, ge=0, le=2**53, description="How many are left out at the beginning.", examples=[100]
    )
    take: int | None = Field(
        None, ge=0, le=2**53, description="How many are taken after these at most. Default: all.", examples=[1000]
    )
    sample: Sample | None = Field(
        None, description="A part of what is left, drawn at random.", examples=[{"fraction": 0.1, "seed": 42}]
    )
