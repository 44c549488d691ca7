"""``status`` of a ParallelRunJob: what the operator writes and people read. Manifests do not import this."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from parallelrun.api.models.base import Model, Text

Count = Annotated[int, Field(ge=0)]


class Condition(Model):
    """One condition, as Kubernetes' own objects have them."""

    type: Annotated[str, Field(max_length=316)] = Field(
        description="Suspended, Running, Stalled, Complete or Failed.",
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    observed_generation: Count | None = Field(None, description="The spec's generation that it is about.")
    last_transition_time: datetime = Field(description="When status changed last.")
    reason: Annotated[str, Field(min_length=1, max_length=1024)] = Field(description="Why, in CamelCase, for programs.")
    message: Annotated[str, Field(max_length=32768)] = Field("", description="Why, for people.")


class MiniBatchCounts(Model):
    """Mini-batches by outcome."""

    total: Count | None = Field(None, description="All of the plan; known once the job is planned.")
    completed: Count = Field(0, description="Finished, failed ones included.")
    failed: Count = Field(0, description="Failed after their last try.")
    retried: Count = Field(0, description="Tried more than once.")


class ItemCounts(Model):
    """Items (files or rows) by outcome."""

    total: Count | None = Field(None, description="All of the input, as far as it is known.")
    succeeded: Count = Field(0, description="Processed.")
    failed: Count = Field(0, description="Failed, or not returned by run.")


class NodeCounts(Model):
    """Nodes of the job."""

    wanted: Count = Field(0, description="spec.nodeCount, or 0 while suspended.")
    running: Count = Field(0, description="With a live lease.")


class OutputStatus(Model):
    """The finished output."""

    path: Text = Field("", description="Where it is.")
    rows: Count | None = Field(None, description="Its rows or lines.")
    bytes: Count | None = Field(None, description="Its size.")
    sha256: Annotated[str, Field(max_length=64)] = Field("", description="Its SHA-256, in hexadecimal.")


class Resolved(Model):
    """What registered names stood for when the job began; a later change of theirs does not touch it."""

    models: dict[str, Text] = Field({}, description="Versions of the registered models by name.")
    datasets: dict[str, Text] = Field({}, description="Versions of the registered datasets by name.")
    environment: Text = Field("", description="The registered environment, as name:version.")
    compute_target: Text = Field("", description="The registered compute target.")
    claim: Text = Field("", description="The PersistentVolumeClaim that the job's folder is on.")
    image: Text = Field("", description="The worker's image by digest.")


class FirstError(Model):
    """One of the first mini-batches that failed."""

    mini_batch: Count = Field(description="Its index in the plan.")
    node: Count | None = Field(None, description="Where it failed.")
    files: list[Text] = Field([], max_length=10, description="Its first files.")
    message: Annotated[str, Field(max_length=4096)] = Field(description="The script's traceback, or the reason.")


class ParallelRunJobStatus(Model):
    """How the job is doing."""

    observed_generation: Count | None = Field(None, description="The spec's generation that this is about.")
    phase: Text = Field(
        "",
        description="Pending, Planning, Running, Suspended, Finalizing, Committing, Done or Aborted.",
    )
    progress: Text = Field("", description='Completed of all mini-batches, such as "123/1000".')
    time_left: Text = Field("", description='At the present rate, such as "4m".')
    conditions: list[Condition] = Field(
        [],
        max_length=16,
        description="Suspended, Running, Complete, Failed, and Stalled beside them.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    mini_batches: MiniBatchCounts | None = Field(None, description="Mini-batches by outcome.")
    items: ItemCounts | None = Field(None, description="Items by outcome.")
    nodes: NodeCounts | None = Field(None, description="Nodes wanted and running.")
    start_time: datetime | None = Field(None, description="When the first node started.")
    completion_time: datetime | None = Field(None, description="When the job ended.")
    output: OutputStatus | None = Field(None, description="The finished output.")
    outputs: dict[str, Text] = Field(
        {},
        description="Where finished outputs are: spec.outputs by name; output, the folder of the output; and file, "
        "that of AppendRow.",
    )
    fingerprint: Annotated[str, Field(max_length=64)] = Field(
        "", description="SHA-256 over all that results follow from: script, configuration and input; in hexadecimal."
    )
    reused_from: Text = Field("", description="The earlier job whose output this one took over.")
    resolved: Resolved | None = Field(None, description="What names stood for.")
    first_errors: list[FirstError] = Field([], max_length=10, description="The first failures.")
    selector: Text = Field("", description="Label selector of the job's pods, for the scale subresource.")
