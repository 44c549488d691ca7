"""The hash of all that a job's results follow from: two jobs that have the same one make the same.

What the manifest says, the script's content, the plan (which files, their sizes and versions, how they are split and
parsed), and the listing of side inputs and models.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import layout, pod_layout, source_files
from parallelrun.api.settings import ModelSettings
from parallelrun.leases.header import Plan
from parallelrun_agent import whole_files
from parallelrun_agent.storage.places import is_url

if TYPE_CHECKING:
    from parallelrun_agent.job import Job


def of_job(job: Job, plan: Plan) -> str:
    """The fingerprint of a job that was just planned; "" for one of which it cannot be told.

    Raises OSError, StorageError and SourceError.
    """
    settings = job.settings
    if not settings.result_hash:
        return ""
    known = {
        "spec": settings.result_hash,
        "source": settings.source_hash or _digest_of(job.folder / layout.SOURCE),
        "python": settings.python,  # named by what is installed for it, local wheels by their content
        "plan": plan.sha256,
        "changes": "" if settings.in_pod else _changes(job, plan),
        "side_inputs": {name: [path, _listed(job, path)] for name, path in settings.side_inputs.items()},
        "models": [[*_described(model), _listed(job, model.path)] for model in settings.models],
        # Which of these a script will ask for is not known yet: all that it could find count.
        "registered": sorted([*_described(model), _of_registered(job, model)] for model in settings.registered_models),
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _digest_of(folder: Path) -> str:
    """Of the copy that all pods take the source from."""
    return source_files.combined(source_files.digests(folder, source_files.files(folder)))


def _changes(job: Job, plan: Plan) -> str:
    """When each planned file on this machine was changed last, which tells one that was put in another's place.

    Not in a pod: there, mounting a volume may change it.
    """
    from parallelrun_agent.plan.reader import PlanReader

    whole = hashlib.sha256()
    for path in PlanReader(job.folder / f"{layout.PLAN_PREFIX}{plan.sha256}").paths():
        whole.update(b"\0" if is_url(path) else b"%d\0" % os.stat(path).st_ctime_ns)
    return whole.hexdigest()


def _listed(job: Job, path: str) -> str:
    """Names, sizes and versions of what is at ``path``; of a ConfigMap, which each pod mounts anew, the content."""
    if path.startswith(f"{pod_layout.CONFIG_MAPS}/"):
        return whole_files.content(Path(path))
    if not is_url(path):
        return whole_files.fingerprint(Path(path), changes=not job.settings.in_pod)
    one = None if path.endswith("/") else job.storage.entry(path)
    return _hash_of([one] if one is not None else job.storage.entries(path))


def _hash_of(found: Iterable[tuple[bytes, int, int]]) -> str:
    whole = hashlib.sha256()
    for path, size, version in sorted(found):
        whole.update(path + b"\0%d %d\0" % (size, version))
    return whole.hexdigest()


def _described(model: ModelSettings) -> list[str]:
    return [model.name, model.version, model.path, model.sha256]


def _of_registered(job: Job, model: ModelSettings) -> str:
    """Stores are not asked about models that nobody may want."""
    return "" if is_url(model.path) else _listed(job, model.path)
