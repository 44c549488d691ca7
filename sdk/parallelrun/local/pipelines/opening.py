"""Which way a pipeline's run begins: anew, where an earlier one stopped, or again with what failed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallelrun.api.errors import InputChanged, ManifestError, RunFolderError
from parallelrun.local.pipelines import folder as folders
from parallelrun.local.pipelines import loading, looking_ahead, steps
from parallelrun.local.pipelines.loading import Loaded
from parallelrun.local.pipelines.request import PipelineRequest, StepRecord
from parallelrun.local.pipelines.steps import Earlier
from parallelrun.local.run_folder import RUNS, Lock, explained
from parallelrun.pipelines import graph, parameters, states
from parallelrun.pipelines.parameters import Value

_START_ANEW = "Leave it as it was, or start a new run without --resume: what did not change is reused."


@dataclass
class Opened:
    """A pipeline's run that is about to begin or to go on, with the lock on its folder."""

    folder: Path
    lock: Lock
    loaded: Loaded
    parameters: dict[str, Value]
    records: dict[str, StepRecord]  # by step, each after all that it needs
    maps: dict[str, str]
    register: list[Path]
    regenerate: bool = False
    continue_on_step_failure: bool = False
    started: str = field(default_factory=steps.now)
    earlier: Earlier | None = None  # of a rerun

    def write(self, phase: str, message: str = "") -> None:
        """Record the run as it is now. Raises RunFolderError and NoSpace."""
        value: dict[str, Any] = {
            "pipeline": self.loaded.name,
            "phase": phase,
            "message": message,
            "parameters": self.parameters,
            "steps": [record.as_json() for record in self.records.values()],
            "startTime": self.started,
        }
        if phase in (states.SUCCEEDED, states.FAILED, states.CANCELLED):
            value["completionTime"] = steps.now()
        folders.write_result(self.folder, {name: item for name, item in value.items() if item != ""})


def open_(request: PipelineRequest, say: Callable[[str], None]) -> Opened:
    """What was asked for. Raises subclasses of ParallelRunError: whatever is wrong is the user's to put right."""
    if request.rerun_of is not None:
        return _rerun(request)
    assert request.manifest is not None
    loaded = loading.load(request.text or request.manifest, name=str(request.manifest))
    _refuse_steering(loaded)
    if loaded.run.get("ttlSecondsAfterFinished") is not None:
        say("spec.ttlSecondsAfterFinished is for clusters: this run's folder stays until you remove it")
    if request.resume and not _to_begin(request.output):
        return _resumed(request, loaded)
    return _new(request, loaded, _earlier_by_name(loaded))


def _to_begin(output: Path | None) -> bool:
    """Whether a run to resume had not begun when it was killed."""
    return output is not None and folders.has_not_begun(output)


def _new(request: PipelineRequest, loaded: Loaded, earlier: Earlier | None) -> Opened:
    values = parameters.resolve(loaded.spec, {**(loaded.run.get("parameters") or {}), **request.parameters})
    looking_ahead.check_steps(loaded, values)
    goes_on = request.continue_on_step_failure or bool(loaded.run.get("continueOnStepFailure"))
    regenerate = request.regenerate or bool(loaded.run.get("regenerateOutputs"))
    names = graph.order(loaded.spec)
    folder, lock = folders.new(loaded.name, request.output)
    try:
        register = [Path(os.path.abspath(one)) for one in request.register]
        maps = {url: os.path.abspath(place) for url, place in request.maps.items()}
        opened = Opened(
            *(folder, lock, loaded, values, {name: StepRecord(name) for name in names}, maps, register, regenerate),
            continue_on_step_failure=goes_on,
            earlier=earlier,
        )
        with explained(folder):
            (folder / folders.STEPS).mkdir()
        folders.write_request(folder, _as_run(loaded), _asked(opened))
        opened.write(states.RUNNING)
    except BaseException:
        lock.close()
        folders.discard(folder)
        raise
    return opened


def _asked(opened: Opened) -> dict[str, Any]:
    return {
        "manifest": os.path.abspath(opened.loaded.path),
        "given": opened.loaded.given,
        "spec": opened.loaded.spec,
        "others": opened.loaded.others if opened.loaded.given else [],
        "maps": opened.maps,
        "register": [str(one) for one in opened.register],
        "regenerate": opened.regenerate,
        "continueOnStepFailure": opened.continue_on_step_failure,
        "rerunOf": str(opened.earlier.folder) if opened.earlier is not None else "",
    }


