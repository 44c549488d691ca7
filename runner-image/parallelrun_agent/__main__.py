"""``python -m parallelrun_agent``: one agent, on this machine or in a pod."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from parallelrun.api import exit_codes, layout, pod_layout, web_addresses
from parallelrun.leases import pace
from parallelrun.leases.client import Leases, NotThere
from parallelrun.leases.socket_store import job_folder
from parallelrun.leases.store import Store, StoreGone
from parallelrun_agent.agent import DRAIN_SECONDS, Agent
from parallelrun_agent.host_process import HostProcess
from parallelrun_agent.job import Job, read_settings
from parallelrun_agent.stores import in_cluster, open_store

log = logging.getLogger("parallelrun_agent")


class _Shown(logging.Formatter):
    """Lines without signatures, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return web_addresses.shown(super().format(record))


#: Between two heartbeats on one machine, where they cost nothing.
LOCAL_BEAT_SECONDS = 0.5


def main() -> NoReturn:
    """Run one agent; leaves with one of the exit codes of ``parallelrun.api.exit_codes``."""
    asyncio.run(_main(_parser().parse_args()))
    raise AssertionError("not reached")


async def _main(arguments: argparse.Namespace) -> NoReturn:
    try:
        code = await _run(arguments)
    except (StoreGone, NotThere) as error:
        log.error("stopping: %s", error)
        code = exit_codes.AGENT_STORE_GONE
    except Exception:
        log.exception("a defect of parallelrun")
        code = exit_codes.AGENT_DEFECT
    logging.shutdown()
    # Everything is flushed. Taking modules apart would only cost time, and threads that still plan or merge for a
    # grant that is not ours any more would be waited for.
    os._exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parallelrun_agent", description=__doc__)
    parser.add_argument("--folder", help="the job's folder; by default what the lease store names")
    parser.add_argument("--node", type=int, required=True, help="the node's number")
    parser.add_argument("--holder", required=True, help="who acts for the node, unique for ever")
    parser.add_argument("--meeting", required=True, help="the folder where worker and agent meet")
    parser.add_argument("--store", required=True, help="lease store: a Unix socket, or kube:<namespace>/<base>")
    parser.add_argument("--parent", type=int, help="pid of the process that holds the lease store, where it is local")
    parser.add_argument("--beat-seconds", type=float, help="between two heartbeats; by default as the store bears")
    parser.add_argument("--drain-seconds", type=float, default=DRAIN_SECONDS, help="for what runs when told to leave")
    return parser


async def _run(arguments: argparse.Namespace) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the parent, which tells the agents
    leave = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave.set)
    for module in ("parallelrun_agent.plan.make", "pyarrow"):  # slow, and there may be time before there is a job
        importlib.import_module(module)
    async with open_store(arguments.store, arguments.parent) as store:
        return await _live(arguments, store, leave)


async def _live(arguments: argparse.Namespace, store: Store, leave: asyncio.Event) -> int:
    pod = in_cluster(arguments.store)
    folder = Path(arguments.folder or await job_folder(store))
    log_file = _log_to(folder, arguments, pod)
    settings = read_settings(Path(pod_layout.CONFIG), folder) if pod else read_settings(folder)
    meeting = Path(arguments.meeting)
    meeting.mkdir(parents=True, exist_ok=True)
    # In a pod the host is a container of its own, which comes to the meeting folder by itself.
    host = None if settings.in_pod else HostProcess(settings.python or sys.executable, meeting, log_file)
    job = Job(folder, settings, arguments.node, arguments.holder, Leases(store), meeting)
    log.info("agent %d of job %s (%s) starts", os.getpid(), settings.name, settings.uid)
    beat_seconds = arguments.beat_seconds or (pace.beat_seconds(settings.node_count) if pod else LOCAL_BEAT_SECONDS)
    agent = Agent(job, beat_seconds, host, arguments.drain_seconds, leave)
    code = await agent.run()
    if host is not None:
        await asyncio.to_thread(host.wait, 5.0 if agent.met_the_worker else 0.0)
    log.info("agent %d leaves with %d after %.2f s of CPU", os.getpid(), code, time.process_time())
    return code


def _log_to(folder: Path, arguments: argparse.Namespace, pod: bool) -> Path:
    """Log to the node's file; in a pod also to stderr, which is what people read there, whatever the volume is like."""
    logging.raiseExceptions = False  # a log on a full volume loses lines; the pause is said where people look
    log_file = folder / layout.SYS / f"{layout.node_name(arguments.node)}.log"
    if pod:
        form = f"%(asctime)s %(levelname)s {layout.node_name(arguments.node)} %(message)s"
        said = logging.StreamHandler(sys.stderr)
        said.setFormatter(_Shown(form))
        logging.basicConfig(level=logging.INFO, handlers=[said])
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(log_file)
    except OSError as error:
        if not pod:
            raise
        log.warning("no log on the volume: %s", error)
        return log_file
    form = f"%(asctime)s %(levelname)s {layout.node_name(arguments.node)} {arguments.holder} %(message)s"
    handler.setFormatter(_Shown(form))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    return log_file


if __name__ == "__main__":
    main()
