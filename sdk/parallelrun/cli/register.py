"""`parallelrun register`: datastores, datasets, models, environments and compute targets, under names."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, targets
from parallelrun.cli.terminal import give, tell

DESCRIPTION = """\
Register a datastore, dataset, model, environment or compute target by a name that jobs can use. It becomes an object in
the cluster's namespace; with --to a file in a folder, such as a Git repository's; with --dry-run it is only printed.

Without --version, a dataset, model or environment that is not what is registered already becomes the next version, and
one that is changes nothing. What PATH is depends on the kind: the URL of a datastore's place (s3://bucket/folder,
az://account/container/folder, gs://bucket/folder, https://host/path, pvc://claim/folder), a dataset's paths, a model's
file or folder; environments and compute targets have none.

Examples:
  parallelrun register datastore mnist_datastore az://pipelinedata/sampledata --anonymous --read-only
  parallelrun register dataset mnist 'mnist/*.png' --datastore mnist_datastore
  parallelrun register dataset sales sales/ --datastore lake --type Tabular --where 'Store == 1001' --take 1000
  parallelrun register model mnist pvc://models/mnist/2/
  parallelrun register environment scoring --image registry.example.com/scoring:1.2 --pip pillow==11.*
  parallelrun register compute gpu-pool --gpus 1 --max-nodes 4 --node-selector pool=gpu --spot
  parallelrun register model mnist pvc://models/mnist/2/ --to registry/    # a file for a Git repository"""

