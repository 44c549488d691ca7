"""``Environment``: an image, packages and variables under a name."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, PathText, Text
from parallelrun.api.models.environment import EnvVar, LocalObject, PullPolicy
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.registered import Versioned, spec

ENVIRONMENT = "Environment"


class EnvironmentSpec(Versioned):
    """Image, packages (at most one of pip, requirements and conda) and variables. A job takes it with environment:
    {name: NAME}; what it says beside that counts instead of what stands here, field by field, and variable by
    variable."""

    image: Text | None = Field(
        None,
        min_length=1,
        description="The worker's image; it needs Python 3.7 or newer and to run as non-root. Default: the runner "
        "image.",
        examples=["registry.example.com/scoring:1.2"],
    )
    image_pull_policy: PullPolicy | None = Field(
        None, description="When the image is pulled. Default: IfNotPresent.", examples=["Always"]
    )
    image_pull_secrets: list[LocalObject] = Field(
        [], max_length=16, description="Secrets for the image's registry.", examples=[[{"name": "registry-login"}]]
    )
    pip: list[Text] = Field([], max_length=256, description="Packages, as pip takes them.", examples=[["pillow==11.*"]])
    requirements: PathText | None = Field(
        None, description="A requirements file, from the job's source folder.", examples=["requirements.txt"]
    )
    conda: PathText | None = Field(
        None, description="A conda environment file, from the job's source folder.", examples=["conda.yml"]
    )
    env: list[EnvVar] = Field(
        [],
        max_length=256,
        description="Environment variables of the worker, as in a container.",
        examples=[[{"name": "OMP_NUM_THREADS", "value": "1"}]],
    )


class RegisteredEnvironment(Model):
    """What scripts run in, under a name and version: an image, packages on top of it, environment variables."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["Environment"] = Field(description="Always this.", examples=[ENVIRONMENT])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "scoring-1"}])
    spec: EnvironmentSpec = spec(EnvironmentSpec)
