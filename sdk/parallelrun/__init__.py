"""parallelrun: run a script's ``init()`` and ``run(mini_batch)`` over millions of files or rows, exactly once."""

__version__ = "0.1.0"
