"""What the operator makes for a job. Pure: from World and Resolved to API objects and the actions that make them."""

from parallelrun_operator.job.children.indexed_job import job
from parallelrun_operator.job.children.making import first, standing

__all__ = ["first", "job", "standing"]
