"""A ParallelRunJob built in Python, or read from YAML; then checked, run here, or submitted."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.client.spec import Json, SpecPart, job_spec

if TYPE_CHECKING:
    from parallelrun.api.manifest import LoadedJob
    from parallelrun.client.run import Run

PathLike = str | os.PathLike[str]
Part = Mapping[str, Any] | SpecPart
#: What ``$(params.name)`` of a pipeline may stand for is given as it, or as a parallelrun.Parameter.
Number = int | str | SpecPart


class Job:
    """One script over one input, once: a ParallelRunJob manifest as an object.

    ``spec`` is the manifest's spec as YAML has it, a dict that may be changed. Relative paths start at ``base``: the
    folder of the YAML file, or the working directory in which the job was built.
    """

    def __init__(
        self,
        name: str,
        *,
        source: PathLike | Part,
        entry_script: PathLike,
        inputs: Sequence[Part] = (),
        arguments: Sequence[object] = (),
        run_once: bool | None = None,
        mini_batch_size: Number | None = None,
        partition_keys: Sequence[str] | None = None,
        node_count: Number | None = None,
        max_node_count: Number | None = None,
        process_count_per_node: Number | None = None,
        side_inputs: Mapping[str, PathLike] | Sequence[Part] | None = None,
        models: Mapping[str, PathLike] | Sequence[str | Part] | None = None,
        outputs: Mapping[str, PathLike] | Sequence[Part] | None = None,
        output: Part | None = None,
        environment: str | Part | None = None,
        error_threshold: Number | None = None,
        mini_batch_error_threshold: Number | None = None,
        allowed_failed_percent: float | str | SpecPart | None = None,
        run_invocation_timeout_seconds: Number | None = None,
        run_max_try: Number | None = None,
        logging_level: str | SpecPart | None = None,
        advanced: Part | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        experiment: str | None = None,
        compute_target: str | SpecPart | None = None,
        resources: Part | None = None,
        node_selector: Mapping[str, str] | None = None,
        tolerations: Sequence[Part] | None = None,
        priority_class_name: str | None = None,
        service_account_name: str | None = None,
        volume: Part | None = None,
        rerun_of: Part | None = None,
        reuse_of: Sequence[str] | None = None,
        suspend: bool | None = None,
        cancel: bool | None = None,
        ttl_seconds_after_finished: int | None = None,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        base: PathLike | None = None,
    ) -> None:
        """Each keyword is the field of ``spec`` (docs/reference/manifest.md) of that name in camelCase.

        ``None`` leaves a field to its default. ``source`` is a folder here, or a mapping such as ``{"git": {...}}``;
        ``inputs`` are :class:`Files`, :class:`Tables`, :class:`MLTable`, :class:`Dataset` or mappings; ``side_inputs``,
        ``models`` and ``outputs`` may be mappings of names to paths; ``environment`` the name of a registered one;
        ``environment={"env": {...}}`` variables by name. Keys of mappings are in either spelling. Nothing is checked
        before :meth:`validate`, which running and submitting call.
        """
        fields = {
            "description": description, "tags": tags, "experiment": experiment, "source": source,
            "entry_script": entry_script, "arguments": list(arguments) or None, "environment": environment,
            "run_once": run_once, "inputs": list(inputs) or None, "side_inputs": side_inputs, "models": models,
            "outputs": outputs, "mini_batch_size": mini_batch_size, "partition_keys": partition_keys,
            "node_count": node_count, "max_node_count": max_node_count,
            "process_count_per_node": process_count_per_node, "error_threshold": error_threshold,
            "mini_batch_error_threshold": mini_batch_error_threshold,
            "allowed_failed_percent": allowed_failed_percent,
            "run_invocation_timeout_seconds": run_invocation_timeout_seconds, "run_max_try": run_max_try,
            "logging_level": logging_level, "advanced": advanced, "output": output, "rerun_of": rerun_of,
            "reuse_of": reuse_of, "volume": volume, "compute_target": compute_target, "resources": resources,
            "node_selector": node_selector, "tolerations": tolerations, "priority_class_name": priority_class_name,
            "service_account_name": service_account_name, "suspend": suspend, "cancel": cancel,
            "ttl_seconds_after_finished": ttl_seconds_after_finished,
        }  # fmt: skip
        given = {"namespace": namespace, "labels": labels, "annotations": annotations}
        self.metadata: Json = {"name": name, **{key: value for key, value in given.items() if value is not None}}
        self.spec: Json = job_spec(fields)
        self.base = Path(os.path.abspath(base if base is not None else os.curdir))
        self._file: Path | None = None
        self._others: list[Json] = []

    @classmethod
    def from_yaml(cls, source: PathLike, sets: Sequence[str] = ()) -> Job:
        """The one job of a YAML file, or of YAML text; ``sets`` as in ``["spec.nodeCount=4"]``.

        Raises ManifestError with every problem and its line.
        """
        from parallelrun.api.manifest import load_manifest

        loaded = load_manifest(source, sets)
        value = loaded.job.model_dump(mode="json", by_alias=True, exclude_unset=True)
        file = Path(os.path.abspath(loaded.path))
        job = cls.from_manifest(value, base=file.parent)
        job._file = file if file.is_file() else None
        job._others = [one for one in loaded.documents if one.get("kind") != value["kind"]]
        return job

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any], *, base: PathLike | None = None) -> Job:
        """Of a manifest as a dict; it is checked by :meth:`validate`."""
        job = cls("", source="", entry_script="", base=base)
        job.metadata = copy.deepcopy(dict(manifest.get("metadata") or {}))
        job.spec = copy.deepcopy(dict(manifest.get("spec") or {}))
        return job

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.metadata.get("name") or "")

    @property
    def manifest(self) -> Json:
        """The whole manifest; a copy."""
        from parallelrun.api.models.job import KIND
        from parallelrun.api.models.metadata import API_VERSION

        return copy.deepcopy({"apiVersion": API_VERSION, "kind": KIND, "metadata": self.metadata, "spec": self.spec})

    def to_yaml(self) -> str:
        """The manifest as YAML text, to be kept in a repository or given to ``kubectl apply``."""
        return _yaml([self.manifest])

    def validate(self) -> None:
        """Check all that can be checked without looking at files. Raises ManifestError with every problem."""
        from parallelrun.api import checks, shape
        from parallelrun.api.problems import report

        problems = checks.problems(shape.without_nulls(self.manifest))
        if problems:
            raise report(f"Job {self.name}", problems)

    def run_local(
        self,
        output: PathLike | None = None,
        wait: bool = True,
        *,
        register: Sequence[PathLike] = (),
        sets: Sequence[str] = (),
        maps: Mapping[str, PathLike] | None = None,
        reuse: Sequence[PathLike] = (),
        show: bool = False,
    ) -> Run:
        """Run it on this machine, in a background process that goes on whatever becomes of this one.

        ``output``: the run's folder, by default ``./runs/<name>-<time>``; ``register``: folders with what is registered
        by name; ``maps``: folders that stand for URLs here; ``reuse``: folders of earlier runs, newest first, one of
        which may have made what this one would; ``wait``: until it has ended, with its progress printed where
        ``show``. Raises ManifestError, InputError and the like for what is wrong before the first ``init()`` (with
        ``wait=False`` later, from ``wait()``), and JobFailed.
        """
        from parallelrun.client import local_start
        from parallelrun.local.request import RunRequest

        loaded = self._loaded(sets)
        request = RunRequest(
            manifest=loaded.path,
            text=loaded.text,
            sets=list(sets),
            output=None if output is None else Path(os.path.abspath(output)),
            maps={url: os.path.abspath(folder) for url, folder in (maps or {}).items()},
            register=[Path(os.path.abspath(folder)) for folder in register],
            reuse_of=[Path(os.path.abspath(folder)) for folder in reuse],
        )
        run = local_start.start(request, loaded.job.metadata.name)
        return run.wait(show=show) if wait else run

    def submit(
        self,
        namespace: str | None = None,
        context: str | None = None,
        wait: bool = False,
        *,
        kubeconfig: PathLike | None = None,
        sets: Sequence[str] = (),
        show: bool = False,
    ) -> Run:
        """Give it to a cluster: ``context`` of the kubeconfig, by default the current one; in a pod, the pod's own.

        A source folder of this machine is packed and sent along. Raises ManifestError and KubeError, and with ``wait``
        JobFailed.
        """
        from parallelrun.client import cluster_run
        from parallelrun.cluster.place import Place

        loaded = self._loaded(sets)
        place = Place(namespace, context, None if kubeconfig is None else os.fspath(kubeconfig))
        run = cluster_run.submit(loaded, place)
        return run.wait(show=show) if wait else run

    def _loaded(self, sets: Sequence[str] = ()) -> LoadedJob:
        """As if it had been read from a file in ``base``."""
        from parallelrun.api.manifest import load_manifest

        if not sets:
            self.validate()
        # The file that it was read from, or the name of none: what stands in files beside it is looked up there.
        path = self._file or self.base / f"<Job {self.name}>"
        return load_manifest(_yaml([self.manifest, *self._others]), sets, name=str(path))

    def __repr__(self) -> str:
        return f"Job({self.name!r})"


def _yaml(documents: Sequence[Json]) -> str:
    import yaml

    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)
