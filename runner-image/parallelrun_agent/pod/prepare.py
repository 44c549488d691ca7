"""``python -m parallelrun_agent.pod.prepare``: the last init container, which makes a pod ready for agent and worker.

It makes the job's folder, checks what the job reads, and copies the source. Every pod of a job does all of it, at any
time and several at once, and may be killed in the midst of it: what is there already is taken as it is. Until the job
is planned, what is wrong with its paths or its script ends the job, in the words of a local run; later it only ends
this pod, whose place the next one takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from parallelrun.api import conditions, layout, pod_layout
from parallelrun.api.errors import (
    EnvironmentError_,
    InputError,
    NoSpace,
    OutputError,
    ParallelRunError,
    RunFolderError,
    SourceError,
)
from parallelrun.api.settings import JobSettings
from parallelrun.leases import header as headers
from parallelrun.leases.client import Leases, NotThere
from parallelrun.leases.header import Header, Phase
from parallelrun.leases.store import StoreGone
from parallelrun_agent import reuse
from parallelrun_agent.job import read_settings
from parallelrun_agent.output import durable, owner
from parallelrun_agent.pod import environments, failed_again, inputs, job_folder, snapshot, words
from parallelrun_agent.storage.places import is_url
from parallelrun_agent.stores import open_store

_REASONS: dict[type[ParallelRunError], str] = {
    InputError: conditions.INPUT_ERROR,
    SourceError: conditions.SOURCE_ERROR,
    EnvironmentError_: conditions.ENVIRONMENT_ERROR,
    OutputError: conditions.OUTPUT_FAILED,
    RunFolderError: conditions.INPUT_ERROR,  # of the earlier job that this one goes on from
}


def main(arguments: list[str]) -> int:
    """Prepare; 0, or 1 after saying what is wrong."""
    words.end_at_sigterm()
    os.umask(0o002)  # whatever user the next pod has, it has the volume's group
    try:
        return asyncio.run(_main(_parser().parse_args(arguments)))
    except (StoreGone, NotThere) as error:
        return words.fail(f"the job is gone: {error}")
    except ParallelRunError as error:
        return words.fail(words.in_manifest(str(error)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the job's folder, below the mounted claim")
    parser.add_argument("--code", type=Path, required=True, help="the source folder, as it is mounted or was fetched")
    parser.add_argument("--store", required=True, help="kube:<namespace>/<base>")
    parser.add_argument("--config", type=Path, default=Path(pod_layout.CONFIG), help="has settings.json and job.yaml")
    parser.add_argument("--packages-of", help="a hash of all that packages depend on beside their list; none: no list")
    parser.add_argument("--failed-of", type=Path, help="the folder of an earlier job: run only what failed there")
    return parser


async def _main(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments.config)
    spec = yaml.safe_load((arguments.config / layout.MANIFEST).read_bytes())["spec"]
    async with open_store(arguments.store) as store:
        leases = Leases(store)
        header = await leases.header()
        if header.phase is Phase.ABORTED and header.plan is None:
            return words.fail(header.message)
        try:
            await asyncio.to_thread(prepare, header, settings, spec, arguments)
            if arguments.failed_of is not None and failed_again.is_due(header):
                await failed_again.go_on_from(arguments.failed_of, arguments.folder, leases)
        except NoSpace:
            raise  # the next pod tries again
        except ParallelRunError as error:
            reason = _reason(error)
            text = words.in_manifest(str(error).replace(str(arguments.code), shown_source(spec["source"])))
            await leases.update_header(lambda h: (_aborted(h, reason, text), None))
            return words.fail(text)
    return 0


def prepare(header: Header, settings: JobSettings, spec: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Everything but what concerns the store; raises ParallelRunError."""
    planning, output = header.phase is Phase.PLANNING, _output_folder(settings)
    if planning:
        if output is not None:  # first: soon the job may be done, and the _SUCCESS there its own
            is_done = partial(owner.is_done, arguments.folder, settings.uid)
            owner.claim(output, settings.namespace, settings.name, is_done)
        inputs.check(settings, spec)
    job_folder.make(arguments.folder, settings, arguments.config)
    if output is not None:
        job_folder.make_folders([output])  # the agent mounts it
    shown, earlier = shown_source(spec["source"]), arguments.failed_of
    of_job = earlier is not None and arguments.code == earlier / layout.SOURCE
    if planning and settings.reuse_of:
        found = reuse.look(settings, words.on_claim)
        durable.write_file(arguments.folder / reuse.FOUND, json.dumps(found).encode())
    copy = snapshot.take(arguments.code, arguments.folder, settings.entry_script, shown, of_job, settings.run_once)
    if settings.source is not None:
        snapshot.copy_to(copy, Path(settings.source))
        if arguments.packages_of is not None:
            environments.link(arguments.folder, settings, Path(settings.source), arguments.packages_of)


def _output_folder(settings: JobSettings) -> Path | None:
    """Where results go beside the job's folder; None also where that is an object store, which the agent sees to."""
    path = settings.output.path
    return None if path is None or is_url(path) else Path(path)


def shown_source(source: dict[str, Any]) -> str:
    """What messages call the source folder: what the manifest says of it."""
    if source.get("configMap"):
        return f"configmap://{source['configMap']['name']}"
    if source.get("claim"):
        return os.path.normpath(f"{pod_layout.claim(source['claim']['name'])}/{source['claim'].get('path', '.')}")
    if source.get("git"):
        git = source["git"]
        return os.path.normpath(f"{git.get('path', '.')}") + f" of {git['url']} at {git.get('ref', 'HEAD')}"
    return str(source["imagePath"])


def _aborted(header: Header, reason: str, message: str) -> Header:
    return headers.abort(header, reason, message) if header.phase is Phase.PLANNING else header


def _reason(error: ParallelRunError) -> str:
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), conditions.PLANNING_FAILED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
