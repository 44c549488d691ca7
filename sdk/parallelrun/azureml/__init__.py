"""The classes of Azure ML's SDK v1 that its ParallelRunStep notebooks use, on parallelrun.

``parallelrun.azureml.core`` and so on are modules as ``azureml.core`` and so on. Either change the imports, or run the
file unchanged: ``python -m parallelrun.azureml FILE.py``, or ``FILE.ipynb``.
In a notebook that is run elsewhere, its first line may be ``%load_ext parallelrun.azureml``.
"""

from typing import Any


def load_ipython_extension(_: Any) -> None:
    """``%load_ext parallelrun.azureml``: from here on ``import azureml.core`` and so on give ours."""
    from parallelrun.azureml import imports

    imports.install()
