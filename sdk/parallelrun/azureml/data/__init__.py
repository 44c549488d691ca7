"""``azureml.data``."""

from parallelrun.azureml.data.dataset_factory import DataType
from parallelrun.azureml.data.file_dataset import FileDataset
from parallelrun.azureml.data.output_dataset_config import OutputFileDatasetConfig
from parallelrun.azureml.data.tabular_dataset import TabularDataset

__all__ = ["DataType", "FileDataset", "OutputFileDatasetConfig", "TabularDataset"]
