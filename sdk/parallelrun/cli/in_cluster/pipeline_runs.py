"""Pipelines in a cluster: `submit` of one, and what the other commands do with a run of one."""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import aclosing

from parallelrun.api import exit_codes
from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.cli import pipeline_arguments
from parallelrun.cli.in_cluster.objects import give_objects, plain
from parallelrun.cli.live import give_json
from parallelrun.cli.tables import give_as
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import duration, give, tell
from parallelrun.cluster import pipeline_submission, pipelines
from parallelrun.cluster.jobs import unix_time
from parallelrun.cluster.pipeline_submission import PipelineSubmission
from parallelrun.cluster.pipelines import PipelineRun
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import talk
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.resources import PIPELINE_RUNS
from parallelrun.pipelines import states

HEADINGS = ("STEP", "PHASE", "TIME", "JOB", "FROM")


def submit(args: argparse.Namespace, place: Place) -> int:
    """Apply the pipeline that ``args`` name, and start a run of it; the exit code."""
    pipeline_arguments.refuse_for_pipeline(args)

    def made(default: str) -> PipelineSubmission:
        return pipeline_submission.make(
            args.manifest,
            dict(args.parameters),
            place.namespace,
            default,
            run=not args.no_run,
            regenerateOutputs=args.regenerate,
            continueOnStepFailure=args.continue_on_step_failure,
        )

    if args.dry_run == "client":
        give_objects(made("default").objects, args.format)
        return exit_codes.DONE

    async def work(kube: Kube) -> tuple[PipelineSubmission, PipelineRun | None]:
        whole = made(kube.namespace)
        return whole, await pipeline_submission.submit(kube, whole, dry_run=args.dry_run == "server")

    whole, run = talk(place, work)
    if args.dry_run == "server":
        tell(f"{whole.namespace}: the API server would take it (dry run)")
        give_objects(whole.objects, args.format)
        return exit_codes.DONE
    if run is None:
        tell(f"{whole.namespace}: applied; nothing runs before a run of it is made")
        give_objects(whole.objects, args.format)
        return exit_codes.DONE
    return _submitted(run, args.format, args.watch, place)


def _submitted(run: PipelineRun, form: str, follow: bool, place: Place) -> int:
    tell(f"{run.namespace}/{run.name}: submitted")
    give_objects([plain(run)], form)
    if not follow:
        tell(f"Follow it:        parallelrun watch {run.name} -n {run.namespace}")
        return exit_codes.DONE
    return watch(InCluster(run.name, Place(run.namespace, place.context, place.kubeconfig)), False)


def give_list(place: Place, everywhere: bool, form: str) -> int:
    """Print the runs of the namespace, or of all; the exit code."""

    async def work(kube: Kube) -> tuple[list[PipelineRun], str]:
        return await pipelines.read_all(kube, everywhere), kube.namespace

    found, namespace = talk(place, work)
    now = time.time()
    headings = ("NAMESPACE", "NAME", "PIPELINE", "PHASE", "STEPS", "AGE")[0 if everywhere else 1 :]
    rows = [
        (run.namespace, run.name, run.pipeline or None, _phase(run), run.progress or None, _age(run, now))[
            0 if everywhere else 1 :
        ]
        for run in found
    ]
    give_as(form, [plain(run) for run in found], [run.name for run in found], headings, rows)
    if not found:
        where = "the cluster" if everywhere else f"namespace {namespace}"
        tell(f"There is no run of a pipeline in {where}.")
    return exit_codes.DONE


def give_run(target: InCluster, form: str) -> int:
    """Print one run; the exit code. Raises ManifestError for a format that only jobs have."""
    if form == "resolved":
        raise ManifestError(
            f"-o resolved is for a job, and {target.name} is a run of a pipeline.", "Name a step's job."
        )
    run = talk(target.place, lambda kube: pipelines.read(kube, target.name))
    if form != "table":
        give_as(form, plain(run), [run.name], ("", ""), [])
        return exit_codes.DONE
    give_as(form, plain(run), [run.name], ("", ""), _facts(run))
    if run.steps:
        give("")
        give_as(form, run.steps, [], HEADINGS, _rows(run))
    return exit_codes.DONE


def watch(target: InCluster, as_json: bool) -> int:
    """Say what becomes of each step till the end; the run's exit code."""
    said: dict[str, str] = {}

    def show(run: PipelineRun) -> None:
        if as_json:
            give_json({"type": "progress", **plain(run)})
        for step in run.steps if not as_json else ():
            if said.get(step["name"], states.WAITING) != step["phase"]:
                said[step["name"]] = step["phase"]
                origin = f" from {step['reusedFrom']}" if step.get("reusedFrom") else ""
                tell(f"{step['name']}: {step['phase']}{origin}")

    async def work(kube: Kube) -> PipelineRun:
        async with aclosing(pipelines.follow(kube, target.name)) as found:
            async for run in found:
                show(run)
                if run.over:
                    return run
        raise RunFolderError(f"Run {target.name} was deleted.")

    return report(talk(target.place, work), as_json)


