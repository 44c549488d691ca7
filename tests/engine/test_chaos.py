"""Random kills and freezes of real runs: the output is the same bytes every time.

`make soak` does 200 of them, at least ten in each phase; the suite does a seeded sample.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import KINDS, PHASES, Disturbance, Job, Run, disturbed, kill_what_is_left, make_job, output_of, undisturbed

from parallelrun_agent.output.segments import list_segments, read_index, segment_path

pytestmark = pytest.mark.engine

SOAK_RUNS = int(os.environ.get("PARALLELRUN_SOAK_RUNS", "200"))
#: (kind of disturbance, phase, kind of job): one of each that matters most.
SAMPLE = [
    ("process", "Running", "file"),
    ("host", "Running", "table"),
    ("agent", "Planning", "file"),
    ("agent", "Running", "file"),
    ("agent", "Committing", "table"),
    ("run", "Planning", "table"),
    ("run", "Running", "file"),
    ("run", "Finalizing", "file"),
    ("run", "Committing", "file"),
    ("freeze", "Running", "table"),
]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A test that failed leaves no run behind."""
    yield
    kill_what_is_left()


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """A file job and a table job, with what they give when nobody disturbs them."""
    made = {}
    for kind in ("file", "table"):
        job = make_job(tmp_path_factory.mktemp(kind), kind, nodes=2, processes=2)
        job.expected = undisturbed(job)
        made[kind] = job
    return made


@pytest.mark.parametrize(("kind", "phase", "job"), SAMPLE, ids=["-".join(case) for case in SAMPLE])
def test_a_disturbed_run_gives_the_same_bytes(jobs: dict[str, Job], kind: str, phase: str, job: str) -> None:
    disturbed(jobs[job], f"{kind}-{phase}", Disturbance(kind, phase, seed=11), seconds=0.004)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_soak(jobs: dict[str, Job]) -> None:
    """200 disturbed runs, the same bytes every time, at least ten kills in each phase."""
    rng = random.Random(int(os.environ.get("PARALLELRUN_SOAK_SEED", "1")))
    hits: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for n in range(SOAK_RUNS):
        rarest = min(PHASES, key=lambda phase: hits[phase])
        phase = rarest if hits[rarest] < 10 or rng.random() < 0.3 else "Running"
        kind = rng.choice([k for k in KINDS if phase in ("Running",) or k in ("agent", "run", "freeze")])
        d = Disturbance(kind, phase, seed=rng.randrange(1 << 30))
        job = jobs[rng.choice(["file", "table"])]
        disturbed(job, f"soak-{n}", d, seconds=rng.choice([0.0, 0.002, 0.01]))
        hits[d.hit] += 1
        kinds[d.kind] += 1
        print(f"{n + 1}/{SOAK_RUNS} {d.kind} in {d.phase}: hit {d.hit or 'nothing'}", flush=True)
    print(f"by phase: {dict(hits)}; by kind: {dict(kinds)}")
    assert all(hits[phase] >= min(10, SOAK_RUNS // 20) for phase in PHASES), hits


def test_a_frozen_agents_late_records_are_there_under_a_lower_epoch_and_lose(tmp_path: Path) -> None:
    job = make_job(tmp_path, "file", nodes=2, processes=2, mini_batches=60)
    job.expected = undisturbed(job)
    run = Run(job, tmp_path / "frozen", 0.25)
    run.wait_for(lambda: len(run.called()) >= 6, "the first calls")
    agent = run.pids("agent")[0]
    meeting = next(c for p, c in run.members() if p == agent).split("--meeting ")[1].split(" ")[0]
    members = [p for p, c in run.members() if meeting in c]
    for pid in members:
        os.kill(pid, signal.SIGSTOP)
    holder = meeting.rsplit("-", 1)[1]
    stopped = records_of(run, holder)
    assert run.wait_for(lambda: "no sign of life" in run.text(), "the expiry of the frozen agent")
    assert run.wait_for(lambda: any(_again(run, m) for m in set(run.called())), "its range in the hands of others")
    for pid in [p for p, c in run.members() if p in members and "/process.py " in c]:
        os.kill(pid, signal.SIGCONT)  # they finish what they were at, while host and agent are still frozen
    assert run.wait_for(lambda: len(records_of(run, holder)) > len(stopped), "late records")
    for pid in reversed(members):
        os.kill(pid, signal.SIGCONT)
    assert run.end() == 0, run.text()
    assert output_of(run) == job.expected
    late = {m: epoch for m, epoch in records_of(run, holder).items() if m not in stopped}
    winning = {m: max(records_of(run, "").get(m, 0), epoch) for m, epoch in late.items()}
    assert late, "the thawed worker wrote nothing: nothing is shown"
    assert any(winning[m] > epoch for m, epoch in late.items()), (late, winning)


def records_of(run: Run, holder: str) -> dict[int, int]:
    """The highest epoch by mini-batch, in the segments of ``holder`` ("": of all)."""
    epochs: dict[int, int] = {}
    for name in list_segments(run.output):
        for record in read_index(segment_path(run.output, name)) if holder in name else ():
            mini_batch = int(record["mini_batch"])
            epochs[mini_batch] = max(int(record["epoch"]), epochs.get(mini_batch, 0))
    return epochs


def _again(run: Run, mini_batch: int) -> bool:
    return run.called().count(mini_batch) > 1


def test_a_poison_file_that_takes_the_whole_host_with_it_is_the_only_one_that_fails(tmp_path: Path) -> None:
    """2,000 mini-batches, 8 processes, every death that of the whole worker host."""
    job = make_job(tmp_path, "file", nodes=1, processes=8, mini_batches=2000)
    script = job.folder / "job" / "code" / "script.py"
    script.write_text(
        "import os, signal\n\ndef init():\n    pass\n\ndef run(mini_batch):\n"
        "    if mini_batch[0].endswith('/777.txt'):\n        os.kill(os.getppid(), signal.SIGKILL)\n"
        "        signal.pause()\n    return [os.path.basename(mini_batch[0])]\n"
    )
    text = job.manifest.read_text().replace("  runMaxTry: 50\n", "  errorThreshold: 5\n")
    job.manifest.write_text(text)
    run = Run(job, tmp_path / "poison", 0.0)
    assert run.end() == 0, run.text()
    lines = output_of(run).decode().split()
    assert lines == [f"{n}.txt" for n in range(2000) if n != 777]
