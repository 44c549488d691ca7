"""``azureml.exceptions`` for entry scripts: what they catch."""

from __future__ import annotations

NAMES = ("AzureMLException", "ModelNotFoundException", "UserErrorException", "WebserviceException")


class AzureMLException(Exception):
    """The base of Azure ML's exceptions."""


class ModelNotFoundException(AzureMLException):
    """There is no model of that name and version; raised by Model.get_model_path and Model(...)."""


class UserErrorException(AzureMLException):
    """Something is not as it has to be."""


class WebserviceException(AzureMLException):
    """Of web services, which are no part of this."""
