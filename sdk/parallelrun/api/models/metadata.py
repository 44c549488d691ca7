"""``metadata`` of any of our objects, and the names that all of them share."""

from typing import Any

from pydantic import Field

from parallelrun.api.group import API_VERSION, GROUP, VERSION
from parallelrun.api.models.base import Model, ObjectName

__all__ = ["API_VERSION", "GROUP", "VERSION", "Metadata"]


class Metadata(Model):
    """``metadata``: what people write, and what the API server adds (so that a fetched object can be read again)."""

    name: ObjectName = Field(description="The object's name.", examples=["mnist"])
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
