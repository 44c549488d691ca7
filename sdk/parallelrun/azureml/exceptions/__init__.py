"""``azureml.exceptions``."""

from __future__ import annotations


class AzureMLException(Exception):
    """The base of Azure ML's exceptions; ``message`` says what went wrong."""

    def __init__(self, exception_message: str = "", **_: object) -> None:
        super().__init__(exception_message)
        self.message = exception_message


class UserErrorException(AzureMLException):
    """Something is not as it has to be."""


class ComputeTargetException(AzureMLException):
    """There is no such compute target."""


class ModelNotFoundException(AzureMLException):
    """There is no such model."""


class WebserviceException(AzureMLException):
    """There is no such model or web service; also what ``Model(ws, name)`` raises."""


class ExperimentExecutionException(AzureMLException):
    """A run could not be started."""


class ActivityFailedException(AzureMLException):
    """A run failed; raised by ``wait_for_completion``."""


class RunEnvironmentException(AzureMLException):
    """There is no run here."""


class ProjectSystemException(AzureMLException):
    """A workspace cannot be found."""


class DatasetValidationError(AzureMLException):
    """A dataset is not as it has to be."""
