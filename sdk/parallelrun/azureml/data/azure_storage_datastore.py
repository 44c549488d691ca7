"""``azureml.data.azure_storage_datastore``."""

from parallelrun.azureml.core.datastore import AzureBlobDatastore

__all__ = ["AzureBlobDatastore"]
