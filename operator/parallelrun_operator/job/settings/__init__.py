"""From a ParallelRunJob as the API server gives it to settings with paths inside pods."""

from parallelrun_operator.job.settings.lacking import Lacking
from parallelrun_operator.job.settings.resolve import resolve
from parallelrun_operator.job.settings.resolved import QUEUE_LABEL, Folder, Resolved

__all__ = ["QUEUE_LABEL", "Folder", "Lacking", "Resolved", "resolve"]
