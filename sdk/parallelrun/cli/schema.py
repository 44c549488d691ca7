"""`parallelrun schema`: what a manifest may say, for the API server or for editors."""

from __future__ import annotations

import argparse

from parallelrun.api import exit_codes
from parallelrun.cli.terminal import give

DESCRIPTION = """\
Print the CustomResourceDefinition of ParallelRunJob, or with --json the JSON schema of manifests, for editors.

Examples:
  parallelrun schema | kubectl apply -f -
  parallelrun schema --json > parallelrunjob.schema.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `schema`."""
    parser.add_argument("--json", action="store_true", help="the JSON schema of manifests")


def execute(args: argparse.Namespace) -> int:
    """Print it; the exit code."""
    give(schema(args.json))
    return exit_codes.DONE


def schema(as_json: bool) -> str:
    """The CRD as YAML, or the manifest's JSON schema."""
    from parallelrun.api import crd

    if not as_json:
        return crd.text().rstrip("\n")
    import json

    return json.dumps(crd.json_schema(), indent=2)
