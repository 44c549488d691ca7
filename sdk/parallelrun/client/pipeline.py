"""A ParallelRunPipeline built in Python, or read from YAML; then checked, run here, or submitted."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.client.job import Part, PathLike
from parallelrun.client.spec import Json, pipeline_spec
from parallelrun.client.steps import AnyStep, Parameter, Step, WrittenStep

if TYPE_CHECKING:
    pass

Value = str | int | float | bool


class Pipeline:
    """Steps that hand on what they write: jobs, and programs that run once; a ParallelRunPipeline as an object.

    Relative paths start at ``base``: the folder of the YAML file, or the working directory in which it was built.
    """

    def __init__(
        self,
        name: str,
        *,
        steps: Sequence[AnyStep],
        parameters: Sequence[Parameter] = (),
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        experiment: str | None = None,
        volume: Part | None = None,
        environment: str | Part | None = None,
        compute_target: str | None = None,
        schedule: Part | None = None,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        base: PathLike | None = None,
    ) -> None:
        """``volume``, ``environment`` and ``compute_target`` are those of every step that names none.

        ``schedule``: as a CronJob's, such as ``{"cron": "0 2 * * *", "time_zone": "Europe/Berlin"}``; of a pipeline
        that is applied to a cluster. Nothing is checked before :meth:`validate`.
        """
        given = {"namespace": namespace, "labels": labels, "annotations": annotations}
        self.metadata: Json = {"name": name, **{key: value for key, value in given.items() if value is not None}}
        self.steps = list(steps)
        self.parameters = list(parameters)
        self.base = Path(os.path.abspath(base if base is not None else os.curdir))
        self._fields: Json = pipeline_spec(
            {
                "description": description, "tags": tags, "experiment": experiment, "volume": volume,
                "environment": environment, "compute_target": compute_target, "schedule": schedule,
            }
        )  # fmt: skip
        self._file: Path | None = None
        self._others: list[Json] = []

    @classmethod
    def from_yaml(cls, source: PathLike) -> Pipeline:
        """The one pipeline of a YAML file, or of YAML text. Raises ManifestError."""
        from parallelrun.api.documents import read_documents
        from parallelrun.api.errors import ManifestError
        from parallelrun.api.models.pipeline import PIPELINE

        text, file = source, None
        if not (isinstance(source, str) and "\n" in source):
            file = Path(os.path.abspath(source))
            try:
                text = file.read_text(encoding="utf-8")
            except OSError as error:
                raise ManifestError(f"{file} cannot be read: {error.strerror}.") from None
        documents = [one.value for one in read_documents(str(text), str(file or "pipeline.yaml"))]
        found = [one for one in documents if one.get("kind") == PIPELINE]
        if len(found) != 1:
            count = "no" if not found else f"{len(found)} of kind"
            raise ManifestError(f"{file or 'The text'} has {count} {PIPELINE}; it has to have one.")
        pipeline = cls.from_manifest(found[0], base=None if file is None else file.parent)
        pipeline._file = file
        pipeline._others = [one for one in documents if one.get("kind") != PIPELINE]
        return pipeline

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any], *, base: PathLike | None = None) -> Pipeline:
        """Of a manifest as a dict; it is checked by :meth:`validate`."""
        value = copy.deepcopy(dict(manifest))
        spec = value.get("spec") or {}
        pipeline = cls("", steps=[WrittenStep(one) for one in spec.pop("steps", None) or []], base=base)
        pipeline.metadata = value.get("metadata") or {}
        pipeline.parameters = [
            Parameter(
                str(one.get("name") or ""), one.get("default"), type=one.get("type", "string"),
                description=one.get("description", ""),
            )
            for one in spec.pop("parameters", None) or []
        ]  # fmt: skip
        pipeline._fields = spec
        return pipeline

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.metadata.get("name") or "")

    @property
    def manifest(self) -> Json:
        """The whole manifest; a copy."""
        from parallelrun.api.models.metadata import API_VERSION
        from parallelrun.api.models.pipeline import PIPELINE

        spec = {
            **self._fields,
            **({"parameters": [one.definition() for one in self.parameters]} if self.parameters else {}),
            "steps": [self._step(one) for one in self.steps],
        }
        return copy.deepcopy({"apiVersion": API_VERSION, "kind": PIPELINE, "metadata": self.metadata, "spec": spec})

    def to_yaml(self) -> str:
        """The manifest as YAML text."""
        return _yaml([self.manifest])

    def validate(self) -> None:
        """Check all that can be checked without looking at files. Raises ManifestError with every problem."""
        from parallelrun.api import shape
        from parallelrun.api.problems import report
        from parallelrun.pipelines import check

        problems = check.problems(shape.without_nulls(self.manifest))
        if problems:
            raise report(f"Pipeline {self.name}", problems)

    def _step(self, step: AnyStep) -> Json:
        """The code of a job that was built elsewhere is found from here."""
        said = copy.deepcopy(step.as_spec())
        if isinstance(step, Step) and step.job.base != self.base:
            source = said["job"].get("source") or {}
            if isinstance(source.get("directory"), str):
                source["directory"] = os.path.join(step.job.base, source["directory"])
        return said

    def __repr__(self) -> str:
        return f"Pipeline({self.name!r})"


def _yaml(documents: Sequence[Json]) -> str:
    import yaml

    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)
