"""Runs a pipeline's steps, each in a process of its own, side by side where none needs the other.

What is next is decided by :mod:`parallelrun.pipelines.states`; here it is carried out and recorded, a record before
each step starts and one after it has ended, so that whatever kills this process, --resume comes to the same result.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from parallelrun.api.errors import ManifestError, ParallelRunError
from parallelrun.local import control
from parallelrun.local.control import ControlServer
from parallelrun.local.pipelines import folder as folders
from parallelrun.local.pipelines import looking_ahead, steps
from parallelrun.local.pipelines.child import Child, End, Event
from parallelrun.local.pipelines.opening import Opened
from parallelrun.local.pipelines.request import PipelineListener, PipelineOutcome, StepRecord
from parallelrun.local.pipelines.steps import Earlier
from parallelrun.local.request import RunRequest, Snapshot
from parallelrun.pipelines import bodies, compile, graph, names, states
from parallelrun.pipelines.states import Finish, RunState, Skip, Start, Stop

#: Steps that run at one time; others that could wait for one of them to end.
MOST_STEPS = max(2, os.cpu_count() or 1)
STOP_AGAIN_SECONDS = 0.2


class Runner:
    """One run of one pipeline."""

    def __init__(self, opened: Opened, listener: PipelineListener) -> None:
        self._opened, self._listener = opened, listener
        self._spec = opened.loaded.spec
        self._needs = graph.needs(self._spec)
        self._steps = {step["name"]: step for step in self._spec["steps"]}
        self._children: dict[str, Child] = {}
        self._tasks: dict[str, asyncio.Task[End]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._interrupts = 0
        self._suspended = False
        self._cancelled = False
        self._changed = asyncio.Event()

    async def run(self) -> PipelineOutcome:
        """Run it to its end, or until it is interrupted."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        server = ControlServer(self._opened.folder, self._command)
        await server.start()
        try:
            return await self._play()
        finally:
            for child in self._children.values():
                child.kill()
            await asyncio.gather(*self._tasks.values(), *self._asking, return_exceptions=True)
            await server.close()

    async def _play(self) -> PipelineOutcome:
        while True:
            self._changed.clear()
            self._harvest()
            if self._interrupts > 1:
                raise KeyboardInterrupt
            if self._interrupts and not self._over():
                if not self._tasks:
                    self._write(states.RUNNING)
                    return self._outcome(states.RUNNING, "interrupted: what was finished is kept", interrupted=True)
            elif (finish := self._carry_out()) is not None:
                self._write(finish.phase, finish.message)
                return self._outcome(finish.phase, finish.message)
            await self._something(again=self._cancelled)

    async def _something(self, again: bool) -> None:
        """Wait until a step has ended or something was asked; or a moment, where what was asked is to be repeated."""
        woken = asyncio.ensure_future(self._changed.wait())
        await asyncio.wait(
            {woken, *self._tasks.values()},
            timeout=STOP_AGAIN_SECONDS if again else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        woken.cancel()

    def _carry_out(self) -> Finish | None:
        """What is to be done now, until there is nothing but to wait."""
        while True:
            before = dict(self._opened.records)
            for action in states.next_actions(self._state()):
                match action:
                    case Finish():
                        return action
                    case Skip(step, message, phase):
                        self._set(replace(self._record(step), phase=phase, message=message))
                    case Start(step) if len(self._tasks) < MOST_STEPS:
                        self._start(step)
                    case Stop(step):
                        self._ask(step, "cancel")
            if self._opened.records == before:
                return None

    def _state(self) -> RunState:
        phases = {name: record.phase for name, record in self._opened.records.items()}
        return RunState(self._needs, phases, self._opened.continue_on_step_failure, self._suspended, self._cancelled)

    # --- steps ---

    def _start(self, step: str) -> None:
        folder = folders.step(self._opened.folder, step)
        record = replace(
            self._record(step), phase=states.RUNNING, folder=str(folder), start_time=steps.now(), message=""
        )
        try:
            spec = self._compiled(step)
            if (taken := self._taken_over(step, spec)) is not None:
                self._set(replace(taken, start_time=record.start_time, completion_time=steps.now()))
                return
            request = self._request(step, spec, folder)
        except ParallelRunError as error:
            self._set(replace(record, phase=states.FAILED, completion_time=steps.now(), message=str(error)))
            return
        self._set(record)
        errors = folder.with_name(f"{step}.stderr.txt")
        # A program writes all of its files again; of a job, those of finished mini-batches stay.
        own = self._opened.folder / folders.DATA / step if bodies.kind(self._steps[step]) == "script" else None
        child = self._children[step] = Child(step, request, errors, self._told, own)
        self._tasks[step] = asyncio.ensure_future(child.run())

    def _compiled(self, step: str) -> dict[str, Any]:
        outputs = {name: record.outputs for name, record in self._opened.records.items()}
        spec = compile.job_spec(self._spec, step, self._opened.parameters, outputs, self._place)
        if wrong := looking_ahead.problems_of(self._steps[step], spec):
            raise ManifestError("\n".join(wrong))
        return spec

    def _place(self, step: str, output: str) -> str:
        return folders.data(self._opened.folder, step, output)

    def _taken_over(self, step: str, spec: dict[str, Any]) -> StepRecord | None:
        """What succeeded in the run that this one goes on from."""
        earlier = self._earlier_of(step)
        return earlier.taken_over(step, spec, self._place) if earlier is not None else None

    def _earlier_of(self, step: str) -> Earlier | None:
        """The run that this one goes on from, where ``step`` is given what it was given there."""
        ran_anew = any(self._record(other).phase != states.REUSED for other in self._needs[step])
        return None if ran_anew else self._opened.earlier

    def _request(self, step: str, spec: dict[str, Any], folder: Path) -> RunRequest:
        opened = self._opened
        earlier = self._earlier_of(step)
        failed = earlier.failed_run(step, spec, self._place) if earlier is not None else None
        if failed is not None:
            place = (spec.get("output") or {}).get("path")
            moved = [f"spec.output.path={json.dumps(place)}"] if place else []  # the earlier run keeps what is its own
            return RunRequest(rerun_of=failed, failed_only=True, output=folder, sets=moved)
        reuse = not opened.regenerate and self._steps[step].get("allowReuse", True)
        name = opened.loaded.name
        return RunRequest(
            manifest=opened.loaded.path,
            text=opened.loaded.manifest_of(names.job(name, step), spec),
            output=folder,
            maps=opened.maps,
            register=opened.register,
            reuse_of=steps.candidates(name, step, opened.folder, self._needs[step], opened.records) if reuse else [],
        )

    def _harvest(self) -> None:
        for step, task in list(self._tasks.items()):
            if not task.done():
                continue
            del self._tasks[step], self._children[step]
            end = task.result()
            record = steps.ended(self._record(step), end)
            if record.phase not in states.ENDED and not self._interrupts:
                self._listener.message(f"{step} was interrupted: the whole run stops; --resume goes on with it")
                self._interrupt()
            self._set(record)

    def _record(self, step: str) -> StepRecord:
        return self._opened.records[step]

    def _set(self, record: StepRecord) -> None:
        before = self._record(record.name)
        self._opened.records[record.name] = record
        if record != before:  # the run's last phase is written with its message, once it is decided
            self._write(states.run_phase(self._state()) if not self._over() else states.RUNNING)
        if record.phase != before.phase:
            self._listener.step(record)

    def _over(self) -> bool:
        return all(record.phase in states.ENDED for record in self._opened.records.values())

    def _write(self, phase: str, message: str = "") -> None:
        self._opened.write(phase, message)

    def _outcome(self, phase: str, message: str, interrupted: bool = False) -> PipelineOutcome:
        return PipelineOutcome(self._opened.folder, phase, message, tuple(self._opened.records.values()), interrupted)

    # --- what others say ---

    def _told(self, step: str, event: Event) -> None:
        if event["type"] == "progress":
            self._listener.progress(step, control.snapshot_from_json(event["snapshot"]))
        elif event["type"] == "message":
            self._listener.message(f"{step}: {event['text']}")

    def _interrupt(self) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            self._listener.message("Stopping: what is finished is being sealed. Ctrl-C again stops at once.")
        for child in self._children.values():
            child.interrupt()
        self._changed.set()

    def _command(self, command: str) -> Snapshot:
        if command == "cancel":
            self._cancelled = True
        elif command in ("suspend", "resume") and not self._cancelled:
            self._suspended = command == "suspend"
            for step in self._tasks:
                phase = states.SUSPENDED if self._suspended else states.RUNNING
                self._ask(step, command)
                self._set(replace(self._record(step), phase=phase))
        self._changed.set()
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        """The run as a progress display shows it: of steps, where a job's is of mini-batches."""
        records = self._opened.records.values()
        ended = [record for record in records if record.phase in states.ENDED]
        failed = sum(record.phase in states.BAD for record in ended)
        phase = "Running"
        return Snapshot(phase, len(self._needs), len(ended), failed, suspended=self._suspended)

    def _ask(self, step: str, command: str) -> None:
        """Pass a command on, without waiting for the answer; a step that cannot hear it yet is asked again."""
        folder = Path(self._record(step).folder)

        def ask() -> None:
            try:
                control.ask(folder, command)
            except ParallelRunError:
                return

        self._background(asyncio.to_thread(ask))

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
