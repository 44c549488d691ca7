"""``ParallelRunPipelineRun``: one run of a pipeline, with its parameters."""

from typing import Any, Literal

from pydantic import Field

from parallelrun.api.models.base import MAX_INT32, Model, ObjectName
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.pipeline import ParameterValues, PipelineSpec

PIPELINE_RUN = "ParallelRunPipelineRun"
#: Fields of spec that may change while it runs. `cancel` changes one way only.
MUTABLE = ("suspend", "cancel", "ttlSecondsAfterFinished")


class PipelineReference(Model):
    """A pipeline in the namespace."""

    name: ObjectName = Field(description="The ParallelRunPipeline's name.", examples=["digits"])


class RunReference(Model):
    """A run in the namespace."""

    name: ObjectName = Field(description="The ParallelRunPipelineRun's name.", examples=["digits-1"])


class PipelineRunSpec(Model):
    """Which pipeline is run, and with what. Only suspend, cancel and ttlSecondsAfterFinished can change after
    creation."""

    pipeline: PipelineReference | None = Field(
        None,
        description="The pipeline, as it is when the run begins: later changes of it do not touch this run.",
        examples=[{"name": "digits"}],
    )
    pipeline_spec: PipelineSpec | None = Field(
        None,
        description="The pipeline itself, instead of its name.",
        examples=[
            {
                "steps": [
                    {
                        "name": "prepare",
                        "script": {"source": {"configMap": {"name": "code"}}, "entryScript": "prepare.py"},
                    }
                ]
            }
        ],
    )
    parameters: ParameterValues = Field(
        {},
        max_length=64,
        description="Values of the pipeline's parameters; others have their defaults. They are taken when the run "
        "begins; a later change does nothing.",
        examples=[{"batch_size": 1}],
    )
    rerun_failed: RunReference | None = Field(
        None,
        description="An earlier run: what succeeded there is taken over, and a job that failed goes on from the "
        "mini-batches that succeeded.",
        examples=[{"name": "digits-1"}],
    )
    regenerate_outputs: bool = Field(
        False, description="Whether every step runs, whatever earlier runs have done.", examples=[True]
    )
    continue_on_step_failure: bool = Field(
        False,
        description="Whether, after a step has failed, steps that do not need it still start. The run has failed all "
        "the same.",
        examples=[True],
    )
    suspend: bool = Field(
        False, description="Whether the run is to pause: no step starts, and steps that run pause.", examples=[True]
    )
    cancel: bool = Field(False, description="Whether the run is to stop for good; one-way.", examples=[True])
    ttl_seconds_after_finished: int | None = Field(
        None,
        ge=0,
        le=MAX_INT32,
        description="The run is deleted so long after its end, and its jobs with it. Default: never.",
        examples=[86400],
    )


class ParallelRunPipelineRun(Model):
    """One run of a pipeline: a ParallelRunJob for each step, started when what it needs has succeeded."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["ParallelRunPipelineRun"] = Field(description="Always this.", examples=[PIPELINE_RUN])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "digits-1"}])
    spec: PipelineRunSpec = Field(description="Which pipeline, and with what.")
    status: dict[str, Any] = Field({}, description="Written by the operator; read by people.")
