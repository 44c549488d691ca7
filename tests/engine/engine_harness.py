"""A job in a folder of its own, run by the command in a process of its own: what the tests of the engine share.

Everything is looked at from outside, as a user would: exit status, output, reports, and files that the script writes.
Scripts get the path of one such file in the environment variable SAID and append a line a call: each line is one
write, so lines of several processes do not mix.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from parallelrun_worker.segment import RECORD_SIZE

COMMAND = [sys.executable, "-m", "parallelrun.cli.main"]
DEADLINE_SECONDS = 50.0

#: What scripts start with: ``say(...)`` appends one JSON line for the test to read.
SAY = """\
import json, os

def say(*words):
    with open(os.environ["SAID"], "a") as said:
        said.write(json.dumps([os.getpid(), *words]) + "\\n")

"""


def wait_for(condition: Callable[[], Any], what: str, explain: Callable[[], str] = str) -> Any:
    """The first true value of ``condition``; fails the test when none came in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come within {DEADLINE_SECONDS:g} s\n{explain()}")
        time.sleep(0.01)
    return value


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All that it printed, for messages of assertions."""
        return f"exit status {self.status}\n{self.stdout}\n{self.stderr}"


@dataclass(frozen=True)
class RunFolder:
    """What a run left, or has so far, in its folder."""

    folder: Path

    def output(self, name: str = "parallel_run_step.txt") -> str:
        """The output file's text; it must be whole."""
        assert (self.folder / "_SUCCESS").exists(), "no _SUCCESS"
        return (self.folder / name).read_bytes().decode()

    def lines(self) -> list[str]:
        """The output's lines."""
        return self.output().splitlines()

    def result(self) -> dict[str, Any]:
        """job_result.json."""
        value: dict[str, Any] = json.loads((self.folder / "job_result.json").read_text())
        return value

    def counts(self) -> dict[str, int]:
        """How many mini-batches were there, failed and were retried, and how many items failed."""
        result = self.result()
        counts = {key: result["miniBatches"][key] for key in ("total", "completed", "failed", "retried")}
        return {**counts, "items_failed": result["items"]["failed"]}

    def mini_batches(self) -> list[dict[str, str]]:
        """The lines of processed_mini-batches.csv."""
        with open(self.folder / "logs" / "processed_mini-batches.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def recorded(self) -> int:
        """How many mini-batches processes have handed over so far."""
        return sum(path.stat().st_size // RECORD_SIZE for path in (self.folder / "segments").glob("*.idx"))

    def log(self, pattern: str) -> str:
        """The text of all files below logs/ that match ``pattern``, one after the other."""
        return "".join(path.read_text() for path in sorted((self.folder / "logs").glob(pattern)))


@dataclass
class Site:
    """A folder with code, input and a manifest; runs and commands start from here."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "code").mkdir(parents=True, exist_ok=True)
        (self.folder / "in").mkdir(exist_ok=True)

    # --- what is there before a run ---

    def script(self, text: str, name: str = "score.py") -> None:
        """The entry script; ``say`` is there for it to use."""
        (self.folder / "code" / name).write_text(SAY + textwrap.dedent(text))

    def write(self, name: str, text: str = "") -> Path:
        """Any other file, folders included."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def files(self, count: int) -> None:
        """Input files 0.txt, 1.txt ... that hold their own numbers."""
        for number in range(count):
            (self.folder / "in" / f"{number}.txt").write_text(str(number))

    def manifest(self, *documents: dict[str, Any], name: str = "job", **spec: Any) -> Path:
        """job.yaml with these fields of spec over the defaults: one file a mini-batch, one process, one try."""
        fields = {
            "source": {"directory": "code"},
            "entryScript": "score.py",
            "inputs": [{"name": "files", "type": "File", "paths": ["in/*.txt"]}],
            "miniBatchSize": 1,
            "runMaxTry": 1,
            **spec,
        }
        job = {
            "apiVersion": "parallelrun.dev/v1alpha1",
            "kind": "ParallelRunJob",
            "metadata": {"name": name},
            "spec": {key: value for key, value in fields.items() if value is not None},
        }
        path = self.folder / "job.yaml"
        path.write_text(yaml.safe_dump_all([job, *documents], sort_keys=False))
        return path

    # --- running ---

    def command(self, *words: str | Path) -> Finished:
        """Any command, to its end."""
        process = self.start(*words)
        try:
            stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            pytest.fail(f"{words} did not end within {DEADLINE_SECONDS:g} s")
        return Finished(process.returncode, stdout, stderr)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Any command, without waiting for it; what still runs when the test ends is killed."""
        process = subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**self._clean_environment(), **self.environment},
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *documents: dict[str, Any], output: str = "out", status: int = 0, **spec: Any) -> RunFolder:
        """Write the manifest, run it to its end and check its exit status."""
        finished = self.command("run", self.manifest(*documents, **spec), "--output", output)
        assert finished.status == status, finished.text
        return RunFolder(self.folder / output)

    def failing(self, status: int = 1, output: str = "out", **spec: Any) -> tuple[RunFolder, str]:
        """As :meth:`run`, for a job that is to fail: also what was said on stderr."""
        finished = self.command("run", self.manifest(**spec), "--output", output)
        assert finished.status == status, finished.text
        return RunFolder(self.folder / output), finished.stderr

    def said(self, word: str | None = None) -> list[list[Any]]:
        """What scripts said: [pid, word, ...] a call, in order; only those of one word where it is given."""
        path = Path(self._clean_environment()["SAID"])
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if word is None or line[1] == word]

    def forget(self) -> None:
        """What was said so far is not looked at again."""
        Path(self._clean_environment()["SAID"]).unlink(missing_ok=True)

    def _clean_environment(self) -> dict[str, str]:
        dropped = ("CUDA_VISIBLE_DEVICES", "AZUREML_", "PARALLELRUN_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        here = {"SAID": "said.jsonl", "XDG_CACHE_HOME": "cache", "KUBECONFIG": "no-kubeconfig"}
        return kept | {name: str(self.folder / path) for name, path in here.items()}

    def close(self) -> None:
        """Kill what still runs; agents and workers leave when their run is gone."""
        for process in self.started:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            process.communicate()


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Site]:
    """A site in ``folder`` for as long as a test, or a module's tests, need it."""
    site = Site(folder)
    try:
        yield site
    finally:
        site.close()
