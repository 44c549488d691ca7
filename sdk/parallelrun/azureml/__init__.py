"""The classes of Azure ML's SDK v1 that its ParallelRunStep notebooks use, on parallelrun.

``parallelrun.azureml.core`` and so on are modules as ``azureml.core`` and so on. Either change the imports, or run the
file unchanged: ``python -m parallelrun.azureml FILE.py``, or ``FILE.ipynb``.
"""
