"""``python -m parallelrun_agent``: one agent, on this machine or in a pod."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from parallelrun.api import exit_codes, layout
from parallelrun.leases.client import Leases
from parallelrun.leases.socket_store import SocketStore, StoreGone
from parallelrun_agent.agent import DRAIN_SECONDS, Agent
from parallelrun_agent.host_process import HostProcess
from parallelrun_agent.job import Job, read_settings

log = logging.getLogger("parallelrun_agent")


def main() -> int:
    """Run one agent; returns its exit code."""
    arguments = _parser().parse_args()
    folder = Path(arguments.folder)
    log_file = folder / layout.SYS / f"{layout.node_name(arguments.node)}.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=log_file,
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s node{arguments.node:03d} {arguments.holder} %(message)s",
    )
    try:
        return asyncio.run(_run(arguments, folder, log_file))
    except StoreGone as error:
        log.error("stopping: %s", error)
        return exit_codes.AGENT_STORE_GONE
    except Exception:
        log.exception("a defect of parallelrun")
        return exit_codes.AGENT_DEFECT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parallelrun_agent", description=__doc__)
    parser.add_argument("--folder", required=True, help="the job's folder")
    parser.add_argument("--node", type=int, required=True, help="the node's number")
    parser.add_argument("--holder", required=True, help="who acts for the node, unique for ever")
    parser.add_argument("--meeting", required=True, help="the folder where worker and agent meet")
    parser.add_argument("--store", required=True, help="Unix socket of the lease store")
    parser.add_argument("--beat-seconds", type=float, default=0.5, help="between two heartbeats")
    parser.add_argument("--drain-seconds", type=float, default=DRAIN_SECONDS, help="for what runs when told to leave")
    return parser


async def _run(arguments: argparse.Namespace, folder: Path, log_file: Path) -> int:
    settings = read_settings(folder)
    meeting = Path(arguments.meeting)
    meeting.mkdir(parents=True, exist_ok=True)
    host = HostProcess(settings.python or sys.executable, meeting, log_file)
    store = await SocketStore.connect(arguments.store)
    job = Job(folder, settings, arguments.node, arguments.holder, Leases(store), meeting)
    agent = Agent(job, arguments.beat_seconds, host, arguments.drain_seconds)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, agent.leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the parent, which tells the agents
    log.info("agent %d of job %s (%s) starts", os.getpid(), settings.name, settings.uid)
    code = await agent.run()
    await asyncio.to_thread(host.wait, 5.0)
    log.info("agent %d leaves with %d", os.getpid(), code)
    return code


if __name__ == "__main__":
    sys.exit(main())
