"""`parallelrun schema`: what a manifest may say, for the API server or for editors."""

from __future__ import annotations

import argparse

from parallelrun.api import exit_codes
from parallelrun.cli.terminal import give

DESCRIPTION = """\
Print the CustomResourceDefinitions, of ParallelRunJob, of what is registered by name and of pipelines, or that of one
kind; or with --json the JSON schema of a kind, by default that of a job's manifest, for editors.

Examples:
  parallelrun schema | kubectl apply --server-side -f -
  parallelrun schema --json > parallelrunjob.schema.json
  parallelrun schema Dataset --json > dataset.schema.json"""

KINDS = (
    "ParallelRunJob", "Datastore", "Dataset", "Model", "Environment", "ComputeTarget", "ParallelRunPipeline",
    "ParallelRunPipelineRun",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `schema`."""
    parser.add_argument("kind", metavar="KIND", nargs="?", choices=KINDS, help=f"one of {', '.join(KINDS)}")
    parser.add_argument("--json", action="store_true", help="the JSON schema")


def execute(args: argparse.Namespace) -> int:
    """Print it; the exit code."""
    give(schema(args.kind, args.json))
    return exit_codes.DONE


def schema(kind: str | None, as_json: bool) -> str:
    """CRDs as YAML, or one kind's JSON schema."""
    from parallelrun.api import crd, kinds

    other = next((one for one in kinds.DEFINED if one.name == kind), None)  # None: the job's
    if as_json:
        import json

        return json.dumps(crd.json_schema(other.model) if other else crd.json_schema(), indent=2)
    if kind is not None:
        return crd.text(crd.definition(other)).rstrip("\n")
    return "\n---\n".join(text.rstrip("\n") for text in crd.texts().values())
