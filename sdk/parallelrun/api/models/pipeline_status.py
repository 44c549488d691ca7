"""``status`` of pipelines and their runs: what the operator writes and people read."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from parallelrun.api.models.base import Model, Text
from parallelrun.api.models.status import Condition, Count

_CONDITIONS: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
_STEPS: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class ParallelRunPipelineStatus(Model):
    """What the schedule does."""

    observed_generation: Count | None = Field(None, description="The spec's generation that this is about.")
    last_schedule_time: datetime | None = Field(None, description="The time that the last run was made for.")
    next_schedule_time: datetime | None = Field(None, description="The time that the next run will be made for.")
    active: list[Text] = Field([], max_length=1000, description="The schedule's runs that are not over, by name.")
    conditions: list[Condition] = Field(
        [], max_length=16, description="Ready, and why it is not.", json_schema_extra=_CONDITIONS
    )


class StepStatus(Model):
    """How one step is doing."""

    name: Text = Field(description="The step.")
    phase: Text = Field(
        "Waiting",
        description="Waiting, Running, Suspended, Succeeded, Reused, Failed, Skipped or Cancelled.",
    )
    job: Text = Field("", description="Its ParallelRunJob.")
    reused_from: Text = Field("", description="The job whose result was taken over, of phase Reused.")
    start_time: datetime | None = Field(None, description="When its job was made.")
    completion_time: datetime | None = Field(None, description="When it ended.")
    outputs: dict[str, Text] = Field({}, description="Where each output is; output and file: those of its job.")
    message: Annotated[str, Field(max_length=32768)] = Field("", description="Why, for people.")


class ParallelRunPipelineRunStatus(Model):
    """How the run is doing."""

    observed_generation: Count | None = Field(None, description="The spec's generation that this is about.")
    phase: Text = Field("", description="Pending, Running, Suspended, Succeeded, Failed or Cancelled.")
    progress: Text = Field("", description='Steps that have ended of all, such as "2/3".')
    pipeline_spec: dict[str, Any] = Field({}, description="The pipeline as it was when the run began.")
    parameters: dict[str, Any] = Field({}, description="The values of all parameters.")
    steps: list[StepStatus] = Field([], max_length=64, description="The steps.", json_schema_extra=_STEPS)
    conditions: list[Condition] = Field(
        [], max_length=16, description="Suspended, Running, Complete and Failed.", json_schema_extra=_CONDITIONS
    )
    start_time: datetime | None = Field(None, description="When the run began.")
    completion_time: datetime | None = Field(None, description="When it ended.")
