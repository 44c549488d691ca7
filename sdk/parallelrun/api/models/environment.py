"""What the entry script runs in: image, packages, environment variables (as in a container)."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, ObjectName, PathText, Text
from parallelrun.api.models.registered import Reference

PullPolicy = Literal["Always", "IfNotPresent", "Never"]


class LocalObject(Model):
    """A reference to an object in the job's namespace."""

    name: ObjectName = Field(description="The object's name.", examples=["registry-login"])


class KeyRef(Model):
    """One key of a ConfigMap or Secret."""

    name: ObjectName = Field(description="The object's name.", examples=["endpoints"])
    key: ObjectName = Field(description="The key in it.", examples=["url"])
    optional: bool = Field(False, description="Whether object or key may be missing.", examples=[True])


class FieldRef(Model):
    """A field of the pod."""

    api_version: Text = Field("v1", description="The schema that fieldPath is written in.", examples=["v1"])
    field_path: Text = Field(description="The field.", examples=["metadata.namespace"])


class ResourceFieldRef(Model):
    """A resource of a container."""

    container_name: Text = Field("worker", description="The container.", examples=["worker"])
    resource: Text = Field(description="The resource.", examples=["limits.memory"])
    divisor: Text = Field("1", description="The unit of the value.", examples=["1Mi"])


class EnvVarSource(Model):
    """Where a variable's value comes from: exactly one of the fields."""

    config_map_key_ref: KeyRef | None = Field(
        None, description="A ConfigMap's key.", examples=[{"name": "endpoints", "key": "url"}]
    )
    secret_key_ref: KeyRef | None = Field(
        None, description="A Secret's key.", examples=[{"name": "login", "key": "token"}]
    )
    field_ref: FieldRef | None = Field(
        None, description="A field of the pod.", examples=[{"fieldPath": "metadata.namespace"}]
    )
    resource_field_ref: ResourceFieldRef | None = Field(
        None, description="A resource of a container.", examples=[{"resource": "limits.memory"}]
    )


class EnvVar(Model):
    """One environment variable of the worker."""

    name: ObjectName = Field(description="The variable's name.", examples=["OMP_NUM_THREADS"])
    value: str | None = Field(None, max_length=32768, description="Its value, a string: quote numbers.", examples=["1"])
    value_from: EnvVarSource | None = Field(
        None,
        description="Where its value comes from instead.",
        examples=[{"configMapKeyRef": {"name": "endpoints", "key": "url"}}],
    )


class OptionalObject(Model):
    """A ConfigMap or Secret, all of it."""

    name: ObjectName = Field(description="The object's name.", examples=["endpoints"])
    optional: bool = Field(False, description="Whether it may be missing.", examples=[True])


class EnvFrom(Model):
    """All keys of a ConfigMap or Secret as environment variables: exactly one of the two."""

    prefix: Text = Field("", description="Put before each key.", examples=["APP_"])
    config_map_ref: OptionalObject | None = Field(None, description="The ConfigMap.", examples=[{"name": "endpoints"}])
    secret_ref: OptionalObject | None = Field(None, description="The Secret.", examples=[{"name": "login"}])


class Environment(Model):
    """What the entry script runs in. Packages come from at most one of pip, requirements and conda."""

    name: Reference | None = Field(
        None,
        description="A registered Environment: its name, name:version or name@latest (the default). What is said "
        "beside it counts instead, field by field.",
        examples=["scoring"],
    )
    image: Text | None = Field(
        None,
        min_length=1,
        description="The worker's image; it needs Python 3.7 or newer and to run as non-root. Default: the runner "
        "image. Locally the interpreter that runs `parallelrun` is used.",
        examples=["registry.example.com/scoring:1.2"],
    )
    image_pull_policy: PullPolicy | None = Field(
        None, description="When the image is pulled. Default: IfNotPresent.", examples=["Always"]
    )
    image_pull_secrets: list[LocalObject] = Field(
        [], max_length=16, description="Secrets for the image's registry.", examples=[[{"name": "registry-login"}]]
    )
    pip: list[Text] = Field(
        [],
        max_length=256,
        description="Packages, as pip takes them, installed once for all nodes and for all jobs that list the same.",
        examples=[["pillow==11.*"]],
    )
    requirements: PathText | None = Field(
        None,
        description="A requirements file, from the source folder; its hashes are heeded.",
        examples=["requirements.txt"],
    )
    conda: PathText | None = Field(
        None,
        description="A conda environment file, from the source folder; the image needs micromamba, mamba or conda.",
        examples=["conda.yml"],
    )
    env: list[EnvVar] = Field(
        [],
        max_length=256,
        description="Environment variables of the worker, as in a container.",
        examples=[[{"name": "OMP_NUM_THREADS", "value": "1"}]],
    )
    env_from: list[EnvFrom] = Field(
        [],
        max_length=64,
        description="ConfigMaps and Secrets whose keys become environment variables.",
        examples=[[{"configMapRef": {"name": "endpoints"}}]],
    )
