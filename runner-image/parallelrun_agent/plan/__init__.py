"""The plan of a job: the table of all its mini-batches, made once, named by its own hash, never changed."""

from parallelrun_agent.plan.difference import difference
from parallelrun_agent.plan.make import make_plan
from parallelrun_agent.plan.reader import PlanReader, open_plan

__all__ = ["PlanReader", "difference", "make_plan", "open_plan"]
