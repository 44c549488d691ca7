"""What the kinds have in common that teams register by name: datastores, datasets, models, environments and compute
targets. They are data only: nothing happens to them until a job names them.

The registered name is a field and not the object's name, since names such as ``mnist_datastore`` are illegal for
Kubernetes objects.
"""

from typing import Annotated, Any

from pydantic import Field

from parallelrun.api.models.base import Model

#: As jobs refer to it; see ``rules.names.REFERABLE`` for what it is made of.
RegisteredName = Annotated[str, Field(min_length=1, max_length=255)]
VersionText = Annotated[str, Field(min_length=1, max_length=63)]
#: A name, name:version or name@latest.
Reference = Annotated[str, Field(min_length=1, max_length=319)]
#: In hexadecimal.
Sha256 = Annotated[str, Field(min_length=64, max_length=64)]
Tags = dict[str, Annotated[str, Field(max_length=256)]]

FIRST_VERSION = "1"
LATEST = "latest"
"""The version that stands for the highest one there is."""


def spec(model: type[Model]) -> Any:
    """The field ``spec``, which says of itself what ``model`` does."""
    return Field(description=" ".join((model.__doc__ or "").split()))


class Registered(Model):
    """The ``spec`` of a kind that is registered by name."""

    name: RegisteredName | None = Field(
        None,
        description="The registered name, by which jobs and scripts refer to it: letters, digits, '_', '-' and '.', "
        "beginning with a letter, digit or '_'. Default: the object's own name.",
        examples=["mnist_datastore"],
    )
    description: str = Field("", max_length=4096, description="For people.", examples=["Digits of the MNIST images"])
    tags: Tags = Field(
        {}, max_length=64, description="Names and values for people and tools; strings.", examples=[{"team": "vision"}]
    )


class Versioned(Registered):
    """The ``spec`` of a kind of which several versions may be registered under one name, each in its own object."""

    version: VersionText = Field(
        FIRST_VERSION,
        description="Its version, in quotes where it is a number. Jobs get the highest one unless they name another; "
        "which one that was is recorded in the job's status.",
        examples=["2"],
    )
