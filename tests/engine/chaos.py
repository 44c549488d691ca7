"""Kills and freezes real runs at chosen moments: what the soak and its sample in the test suite share.

A disturbed run has to end with the same bytes as the undisturbed one. The moment is chosen by the phase in the run's
``header.json``, which is on disk before anyone can act on it, so that short phases are hit as well as long ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from parallelrun_agent.output.segments import list_segments, read_index, segment_path

COMMAND = [sys.executable, "-m", "parallelrun.cli.main"]
DEADLINE_SECONDS = 150.0
LEASE_SECONDS = "3"  # six heartbeats
PHASES = ("Planning", "Running", "Finalizing", "Committing")
KINDS = ("process", "host", "agent", "run", "freeze")

SCRIPT = """\
import os, time

CALLS = os.environ["CHAOS_CALLS"]
SECONDS = float(os.environ.get("CHAOS_SECONDS", "0.002"))


def init():
    pass


def run(mini_batch, context):
    with open(CALLS, "a") as calls:
        calls.write(f"{context.minibatch_index}\\n")
    time.sleep(SECONDS)
    if isinstance(mini_batch, list):
        return [f"{os.path.basename(path)} {len(open(path).read())}" for path in mini_batch]
    mini_batch["double"] = mini_batch["value"] * 2
    return mini_batch
"""

FILE_INPUT = '{name: files, type: File, paths: ["../in/*.txt"]}'
TABLE_INPUT = '{name: table, type: Tabular, paths: ["../in/*.csv"]}'


@dataclass
class Job:
    """One job on disk, and what its output has to be."""

    folder: Path
    manifest: Path
    expected: bytes = b""


def make_job(folder: Path, kind: str, nodes: int, processes: int, mini_batches: int = 300) -> Job:
    """A job over ``mini_batches`` mini-batches of files, or a few of tables (``kind`` "file" or "table")."""
    (folder / "in").mkdir(parents=True)
    (folder / "job" / "code").mkdir(parents=True)
    (folder / "job" / "code" / "script.py").write_text(SCRIPT)
    if kind == "file":
        for n in range(mini_batches):
            (folder / "in" / f"{n}.txt").write_text("x" * (n % 17))
    else:
        for part in range(3):
            rows = "\n".join(f"{part}-{n},{n},{n * 0.25}" for n in range(mini_batches * 8))
            (folder / "in" / f"{part}.csv").write_text(f"name,value,share\n{rows}\n")
    size = "1" if kind == "file" else "1KB"
    manifest = folder / "job" / "job.yaml"
    manifest.write_text(
        "apiVersion: parallelrun.dev/v1alpha1\nkind: ParallelRunJob\nmetadata: {name: chaos}\nspec:\n"
        "  source: {directory: ./code}\n  entryScript: script.py\n"
        f"  inputs: [{FILE_INPUT if kind == 'file' else TABLE_INPUT}]\n"
        f"  miniBatchSize: {size}\n  nodeCount: {nodes}\n  processCountPerNode: {processes}\n"
        "  runMaxTry: 50\n"
    )
    return Job(folder, manifest)


#: Runs that were started: whoever is done with them kills what is left, also of a test that failed.
LIVE: list[Run] = []


def kill_what_is_left() -> None:
    """SIGKILL to all that runs started and that is still there, frozen or not."""
    while LIVE:
        run = LIVE.pop()
        if run.process.poll() is None:
            run.kill_everything()


class Run:
    """One run of a job, as a process of its own."""

    def __init__(
        self, job: Job, output: Path, seconds: float, resume: bool = False, more: Sequence[str | Path] = ()
    ) -> None:
        self.output = output
        self.calls = (job.folder / output.name).with_suffix(".calls")
        environment = {
            **os.environ,
            "CHAOS_CALLS": str(self.calls),
            "CHAOS_SECONDS": str(seconds),
            "PARALLELRUN_LEASE_SECONDS": LEASE_SECONDS,
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or agents compile for longer than their leases last
        command = [*COMMAND, "run", str(job.manifest), "--output", str(output), *(["--resume"] if resume else [])]
        command += map(str, more)
        self.log = (job.folder / output.name).with_suffix(f".{'resumed' if resume else 'first'}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

        LIVE.append(self)

    def phase(self) -> str:
        """As it is on disk; "" before there is a header."""
        try:
            return str(json.loads((self.output / "header.json").read_bytes())["phase"])
        except (OSError, ValueError, KeyError):
            return ""

    def wait_for(self, condition: Callable[[], bool], what: str) -> bool:
        """Wait for a condition; False where the run ended before it came true."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if self.process.poll() is not None:
                return condition()
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come within {DEADLINE_SECONDS:g} s:\n{self.text()}")
            time.sleep(0.0005)
        return True

    def end(self) -> int:
        """Wait for the end; the exit status."""
        try:
            return self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            tree = "\n".join(f"{p} {c}" for p, c in self.members())
            raise AssertionError(f"the run hangs in {self.phase()}:\n{self.text()}\n{tree}") from None

    def text(self) -> str:
        """Everything that explains what happened."""
        logs = sorted((self.output / "logs" / "sys").glob("*.log"))
        return "\n".join([self.log.read_text(), *(log.read_text()[-6000:] for log in logs)])

    def members(self) -> list[tuple[int, str]]:
        """(pid, command line) of this run's agents, hosts and worker processes."""
        parent = self.process.pid
        agents = [(p, c) for p, c in _processes() if "parallelrun_agent" in c and _parent_of(p) == parent]
        meetings = [c.split("--meeting ")[1].split(" ")[0] for _, c in agents]
        workers = [(p, c) for p, c in _processes() if any(m in c for m in meetings) and (p, c) not in agents]
        return agents + workers

    def pids(self, kind: str) -> list[int]:
        """Of its agents, hosts or worker processes."""
        marks = {"agent": "parallelrun_agent", "host": "/host.py ", "process": "/process.py "}
        return [p for p, c in self.members() if marks[kind] in c]

    def kill_everything(self) -> None:
        """SIGKILL to the parent and to all that it started, in no particular order."""
        members = [p for p, _ in self.members()]
        for pid in [self.process.pid, *members]:
            _signal(pid, signal.SIGKILL)
        self.process.wait()

    def sealed(self) -> set[int]:
        """Mini-batches that have a sound record now."""
        names = list_segments(self.output)
        found = [read_index(segment_path(self.output, name))["mini_batch"] for name in names]
        return {int(m) for m in np.concatenate(found)} if found else set()

    def called(self) -> list[int]:
        """Mini-batches by call of run(), in order."""
        return [int(line) for line in self.calls.read_text().split()] if self.calls.exists() else []


