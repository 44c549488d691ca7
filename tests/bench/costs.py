"""What parallelrun itself costs: CPU and time for each mini-batch, memory, planning and merging rates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import workloads
from contenders import HERE, PYTHON, ours
from processes import Watched, watch

FILES_PER_FOLDER = 1000
CSV_COPIES = 120  # of 84 MB: 10 GB that take no room

JOB = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {{name: many}}
spec:
  source: {{directory: {source}}}
  entryScript: nothing.py
  inputs: [{{name: data, type: {type}, paths: ["{paths}"]}}]
  miniBatchSize: {size}
  processCountPerNode: 2
"""

PLAN = """\
import json, resource, sys, time
from pathlib import Path
from parallelrun.api.settings import JobSettings
from parallelrun_agent.plan.make import make_plan
settings = JobSettings.from_json(json.loads(Path(sys.argv[1]).read_text()))
started = time.perf_counter()
plan = make_plan(settings, Path(sys.argv[2]))
seconds = time.perf_counter() - started
print(json.dumps([plan.total, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""

MERGE = """\
import json, sys, time
from pathlib import Path
from parallelrun.api import layout
from parallelrun.api.settings import JobSettings
from parallelrun_agent.output.merge import merge
from parallelrun_agent.output.winners import Winners
folder = Path(sys.argv[1])
settings = JobSettings.from_json(json.loads((folder / layout.SETTINGS).read_text()))
winners = Winners.open(folder, json.loads((folder / layout.RESULT).read_text())["winners"])
started = time.perf_counter()
result = merge(folder, winners, settings.output, 1)
print(json.dumps([result["bytes"], time.perf_counter() - started]))
"""


def report(scratch: Path, largest: int) -> None:
    """Measure and print everything; ``largest`` is the number of mini-batches of the largest run."""
    _per_mini_batch_and_memory(scratch, largest)
    _planning(scratch)
    _merging(scratch)


def _per_mini_batch_and_memory(scratch: Path, largest: int) -> None:
    print("Memory (anonymous, the largest that was seen) and cost, for a script that does nothing, 2 processes:")
    print(f"{'mini-batches':>14}{'seconds':>10}{'agent MB':>10}{'worker MB':>11}{'host MB':>9}{'agent CPU s':>13}")
    runs = []
    for total in (10**4, 10**5, 10**6, 10**7):
        if total <= largest:
            run = _run_many(scratch, total)
            runs.append((total, run))
            megabytes = [run.anonymous(kind) / 1e6 for kind in ("agent", "worker", "host")]
            print(
                f"{total:>14,}{run.seconds:>10.1f}{megabytes[0]:>10.0f}{megabytes[1]:>11.0f}{megabytes[2]:>9.0f}",
                end="",
            )
            print(f"{run.cpu('agent'):>13.2f}", flush=True)
    if len(runs) < 2:
        return
    (few, small), (many, large) = runs[0], runs[min(2, len(runs) - 1)]
    more = many - few
    cpu = (large.cpu("agent") - small.cpu("agent")) / more * 1e6
    wall = (large.seconds - small.seconds) / more * 1e6
    print(f"For each mini-batch more: {cpu:.1f} us of agent CPU, {wall:.1f} us of time.\n", flush=True)


def _run_many(scratch: Path, total: int) -> Watched:
    """Run ``total`` mini-batches of one file; most of the files are the same ones by another name."""
    folder = _many_files(scratch, total)
    job = folder / "job.yaml"
    job.write_text(JOB.format(source=HERE / "jobs", type="File", paths="input/*/*.txt", size=1))
    output = scratch / "many-output"
    shutil.rmtree(output, ignore_errors=True)
    done = watch([str(PYTHON.parent / "parallelrun"), "run", str(job), "--output", str(output)], scratch / "many.log")
    if done.returncode:
        sys.exit(f"bench: a run of {total:,} mini-batches failed: {(scratch / 'many.log').read_text()}")
    completed = json.loads((output / "job_result.json").read_text())["miniBatches"]["completed"]
    if completed != total:
        sys.exit(f"bench: {completed:,} of {total:,} mini-batches were completed")
    return done


def _many_files(scratch: Path, total: int) -> Path:
    folder = scratch / f"many-{total}"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "input").mkdir(exist_ok=True)
    for number in range(FILES_PER_FOLDER):
        (folder / "files" / f"{number}.txt").touch()
    for number in range(total // FILES_PER_FOLDER):
        link = folder / "input" / str(number)
        if not link.is_symlink():
            link.symlink_to("../files")
    return folder


def _planning(scratch: Path) -> None:
    print("Planning, without a run (memory is all of the process, its code and mapped files too):")
    files = _many_files(scratch, 10**6)
    total, seconds, memory = _plan(scratch, files / "input/*/*.txt", "File", 1)
    print(f"  {total:,} files: {seconds:.1f} s, {total / seconds:,.0f} files/s, {memory / 1e6:.0f} MB")
    table = workloads.make("w3", workloads.ROOT / ".bench" / "data") / "input" / "sales.csv"
    copies = scratch / "copies"
    copies.mkdir(exist_ok=True)
    for number in range(CSV_COPIES):
        if not (copies / f"{number}.csv").exists():
            os.link(table, copies / f"{number}.csv")
    total, seconds, memory = _plan(scratch, copies / "*.csv", "Tabular", 1 << 20)
    size = table.stat().st_size * CSV_COPIES
    print(
        f"  {size / 1e9:.1f} GB of CSV in {total:,} mini-batches: {seconds:.1f} s, {size / seconds / 1e9:.1f} GB/s, "
        f"{memory / 1e6:.0f} MB\n",
        flush=True,
    )


def _plan(scratch: Path, paths: Path, kind: str, size: int) -> tuple[int, float, int]:
    settings = {
        "name": "plan",
        "uid": "plan",
        "entry_script": "nothing.py",
        "inputs": [{"name": "data", "type": kind, "paths": [str(paths)], "root": str(paths.parent).split("/*")[0]}],
        "mini_batch_size": size,
    }
    (scratch / "settings.json").write_text(json.dumps(settings))
    target = scratch / "planned"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    total, seconds, memory = _python(PLAN, scratch / "settings.json", target)
    return int(total), seconds, int(memory)


def _merging(scratch: Path) -> None:
    folder = workloads.make("w3", workloads.ROOT / ".bench" / "data")
    output = scratch / "merge"
    command = ours("w3", "Text").command(folder, output)
    subprocess.run(command, check=True, capture_output=True)
    rates, plain = [], []
    for _ in range(3):
        size, seconds = _python(MERGE, output)
        rates.append(size / seconds / 1e6)
        plain.append(size / _cat(output / "parallel_run_step.txt", scratch / "cat.txt") / 1e6)
    print(f"Merging {size / 1e6:.0f} MB of Text, with checksums and fsync: {max(rates):.0f} MB/s;", end=" ")
    print(f"cat and sync: {max(plain):.0f} MB/s (the best of 3 each).", flush=True)


def _cat(source: Path, target: Path) -> float:
    target.unlink(missing_ok=True)
    started = time.perf_counter()
    subprocess.run(["sh", "-c", 'cat "$1" > "$2" && sync "$2"', "sh", str(source), str(target)], check=True)
    return time.perf_counter() - started


def _python(code: str, *arguments: Path) -> list[float]:
    done = subprocess.run([PYTHON, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {done.stderr}")
    numbers: list[float] = json.loads(done.stdout)
    return numbers
