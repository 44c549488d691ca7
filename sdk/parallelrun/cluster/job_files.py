"""Where a job's files are, and a copy of them here that reads as the folder of a run on this machine.

The job's settings name paths inside its pods; a reader pod mounts the same folders at the same paths, so names mean
the same in it. The copy's settings name the copy's own folders instead.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from parallelrun.api import layout, pod_layout
from parallelrun.api.errors import RunFolderError
from parallelrun.api.settings import JobSettings
from parallelrun.api.store_urls import is_store_url
from parallelrun.cluster import jobs, reader, transfer
from parallelrun.cluster.jobs import Job
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.lease_store import STATE
from parallelrun.kube.resources import CONFIG_MAPS
from parallelrun.local import log_files, run_folder

#: What commands on the copy read; results of mini-batches, which the output has, are left where they are.
REPORTS = (layout.RESULT, f"{layout.SCHEMA}*", layout.MANIFEST, layout.SUCCESS, "logs")
#: What tells the failures of a job: its list, its table of winners, and what agents wrote of failures.
FAILURES = (
    layout.RESULT,
    layout.MINI_BATCHES,
    f"{layout.WINNERS_PREFIX}*",
    f"{layout.SEGMENTS}/*-agent-*",
)
#: Beside those, where nothing is frozen yet: which mini-batch has a result, and of the results only their size.
INDEXES, RESULTS = f"{layout.SEGMENTS}/*.idx", f"{layout.SEGMENTS}/*.dat"


T = TypeVar("T")


@dataclass(frozen=True)
class JobFiles:
    """The files of one job."""

    job: Job
    settings: JobSettings  # paths as in the job's pods
    header: dict[str, Any]  # as header.json of a local run holds it
    look: reader.Look

    def mounts(self) -> list[reader.Mount]:
        """All that the job wrote, read-only, where its own pods have it."""
        found = {pod_layout.JOB: reader.Mount(self.job.claim, pod_layout.JOB, self.job.folder)}
        folder = self.output.rpartition("/")[0] if self.output is not None and self.took_over else None
        for path in (folder or self.settings.output.path, *self.outputs.values()):
            if path is not None and (on := claim_of(path)) is not None:
                found[path] = reader.Mount(on[0], path, on[1])
        return list(found.values())

    def pod(self) -> Json:
        """The reader pod to create."""
        return reader.pod(self.job.namespace, self.mounts(), self.look, self.job)

    @property
    def output(self) -> str | None:
        """The path of the output file in the job's pods; None where there is none."""
        if self.settings.output.action == "SummaryOnly":
            return None
        if self.took_over:
            return self._taken_output
        name = PurePosixPath(str((self.job.status.get("output") or {}).get("path") or "")).name
        # What goes to an object store is merged in the job's folder, and stays there.
        own = self.settings.output.path is None or is_store_url(self.settings.output.path)
        folder = pod_layout.JOB if own else self.settings.output.path
        return f"{folder}/{name or self.settings.output.file_name}"

    @property
    def took_over(self) -> str:
        """The job that made these results, where this one took them over; else ""."""
        return str(self.job.status.get("reusedFrom") or "")

    @property
    def outputs(self) -> dict[str, str]:
        """The folders that the script wrote, by name."""
        own = self.settings.outputs
        if not self.took_over:
            return own
        told = self.job.status.get("outputs") or {}
        return {name: in_pod(str(told[name])) for name in own if name in told}

    @property
    def _taken_output(self) -> str:
        path = str((self.job.status.get("output") or {}).get("path") or "")
        if not is_store_url(path):
            return in_pod(path)
        # It was merged in the folder of the job that made it, and stays there.
        uid = (self.header.get("reused") or {}).get("reusedFromUid")
        if not uid:
            raise RunFolderError(
                f"Job {self.job.name} took over {path} of job {self.took_over}, and does not say any more where it is.",
                f"Fetch it from the store, or ask the job that made it: parallelrun results {self.took_over}",
            )
        folder = pod_layout.job_folder(self.job.namespace, self.took_over, str(uid))
        return f"{pod_layout.claim(self.job.claim)}/{folder}/{PurePosixPath(path).name}"

    @property
    def output_sha256(self) -> str:
        """Of the output file; "" where the status does not say."""
        return str((self.job.status.get("output") or {}).get("sha256") or "")


Work = Callable[[reader.Reader, JobFiles], Awaitable[T]]


def claim_of(path: str) -> tuple[str, str] | None:
    """(claim, path from its root) of a path in a pod; None for one that is on no claim of its own."""
    parts = PurePosixPath(path).parts
    root = PurePosixPath(pod_layout.CLAIMS).parts
    if parts[: len(root)] != root or len(parts) <= len(root):
        return None
    return parts[len(root)], "/".join(parts[len(root) + 1 :])


def in_pod(url: str) -> str:
    """Where a reader pod has what is at ``pvc://claim/path``."""
    return url.replace("pvc://", f"{pod_layout.CLAIMS}/", 1) if url.startswith("pvc://") else url


async def describe(kube: Kube, job: Job, image: str | None) -> JobFiles:
    """What is known of the files of ``job``; ``image``: of the reader pod, None as the job's own.

    Raises RunFolderError for a job that has no files, KubeError where its objects cannot be read.
    """
    if not job.began:
        raise RunFolderError(f"Job {job.name} has no files yet: its phase is {job.phase}.", job.message)
    try:
        settings = await kube.get(CONFIG_MAPS, job.namespace, job.names.settings)
    except errors.NotFound:
        raise RunFolderError(
            f"Job {job.name} does not say where its files are: ConfigMap {job.names.settings} was deleted.",
            f"They are on claim {job.claim}, folder {job.folder}: parallelrun download "
            f"pvc://{job.claim}/{job.folder} DIR",
        ) from None
    data = settings.get("data") or {}
    header: dict[str, Any] = {}
    with contextlib.suppress(errors.NotFound):  # the status says how it ended as well
        header = json.loads(
            ((await kube.get(CONFIG_MAPS, job.namespace, job.names.header)).get("data") or {}).get(STATE) or "{}"
        )
    if job.over:
        header |= {"phase": job.phase, "reason": job.reason, "message": job.message}
    return JobFiles(
        job,
        JobSettings.from_json(json.loads(data[layout.SETTINGS])),
        header,
        _look(settings, image),
    )


