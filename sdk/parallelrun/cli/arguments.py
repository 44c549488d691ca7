"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from parallelrun.api import store_urls
from parallelrun.api.errors import ManifestError


def add_run(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """RUN, and the cluster's options: which run or job a command is about."""
    what = "a run's folder, its name under ./runs, or a job's name: its newest run there, else the job in the cluster"
    if required:
        parser.add_argument("run", metavar="RUN", help=what)
    else:
        parser.add_argument("run", metavar="RUN", nargs="?", help=f"{what} (default: the newest under ./runs)")
    parser.add_argument("--step", metavar="NAME", help="of a pipeline's run: this step's own run")
    add_cluster(parser)


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """-n, --context, --kubeconfig: the cluster, and where in it."""
    group = parser.add_argument_group("cluster (each of these means the job in the cluster)")
    group.add_argument("-n", "--namespace", metavar="NAME", help="its namespace (default: the kubeconfig's)")
    group.add_argument("--context", metavar="NAME", help="the kubeconfig's context (default: the current one)")
    group.add_argument("--kubeconfig", metavar="FILE", help="(default: $KUBECONFIG, else ~/.kube/config)")


def add_image(parser: argparse.ArgumentParser) -> None:
    """--image: of the pod that reads or writes a volume."""
    parser.add_argument(
        "--image",
        metavar="IMAGE",
        help="in a cluster: of the short-lived pod that reaches the volume (default: the job's runner image)",
    )


def add_format(parser: argparse.ArgumentParser, choices: Sequence[str] = ("table", "json", "yaml", "name")) -> None:
    """-o: how what is printed on stdout is formatted."""
    parser.add_argument(
        "-o", dest="format", choices=choices, default=choices[0], help=f"output format (default: {choices[0]})"
    )


def add_sets(parser: argparse.ArgumentParser) -> None:
    """--set: a field of the manifest, from the command line."""
    parser.add_argument(
        "--set",
        dest="sets",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        type=setting,
        help="set a field of the manifest, for example --set spec.nodeCount=4; may be repeated",
    )


def add_maps(parser: argparse.ArgumentParser) -> None:
    """--map: where on this machine a URL of the manifest is."""
    parser.add_argument(
        "--map",
        dest="maps",
        metavar="URL=DIR",
        action="append",
        default=[],
        type=mapping,
        help="a folder that stands for a URL of the manifest, for example pvc://data=/mnt/data or "
        "datastore://lake=/mnt/lake; may be repeated",
    )


def add_register(parser: argparse.ArgumentParser) -> None:
    """--register: where datastores, datasets, models, environments and compute targets are."""
    parser.add_argument(
        "--register",
        metavar="DIR",
        action="append",
        default=[],
        type=Path,
        help="a folder with Datastores, Datasets, Models, Environments and ComputeTargets, beside those in the "
        "manifest's own; may be repeated",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """--output: the folder of the new run."""
    parser.add_argument(
        "--output", metavar="DIR", type=Path, help="the run's folder (default: ./runs/<job>-<time>, made anew)"
    )


def setting(text: str) -> str:
    """A FIELD=VALUE as typed; raises ManifestError without the = or the field."""
    if not text.partition("=")[1] or not text.partition("=")[0].strip():
        raise ManifestError(f"--set {text}: this is not FIELD=VALUE.", "Example: --set spec.nodeCount=4")
    return text


def mapping(text: str) -> tuple[str, str]:
    """URL=DIR as a pair; raises ManifestError when it is not one, or the folder is not there."""
    url, _, folder = text.partition("=")
    if not url or not folder:
        raise ManifestError(f"--map {text}: this is not URL=DIR.", "Example: --map pvc://data=/mnt/data")
    if not Path(folder).is_dir():
        raise ManifestError(f"--map {text}: there is no folder {folder}.", "Example: --map pvc://data=/mnt/data")
    return url, folder


def positive(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def place_url(text: str) -> str:
    """A URL of a claim, of an object store or of a datastore; raises ManifestError when it is none."""
    if text.startswith("pvc://"):
        claim_url(text)
    elif not store_urls.is_store_url(text):
        raise ManifestError(
            f"{text}: this is no URL of a place.",
            "Examples: pvc://parallelrun/images, az://account/container/images, datastore://lake/images",
        )
    return text


def claim_url(text: str) -> tuple[str, str]:
    """pvc://CLAIM/PATH as (claim, path); raises ManifestError when it is none, or leads out of the claim."""
    scheme, separator, rest = text.partition("://")
    claim, _, path = rest.partition("/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if scheme != "pvc" or not separator or not claim or ".." in parts:
        raise ManifestError(f"{text}: this is not pvc://CLAIM/PATH.", "Example: pvc://parallelrun/images")
    return claim, "/".join(parts)
