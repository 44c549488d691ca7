"""Which way a run begins: anew, where an earlier one stopped, or again with what failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.local import credentials, kustomize, prepare, run_folder
from parallelrun.local import ground as grounds
from parallelrun.local.rerun import prepare_rerun
from parallelrun.local.resume import reopen

if TYPE_CHECKING:
    from parallelrun.api.manifest import LoadedJob
    from parallelrun.local.request import RunRequest


def for_request(request: RunRequest, say: Callable[[str], None] = prepare.silent) -> prepare.Prepared:
    """What was asked for on a command line, ready to run. Raises as :func:`open_job`, and ManifestError."""
    from parallelrun.api.manifest import load_manifest

    credentials.clear_left_over()
    if request.rerun_of is not None:
        if request.resume and request.output is not None and run_folder.holds_run(request.output):
            return reopen(request.output, source=request.source, say=say)
        return prepare_rerun(
            request.rerun_of,
            request.output,
            request.sets,
            source=request.source,
            failed_only=request.failed_only,
            say=say,
        )
    manifest = request.manifest or kustomize.job_file(request.kustomize or Path())
    return open_job(
        load_manifest(request.text or manifest, request.sets, name=str(manifest)),
        output=request.output,
        source=request.source,
        maps=request.maps,
        resume=request.resume,
        kustomization=request.kustomize,
        register=request.register,
        reuse_of=request.reuse_of,
        say=say,
    )


def open_job(
    loaded: LoadedJob,
    *,
    output: Path | None = None,
    source: Path | None = None,
    maps: Mapping[str, str] | None = None,
    resume: bool = False,
    kustomization: Path | None = None,
    register: Sequence[Path] = (),
    reuse_of: Sequence[Path] = (),
    say: Callable[[str], None] = prepare.silent,
) -> prepare.Prepared:
    """A new run of ``loaded``, or with ``resume`` the one in ``output`` (None: the newest of this job) again.

    ``source`` is a folder that stands for ``spec.source``; ``maps`` gives URLs a folder here; ``kustomization`` is the
    folder of ``-k``, by default the manifest's own; ``register`` are folders with what is registered by name;
    ``reuse_of`` those of earlier runs, which a new one takes over where it would make the same; ``say`` is told remarks
    for people.
    Raises subclasses of ParallelRunError: whatever is wrong here is the user's to put right.
    """
    if resume:
        folder = run_folder.newest(loaded.job.metadata.name, Path(run_folder.RUNS)) if output is None else output
        if run_folder.holds_run(folder) or not run_folder.looks_like_run(folder):
            return reopen(
                folder, loaded, source=source, maps=maps, kustomization=kustomization, register=register, say=say
            )
        say(f"{folder}: the run had not begun; it begins now")
    folder, lock = run_folder.new(loaded.job.metadata.name, output)
    try:
        ground = grounds.of_manifest(loaded, folder, maps or {}, kustomization, say, register)
        with grounds.closed_on_error(ground):
            return prepare.fresh(ground, lock, source, Path(loaded.path), reuse_of)
    except BaseException:
        run_folder.discard(folder)
        lock.close()
        raise
