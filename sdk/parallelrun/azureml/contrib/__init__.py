"""``azureml.contrib``."""
