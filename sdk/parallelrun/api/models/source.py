"""Where the entry script's folder comes from."""

from pydantic import Field

from parallelrun.api.models.base import Model, ObjectName, PathText, Text


class ConfigMapSource(Model):
    """A ConfigMap with the files of the folder."""

    name: ObjectName = Field(
        description="The ConfigMap in the job's namespace. It holds flat files, or one tar made by `parallelrun "
        "submit`; 1 MiB in all. Locally it is looked up in the manifest's file and in the kustomization.",
        examples=["mnist-code"],
    )


class ClaimSource(Model):
    """A folder on a volume."""

    name: ObjectName = Field(description="The PersistentVolumeClaim in the job's namespace.", examples=["code"])
    path: PathText = Field(".", description="The folder, from the claim's root.", examples=["mnist/code"])


class GitSource(Model):
    """A folder in a Git repository."""

    url: PathText = Field(description="What `git clone` takes.", examples=["https://github.com/example/scoring.git"])
    ref: Text = Field("HEAD", description="A branch, tag or commit.", examples=["v1.2.0"])
    path: PathText = Field(".", description="The folder, from the repository's root.", examples=["scoring"])


class Source(Model):
    """The folder with the entry script: exactly one of the fields."""

    config_map: ConfigMapSource | None = Field(None, description="From a ConfigMap.", examples=[{"name": "mnist-code"}])
    claim: ClaimSource | None = Field(
        None, description="From a volume.", examples=[{"name": "code", "path": "mnist/code"}]
    )
    git: GitSource | None = Field(
        None,
        description="From a Git repository.",
        examples=[{"url": "https://github.com/example/scoring.git", "ref": "v1.2.0"}],
    )
    image_path: PathText | None = Field(
        None, description="A folder in the job's image; an absolute path.", examples=["/app"]
    )
    directory: PathText | None = Field(
        None,
        description="A folder on this machine, from the manifest's folder: for `parallelrun run` and `parallelrun "
        "submit` (which packs it) only; `kubectl apply` refuses it.",
        examples=["./code"],
    )
