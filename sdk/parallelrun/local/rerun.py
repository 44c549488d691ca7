"""A run again in a new folder: all of it, or only the mini-batches that have no success yet.

``--failed`` keeps the earlier run's plan and takes its segments along, so that what succeeded there is merged with
what succeeds now. Its results are linked, not copied: no segment is ever written again once its process is gone. The
script is the one that was run, unless another source is given, since mixing results of two scripts is a choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from parallelrun.api import layout, source_files, spec_changes, spec_hash
from parallelrun.api.settings import JobSettings
from parallelrun.leases import header as headers
from parallelrun.local import changes, code, prepare, resolve, resume, run_folder
from parallelrun.local import ground as grounds
from parallelrun.local.ground import Ground
from parallelrun_agent import earlier_run

#: Fields that a rerun on this machine keeps as well: another script is given with --source.
_FIXED = ("metadata.name", "spec.source")


def prepare_rerun(
    base: Path,
    output: Path | None = None,
    sets: Sequence[str] = (),
    *,
    source: Path | None = None,
    failed_only: bool = True,
    say: Callable[[str], None] = prepare.silent,
) -> prepare.Prepared:
    """A new run of the job of the run in ``base``, with ``sets`` ("spec.runMaxTry=5") applied to its manifest.

    Raises RunFolderError where ``base`` is still running, or with ``failed_only`` kept no plan or no segments;
    InputChanged where ``sets`` change what the kept results were made with.
    """
    base = run_folder.existing(base)
    with run_folder.Lock(base):
        record = run_folder.read_json(base, layout.PREPARED)
        loaded = resume.recorded_manifest(base, list(sets))
        before = resume.read_header(base)
        if failed_only:
            spec_changes.refuse_for_rerun(record["spec"], spec_hash.spec_of(loaded.job), _FIXED)
            earlier_run.plan_of(base, before)
        folder, lock = run_folder.new(loaded.job.metadata.name, output)
        try:
            ground = grounds.of_run(loaded.job, folder, base, record, say)
            with grounds.closed_on_error(ground):
                return _again(ground, base, record, before, lock, source, failed_only)
        except BaseException:
            run_folder.discard(folder)
            lock.close()
            raise


def _again(
    ground: Ground,
    base: Path,
    record: dict[str, Any],
    before: headers.Header,
    lock: run_folder.Lock,
    given: Path | None,
    failed_only: bool,
) -> prepare.Prepared:
    earlier = run_folder.read_settings(base)
    settings = resolve.settings(ground, earlier.inputs if failed_only else None)
    copied = _code(ground, base, record, given)
    settings = prepare.with_hashes(settings, ground, copied, prepare.python_of(ground))
    if failed_only:
        _say_changed_files(ground, record, earlier, settings)
        header = _header(before, settings.uid, settings.spec_hash, settings.source_hash)
        settings = replace(settings, retry_failures_below=header.epoch)
        with run_folder.explained(ground.folder):
            earlier_run.take_results(base, ground.folder, earlier_run.plan_of(base, before))
    else:
        header = prepare.new_header(settings, ground.job.spec.node_limit)
    return prepare.finish(ground, settings, copied, Path(record["manifest"]), lock, header)


def _code(ground: Ground, base: Path, record: dict[str, Any], given: Path | None) -> code.Code:
    spec = ground.job.spec
    if given is not None:
        return code.copy(spec, ground.folder, ground.places, ground.config_maps, given)
    before = code.Code(record["source"]["origin"], record["source"]["digests"])
    if not before.origin.startswith("configmap://"):
        now = code.current(before, ground.folder)
        difference = source_files.difference(before.digests, now) if now is not None else ""
        if difference:
            ground.say(
                f"{before.origin}: {difference} since the earlier run; its own copy is run again "
                f"(to run the changed code: --source {before.origin})"
            )
    return code.copy_of_run(base, before, spec, ground.folder)


def _say_changed_files(ground: Ground, record: dict[str, Any], earlier: JobSettings, settings: JobSettings) -> None:
    """Side inputs and models that are not what they were: often the reason for a rerun, so it goes on, but says so."""
    before = prepare.whole_files(earlier)
    same_place = {name: path for name, path in prepare.whole_files(settings).items() if before.get(name) == path}
    for name, fingerprint in changes.fingerprints(same_place).items():
        if fingerprint != record["files"].get(name):
            ground.say(f"the {name} has changed since the earlier run: what succeeded then was made with the old one")


def _header(before: headers.Header, uid: str, spec_hash: str, source_hash: str) -> headers.Header:
    again = earlier_run.next_generation(before)
    return replace(again, job_uid=uid, spec_hash=spec_hash, source_hash=source_hash)
