"""``Model``: a trained model under a name and version."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, PathText
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.registered import Sha256, Versioned, spec

MODEL = "Model"

SHA256_DESCRIPTION = (
    "What its content must have, in hexadecimal: of a file its SHA-256; of a folder the SHA-256 of the lines "
    '"<SHA-256 of a file>  <its path in the folder>", sorted. Default: not checked.'
)


class ModelSpec(Versioned):
    """Where it is. A job lists it under models, or its script asks for it: Model.get_model_path(NAME)."""

    path: PathText = Field(
        description="A file or folder: a path or URL, as in a job's inputs, without wildcards.",
        examples=["datastore://models/mnist/2/"],
    )
    sha256: Sha256 | None = Field(
        None,
        description=SHA256_DESCRIPTION,
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    )


class RegisteredModel(Model):
    """A trained model under a name and version: a file or folder that every node gets whole, read-only."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["Model"] = Field(description="Always this.", examples=[MODEL])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "mnist-2"}])
    spec: ModelSpec = spec(ModelSpec)
