"""From a ParallelRunJob as the API server gives it to settings with paths inside pods."""

from parallelrun_operator.job.settings.resolve import resolve
from parallelrun_operator.job.settings.resolved import Folder, Resolved

__all__ = ["Folder", "Resolved", "resolve"]
