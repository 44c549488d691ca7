"""`parallelrun run pipeline.yaml`: a pipeline, on this machine; and how its end is reported."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import JobFailed, ParallelRunError
from parallelrun.cli import pipeline_arguments
from parallelrun.cli.pipeline_display import PipelineDisplay, choose
from parallelrun.cli.terminal import tell
from parallelrun.local.pipelines.request import PipelineOutcome, PipelineRequest
from parallelrun.pipelines import states


def request_of(args: argparse.Namespace, manifest: Path) -> PipelineRequest:
    """What was typed after `run`, as a request. Raises ManifestError for options of jobs."""
    pipeline_arguments.refuse_for_pipeline(args)
    return PipelineRequest(
        manifest=manifest,
        parameters=dict(args.parameters),
        output=args.output,
        maps=dict(args.maps),
        register=args.register,
        resume=args.resume,
        regenerate=args.regenerate,
        continue_on_step_failure=args.continue_on_step_failure,
    )


def run_and_report(request: PipelineRequest, as_json: bool) -> int:
    """Run ``request`` with a display that fits, then say how it ended; the exit code."""
    from parallelrun.local.pipelines.run import run

    display = choose(as_json)
    try:
        outcome = run(request, display)
    except KeyboardInterrupt:
        display.close()
        tell("Stopped at once.")
        _tell_resume(request, display.folder)
        return exit_codes.INTERRUPTED
    except ParallelRunError as error:
        if display.folder is not None:
            raise JobFailed(error.message, error.hint) from error
        raise
    finally:
        display.close()
    return _report(request, outcome, display)


def _report(request: PipelineRequest, outcome: PipelineOutcome, display: PipelineDisplay) -> int:
    from parallelrun.cli import pipeline_summary

    tell("\n".join(pipeline_summary.lines(outcome)))
    if outcome.interrupted:
        _tell_resume(request, outcome.folder)
    display.ended(outcome)
    if outcome.interrupted:
        return exit_codes.INTERRUPTED
    return exit_codes.DONE if outcome.phase == states.SUCCEEDED else exit_codes.JOB_FAILED


def _tell_resume(request: PipelineRequest, folder: Path | None) -> None:
    if folder is not None:
        tell(f"What is finished is kept. Go on with:\n  {resume_command(request, folder)}")


def resume_command(request: PipelineRequest, folder: Path) -> str:
    """The command that goes on with the run in ``folder``."""
    if request.rerun_of is not None:
        words = ["parallelrun", "rerun", str(request.rerun_of), "--failed"]
    else:
        words = ["parallelrun", "run", str(request.manifest)]
        words += _options("--map", request.maps)
        words += [word for one in request.register for word in ("--register", str(one))]
    return shlex.join([*words, "--output", str(folder), "--resume"])


def _options(name: str, pairs: Mapping[str, str]) -> list[str]:
    return [word for key, value in pairs.items() for word in (name, f"{key}={value}")]
