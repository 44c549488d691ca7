"""The whole manifest."""

from typing import Any, Literal

from pydantic import Field

from parallelrun.api.models.base import Model
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.spec import ParallelRunJobSpec

KIND = "ParallelRunJob"


class ParallelRunJob(Model):
    """A script over an input, once: every mini-batch's result exactly once and in order."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["ParallelRunJob"] = Field(description="Always this.", examples=[KIND])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "mnist"}])
    spec: ParallelRunJobSpec = Field(description="What is to be done.")
    status: dict[str, Any] = Field({}, description="Written by the operator; read by people.")
