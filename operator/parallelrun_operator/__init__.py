"""The operator: watches ParallelRunJobs and what belongs to them, and makes the one fit the other.

Events only say that a job wants to be looked at. A look gathers what there is into a ``World``, decides what to do
(pure), and does it: nothing is remembered but what only time can show, and that may be lost at any moment.
"""
