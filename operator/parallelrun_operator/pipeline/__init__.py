"""One look at a pipeline (its schedule makes runs) or at a run of one (its steps become jobs): gather, decide, apply.

A run's jobs are ParallelRunJobs like any other: what becomes of each is decided by :mod:`parallelrun_operator.job`, and
read here from its status alone.
"""
