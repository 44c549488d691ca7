"""The whole manifest."""

from typing import Any, Literal

from pydantic import Field

from parallelrun.api.models.base import Model, ObjectName
from parallelrun.api.models.spec import ParallelRunJobSpec

GROUP = "parallelrun.dev"
VERSION = "v1alpha1"
API_VERSION = "parallelrun.dev/v1alpha1"
KIND = "ParallelRunJob"


class Metadata(Model):
    """``metadata``: what people write, and what the API server adds (so that a fetched job can be read again)."""

    name: ObjectName = Field(description="The job's name.", examples=["mnist"])
    namespace: ObjectName | None = Field(None, description="Default: that of the command.", examples=["scoring"])
    labels: dict[str, str] = Field({}, description="Labels, as on any object.", examples=[{"team": "vision"}])
    annotations: dict[str, str] = Field({}, description="Annotations, as on any object.", examples=[{"note": "first"}])
    generate_name: str | None = Field(None, description="`kubectl create` only.", examples=["mnist-"])
    uid: str | None = Field(None, description="Set by the API server.")
    resource_version: str | None = Field(None, description="Set by the API server.")
    generation: int | None = Field(None, description="Set by the API server.")
    creation_timestamp: str | None = Field(None, description="Set by the API server.")
    deletion_timestamp: str | None = Field(None, description="Set by the API server.")
    deletion_grace_period_seconds: int | None = Field(None, description="Set by the API server.")
    self_link: str | None = Field(None, description="Set by the API server.")
    finalizers: list[str] = Field([], description="Set by controllers.")
    owner_references: list[dict[str, Any]] = Field([], description="Set by controllers.")
    managed_fields: list[dict[str, Any]] = Field([], description="Set by the API server.")


class ParallelRunJob(Model):
    """A script over an input, once: every mini-batch's result exactly once and in order."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["ParallelRunJob"] = Field(description="Always this.", examples=[KIND])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "mnist"}])
    spec: ParallelRunJobSpec = Field(description="What is to be done.")
    status: dict[str, Any] = Field({}, description="Written by the operator; read by people.")
