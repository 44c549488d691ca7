"""One run of one job on this machine: prepared, supervised, and what came of it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import InputChanged, InputError, ParallelRunError
from parallelrun.leases.header import AGENT_FAILED, INPUT_CHANGED, INPUT_ERROR, PLANNING_FAILED, Header, Phase
from parallelrun.local import front_door, prepare, run_folder
from parallelrun.local.agents import EarlyAgent
from parallelrun.local.control import ControlServer
from parallelrun.local.request import Listener, Outcome, RunRequest
from parallelrun.local.supervisor import Supervisor

#: Reasons of a run, also of a resumed one, that did not get past planning.
_OF_PLANNING = (INPUT_CHANGED, INPUT_ERROR, PLANNING_FAILED)

DONE_ALREADY = "This run is done already."
FAILED_ALREADY = "This run has failed; `parallelrun rerun` tries again."


def run(request: RunRequest, listener: Listener, early: EarlyAgent) -> Outcome:
    """See :func:`parallelrun.local.run.run`; ``early`` is the first node's agent, already starting."""
    prepared = front_door.for_request(request, listener.message)
    try:
        listener.started(prepared.folder)
        if _over(prepared.header):
            done = prepared.header.phase is Phase.DONE
            listener.message(DONE_ALREADY if done else FAILED_ALREADY)
            return _outcome(prepared.folder, prepared.header, interrupted=False)
        return asyncio.run(_supervise(prepared, listener, early))
    finally:
        prepared.close()


async def _supervise(prepared: prepare.Prepared, listener: Listener, early: EarlyAgent) -> Outcome:
    folder, header = prepared.folder, prepared.header
    shards = []
    if header.plan is not None and header.phase in (Phase.PLANNING, Phase.RUNNING, Phase.FINALIZING):
        from parallelrun_agent.resumption import resumed_shards

        shards = await asyncio.to_thread(resumed_shards, folder, header, prepared.settings.retry_failures_below)
    supervisor = Supervisor(folder, prepared.settings, header, shards, listener, early)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.interrupt)
    control = ControlServer(folder, supervisor.command)
    await control.start()
    try:
        end = await supervisor.run()
    finally:
        await control.close()
    prepare.record_models(folder, supervisor.models)
    if supervisor.interrupts > 1:
        raise KeyboardInterrupt
    if end.phase is Phase.ABORTED and (end.plan is None or end.reason in _OF_PLANNING):
        if end.plan is None and end.reason == INPUT_ERROR:
            run_folder.discard(folder)  # as what is refused earlier: it must not be the newest run of its job
        raise _planning_error(end)
    return await asyncio.to_thread(_outcome, folder, end, not _over(end))


def _over(header: Header) -> bool:
    return header.phase is Phase.DONE or (
        header.phase is Phase.ABORTED and (header.reported or header.reason == AGENT_FAILED)
    )


def _planning_error(end: Header) -> ParallelRunError:
    if end.reason == INPUT_CHANGED:
        return InputChanged(
            f"The input is not what it was when the run began: {end.message}.",
            "Put it back as it was, or run all of it anew: without --resume, or with rerun without --failed.",
        )
    kind = InputError if end.reason == INPUT_ERROR else ParallelRunError
    message, _, hint = end.message.partition("\n")
    return kind(message, hint)


def _outcome(folder: Path, end: Header, interrupted: bool) -> Outcome:
    if interrupted:
        return Outcome(folder, "Aborted", "Interrupted", "interrupted: what was finished is sealed")
    path = folder / layout.RESULT
    result: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return Outcome(folder, end.phase.value, end.reason, end.message, result, (result.get("firstErrors") or [None])[0])
