"""Who runs which workload: for each contender a command that starts from nothing and leaves an output."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PYTHON = ROOT / ".venv" / "bin" / "python"
BENCH_PYTHON = ROOT / ".bench" / "venv" / "bin" / "python"
SPARK_SAMPLE = 2_000  # mini-batches of W1 that Spark is given: all 20,000 would take it ten minutes a run

JOB = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {{name: {name}}}
spec:
  source: {{directory: {source}}}
  entryScript: {script}
  inputs: [{{name: data, type: {type}, paths: ["input/{pattern}"]}}]
  models: [{models}]
  miniBatchSize: {size}
  processCountPerNode: 2
  output: {{format: {format}}}
"""


@dataclass(frozen=True)
class Contender:
    """One way to run one workload."""

    name: str  # as in the table
    package: str  # whose version is shown; "" for Python's own
    command: Callable[[Path, Path], list[str]]  # (workload folder, output) -> command
    output: str = ""  # of ours: the file in the output folder
    module: str = ""  # that must be importable in the bench's environment


def peer(name: str, program: str, workload: str, package: str = "", module: str = "", extra: str = "") -> Contender:
    """A program of peers/."""

    def command(folder: Path, output: Path) -> list[str]:
        words = [BENCH_PYTHON, HERE / "peers" / f"{program}.py", workload, folder, output]
        return [*map(str, words), *([extra] if extra else [])]

    return Contender(name, package, command, module=module)


def ours(workload: str, form: str) -> Contender:
    """``parallelrun run`` with this output format."""

    def command(folder: Path, output: Path) -> list[str]:
        job = folder / f"job-{form.lower()}.yaml"
        job.write_text(_manifest(workload, form))
        return [str(PYTHON.parent / "parallelrun"), "run", str(job), "--output", str(output)]

    suffix = {"Text": "txt", "CSV": "csv", "Parquet": "parquet"}[form]
    return Contender(f"parallelrun, {form}", "parallelrun", command, output=f"parallel_run_step.{suffix}")


def _manifest(workload: str, form: str) -> str:
    values = {"name": workload, "source": HERE / "jobs", "script": f"{workload}.py", "models": "", "format": form}
    if workload == "w1":
        values |= {"type": "File", "pattern": "*.txt", "size": 1}
    elif workload == "w2":
        values |= {"type": "File", "pattern": "*.png", "size": 10, "models": "{name: mnist, path: model/}"}
        values |= {"source": ROOT / "examples" / "mnist" / "code", "script": "digit_identification.py"}
    else:
        values |= {"type": "Tabular", "pattern": "sales.csv", "size": "1MB"}
    return JOB.format(**values)


def all_of(workload: str) -> list[Contender]:
    """Every contender of a workload: the plain loop first, then ours, then the others."""
    forms = ["Text", "CSV", "Parquet"] if workload == "w3" else ["Text"]
    sample = str(SPARK_SAMPLE) if workload == "w1" else ""
    return [
        peer("plain loop", "loop", workload),
        *(ours(workload, form) for form in forms),
        peer("Pool(2).imap", "pool_imap", workload),
        peer("Pool(2).map", "pool", workload),
        peer("joblib", "joblib_", workload, "joblib", "joblib"),
        peer("Ray Data", "ray_", workload, "ray", "ray.data"),
        peer("Dask", "dask_", workload, "dask", "dask.dataframe"),
        peer(
            "Spark" + (f", {SPARK_SAMPLE:,} only" if sample else ""), "spark_", workload, "pyspark", "pyspark", sample
        ),
    ]


def missing(contender: Contender) -> str:
    """Why a contender cannot take part; "" where it can."""
    if not contender.module:
        return ""
    code = f"import {contender.module}"
    if contender.module == "pyspark":
        code += "; import shutil, sys; sys.exit(None if shutil.which('java') else 'there is no Java on this machine')"
    done = subprocess.run([BENCH_PYTHON, "-c", code], capture_output=True, text=True)
    return (done.stderr.strip().splitlines() or ["cannot be imported"])[-1] if done.returncode else ""


def version(contender: Contender) -> str:
    """The version of the contender's package; "" for Python's own."""
    if not contender.package:
        return ""
    python = PYTHON if contender.package == "parallelrun" else BENCH_PYTHON
    code = f"import importlib.metadata as m; print(m.version({contender.package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
