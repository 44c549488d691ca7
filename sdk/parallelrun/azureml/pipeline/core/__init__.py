"""``azureml.pipeline.core``."""

from parallelrun.azureml.backend.support import refused_class
from parallelrun.azureml.data.output_dataset_config import OutputFileDatasetConfig
from parallelrun.azureml.pipeline.core.builder import PipelineData, PipelineStep, StepSequence
from parallelrun.azureml.pipeline.core.graph import PipelineParameter
from parallelrun.azureml.pipeline.core.pipeline import Pipeline, PublishedPipeline
from parallelrun.azureml.pipeline.core.run import PipelineRun, PortDataReference, StepRun

__all__ = [
    "OutputFileDatasetConfig",
    "Pipeline",
    "PipelineData",
    "PipelineEndpoint",
    "PipelineParameter",
    "PipelineRun",
    "PipelineStep",
    "PortDataReference",
    "PublishedPipeline",
    "Schedule",
    "ScheduleRecurrence",
    "StepRun",
    "StepSequence",
    "TrainingOutput",
]

_SCHEDULE = (
    "Write the pipeline's manifest (pipeline.publish(name)), give it spec.schedule: {cron: '0 2 * * *', timeZone: "
    "Europe/Berlin}, and kubectl apply it."
)
Schedule = refused_class("Schedule", __name__, _SCHEDULE)
ScheduleRecurrence = refused_class("ScheduleRecurrence", __name__, _SCHEDULE)
PipelineEndpoint = refused_class(
    "PipelineEndpoint", __name__, "Make a run of the published pipeline: kubectl create a ParallelRunPipelineRun."
)
TrainingOutput = refused_class("TrainingOutput", __name__, "Write the model to a PipelineData folder.")