@dataclass
class Disturbance:
    """What was done to one run, and when."""

    kind: str
    phase: str
    seed: int
    hit: str = ""  # the phase in which it happened; "" where the run was faster
    notes: list[str] = field(default_factory=list)


def undisturbed(job: Job, seconds: float = 0.0) -> bytes:
    """The bytes that every other run has to give."""
    run = Run(job, job.folder / "undisturbed", seconds)
    assert run.end() == 0, run.text()
    return output_of(run)


def output_of(run: Run) -> bytes:
    """What the run left as its result; it has to be whole."""
    assert (run.output / "_SUCCESS").exists(), run.text()
    return (run.output / "parallel_run_step.txt").read_bytes()


def disturbed(job: Job, name: str, d: Disturbance, seconds: float) -> Run:
    """Run the job, disturb it once or twice as ``d`` says, see it to its end and check what it left."""
    rng = random.Random(d.seed)
    run = Run(job, job.folder / name, seconds)
    if run.wait_for(lambda: run.phase() == d.phase, f"phase {d.phase}"):
        if d.phase == "Running":
            after = rng.random() * 0.8
            begun = time.monotonic()
            run.wait_for(lambda: time.monotonic() - begun > after, "a moment in the run")
        else:
            _spin(rng.random() * 0.004)
        run = _disturb(job, run, d, rng, seconds)
    assert run.end() == 0, run.text()
    assert output_of(run) == job.expected, f"{d}: other bytes\n{run.text()}"
    return run


def _disturb(job: Job, run: Run, d: Disturbance, rng: random.Random, seconds: float) -> Run:
    if d.kind == "run":
        return _kill_and_resume(job, run, d, seconds)
    if d.kind == "freeze":
        _freeze(run, d, rng)
        return run
    pids = run.pids(d.kind)
    phase = run.phase()
    if pids:
        _signal(rng.choice(pids), signal.SIGKILL)
        d.hit = phase
    return run


def _kill_and_resume(job: Job, run: Run, d: Disturbance, seconds: float) -> Run:
    run.kill_everything()
    d.hit = run.phase()
    sealed, before = run.sealed(), len(run.called())
    again = Run(job, run.output, seconds, resume=True)
    assert again.end() == 0, again.text()
    repeated = sealed & set(again.called()[before:])
    assert not repeated, f"{d}: finished before the kill and run again: {sorted(repeated)[:10]}\n{again.text()}"
    return again


def _freeze(run: Run, d: Disturbance, rng: random.Random) -> None:
    """Stop an agent, often with its worker, for longer than its lease, then let it go on."""
    agents = run.pids("agent")
    phase = run.phase()
    if not agents:
        return
    agent = rng.choice(agents)
    members = [p for p, c in run.members() if p == agent or _meeting_of(run, agent) in c]
    frozen = members if rng.random() < 0.5 else [agent]
    for pid in frozen:
        _signal(pid, signal.SIGSTOP)
    d.hit = phase
    begun = time.monotonic()
    run.wait_for(lambda: time.monotonic() - begun > rng.uniform(0.3, 2.5 * float(LEASE_SECONDS)), "the end of a freeze")
    for pid in reversed(frozen):  # workers thaw before their agent
        _signal(pid, signal.SIGCONT)


def _meeting_of(run: Run, agent: int) -> str:
    line = next((c for p, c in run.members() if p == agent), "")
    return line.split("--meeting ")[1].split(" ")[0] if "--meeting " in line else "\0"


def _processes() -> list[tuple[int, str]]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
                found.append((int(name), file.read().replace(b"\0", b" ").decode("utf-8", "replace")))
    return found


def _parent_of(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])
    return 0


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
