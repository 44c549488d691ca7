"""`parallelrun show`: one thing that is registered."""

from __future__ import annotations

import argparse
import json

from parallelrun.api import exit_codes
from parallelrun.cli import arguments
from parallelrun.cli.terminal import give

DESCRIPTION = """\
Show a registered datastore, dataset, model, environment or compute target: the object as it was applied or written,
without its Secret. It is looked for in the cluster; with --register, or where there is no cluster, in files.

Examples:
  parallelrun show dataset mnist                # the highest version
  parallelrun show model mnist:2 -n scoring
  parallelrun show compute gpu-pool -o json
  parallelrun show datastore lake --register registry/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `show`."""
    from parallelrun.cli.register import KINDS

    parser.add_argument("kind", choices=KINDS, help="what it is")
    parser.add_argument("name", metavar="NAME[:VERSION]", help="its registered name, and which version")
    arguments.add_format(parser, ("yaml", "json", "name"))
    arguments.add_register(parser)
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Print it; the exit code."""
    from parallelrun.api.kinds import REGISTERED
    from parallelrun.cli import catalogue

    kind = next(one for one in REGISTERED if one.word == args.kind)
    entry = catalogue.chosen(args).registry(kind).refer(f"show {args.kind}", kind.name, args.name)
    if args.format == "name":
        give(entry.object_name)
    elif args.format == "json":
        give(json.dumps(dict(entry.document), indent=2))
    else:
        give(catalogue.as_yaml([dict(entry.document)]))
    return exit_codes.DONE
