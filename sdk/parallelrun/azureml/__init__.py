"""The classes of Azure ML's SDK v1 that its ParallelRunStep notebooks use, on parallelrun."""
