"""Which job a command is about: a run's folder on this machine, or a job in the cluster. The one place that decides.

- ``-n``, ``--context`` or ``--kubeconfig``: the cluster.
- ``kubectl parallelrun``: the cluster, but for a path, which cannot be a job's name.
- A run's folder, a run under ./runs or a job that was run there: this machine.
- Any other name: the cluster, where there is one.

A name that could be either is this machine's, and a line on stderr says so.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.cli import folders
from parallelrun.cli.terminal import tell
from parallelrun.cluster import place
from parallelrun.cluster.place import Place
from parallelrun.local.pipelines import folder as pipeline_folder

PLUGIN = "kubectl-parallelrun"
#: What kubectl prints in front of a name.
_KINDS = tuple(
    f"{kind}/"
    for name, short in (("parallelrunjob", "prj"), ("parallelrunpipelinerun", "prpr"))
    for kind in (f"{name}.parallelrun.dev", f"{name}s.parallelrun.dev", name, short)
)


@dataclass(frozen=True)
class InCluster:
    """A job in a cluster."""

    name: str
    place: Place


def find(args: argparse.Namespace) -> Path | InCluster:
    """What ``args.run`` names. Raises RunFolderError, and ManifestError where a cluster's job is not named."""
    name, where = args.run, place_of(args)
    if getattr(args, "step", None):
        return _step(args)
    bare = _without_kind(name)
    if where.said or bare != name or (as_plugin() and not _is_path(name)):
        return InCluster(_named(bare), where)
    if name is None or _is_path(name) or not place.configured():
        return folders.find(name)
    try:
        folder = folders.find(name)
    except RunFolderError:
        here = f"the folder {name} here is no run's" if Path(name).exists() else "there is no such run on this machine"
        tell(f"{name}: the job in the cluster; {here}")
        return InCluster(name, where)
    if not Path(name).exists():
        tell(f"{name}: {folder} on this machine (a job of that name in the cluster: add -n NAMESPACE)")
    return folder


def pipeline(args: argparse.Namespace) -> Path | None:
    """The folder of the pipeline's run that ``args.run`` names, on this machine; None: it names something else, or
    ``args.step`` one of its steps."""
    if getattr(args, "step", None) or place_of(args).said or (as_plugin() and not _is_path(args.run)):
        return None
    from parallelrun.local.pipelines import state

    folder = state.named(args.run)
    if folder is not None and args.run is None:
        tell(f"run: {folder}")
    return folder


def _step(args: argparse.Namespace) -> Path | InCluster:
    from parallelrun.local.pipelines import state
    from parallelrun.pipelines import names

    where, bare = place_of(args), _without_kind(args.run)
    if where.said or bare != args.run or (as_plugin() and not _is_path(args.run)):
        return InCluster(names.job(_named(bare), args.step), where)
    folder = state.named(args.run)
    if folder is None and args.run is not None and not _is_path(args.run) and place.configured():
        return InCluster(names.job(args.run, args.step), where)
    if folder is None:
        raise RunFolderError(f"--step {args.step}: {args.run or 'the newest run'} is not a pipeline's run.")
    return state.state(folder).step_folder(args.step)


def means_cluster(args: argparse.Namespace) -> bool:
    """Whether a command that names no job, such as `list`, is about the cluster."""
    if place_of(args).said or as_plugin():
        return True
    return place.configured() and not folders.all_runs() and not any(pipeline_folder.all_in(folders.RUNS))


def place_of(args: argparse.Namespace) -> Place:
    """What was said of a cluster."""
    return Place(args.namespace, args.context, args.kubeconfig)


def as_plugin() -> bool:
    """Whether we were called as `kubectl parallelrun`."""
    return os.path.basename(sys.argv[0]) == PLUGIN


def _named(name: str | None) -> str:
    if name is None:
        raise ManifestError("Which job of the cluster? Name it.", "See what is there: parallelrun list -n NAMESPACE")
    return name


def _without_kind(name: str | None) -> str | None:
    return next((name.removeprefix(kind) for kind in _KINDS if name is not None and name.startswith(kind)), name)


def _is_path(name: str | None) -> bool:
    return name is not None and (os.sep in name or name in (".", ".."))
