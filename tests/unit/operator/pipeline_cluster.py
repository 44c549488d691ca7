"""A cluster in which runs of a pipeline are looked at: the run, its jobs, and a job operator that ends them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from parallelrun.kube.resources import PIPELINE_RUNS
from parallelrun_operator.job import actions as act
from parallelrun_operator.job.status.conditions import Told, failed, merged, stamp
from parallelrun_operator.pipeline.decide import decide
from parallelrun_operator.pipeline.steps import over
from parallelrun_operator.pipeline.world import RunWorld

Json = dict[str, Any]
CLOCK = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
API = PIPELINE_RUNS.api_version


def script(name: str, *needs: str, arguments: tuple[str, ...] = (), **fields: Any) -> Json:
    """A step that is a program with one output, ``data``, which reads that of each of ``needs``."""
    side = [{"name": other, "path": f"$(steps.{other}.outputs.data)"} for other in needs]
    inner: Json = {
        "source": {"configMap": {"name": "code"}},
        "entryScript": f"{name}.py",
        "arguments": list(arguments),
        "outputs": [{"name": "data"}],
    }
    return {"name": name, "script": {**inner, **({"sideInputs": side} if side else {})}, **fields}


def job_step(name: str, *needs: str, **fields: Any) -> Json:
    """A step that is a job, over what each of ``needs`` wrote."""
    paths = [f"$(steps.{other}.outputs.data)" for other in needs] or ["images/*.png"]
    inner: Json = {
        "source": {"configMap": {"name": "code"}},
        "entryScript": f"{name}.py",
        "inputs": [{"name": "files", "type": "File", "paths": paths}],
        "outputs": [{"name": "data"}],
    }
    return {"name": name, "job": {**inner, **fields}}


def a_pipeline(*steps: Json, **spec: Any) -> Json:
    meta = {"name": "digits", "namespace": "team", "uid": "p" * 36, "generation": 1, "resourceVersion": "1"}
    return {"apiVersion": API, "kind": "ParallelRunPipeline", "metadata": meta, "spec": {"steps": list(steps), **spec}}


def a_run(name: str = "digits-1", uid: str = "11111111-aaaa", **spec: Any) -> Json:
    meta = {"name": name, "namespace": "team", "uid": uid, "generation": 1, "resourceVersion": "1"}
    return {
        "apiVersion": API,
        "kind": PIPELINE_RUNS.kind,
        "metadata": meta,
        "spec": {"pipeline": {"name": "digits"}, **spec},
    }


@dataclass
class Cluster:
    """One run, and jobs by name; ``other_jobs`` are of earlier runs."""

    run: Json
    pipeline: Json | None
    clock: datetime = CLOCK
    jobs: dict[str, Json] = field(default_factory=dict)
    other_jobs: list[Json] = field(default_factory=list)
    earlier: Json | None = None
    others: dict[str, Json] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    hindered: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    written: int = 0
    serial: int = 0
    made: list[str] = field(default_factory=list)  # names of jobs, in the order in which they were made

    def world(self) -> RunWorld:
        label = "parallelrun.dev/step"
        earlier: dict[str, list[Json]] = {}
        for job in self.other_jobs:
            earlier.setdefault(job["metadata"]["labels"][label], []).append(copy.deepcopy(job))
        failed = {
            one["name"]: job
            for one in ((self.earlier or {}).get("status") or {}).get("steps") or ()
            for job in self.other_jobs
            if job["metadata"]["name"] == one.get("job") and one["phase"] not in ("Succeeded", "Reused")
        }
        return RunWorld(
            self.clock,
            copy.deepcopy(self.run),
            pipeline=copy.deepcopy(self.pipeline),
            earlier=copy.deepcopy(self.earlier),
            jobs={job["metadata"]["labels"][label]: copy.deepcopy(job) for job in self.jobs.values()},
            earlier_jobs=earlier,
            failed_jobs=failed,
            others=copy.deepcopy(self.others),
            refused=dict(self.refused),
            hindered=dict(self.hindered),
        )

    def look(self, die_after: int | None = None) -> act.Decision:
        """Decide and do it; ``die_after``: the process ends after so many actions."""
        decision = decide(self.world())
        for action in decision.actions[:die_after]:
            self.carry_out(action)
        return decision

    def carry_out(self, action: act.Action) -> None:
        match action:
            case act.Create(obj):
                if obj["metadata"]["name"] not in self.jobs:
                    self.serial += 1
                    meta = {**obj["metadata"], "uid": f"job-{self.serial}", "creationTimestamp": stamp(self.clock)}
                    self.jobs[obj["metadata"]["name"]] = {**copy.deepcopy(obj), "metadata": meta, "status": {}}
                    self.made.append(obj["metadata"]["name"])
            case act.Patch(_, name, patch):
                job = self.jobs[name]
                job["spec"] |= patch.get("spec", {})
                marks = {
                    **(job["metadata"].get("annotations") or {}),
                    **patch.get("metadata", {}).get("annotations", {}),
                }
                job["metadata"]["annotations"] = {key: value for key, value in marks.items() if value is not None}
            case act.Delete(resource, _, _, _):
                assert resource is PIPELINE_RUNS
                self.deleted = True
            case act.SetStatus(status, unchanged):
                assert unchanged
                self.written += 1
                self.run = {**self.run, "status": copy.deepcopy(status)}
            case act.Announce():
                pass
            case _:
                raise AssertionError(action)

    # --- the jobs' operator ---

    def job(self, step: str) -> Json:
        return self.jobs[f"{self.run['metadata']['name']}-{step}"]

    def end(self, step: str, *, reason: str = "", reused: str = "", outputs: Json | None = None) -> None:
        """The step's job ends: well, or with ``reason``."""
        job = self.job(step)
        told = failed(reason, "because") if reason else {"Running": Told(False, "Done"), "Complete": Told(True, "Done")}
        paths = {"data": f"pvc://parallelrun/data/{reused or job['metadata']['name']}", "output": "pvc://parallelrun/o"}
        job["status"] = {
            "phase": "Aborted" if reason else "Done",
            "conditions": merged((), told, 1, self.clock),
            "completionTime": stamp(self.clock),
            "startTime": stamp(self.clock),
            **({} if reason else {"outputs": outputs or paths}),
            **({"reusedFrom": reused} if reused else {}),
        }

    def suspend_where_wanted(self) -> None:
        """Jobs that are to pause do, those that are to go on run, those that are to stop end."""
        for job in self.jobs.values():
            if over(job):
                continue
            if job["spec"].get("cancel"):
                self.end(job["metadata"]["labels"]["parallelrun.dev/step"], reason="Cancelled")
                continue
            phase = "Suspended" if job["spec"].get("suspend") else "Running"
            job["status"] = {"phase": phase, "startTime": stamp(self.clock), "conditions": []}

    def running(self) -> list[str]:
        return [
            job["metadata"]["labels"]["parallelrun.dev/step"]
            for job in self.jobs.values()
            if not over(job) and not job["spec"].get("suspend")
        ]

    # --- what is seen ---

    @property
    def status(self) -> Json:
        value: Json = self.run.get("status") or {}
        return value

    def phases(self) -> dict[str, str]:
        return {one["name"]: one["phase"] for one in self.status.get("steps") or ()}

    def step(self, name: str) -> Json:
        return next(one for one in self.status["steps"] if one["name"] == name)

    def condition(self, kind: str) -> Json:
        return next((one for one in self.status.get("conditions") or () if one["type"] == kind), {"status": "False"})

    def settle(self, then: Callable[[str], None] | None = None, looks: int = 60) -> None:
        """Look until the run is over; each job that runs ends well, or as ``then`` does with its step."""
        for _ in range(looks):
            self.look()
            if over(self.run):
                return
            self.suspend_where_wanted()
            for step in self.running():
                (then or self.end)(step)
            self.clock += timedelta(seconds=5)
        raise AssertionError(f"not over after {looks} looks: {self.status}")

    def become_earlier(self, run: Json) -> Cluster:
        """A cluster with ``run`` after this one's run, whose jobs are still there."""
        return Cluster(run, self.pipeline, self.clock, other_jobs=[*self.other_jobs, *self.jobs.values()])