KINDS = ("datastore", "dataset", "model", "environment", "compute")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `register`."""
    parser.add_argument("kind", choices=KINDS, help="what it is")
    parser.add_argument("name", metavar="NAME", help="the name that jobs use")
    parser.add_argument("what", metavar="PATH", nargs="*", help="where it is: see above")
    parser.add_argument("--version", metavar="TEXT", help="its version (default: the next one, where it is new)")
    parser.add_argument("--description", metavar="TEXT", help="for people")
    _several(parser, "--tag", "NAME=VALUE", "for people and tools", dest="tags")
    parser.add_argument("--overwrite", action="store_true", help="replace what is registered under this name (version)")
    parser.add_argument("--dry-run", action="store_true", help="print the object as YAML, and do nothing else")
    parser.add_argument("--to", metavar="DIR", type=Path, help="write a file into this folder, not to a cluster")
    _datastore(parser.add_argument_group("of datastores"))
    _dataset(parser.add_argument_group("of datasets"))
    _others(parser)
    arguments.add_cluster(parser)


def _several(parser: argparse._ActionsContainer, option: str, metavar: str, meaning: str, dest: str = "") -> None:
    name = dest or option.removeprefix("--").replace("-", "_")
    meaning = f"{meaning}; may be repeated"
    parser.add_argument(option, dest=name, metavar=metavar, action="append", default=[], help=meaning)


def _datastore(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--secret", metavar="NAME", help="the Secret with the credentials, in the same namespace")
    group.add_argument("--anonymous", action="store_true", help="it is read without credentials")
    group.add_argument("--read-only", action="store_true", help="no job may write to it")
    group.add_argument("--endpoint", metavar="URL", help="the server, where it is not the cloud's own")
    group.add_argument("--region", metavar="NAME", help="of an S3 bucket")


def _dataset(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--type", choices=("File", "Tabular", "MLTable"), help="(default: File)")
    group.add_argument("--datastore", metavar="NAME", help="where the paths are")
    group.add_argument("--partition-format", metavar="TEXT", help="such as '{Store}/{Brand}.csv'")
    group.add_argument("--mode", choices=("Mount", "Download", "Direct"), help="how files get to a node")
    group.add_argument("--allow-empty", action="store_true", help="matching nothing is no error")
    group.add_argument("--format", choices=("csv", "jsonl", "parquet"), help="of a table's files")
    group.add_argument("--separator", metavar="CHARACTER", help="between columns of csv")
    group.add_argument("--no-header", action="store_true", help="the first row of csv is data")
    group.add_argument("--encoding", metavar="NAME", help="of csv and jsonl")
    _several(group, "--include", "GLOB", "files to take")
    _several(group, "--exclude", "GLOB", "files to leave out")
    _several(group, "--where", "CONDITION", "rows to take: 'Store == 1001', 'Brand in a,b', 'Price isNull'")
    group.add_argument("--skip", metavar="N", type=arguments.positive, help="leave out the first N files or rows")
    group.add_argument("--take", metavar="N", type=arguments.positive, help="take N files or rows at most")
    group.add_argument("--sample", metavar="FRACTION", type=float, help="take a part at random, such as 0.1")
    group.add_argument("--seed", metavar="N", type=arguments.positive, default=0, help="of --sample (default: 0)")


def _others(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("of models")
    group.add_argument("--sha256", metavar="HEX", help="what its content must have")
    group = parser.add_argument_group("of environments")
    group.add_argument("--image", metavar="IMAGE", help="the worker's image")
    _several(group, "--pip", "PACKAGE", "as pip takes it")
    group.add_argument("--requirements", metavar="FILE", help="from a job's source folder")
    group.add_argument("--conda", metavar="FILE", help="from a job's source folder")
    _several(group, "--env", "NAME=VALUE", "an environment variable")
    group = parser.add_argument_group("of compute targets")
    _several(group, "--request", "NAME=QUANTITY", "what a worker gets, such as cpu=2")
    _several(group, "--limit", "NAME=QUANTITY", "what it may use, such as memory=4Gi")
    group.add_argument("--gpus", metavar="N", type=arguments.positive, help="NVIDIA GPUs of each node")
    _several(group, "--node-selector", "LABEL=VALUE", "machines to use")
    _several(group, "--toleration", "KEY[=VALUE][:EFFECT]", "a taint that is tolerated")
    group.add_argument("--priority-class", metavar="NAME", help="of the pods")
    group.add_argument("--service-account", metavar="NAME", help="of the pods")
    group.add_argument("--max-nodes", metavar="N", type=arguments.positive, help="nodes that a job gets at most")
    group.add_argument("--queue", metavar="NAME", help="the Kueue queue that admits the jobs")
    group.add_argument("--spot", action="store_true", help="on machines that may be taken away")
    group.add_argument("--claim", metavar="NAME", help="the volume that the nodes share")


#: Options of one kind, by the group's name; saying one with another kind is a mistake.
_OPTIONS = {
    "datastore": ("secret", "anonymous", "read_only", "endpoint", "region"),
    "dataset": (
        *("type", "datastore", "partition_format", "mode", "allow_empty", "format", "separator", "no_header"),
        *("encoding", "include", "exclude", "where", "skip", "take", "sample", "seed"),
    ),
    "model": ("sha256",),
    "environment": ("image", "pip", "requirements", "conda", "env"),
    "compute": (
        *("request", "limit", "gpus", "node_selector", "toleration", "priority_class", "service_account"),
        *("max_nodes", "queue", "spot", "claim"),
    ),
}


def execute(args: argparse.Namespace) -> int:
    """Register it; the exit code."""
    from parallelrun.api.kinds import REGISTERED
    from parallelrun.cli import catalogue, registration
    from parallelrun.cli.registering import spec_of

    _refuse_others_options(args)
    kind = next(one for one in REGISTERED if one.word == args.kind)
    if args.version is not None and not kind.versioned:
        raise ManifestError(f"--version: a {args.kind} has no versions.", "Leave it out.")
    spec = spec_of(args.kind, args)
    where: catalogue.Catalogue
    if args.to is not None:
        where = catalogue.Folder(args.to)
    elif args.dry_run:
        where = catalogue.Nowhere()
    else:
        from parallelrun.cli.in_cluster.catalogue import Cluster

        where = Cluster(targets.place_of(args))
    made = registration.decide(where.registry(kind), kind, args.name, spec, args.version, args.overwrite)
    if args.dry_run:
        give(catalogue.as_yaml([made.document]))
        return exit_codes.DONE
    place = where.put(made) if made.what != registration.UNCHANGED else where.name
    tell(f"{made.entry}: {made.what} in {place}")
    give(f"{made.entry.name}:{made.entry.version}" if kind.versioned else made.entry.name)
    return exit_codes.DONE


def _refuse_others_options(args: argparse.Namespace) -> None:
    for kind, names in _OPTIONS.items():
        said = next((name for name in names if getattr(args, name) not in (None, False, [], 0)), None)
        if kind != args.kind and said is not None:
            raise ManifestError(
                f"--{said.replace('_', '-')} is for {kind}, not for {args.kind}.",
                f"See: parallelrun register {args.kind} --help",
            )
