"""What the operator is to a cluster, for one machine: owns the lease store, keeps one agent per node alive, expires
leases that stop changing, aborts when thresholds are passed, and says how far the job is.

It decides from the store alone; agents reach the store by socket and notice when this process is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from pathlib import Path

from parallelrun.api import exit_codes, layout
from parallelrun.api.errors import JobFailed, ParallelRunError
from parallelrun.api.settings import JobSettings
from parallelrun.leases import allocator, thresholds
from parallelrun.leases import header as headers
from parallelrun.leases import node as nodes
from parallelrun.leases.allocator import Shard
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header, Phase
from parallelrun.leases.patience import Patience
from parallelrun.leases.socket_store import JOB, serve
from parallelrun.local import run_folder
from parallelrun.local.agents import (
    DRAIN_SECONDS,
    SHORT_LIFE_SECONDS,
    SHORT_LIVES,
    STORE,
    AgentProcess,
    EarlyAgent,
    start_agent,
)
from parallelrun.local.local_store import LocalStore
from parallelrun.local.request import Listener, Snapshot
from parallelrun.local.view import View
from parallelrun_agent.report.overview import write_overview

log = logging.getLogger(__name__)

#: A node whose lease has not changed for so long is given up. Tests shorten it.
LEASE_SECONDS = float(os.environ.get("PARALLELRUN_LEASE_SECONDS", "20"))
LOOK_SECONDS = 0.2
OVERVIEW_SECONDS = 10.0


class Supervisor:
    """One run of one job on this machine."""

    def __init__(
        self,
        folder: Path,
        settings: JobSettings,
        header: Header,
        shards: list[Shard],
        listener: Listener,
        early: EarlyAgent,
    ) -> None:
        self._folder, self._settings, self._listener = folder, settings, listener
        self._first_header, self._first_shards = header, shards
        self._store = LocalStore(folder, listener.message)
        self._leases = Leases(self._store)
        self._agents: dict[int, AgentProcess] = {}
        self._frozen: list[AgentProcess] = []  # shut out, but their process may still be there
        self._short_lives = 0
        self._beats: dict[int, tuple[str, int, float]] = {}  # holder, beat, when it was first seen
        self._last_look = time.monotonic()
        self._view = View(settings.node_count)
        self.interrupts = 0
        self._suspended = False
        self._stopping = asyncio.Event()
        self._scratch = early.scratch
        self._agents[0] = early.agent
        self._drawn = 0.0
        self._overview_written = time.monotonic()
        self._init_failed_first: float | None = None
        self._patience = Patience(settings.advanced)

    async def run(self) -> Header:
        """Run the job to its end, or until it is interrupted; the header as it is then."""
        await self._store.swap(JOB, "", {"folder": str(self._folder)})
        await self._leases.create_header(self._first_header)
        for k, shard in enumerate(self._first_shards):
            await self._leases.create_shard(k, shard)
        server = await serve(self._store, str(self._scratch / STORE))
        try:
            self._revive(self._first_header)
            return await self._watch()
        finally:
            self._kill_all()
            server.close()

    # --- what others ask ---

    def interrupt(self) -> None:
        """Ctrl-C: the first one seals and stops, the second one stops at once."""
        self.interrupts += 1
        if self.interrupts == 1:
            self._listener.message("Stopping: what is finished is being sealed. Ctrl-C again stops at once.")
            self._stop_agents()
        else:
            self._stopping.set()

    def command(self, command: str) -> Snapshot:
        """One of ``local.control.COMMANDS``; the state after it."""
        if command == "suspend" and not self._suspended:
            self._suspended = True
            self._stop_agents()
        elif command == "resume":
            self._suspended = False
        elif command == "cancel":
            self._abort_soon(headers.CANCELLED, "cancelled by a command")
        return self.snapshot()

    @property
    def models(self) -> dict[str, str]:
        """Versions by name of the models that scripts asked for without the job listing them."""
        return self._view.models

    def snapshot(self) -> Snapshot:
        """The state as it was last looked at."""
        return self._view.snapshot(self._suspended)

    # --- the loop ---

    async def _watch(self) -> Header:
        version = ""
        while True:
            header, version = await self._changed(version)
            await self._look(header)
            if self._stopping.is_set() or (self.interrupts and not self._alive()):
                break
            if _over(header):
                break
        await self._look(await self._leases.header(), final=True)
        if not self._stopping.is_set():
            await self._wait_for_agents()
            self._view.asked(await self._nodes())  # what agents say last
        return await self._leases.header()

    async def _changed(self, version: str) -> tuple[Header, str]:
        """The header when it changes, after a while, or at once when told to stop."""
        change = asyncio.ensure_future(self._leases.changed_header(version, LOOK_SECONDS))
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((change, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if change.done():
            return change.result()
        change.cancel()
        return await self._leases.changed_header("", 0)

    async def _look(self, header: Header, final: bool = False) -> None:
        now = time.monotonic()
        if not (self._folder / layout.SETTINGS).exists():
            raise JobFailed(
                f"{self._folder} was removed, or replaced, while the job ran; what it had finished is gone with it.",
                "Start the job again, and leave its folder alone until it is done.",
            )
        if now - self._last_look > LEASE_SECONDS / 2:
            self._beats.clear()  # this process was frozen itself: nobody is expired for that
        self._last_look = now
        shards = [s for k in range(header.shards) if (s := await self._leases.shard(k)) is not None]
        leases = await self._nodes()
        self._view.update(header, shards, leases)
        if not final:
            await self._bury_the_dead(now)
            await self._expire(leases, now)
            await self._sweep(header, shards)
            await self._check_thresholds(header, now)
            await self._check_patience(header, now)
            self._revive(header)
        if final or now - self._drawn >= LOOK_SECONDS:
            self._drawn = now
            self._listener.progress(self.snapshot())
        if final or now - self._overview_written >= OVERVIEW_SECONDS:
            self._overview_written = now
            with contextlib.suppress(ParallelRunError):  # a log: a full volume is said by whoever needs the space
                shares = run_folder.shares(self._folder) if final and _over(header) else None
                write_overview(self._folder, self._settings.name, self._view.progress(shares))

    async def _nodes(self) -> dict[int, nodes.NodeLease | None]:
        return {n: await self._leases.node(n) for n in range(self._settings.node_count)}

    async def _check_thresholds(self, header: Header, now: float) -> None:
        if header.phase is not Phase.RUNNING or header.plan is None:
            return
        violated = thresholds.violation(self._view.counts, header.plan.total, self._settings.limits)
        failures = self._view.init_failures
        if any(failures.values()) and violated is None:
            self._init_failed_first = self._init_failed_first or now
            s = self._settings
            since = now - self._init_failed_first
            found = thresholds.init_failures_violation(failures, s.process_count_per_node, s.node_count, since)
            violated = (found[0], f"{found[1]}\n{self._view.first_error}") if found else None
        if violated is not None:
            await self._abort(*violated)

    async def _check_patience(self, header: Header, now: float) -> None:
        paused = self._suspended or bool(self.snapshot().stalled)
        exceeded = self._patience.exceeded(header.phase, self._view.counts.completed, now, paused)
        if exceeded is not None:
            await self._abort(*exceeded)

    # --- agents ---

    def _alive(self) -> bool:
        return any(agent.exit_code is None for agent in self._agents.values())

    def _stop_agents(self) -> None:
        for agent in self._agents.values():
            agent.signal(signal.SIGTERM)

    async def _bury_the_dead(self, now: float) -> None:
        for node, agent in list(self._agents.items()):
            if agent.exit_code is None:
                continue
            del self._agents[node]
            await self._shut_out(node, agent.holder)
            if agent.exit_code in (exit_codes.AGENT_DONE, exit_codes.AGENT_DRAINED):
                continue
            self._short_lives = self._short_lives + 1 if now - agent.started < SHORT_LIFE_SECONDS else 0
            self._listener.message(
                f"The agent of node {node} ended with {_status(agent.exit_code)}; another takes over."
            )
            if self._short_lives >= SHORT_LIVES:
                where = self._folder / "logs" / "sys"
                message = f"agents end as soon as they start; see {where}"
                await self._abort(headers.AGENT_FAILED, message)
                self._stopping.set()
                return

    async def _expire(self, leases: dict[int, nodes.NodeLease | None], now: float) -> None:
        """Shut out holders whose lease has not changed for LEASE_SECONDS by this process's own clock."""
        for node, lease in leases.items():
            if lease is None or not lease.holder:
                continue
            seen = self._beats.get(node)
            if seen is None or seen[:2] != (lease.holder, lease.beat):
                self._beats[node] = (lease.holder, lease.beat, now)
            elif now - seen[2] > LEASE_SECONDS:
                self._listener.message(f"The agent of node {node} gives no sign of life; another takes over.")
                if node in self._agents:
                    self._frozen.append(self._agents.pop(node))
                await self._shut_out(node, lease.holder)

    async def _sweep(self, header: Header, shards: list[Shard]) -> None:
        """Take back what a holder that is gone still got: a claim in flight may win after its holder was shut out."""
        holders = {agent.holder for agent in self._agents.values()}
        stale = {h for shard in shards for h in allocator.holders(shard)} - holders
        if header.grant is not None and header.grant.holder not in holders:
            stale.add(header.grant.holder)
        for holder in stale:
            await self._release(holder)

    async def _shut_out(self, node: int, holder: str) -> None:
        """Nothing that ``holder`` does counts any more; its ranges go to others."""
        await self._leases.update_node(
            node, lambda lease: (nodes.expire(lease, holder) if lease else nodes.NodeLease("", 0), None)
        )
        await self._release(holder)

    async def _release(self, holder: str) -> None:
        header = await self._leases.header()
        for k in range(header.shards):
            if await self._leases.shard(k) is not None:
                await self._leases.update_shard(k, lambda shard: (allocator.expire(shard, holder), None))
        await self._leases.update_header(lambda h: (headers.revoke(h, holder), None))

    def _revive(self, header: Header) -> None:
        if _over(header) or self._suspended or self.interrupts:
            return
        for node in range(self._settings.node_count):
            if node not in self._agents:
                self._agents[node] = start_agent(node, self._scratch, DRAIN_SECONDS)

    def _abort_soon(self, reason: str, message: str) -> None:
        self._aborting = asyncio.ensure_future(self._abort(reason, message))

    async def _abort(self, reason: str, message: str) -> None:
        await self._leases.update_header(lambda h: (headers.abort(h, reason, message), None))

    async def _wait_for_agents(self) -> None:
        """The job is over: agents leave by themselves, after their scripts' shutdown()."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._alive() and time.monotonic() < deadline and not self._stopping.is_set():
            await asyncio.sleep(0.005)

    def _kill_all(self) -> None:
        for agent in [*self._agents.values(), *self._frozen]:
            with contextlib.suppress(ProcessLookupError):
                agent.kill()


def _over(header: Header) -> bool:
    return header.phase is Phase.DONE or (header.phase is Phase.ABORTED and header.reported)


def _status(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
