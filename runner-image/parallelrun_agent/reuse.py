"""Whether an earlier job made what this one would make, and all of it is still there: then nothing is run.

In a cluster an agent does not see other jobs' folders. ``prepare``, which does, looks there and leaves what it found in
the job's folder; what is in object stores only the agent can ask about.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import layout
from parallelrun.api.errors import ParallelRunError
from parallelrun.api.settings import EarlierJob, JobSettings
from parallelrun.api.store_urls import is_store_url
from parallelrun_agent import plain_files, whole_files

if TYPE_CHECKING:
    from parallelrun_agent.job import Job
    from parallelrun_agent.storage import Storage

log = logging.getLogger(__name__)

#: In the job's folder, written by prepare: results of earlier jobs by their names.
FOUND = "reusable.json"
#: What a result is never longer than, and all that prepare found.
_RESULT_BYTES, _FOUND_BYTES = 16 << 20, 1 << 30
_TAKEN = ("outputs", "outputFile", "outputListings", "items")
_NEEDED = (*_TAKEN, "output", "uid", "reusedFrom", "reusedFromUid")
_BLOCK = 1 << 20


def find(job: Job, fingerprint: str) -> dict[str, Any]:
    """What to take over, as ``header.reused`` has it; {} where there is nothing."""
    settings = job.settings
    same = [one for one in settings.reuse_of if fingerprint and one.fingerprint == fingerprint]
    if settings.reuse_of and not same:
        log.info("no earlier job that may be taken over has the fingerprint %s", fingerprint or "of this job: none")
    found = _left_by_prepare(job.folder) if same and settings.in_pod else {}
    for one in same:
        result = found.get(one.name) if settings.in_pod else still_there(one, Path)
        if result is not None and _is_in_store(job, one, result):
            log.info("%s made the same: its results are taken over", one.name)
            return _taken(one, result)
    return {}


def look(settings: JobSettings, place: Callable[[str], Path]) -> dict[str, dict[str, Any]]:
    """The results of those earlier jobs of which all is still there, by name; for prepare."""
    found = ((one.name, still_there(one, place)) for one in settings.reuse_of)
    return {name: {key: result[key] for key in _NEEDED if key in result} for name, result in found if result}


def still_there(earlier: EarlierJob, place: Callable[[str], Path]) -> dict[str, Any] | None:
    """The result of ``earlier``, where all is there that it speaks of, but for what is in object stores; else None.

    ``place`` says where a path or URL of the result is seen here.
    """
    try:
        folder = Path(earlier.folder)
        result: dict[str, Any] = json.loads(plain_files.read(folder, layout.RESULT, _RESULT_BYTES))
        lacking = _lacking(earlier, result, place)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        lacking = f"{type(error).__name__}: {error}"
    if lacking:
        log.info("%s cannot be taken over: %s", earlier.name, lacking)
        return None
    return result


def _lacking(earlier: EarlierJob, result: Mapping[str, Any], place: Callable[[str], Path]) -> str:
    if [result["uid"], result["fingerprint"], result["outputs"]] != [earlier.uid, earlier.fingerprint, earlier.outputs]:
        return "its folder holds another result"
    if result["phase"] != "Done" or result["items"]["failed"] or result["miniBatches"]["failed"]:
        return "not all of it succeeded"
    if not (Path(earlier.folder) / layout.SUCCESS).exists():
        return f"it has no {layout.SUCCESS}"
    for name, listing in result["outputListings"].items():
        if whole_files.fingerprint(place(result["outputs"][name])) != listing:
            return f"its output {name} at {result['outputs'][name]} is not what it was"
    return _lacking_file(result, place)


def _lacking_file(result: Mapping[str, Any], place: Callable[[str], Path]) -> str:
    """Of AppendRow's output."""
    told = None if "file" in result["outputListings"] else result["outputs"].get("file")
    if result["outputFile"] != told:  # what is not among the outputs that the earlier job's status tells may be forged
        return f"it is not known whether {result['outputFile']} is its output"
    if result["outputFile"] is None:
        folder = place(result["outputs"]["output"])
        is_script_s = "output" in result["outputListings"]
        return "" if is_script_s or (folder / layout.SUCCESS).exists() else f"{folder} has no {layout.SUCCESS}"
    if is_store_url(result["outputFile"]):
        return ""
    file = place(result["outputFile"])
    if not (file.parent / layout.SUCCESS).exists():
        return f"{file.parent} has no {layout.SUCCESS}"
    if file.stat().st_size != result["output"]["bytes"]:
        return f"{file} is not as long as it was"
    if not _is_untouched(file, result) and _sha256(file) != result["output"]["sha256"]:
        return f"{file} is not what it was"
    return ""


def _is_untouched(file: Path, result: Mapping[str, Any]) -> bool:
    """Whether nobody wrote to ``file`` since its job succeeded: what happened last to it is older than _SUCCESS."""
    success = file.parent / layout.SUCCESS
    return _uid_in(file.parent) == _origin(result) and file.stat().st_ctime_ns <= success.stat().st_ctime_ns


def _uid_in(folder: Path) -> str:
    try:
        return str(json.loads(plain_files.read(folder, layout.RESULT, _RESULT_BYTES))["uid"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _origin(result: Mapping[str, Any]) -> str:
    return str(result.get("reusedFromUid") or result["uid"])


def _sha256(file: Path) -> str:
    whole = hashlib.sha256()
    with open(file, "rb") as opened:
        while block := opened.read(_BLOCK):
            whole.update(block)
    return whole.hexdigest()


def _left_by_prepare(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(plain_files.read(folder, FOUND, _FOUND_BYTES))
    except (OSError, ValueError) as error:
        log.info("nothing is known of earlier jobs: %s", error)
        return {}
    return found


def _is_in_store(job: Job, earlier: EarlierJob, result: Mapping[str, Any]) -> bool:
    """Whether an output in an object store is whole, and the earlier job's; True for any other output."""
    url = result["outputFile"]
    if url is None or not is_store_url(url):
        return True
    try:
        lacking = _lacking_in_store(job.storage, url, result)
    except (ParallelRunError, OSError, ValueError, KeyError, TypeError) as error:
        lacking = str(error)
    if lacking:
        log.info("%s cannot be taken over: %s", earlier.name, lacking)
    return not lacking


def _lacking_in_store(storage: Storage, url: str, result: Mapping[str, Any]) -> str:
    folder = url.rpartition("/")[0]
    if storage.get(f"{folder}/{layout.SUCCESS}") is None:
        return f"{folder} has no {layout.SUCCESS}"
    written = json.loads(storage.get(f"{folder}/{layout.RESULT}") or b"{}")
    if written.get("uid") != _origin(result):
        return f"{folder} holds the output of another run"
    found = storage.entry(url)
    return "" if found is not None and found[1] == result["output"]["bytes"] else f"{url} is not what it was"


def _taken(earlier: EarlierJob, result: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was taken over itself, the job that made it counts: it is the one whose folder has to stay."""
    taken = {name: result[name] for name in _TAKEN}
    origin = {"reusedFrom": result.get("reusedFrom") or earlier.name, "reusedFromUid": _origin(result)}
    return {**taken, **origin, "output": {**result["output"], "path": result["outputFile"]}}
