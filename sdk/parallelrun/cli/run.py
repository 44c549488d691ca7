"""`parallelrun run`: a manifest, on this machine."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import JobFailed, ManifestError, ParallelRunError
from parallelrun.cli import arguments, pipeline_arguments
from parallelrun.cli.live import Display, JsonDisplay, choose, give_json
from parallelrun.cli.terminal import give, tell
from parallelrun.local.endings import exit_code
from parallelrun.local.pipelines.detecting import in_kustomization, is_pipeline
from parallelrun.local.request import Listener, Outcome, RunRequest

DESCRIPTION = """\
Run a ParallelRunJob manifest, or a ParallelRunPipeline's, on this machine.

Progress and the summary go to stderr. The run's folder is the last line on stdout; with --json, stdout has one JSON
object a line instead: {"type": "started" | "progress" | "message" | "result", ...}, the result last.

The first Ctrl-C lets nothing new start, makes durable what is finished and says how to go on; a second one stops at
once. run(mini_batch) is called at least once for every mini-batch; the output has its result exactly once.

Examples:
  parallelrun run job.yaml
  parallelrun run job.yaml --set spec.processCountPerNode=8 --output /data/out
  parallelrun run -k examples/mnist
  parallelrun run job.yaml --map pvc://images=/mnt/images
  parallelrun run job.yaml --register registry/      # what the job names is in there
  parallelrun run job.yaml --resume      # goes on with the newest run of this job
  parallelrun run pipeline.yaml --param batch_size=1
  wc -l "$(parallelrun run job.yaml)/parallel_run_step.txt"

Exit status: 0 done, 1 the job failed, 2 nothing was started, 130 interrupted."""

Engine = Callable[[RunRequest, Listener], Outcome]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `run`."""
    parser.add_argument("manifest", metavar="JOB.yaml", nargs="?", type=Path, help="the manifest, or a pipeline's")
    parser.add_argument("-k", dest="kustomize", metavar="DIR", type=Path, help="a folder with a kustomization.yaml")
    arguments.add_sets(parser)
    arguments.add_output(parser)
    parser.add_argument("--source", metavar="DIR", type=Path, help="the script's folder, in place of spec.source")
    arguments.add_maps(parser)
    arguments.add_register(parser)
    parser.add_argument(
        "--reuse",
        metavar="RUN",
        action="append",
        default=[],
        type=Path,
        help="an earlier run's folder: where it made what this one would make, its results are taken over and nothing "
        "is run; may be repeated",
    )
    add_resume(parser)
    add_json(parser)
    pipeline_arguments.add_arguments(parser)


def add_resume(parser: argparse.ArgumentParser) -> None:
    """--resume."""
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with a run that was interrupted: the one in --output, or this job's newest",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="progress and result as JSON lines on stdout")


def execute(args: argparse.Namespace) -> int:
    """Run the manifest; the exit code."""
    if (pipeline := _pipeline(args)) is not None:
        from parallelrun.cli import pipelines

        return pipelines.run_and_report(pipelines.request_of(args, pipeline), args.json)
    pipeline_arguments.refuse_for_job(args)
    return run_and_report(request_of(args), args.json)


def _pipeline(args: argparse.Namespace) -> Path | None:
    """The file with the pipeline that is meant; None: it is a job, or both or neither were given."""
    if args.manifest is not None and args.kustomize is None:
        return args.manifest if is_pipeline(args.manifest) else None
    return in_kustomization(args.kustomize) if args.kustomize is not None and args.manifest is None else None


def request_of(args: argparse.Namespace) -> RunRequest:
    """What was typed, as a request. Raises ManifestError unless exactly one of JOB.yaml and -k was given."""
    if (args.manifest is None) == (args.kustomize is None):
        count = "neither" if args.manifest is None else "both"
        raise ManifestError(f"Give a manifest or -k DIR: {count} was given.", "Example: parallelrun run job.yaml")
    return RunRequest(
        manifest=args.manifest,
        kustomize=args.kustomize,
        sets=args.sets,
        output=args.output,
        source=args.source,
        maps=dict(args.maps),
        register=args.register,
        resume=args.resume,
        reuse_of=args.reuse,
    )


def run_and_report(request: RunRequest, as_json: bool = False, engine: Engine | None = None) -> int:
    """Run ``request`` with a display that fits, then say how it ended; the exit code."""
    display = choose(as_json)
    try:
        outcome = (engine or _engine())(request, display)
    except KeyboardInterrupt:
        display.close()
        tell("Stopped at once.")
        _tell_resume(request, display.folder)
        return exit_codes.INTERRUPTED
    except ParallelRunError as error:
        if display.ran:  # from here on it is not a mistake of the manifest's
            raise JobFailed(error.message, error.hint) from error
        raise
    finally:
        display.close()
    _report(request, outcome, display)
    return exit_code(outcome.phase, outcome.reason)


def _engine() -> Engine:
    from parallelrun.local.run import run

    return run


def _report(request: RunRequest, outcome: Outcome, display: Display) -> None:
    from parallelrun.cli import summary

    tell("\n".join(summary.lines(outcome, display.latest)))
    if outcome.reason in ("Interrupted", "Cancelled"):
        _tell_resume(request, outcome.folder)
    if isinstance(display, JsonDisplay):
        give_json(summary.as_json(outcome))
    else:
        give(str(outcome.folder))


def _tell_resume(request: RunRequest, folder: Path | None) -> None:
    if folder is not None:
        tell(f"What is finished is kept. Go on with:\n  {resume_command(request, folder)}")


def resume_command(request: RunRequest, folder: Path) -> str:
    """The command that goes on with the run in ``folder``: the same words, and where."""
    if request.rerun_of is not None:
        words = ["parallelrun", "rerun", str(request.rerun_of)] + (["--failed"] if request.failed_only else [])
    elif request.kustomize is not None:
        words = ["parallelrun", "run", "-k", str(request.kustomize)]
    else:
        words = ["parallelrun", "run", str(request.manifest)]
    for text in request.sets:
        words += ["--set", text]
    if request.source is not None:
        words += ["--source", str(request.source)]
    for url, place in request.maps.items():
        words += ["--map", f"{url}={place}"]
    for folder_given in request.register:
        words += ["--register", str(folder_given)]
    for earlier in request.reuse_of:
        words += ["--reuse", str(earlier)]
    return shlex.join([*words, "--output", str(folder), "--resume"])
