"""Where the job's pods run: what a cluster uses and a local run ignores."""

from typing import Annotated, Literal

from pydantic import Field

from parallelrun.api.models.base import Model, ObjectName, Text

DEFAULT_CLAIM = "parallelrun"
QUANTITY = "^[0-9]+([.][0-9]*)?([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$"
#: The pattern is for the CRD; here a rule says it in words.
Quantities = dict[
    str, Annotated[int | str, Field(json_schema_extra={"x-kubernetes-int-or-string": True, "pattern": QUANTITY})]
]


class Resources(Model):
    """What the worker container gets, as in a container."""

    requests: Quantities = Field(
        {}, max_length=32, description="What is reserved.", examples=[{"cpu": 2, "memory": "4Gi"}]
    )
    limits: Quantities = Field(
        {}, max_length=32, description="What it may use.", examples=[{"memory": "4Gi", "nvidia.com/gpu": 1}]
    )


class Toleration(Model):
    """A taint that the job's pods tolerate, as in a pod."""

    key: Text = Field("", description="The taint's key; empty with Exists: all.", examples=["nvidia.com/gpu"])
    operator: Literal["Exists", "Equal"] = Field("Equal", description="How it is compared.", examples=["Exists"])
    value: Text = Field("", description="The taint's value.", examples=["spot"])
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "", description="The taint's effect; empty: all.", examples=["NoSchedule"]
    )
    toleration_seconds: int | None = Field(None, description="With NoExecute: for how long.", examples=[300])


class Volume(Model):
    """The volume that the job's nodes share."""

    claim_name: ObjectName | None = Field(
        None,
        description="A ReadWriteMany PersistentVolumeClaim in the job's namespace: the job's folder is made on it, "
        "and relative paths start at its root. Default: that of the compute target, else parallelrun.",
        examples=["parallelrun"],
    )

    @property
    def claim(self) -> str:
        """The claim's name."""
        return self.claim_name or DEFAULT_CLAIM


class RerunOf(Model):
    """An earlier job that this one runs again."""

    name: ObjectName = Field(description="The earlier job's name.", examples=["mnist-1"])
    failed_only: bool = Field(
        True,
        description="Whether only mini-batches without a success are run, and merged with what succeeded.",
        examples=[True],
    )


# What a job says of its pods, a ComputeTarget for all that name it, and a pipeline's step for its program.
NodeSelector = Annotated[
    dict[str, Annotated[str, Field(max_length=63)]],
    Field(max_length=64, description="Labels of the machines to use.", examples=[{"pool": "gpu"}]),
]
Tolerations = Annotated[
    list[Toleration],
    Field(
        max_length=64,
        description="Taints that are tolerated.",
        examples=[[{"key": "nvidia.com/gpu", "operator": "Exists"}]],
    ),
]
PriorityClassName = Annotated[str, Field(max_length=253, description="Of the pods.", examples=["low"])]
