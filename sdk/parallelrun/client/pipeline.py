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

if TYPE_CHECKING:
    from parallelrun.client.pipeline_run import PipelineRun

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
        return self._manifest(local=False)

    def _manifest(self, local: bool) -> Json:
        from parallelrun.api.models.metadata import API_VERSION
        from parallelrun.api.models.pipeline import PIPELINE

        spec = {
            **self._fields,
            **({"parameters": [one.definition() for one in self.parameters]} if self.parameters else {}),
            "steps": [self._step(one, local) for one in self.steps],
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

    def run_local(
        self,
        parameters: Mapping[str, Value] | None = None,
        output: PathLike | None = None,
        wait: bool = True,
        regenerate: bool = False,
        *,
        continue_on_step_failure: bool = False,
        register: Sequence[PathLike] = (),
        maps: Mapping[str, PathLike] | None = None,
        show: bool = False,
    ) -> PipelineRun:
        """Run it on this machine, in a background process that goes on whatever becomes of this one.

        ``output``: the run's folder, by default ``./runs/<name>-<time>``; ``regenerate``: no earlier result is reused.
        The rest as in :meth:`Job.run_local`. Raises ManifestError for what is wrong before the first step (with
        ``wait=False`` later, from ``wait()``), and JobFailed.
        """
        from parallelrun.client import local_pipeline_run
        from parallelrun.local.pipelines.request import PipelineRequest

        self.validate()
        request = PipelineRequest(
            manifest=self._file or self.base / f"<Pipeline {self.name}>",
            text=_yaml([self._manifest(local=True), *self._others]),
            parameters=dict(parameters or {}),
            output=None if output is None else Path(os.path.abspath(output)),
            maps={url: os.path.abspath(folder) for url, folder in (maps or {}).items()},
            register=[Path(os.path.abspath(folder)) for folder in register],
            regenerate=regenerate,
            continue_on_step_failure=continue_on_step_failure,
        )
        run = local_pipeline_run.start(request, self.name)
        return run.wait(show=show) if wait else run

    def submit(
        self,
        parameters: Mapping[str, Value] | None = None,
        namespace: str | None = None,
        context: str | None = None,
        wait: bool = False,
        regenerate: bool = False,
        *,
        continue_on_step_failure: bool = False,
        kubeconfig: PathLike | None = None,
        show: bool = False,
    ) -> PipelineRun:
        """Apply it to a cluster, and run it there; source folders of this machine are packed and sent along.

        Raises ManifestError and KubeError, and with ``wait`` JobFailed.
        """
        from parallelrun.client import cluster_pipeline_run
        from parallelrun.cluster.place import Place

        self.validate()
        run = cluster_pipeline_run.submit(
            _yaml([self.manifest, *self._others]),
            self._file or self.base / f"<Pipeline {self.name}>",
            Place(namespace, context, None if kubeconfig is None else os.fspath(kubeconfig)),
            dict(parameters or {}),
            regenerateOutputs=regenerate,
            continueOnStepFailure=continue_on_step_failure,
        )
        return run.wait(show=show) if wait else run

    def _step(self, step: AnyStep, local: bool) -> Json:
        """The code of a job that was built elsewhere is found from here; ``local``: and so is its data."""
        said = copy.deepcopy(step.as_spec())
        if not isinstance(step, Step) or step.job.base == self.base:
            return said
        base, spec = step.job.base, said["job"]
        source = spec.get("source") or {}
        if isinstance(source.get("directory"), str):
            source["directory"] = os.path.join(base, source["directory"])
        if local:  # in a cluster they start at the claim's root
            for one in spec.get("inputs") or []:
                if "paths" in one:
                    one["paths"] = [_moved(base, path) for path in one["paths"]]
            for one in (*(spec.get("sideInputs") or []), *(spec.get("models") or [])):
                if "path" in one:
                    one["path"] = _moved(base, one["path"])
        return said

    def __repr__(self) -> str:
        return f"Pipeline({self.name!r})"


def _moved(base: Path, path: str) -> str:
    """A relative path from ``base``; URLs and references stay."""
    return path if "://" in path or path.startswith("$(") else os.path.join(base, path)


def _yaml(documents: Sequence[Json]) -> str:
    import yaml

    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)