def _resumed(request: PipelineRequest, loaded: Loaded) -> Opened:
    folder = folders.existing(folders.newest(loaded.name) if request.output is None else request.output)
    asked, result = folders.read_request(folder), folders.read_result(folder)
    if asked["spec"] != loaded.spec or result["pipeline"] != loaded.name:
        raise InputChanged(f"{folder} was begun with another pipeline than {loaded.path} has now.", _START_ANEW)
    given = {**(loaded.run.get("parameters") or {}), **request.parameters}
    if given and parameters.resolve(loaded.spec, {**result["parameters"], **given}) != result["parameters"]:
        raise InputChanged(f"{folder} was begun with other parameters: {result['parameters']}.", _START_ANEW)
    # What is given as text may be the pipeline alone, without what its file has beside it.
    return _reopened(folder, _recorded(asked, result) if loaded.given else loaded)


def _reopened(folder: Path, loaded: Loaded) -> Opened:
    """The run in ``folder``, of ``loaded``, as it was left."""
    folder = folders.existing(folder)
    lock = Lock(folder)
    try:
        asked, result = folders.read_request(folder), folders.read_result(folder)
        known = {record.name: record for record in steps.records(result)}
        over = result["phase"] in (states.SUCCEEDED, states.FAILED)
        opened = Opened(
            folder,
            lock,
            loaded,
            dict(result["parameters"]),
            {name: known[name] for name in graph.order(loaded.spec)},
            dict(asked["maps"]),
            [Path(one) for one in asked["register"]],
            bool(asked["regenerate"]),
            bool(asked["continueOnStepFailure"]),
            started=str(result.get("startTime") or steps.now()),
            earlier=Earlier.of(Path(asked["rerunOf"])) if asked["rerunOf"] else None,
        )
        if not over:
            opened.records = {name: _found(one, folders.step(folder, name)) for name, one in opened.records.items()}
            _refuse_damaged(opened)
        return opened
    except BaseException:
        lock.close()
        raise


def _refuse_damaged(opened: Opened) -> None:
    """Raise InputChanged where what a step left that others have yet to read is not what it was."""
    needs = graph.needs(opened.loaded.spec)
    ahead = {other for name, one in opened.records.items() if one.phase == states.WAITING for other in needs[name]}
    for record in opened.records.values():
        if record.name in ahead and record.phase in states.GOOD and not steps.is_whole(record):
            raise InputChanged(f"{opened.folder}: what step {record.name} left is not what it was.", _START_ANEW)


def _found(record: StepRecord, folder: Path) -> StepRecord:
    """``record`` by what is in the step's folder; a step that was skipped for a failure stays so."""
    return record if record.phase == states.SKIPPED else steps.found(record, folder)


def _rerun(request: PipelineRequest) -> Opened:
    """The failed steps of an earlier run, in a new folder, with its parameters."""
    assert request.rerun_of is not None
    earlier = Earlier.of(request.rerun_of)
    asked, result = folders.read_request(earlier.folder), folders.read_result(earlier.folder)
    loaded = _recorded(asked, result)
    if request.resume and request.output is not None and folders.holds_pipeline(request.output):
        return _reopened(request.output, loaded)
    again = PipelineRequest(
        parameters={**result["parameters"], **request.parameters},
        output=request.output,
        maps=dict(asked["maps"]),
        register=[Path(one) for one in asked["register"]],
        continue_on_step_failure=bool(asked["continueOnStepFailure"]),
    )
    return _new(again, loaded, earlier)


def _recorded(asked: Mapping[str, Any], result: Mapping[str, Any]) -> Loaded:
    """The pipeline as it was run; what stands beside it is read anew."""
    path = Path(asked["manifest"])
    others = list(asked["others"])
    if not asked["given"]:
        if not path.is_file():
            raise RunFolderError(f"{path} is no longer there.", "Put it back, or run the pipeline anew.")
        others = loading.load(path).others
    return Loaded(str(result["pipeline"]), dict(asked["spec"]), {}, others, path, bool(asked["given"]))


def _earlier_by_name(loaded: Loaded) -> Earlier | None:
    named = (loaded.run.get("rerunFailed") or {}).get("name")
    return Earlier.of(Path(RUNS) / named) if named else None


def _refuse_steering(loaded: Loaded) -> None:
    for name in ("suspend", "cancel"):
        if loaded.run.get(name):
            raise ManifestError(f"{loaded.path}: spec.{name}: true: this run is not to start.", f"Set {name}: false.")


def _as_run(loaded: Loaded) -> str:
    import yaml

    from parallelrun.api.models import API_VERSION
    from parallelrun.api.models.pipeline import PIPELINE

    meta = {"apiVersion": API_VERSION, "kind": PIPELINE, "metadata": {"name": loaded.name}}
    text = yaml.safe_dump({**meta, "spec": loaded.spec}, sort_keys=False, allow_unicode=True, width=120)
    return f"# {os.path.abspath(loaded.path)!r}, as it was run\n{text}"
