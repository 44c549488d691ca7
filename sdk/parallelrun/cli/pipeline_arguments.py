"""What may be typed for pipelines only. Imported by every `parallelrun run`: nothing slow."""

from __future__ import annotations

import argparse

from parallelrun.api.errors import ManifestError

_OF_JOBS = {"sets": "--set", "source": "--source", "reuse": "--reuse"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes for pipelines only."""
    group = parser.add_argument_group("pipelines")
    add_parameters(group)
    group.add_argument("--regenerate", action="store_true", help="reuse nothing of earlier runs")
    group.add_argument(
        "--continue-on-step-failure",
        action="store_true",
        help="after a failure, go on with the steps that do not need what failed",
    )


def add_parameters(group: argparse._ActionsContainer) -> None:
    """--param."""
    group.add_argument(
        "--param",
        dest="parameters",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=parameter,
        help="the value of a pipeline's parameter, read by its type; may be repeated",
    )


def parameter(text: str) -> tuple[str, str]:
    """NAME=VALUE as a pair; raises ManifestError when it is none."""
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ManifestError(f"--param {text}: this is not NAME=VALUE.", "Example: --param batch_size=1")
    return name.strip(), value


def refuse_for_job(args: argparse.Namespace) -> None:
    """Raise ManifestError for options that only a pipeline has."""
    for name, option in (("parameters", "--param"), ("regenerate", "--regenerate"),
                         ("continue_on_step_failure", "--continue-on-step-failure")):  # fmt: skip
        if getattr(args, name, None):
            raise ManifestError(f"{option} is for pipelines, and this is a job.", "Fields of a job: --set FIELD=VALUE")


def refuse_for_pipeline(args: argparse.Namespace) -> None:
    """Raise ManifestError for options that only a job has."""
    for name, option in _OF_JOBS.items():
        if getattr(args, name, None):
            raise ManifestError(
                f"{option} is for a job, and this is a pipeline.",
                "What a run may change are the pipeline's parameters: --param NAME=VALUE",
            )
