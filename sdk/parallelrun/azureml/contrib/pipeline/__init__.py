"""``azureml.contrib.pipeline``: where ParallelRunStep was first."""
