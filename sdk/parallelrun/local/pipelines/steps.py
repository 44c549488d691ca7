"""What a step's run left, and what a step can take over from earlier runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.api.store_urls import is_store_url
from parallelrun.local import run_folder, runs
from parallelrun.local.pipelines import folder as folders
from parallelrun.local.pipelines.child import End
from parallelrun.local.pipelines.request import StepRecord
from parallelrun.local.reuse import earlier_runs
from parallelrun.pipelines import compile, states
from parallelrun.pipelines.compile import FolderOf
from parallelrun.pipelines.reuse import given_the_same
from parallelrun_agent.reuse import still_there

MOST_CANDIDATES = 16  # as spec.reuseOf takes
INTERRUPTED = "Interrupted"
MOST_CHARACTERS = 8192  # of a message: of a long traceback, the beginning; all of it is in the step's own folder


def now() -> str:
    """The time, as in a status, with milliseconds."""
    whole = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int(whole % 1 * 1000):03d}Z"


def ended(record: StepRecord, end: End) -> StepRecord:
    """``record`` after its run has ended; Running still where it was interrupted."""
    if end.phase == "Done":
        return _done(record)
    if end.reason == INTERRUPTED:
        return record
    phase = states.CANCELLED if end.reason == "Cancelled" else states.FAILED
    said = [": ".join(filter(None, (end.reason, end.message))), *_first_failure(Path(record.folder))]
    return replace(record, phase=phase, completion_time=now(), message="\n".join(said)[:MOST_CHARACTERS])


def found(record: StepRecord, folder: Path) -> StepRecord:
    """``record`` of a run whose processes are gone, by what is in the step's ``folder``; Waiting where it goes on."""
    if record.phase in states.GOOD or record.phase == states.FAILED:
        return record
    if run_folder.holds_run(folder):
        state = runs.state(folder)
        if state.phase == "Done":
            return _done(replace(record, folder=str(folder)))
        if state.phase == "Aborted" and state.reason != "Cancelled":
            return ended(record, End(state.phase, state.reason, state.message))
    return replace(record, phase=states.WAITING, message="", completion_time="")


def _first_failure(folder: Path) -> list[str]:
    """What the script said when it failed first."""
    failures = runs.read_if_there(folder, layout.RESULT).get("firstErrors") or ()
    return [str(failures[0].get("traceback") or failures[0].get("error") or "").rstrip()] if failures else []


def _done(record: StepRecord) -> StepRecord:
    result = run_folder.read_json(Path(record.folder), layout.RESULT)
    origin = str(result.get("reusedFrom") or "")
    return replace(
        record,
        phase=states.REUSED if origin else states.SUCCEEDED,
        reused_from=origin,
        completion_time=now(),
        outputs={str(name): str(place) for name, place in (result.get("outputs") or {}).items()},
        message="",
    )


def candidates(
    pipeline: str, step: str, folder: Path, needed: Iterable[str], now: Mapping[str, StepRecord]
) -> list[Path]:
    """Runs of ``step`` in earlier runs of ``pipeline`` that succeeded, newest first; not of the run in ``folder``.

    Of those that were given what this one is by the steps ``needed``, whose records are ``now``.
    """
    places = [Path(run_folder.RUNS).absolute(), folder.parent]
    origins = {name: _origin(record) for name, record in now.items()}
    chosen: dict[str, Path] = {}
    for other in folders.earlier(pipeline, places):
        then = {record.name: record for record in records(folders.read_result(other))}
        record = then.get(step)
        if record is None or record.phase not in states.GOOD or os.path.realpath(other) == os.path.realpath(folder):
            continue
        if given_the_same(needed, origins, {name: _origin(one) for name, one in then.items()}):
            place = Path(record.reused_from) if record.reused_from else folders.step(other, step)
            if _may_be_taken(place):
                chosen.setdefault(os.path.realpath(place), place.absolute())
    return list(chosen.values())[:MOST_CANDIDATES]


def _origin(record: StepRecord) -> str:
    place = record.reused_from or record.folder
    return os.path.realpath(place) if place and record.phase in states.GOOD else ""


def _may_be_taken(place: Path) -> bool:
    """Whether a run is still there, undamaged; whether it made the same is found when the step is planned."""
    try:
        return bool(earlier_runs([place]))
    except RunFolderError:
        return False


def records(result: Mapping[str, Any]) -> list[StepRecord]:
    """The steps of a pipeline_result.json."""
    return [StepRecord.from_json(one) for one in result.get("steps") or ()]


def is_whole(record: StepRecord) -> bool:
    """Whether all that a step left is still there, as it was."""
    folder = Path(record.reused_from or record.folder)
    places = [place for place in record.outputs.values() if not is_store_url(place)]
    if not all(os.path.exists(place) for place in places):
        return False
    known = earlier_runs([folder]) if run_folder.holds_run(folder) else []
    return not known or still_there(known[0], Path) is not None


@dataclass(frozen=True)
class Earlier:
    """The run whose failed steps are run again."""

    folder: Path
    steps: Mapping[str, StepRecord]
    spec: Mapping[str, Any]
    parameters: Mapping[str, Any]

    @staticmethod
    def of(folder: Path) -> Earlier:
        """Of the run in ``folder``. Raises RunFolderError for one that goes on, or has not failed."""
        folder = folders.existing(folder)
        with run_folder.Lock(folder):
            result = folders.read_result(folder)
        if result.get("phase") == states.SUCCEEDED:
            raise RunFolderError(f"{folder}: no step of this run failed.", "Run all of it again: without --failed.")
        spec = folders.read_request(folder)["spec"]
        return Earlier(folder, {record.name: record for record in records(result)}, spec, result["parameters"])

    def taken_over(self, step: str, spec: Mapping[str, Any], folder_of: FolderOf) -> StepRecord | None:
        """The record of a step that succeeded there as the same job ``spec``, for the new run."""
        record = self.steps.get(step)
        if record is None or record.phase not in states.GOOD or not self._was(step, spec, folder_of):
            return None
        if not is_whole(record):
            return None
        return replace(record, phase=states.REUSED, folder="", reused_from=record.reused_from or record.folder)

    def failed_run(self, step: str, spec: Mapping[str, Any], folder_of: FolderOf) -> Path | None:
        """The folder of the same job ``spec`` that failed after it was planned, with what succeeded in it."""
        record = self.steps.get(step)
        if record is None or record.phase not in (states.FAILED, states.CANCELLED, states.RUNNING):
            return None
        place = folders.step(self.folder, step)
        planned = run_folder.holds_run(place) and runs.read_if_there(place, layout.HEADER).get("plan") is not None
        return place if planned and not spec.get("runOnce") and self._was(step, spec, folder_of) else None

    def _was(self, step: str, spec: Mapping[str, Any], folder_of: FolderOf) -> bool:
        """Whether the step was ``spec``, as if its own folders were this run's: pipeline and parameters may differ."""
        outputs = {name: record.outputs for name, record in self.steps.items()}
        try:
            return compile.job_spec(self.spec, step, self.parameters, outputs, folder_of) == spec
        except ManifestError:
            return False
