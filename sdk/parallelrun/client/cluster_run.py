"""A job in a cluster, by its name: submitted by this process, by another, or by a Git repository's tool."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from parallelrun.api import pod_layout
from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.api.errors import RunFolderError
from parallelrun.client import progress as progresses
from parallelrun.client import tables
from parallelrun.client.kube_calls import call
from parallelrun.client.progress import Progress
from parallelrun.client.run import LOG_KINDS, LogKind, PathLike, Run, Status, no_output
from parallelrun.cluster import job_files, jobs, rerunning, submission, submitting
from parallelrun.cluster.job_files import Work
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.place import Place
from parallelrun.cluster.pod_logs import PodLogs, shown
from parallelrun.cluster.snapshots import snapshot
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.resources import LEASES
from parallelrun.local import log_files, results, run_folder, runs
from parallelrun.local.progress import Estimator

if TYPE_CHECKING:
    import pandas

    from parallelrun.api.manifest import LoadedJob
    from parallelrun_agent.report.failures import Failure

T = TypeVar("T")

#: Seconds between two looks at a job whose progress is shown.
EVERY = 1.0


class ClusterRun(Run):
    """See :class:`parallelrun.client.run.Run`."""

    where = "cluster"

    def __init__(self, name: str, place: Place) -> None:
        """``place``: with the namespace."""
        self._name, self._place = name, place
        self._estimator = Estimator()
        self._fetched: dict[str, Path] = {}  # folders with the outputs, by the job's UID

    def __repr__(self) -> str:
        return f"<Run {self._name}: in the cluster, namespace {self._place.namespace}>"

    @property
    def name(self) -> str:
        """The name of the job."""
        return self._name

    @property
    def namespace(self) -> str:
        """The job's namespace."""
        return self._place.namespace or "default"

    @property
    def folder(self) -> Path:
        """There is none here."""
        raise RunFolderError(f"The files of {self._name} are in the cluster.", "Fetch them: run.download(folder).")

    def status(self) -> Status:
        """How it is now."""
        return _status(self._read())

    def progress(self) -> Progress:
        """How far it is."""

        async def work(kube: Kube) -> tuple[Job, list[Json]]:
            job = await jobs.read(kube, self._name)
            return job, await _leases(kube, job)

        return self._progress(*self._call(work))

    def _progress(self, job: Job, leases: list[Json]) -> Progress:
        return progresses.of_view(self._estimator.update(snapshot(job, leases, time.time())))

    def _join(self, timeout: float | None, tell: Callable[[Progress], None] | None) -> bool:
        async def told(kube: Kube) -> None:
            while tell is not None:
                with contextlib.suppress(errors.Unavailable):
                    job = await jobs.read(kube, self._name)
                    tell(self._progress(job, await _leases(kube, job)))
                await asyncio.sleep(EVERY)

        async def work(kube: Kube) -> bool:
            telling = asyncio.create_task(told(kube))
            try:
                async with asyncio.timeout(timeout), aclosing(jobs.follow(kube, self._name)) as found:
                    async for job in found:
                        if job.over:
                            return True
            except TimeoutError:
                return False
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
            raise RunFolderError(f"Job {self._name} was deleted.")

        return self._call(work)

    def result_file(self) -> Path:
        """The output file, fetched once."""
        folder = self._results_folder()
        file = results.output_file(runs.state(folder))
        if file is None:
            raise RunFolderError(
                f"{self._name} has no output file: its output action is SummaryOnly.",
                "Fetch all: run.download(folder).",
            )
        return file

    def results(self, sep: str | None = None, names: Sequence[str] | None = None, **options: Any) -> pandas.DataFrame:
        """The output as a DataFrame."""
        file = self.result_file()
        return tables.read(file, run_folder.read_settings(self._results_folder()).output, sep, names, options)

    def failures(self) -> list[Failure]:
        """The mini-batches that failed for good so far."""
        from parallelrun_agent.report.reading import RunReport

        with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
            folder = Path(scratch) / self._name
            self._with_files(lambda pod, files: job_files.fetch_failures(pod, files, folder, _silent))
            return list(RunReport(folder).failures())

    def logs(self, kind: LogKind = "script", tail: int | None = None, node: int | None = None) -> str:
        """Of its pods while it goes on, where stdout and stderr are one; of the files on its volume else."""
        kinds = LOG_KINDS[kind]
        if kind in ("script", "sys"):
            lines = self._call(lambda kube: self._of_pods(kube, kind, tail, node))
            if lines is not None:
                return "".join(line + "\n" for line in lines)
        with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
            folder = Path(scratch) / self._name
            names = job_files.log_names(kinds, None if node is None else {node})
            self._with_files(lambda pod, files: job_files.fetch_names(pod, files, names, folder, _silent))
            return log_files.text(folder, log_files.Selection(kinds, node), tail)

    async def _of_pods(self, kube: Kube, kind: str, tail: int | None, node: int | None) -> list[str] | None:
        """None where the job is over: its pods are gone."""
        job = await jobs.read(kube, self._name)
        if job.over:
            return None
        container = pod_layout.AGENT if kind == "sys" else pod_layout.WORKER
        several = int(job.spec.get("nodeCount") or 1) > 1
        found = []
        async with aclosing(PodLogs(kube, job, container, lambda one: node in (None, one), tail).lines(False)) as lines:
            async for line in lines:
                text = shown(line, None, several)
                found += [] if text is None else [text]
        return found

    def download(self, folder: PathLike) -> Path:
        """Fetch the output, what the script wrote itself, reports and logs."""
        target = Path(folder)
        self._with_files(lambda pod, files: job_files.fetch_results(pod, files, target, _silent), done_only=True)
        return target

    @property
    def outputs(self) -> dict[str, str]:
        """Where its outputs are, as URLs that other jobs may name."""
        return {str(name): str(place) for name, place in (self._read().status.get("outputs") or {}).items()}

    @property
    def reused_from(self) -> str | None:
        """The earlier job whose results it took over."""
        found = self._read().status.get("reusedFrom")
        return str(found) if found else None

    def rerun_failed(self, wait: bool = True, *, sets: Sequence[str] = (), source: PathLike | None = None) -> Run:
        """Run what failed again, as a new job."""
        folder = None if source is None else Path(source)
        job = self._call(lambda kube: rerunning.rerun(kube, self._name, True, sets, folder))
        run = ClusterRun(job.name, self._place)
        return run.wait() if wait else run

    def cancel(self) -> None:
        """Stop it for good."""
        self._call(lambda kube: jobs.steer(kube, self._name, cancel=True))

    def suspend(self) -> None:
        """Pause it."""
        self._call(lambda kube: jobs.steer(kube, self._name, suspend=True))

    def resume(self) -> None:
        """Let it go on."""
        self._call(lambda kube: jobs.steer(kube, self._name, suspend=False))

    def _read(self) -> Job:
        return self._call(lambda kube: jobs.read(kube, self._name))

    def _call(self, work: Callable[[Kube], Awaitable[T]]) -> T:
        return call(self._place, work)

    def _with_files(self, work: Work[T], done_only: bool = False) -> T:
        return self._call(lambda kube: job_files.read_by(kube, self._name, None, work, done_only))

    def _results_folder(self) -> Path:
        job = self._read()
        if not job.done:
            raise no_output(self._name, _status(job))
        if job.uid not in self._fetched:
            folder = Path(tempfile.mkdtemp(prefix="parallelrun-")) / self._name
            atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
            self._fetched[job.uid] = self.download(folder)
        return self._fetched[job.uid]


def submit(loaded: LoadedJob, place: Place) -> ClusterRun:
    """Give a job to the cluster. Raises ManifestError and KubeError."""

    async def work(kube: Kube) -> Job:
        made = submission.of_loaded(loaded, place.namespace, kube.namespace)
        return (await submitting.submit(kube, made)).job

    return _run(call(place, work), place)


def get(name: str, place: Place) -> ClusterRun:
    """A job in the cluster, by its name. Raises NotFound."""
    return _run(call(place, lambda kube: jobs.read(kube, name)), place)


def _run(job: Job, place: Place) -> ClusterRun:
    return ClusterRun(job.name, Place(job.namespace, place.context, place.kubeconfig))


def _status(job: Job) -> Status:
    reason = job.reason
    return Status(job.phase, reason, job.message, job.over, job.done, job.status)


async def _leases(kube: Kube, job: Job) -> list[Json]:
    """Of its nodes; none where they cannot be read."""
    with contextlib.suppress(errors.Unavailable, errors.Forbidden):
        return (await kube.list_objects(LEASES, job.namespace, labels=f"{LABEL_JOB_UID}={job.uid}"))[0]
    return []


def _silent(_: int) -> None:
    pass