def report(run: PipelineRun, as_json: bool = False) -> int:
    """Say how a run ended; its exit code."""
    if as_json:
        give_json({"type": "result", **plain(run)})
    where = f"-n {run.namespace}"
    if run.done:
        tell(f"{run.name}: done: {run.progress} steps")
        tell(f"What it wrote:    parallelrun get {run.name} {where} -o yaml, status.steps[].outputs")
    else:
        tell(f"{run.name}: {run.phase.lower()}: {run.message}")
        if run.phase == states.FAILED and run.steps:
            tell(f"Run what failed again:   parallelrun rerun {run.name} --failed {where}")
    return exit_codes.DONE if run.done else exit_codes.JOB_FAILED


def wait(target: InCluster, wanted: str | None, timeout: float | None) -> int:
    """Wait for the run's end, or for a condition; the exit code."""

    async def work(kube: Kube) -> int:
        latest: PipelineRun | None = None
        try:
            async with asyncio.timeout(timeout), aclosing(pipelines.follow(kube, target.name)) as found:
                async for latest in found:
                    if wanted is not None and latest.is_true(wanted):
                        give(wanted)
                        return exit_codes.DONE
                    if latest.over:
                        give(latest.phase)
                        return exit_codes.DONE if latest.done and wanted is None else exit_codes.JOB_FAILED
        except TimeoutError:
            phase = latest.phase if latest is not None else "not known"
            tell(f"{target.name} still goes on after {timeout:g} seconds: {phase}.")
            return exit_codes.TIMED_OUT
        raise RunFolderError(f"Run {target.name} was deleted.")

    return talk(target.place, work)


def steer(target: InCluster, done: str, **spec: bool) -> int:
    """Set fields of the run's spec and say what was ``done``; the exit code. Raises RunFolderError where it is over."""
    run = talk(target.place, lambda kube: pipelines.steer(kube, target.name, **spec))
    tell(f"{run.namespace}/{run.name}: {done}; {run.progress or run.phase.lower()}")
    return exit_codes.DONE


def delete(target: InCluster, results: bool) -> int:
    """Delete the run, and its steps' jobs with it; the exit code. Raises ManifestError where files are to go too."""
    if results:
        raise ManifestError(
            f"--results is for a job, and {target.name} is a run of a pipeline: other runs may have taken its results "
            "over.",
            "Delete the jobs of its steps with --results, or remove the folders that `parallelrun get` shows.",
        )

    async def work(kube: Kube) -> PipelineRun:
        run = await pipelines.read(kube, target.name)
        await kube.delete(PIPELINE_RUNS, run.namespace, run.name, uid=run.uid)
        return run

    run = talk(target.place, work)
    tell(f"{run.namespace}/{run.name}: deleted, with the jobs of its steps; what they wrote stays on the volume")
    return exit_codes.DONE


def rerun(target: InCluster, args: argparse.Namespace) -> int:
    """Create a run that goes on from one that failed; the exit code. Raises ManifestError and RunFolderError."""
    if not args.failed or args.sets or args.source is not None:
        raise ManifestError(
            f"{target.name} is a run of a pipeline: it can be run again with --failed alone.",
            "To run all of it again, submit the pipeline: parallelrun submit pipeline.yaml --regenerate",
        )

    async def work(kube: Kube) -> PipelineRun:
        earlier = await pipelines.read(kube, target.name)
        if not earlier.over:
            raise RunFolderError(
                f"Run {earlier.name} is not over: its phase is {earlier.phase}.",
                f"Wait for it or cancel it: parallelrun cancel {earlier.name} -n {earlier.namespace}",
            )
        return await pipeline_submission.rerun_failed(kube, earlier)

    return _submitted(talk(target.place, work), "name", args.watch, target.place)


def _phase(run: PipelineRun) -> str:
    return "Stalled" if run.stalled else run.phase


def _age(run: PipelineRun, now: float) -> str:
    return duration(max(now - run.created, 0))


def _facts(run: PipelineRun) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [("name", run.name), ("namespace", run.namespace), ("phase", _phase(run))]
    facts.append(("pipeline", run.pipeline or None))
    facts += [("" if number else "message", line) for number, line in enumerate(run.message.splitlines())]
    facts += [("started", run.status.get("startTime")), ("ended", run.status.get("completionTime"))]
    facts += [(f"  {name}", value) for name, value in run.parameters.items()]
    return facts


def _rows(run: PipelineRun) -> list[tuple[object, ...]]:
    return [
        (step["name"], step["phase"], _took(step), step.get("job"), step.get("reusedFrom") or None)
        for step in run.steps
    ]


def _took(step: Json) -> str | None:
    begin, end = unix_time(step.get("startTime")), unix_time(step.get("completionTime"))
    if begin is None or end is None or step["phase"] == states.REUSED:
        return None
    return duration(end - begin)
