"""What the operator does for a job, one policy a file: each a pure function from a :class:`Case` to a :class:`Step`."""

from parallelrun_operator.job.policies.case import Case, Step

__all__ = ["Case", "Step"]