async def read_by(kube: Kube, name: str, image: str | None, work: Work[T], done_only: bool = False) -> T:
    """Do ``work`` with a reader pod for the job of that name; ``image``: of that pod, None as the job's own.

    Raises RunFolderError where there is nothing to read, or with ``done_only`` no output.
    """
    job = await jobs.read(kube, name)
    if done_only and not job.done:
        raise RunFolderError(
            f"Job {job.name} has no output: its phase is {job.phase}.",
            f"What succeeded is kept; see parallelrun failures {job.name} -n {job.namespace}" if job.over else "",
        )
    files = await describe(kube, job, image)
    async with reader.reader(kube, files.pod()) as pod:
        return await work(pod, files)


async def look_of(kube: Kube, job: Job, image: str | None) -> reader.Look:
    """What a reader pod for ``job`` looks like; ``image`` None: the job's own."""
    try:
        return _look(await kube.get(CONFIG_MAPS, job.namespace, job.names.settings), image)
    except errors.NotFound:
        return _look({}, image)


def _look(settings: Json, image: str | None) -> reader.Look:
    text = (settings.get("data") or {}).get(pod_layout.READER)
    look = reader.Look(**json.loads(text)) if text else reader.Look()
    return look if image is None else replace(look, image=image)


def part(
    names: Sequence[str], root: str = pod_layout.JOB, prefix: str = "", required: bool = False, hollow: bool = False
) -> dict[str, Any]:
    """What to send, as ``in_pod.send`` takes it."""
    return {"root": root, "names": list(names), "prefix": prefix, "required": required, "hollow": hollow}


async def fetch_results(pod: reader.Reader, files: JobFiles, target: Path, tell: transfer.Tell) -> Path | None:
    """Copy the output, the folders that the script wrote and the reports into ``target``; where the output is now.

    The output is put in place only with the SHA-256 that the job's status has. Raises TransferError, OSError and, for
    a folder that holds anything else, RunFolderError.
    """
    prepare_copy(target, files)
    parts = [part((*REPORTS, *FAILURES))]
    hashes, output = {}, files.output
    if output is not None:
        folder, name = output.rsplit("/", 1)
        parts.append(part([name], folder, required=True))
        hashes = {name: files.output_sha256} if files.output_sha256 else {}
    for key, path in files.outputs.items():
        parts.append(part([""], path, f"{layout.OUTPUTS}/{key}"))
    await transfer.download(pod, parts, target, tell, hashes)
    finish_copy(target, files)
    return None if output is None else target / output.rsplit("/", 1)[1]


async def fetch_failures(pod: reader.Reader, files: JobFiles, target: Path, tell: transfer.Tell) -> None:
    """Copy what tells of failures, and of where mini-batches ran, into ``target``, which reads as a run's folder."""
    parts = [part(FAILURES)]
    if not (files.job.done and files.header.get("winners")):
        parts += [part([INDEXES]), part([RESULTS], hollow=True)]
    await transfer.download(pod, parts, target, tell)
    finish_copy(target, files)


def log_names(kinds: Collection[str], nodes: Collection[int] | None = None) -> list[str]:
    """Which files have the logs of those ``log_files`` kinds and nodes (None: all); patterns of :func:`part`."""
    if set(kinds) == {log_files.SYS}:
        return [layout.SYS] if nodes is None else [f"{layout.SYS}/{layout.node_name(one)}.log" for one in sorted(nodes)]
    folders = (layout.USER_STDOUT, layout.ENTRY_SCRIPT_LOG)
    if nodes is None:
        return list(folders)
    return [f"{folder}/{layout.node_name(one)}" for folder in folders for one in sorted(nodes)]


async def fetch_names(
    pod: reader.Reader, files: JobFiles, names: Sequence[str], target: Path, tell: transfer.Tell
) -> None:
    """Copy those files of the job's folder into ``target``, which reads as a run's folder."""
    await transfer.download(pod, [part(names)], target, tell)
    finish_copy(target, files)


def prepare_copy(target: Path, files: JobFiles) -> None:
    """Make the folder, which may hold an earlier copy of the same job and nothing else. Raises RunFolderError."""
    with run_folder.explained(target):
        target.mkdir(parents=True, exist_ok=True)
        if run_folder.holds_run(target) and run_folder.read_settings(target).uid == files.settings.uid:
            return
        if any(not entry.name.startswith(".") for entry in target.iterdir()):
            raise RunFolderError(f"{target} is not empty.", "Name a new folder, or one with an earlier copy: --to DIR")


def finish_copy(target: Path, files: JobFiles) -> None:
    """Write what makes ``target`` a run's folder: its header and, last, its settings."""
    header = {"phase": "", "reason": "", "message": "", "plan": None} | files.header
    run_folder.write_json(target, layout.HEADER, header)
    run_folder.write_json(target, layout.SETTINGS, copy_settings(files.settings).to_json(), mode=0o600)


def copy_settings(settings: JobSettings) -> JobSettings:
    """``settings`` of a copy: its output and folders are below it."""
    outputs = {key: f"{layout.OUTPUTS}/{key}" for key in settings.outputs}
    return replace(settings, output=replace(settings.output, path=None), outputs=outputs)
