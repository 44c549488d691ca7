"""``azureml.contrib.pipeline.steps``: where ParallelRunStep was first."""

from parallelrun.azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep

__all__ = ["ParallelRunConfig", "ParallelRunStep"]
