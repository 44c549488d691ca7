"""``ComputeTarget``: what a job's pods get and where they run, under a name."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, ObjectName, part
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.pod import NodeSelector, PriorityClassName, Resources, Tolerations
from parallelrun.api.models.registered import Registered, spec

COMPUTE_TARGET = "ComputeTarget"


class TargetVolume(Model):
    """The volume that the nodes of a job share."""

    claim_name: ObjectName = Field(
        description="A ReadWriteMany PersistentVolumeClaim in the namespace.", examples=["parallelrun-fast"]
    )


class ComputeTargetSpec(Registered):
    """What pods get, and where they run. A job takes it with computeTarget: NAME; what the job says itself counts
    instead of what stands here, field by field. Tolerations add up."""

    resources: Resources = part(
        Resources,
        "What the worker container of each node gets; GPUs are handed out to its processes, one each.",
        {"requests": {"cpu": 2, "memory": "4Gi"}, "limits": {"nvidia.com/gpu": 1}},
    )
    node_selector: NodeSelector = Field({})
    tolerations: Tolerations = Field([])
    priority_class_name: PriorityClassName = ""
    service_account_name: str = Field(
        "",
        max_length=253,
        description="Of the pods. Default: one made for the job that may do nothing else.",
        examples=["scoring"],
    )
    max_nodes: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="How many nodes a job gets at most, whatever its nodeCount says. Default: no limit.",
        examples=[4],
    )
    queue_name: str = Field(
        "", max_length=63, description="The Kueue LocalQueue that admits the jobs.", examples=["gpu-queue"]
    )
    spot: bool = Field(
        False,
        description="Whether the pods go to machines that may be taken away at any time, as spot machines are; they "
        "then tolerate the taints that clouds give these. Work that is lost with one is done again by others.",
        examples=[True],
    )
    volume: TargetVolume | None = Field(
        None, description="The volume that the nodes of a job share.", examples=[{"claimName": "parallelrun-fast"}]
    )


class ComputeTarget(Model):
    """Machines under a name: what the pods of a job get, where they run, and how many there may be."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["ComputeTarget"] = Field(description="Always this.", examples=[COMPUTE_TARGET])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "gpu-pool"}])
    spec: ComputeTargetSpec = spec(ComputeTargetSpec)
