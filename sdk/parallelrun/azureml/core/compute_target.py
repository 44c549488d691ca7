"""``azureml.core.compute_target``."""

from parallelrun.azureml.core.compute import ComputeTarget
from parallelrun.azureml.exceptions import ComputeTargetException

__all__ = ["ComputeTarget", "ComputeTargetException"]
