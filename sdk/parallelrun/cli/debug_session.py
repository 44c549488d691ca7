"""One mini-batch of a planned run, set up in a folder of its own and run by the job's own interpreter."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from parallelrun.api import exit_codes, layout
from parallelrun.api.errors import EnvironmentError_, ManifestError
from parallelrun.api.settings import JobSettings
from parallelrun.cli.debug_answers import Answers
from parallelrun.leases.client import Leases
from parallelrun.leases.store import MemoryStore
from parallelrun_agent import one_mini_batch
from parallelrun_agent.job import Job
from parallelrun_agent.plan import open_plan
from parallelrun_agent.worker_config import write_worker_config
from parallelrun_worker import children, debugger, meeting


class Session:
    """``scratch``/job is a job's folder with nothing but the script in it; ``scratch``/meeting its worker's."""

    def __init__(
        self, run: Path, settings: JobSettings, plan: str, mini_batch: int, scratch: Path, source: Path | None
    ) -> None:
        """Copy the script and write what the worker reads. Raises ManifestError for a mini-batch that is not there."""
        self._settings = _fetching_to(scratch / "cache", run, _apart(settings, scratch / "outputs"))
        self._meeting = scratch / "meeting"
        self._meeting.mkdir(parents=True)
        folder = scratch / "job"
        shutil.copytree(source or run / layout.SOURCE, folder / layout.SOURCE, symlinks=True)
        if (run / layout.MODELS).exists():
            (folder / layout.MODELS).symlink_to((run / layout.MODELS).resolve())
        self._prepare(run, plan, mini_batch, folder)

    def _prepare(self, run: Path, plan: str, mini_batch: int, folder: Path) -> None:
        reader = open_plan(run, plan)
        if mini_batch >= reader.total:
            last = f"the last is {reader.total - 1}" if reader.total else "there is none: the input is empty"
            raise ManifestError(f"--mini-batch {mini_batch}: there is no such mini-batch; {last}.")
        job = self._job = Job(folder, self._settings, 0, "debug", Leases(MemoryStore()), self._meeting)
        work, cache = one_mini_batch.bring(job, reader, mini_batch)
        write_worker_config(job, reader.input_config(), cache)
        self._task: dict[str, Any] = {"mini_batch": mini_batch, "work": work}

    def run(self, under_pdb: bool) -> int:
        """Run it in this terminal; the exit code. Raises EnvironmentError_ where the job's interpreter is gone."""
        config = meeting.configuration(str(self._meeting))
        python = self._settings.python or sys.executable
        # Ctrl-C is for pdb. A handler and not SIG_IGN, which the child would inherit.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            words = [python, os.path.abspath(debugger.__file__), str(self._meeting)]
            with Answers(self._job) as answers:
                task = {**self._task, "pdb": under_pdb, "asks": answers.descriptors}
                (self._meeting / debugger.TASK).write_text(json.dumps(task), encoding="utf-8")
                environment = children.environment(config, 0, 0, {})
                status = subprocess.call(words, cwd=config["source"], env=environment, pass_fds=answers.descriptors)
        except OSError as error:
            raise EnvironmentError_(f"{python}: {error.strerror}.", "Run the job again: it makes its venv.") from None
        finally:
            signal.signal(signal.SIGINT, before)
        return exit_codes.INTERRUPTED if status == -signal.SIGINT else min(abs(status), exit_codes.JOB_FAILED)


def _apart(settings: JobSettings, outputs: Path) -> JobSettings:
    """``settings`` whose script-written outputs are in ``outputs``, also where arguments name them."""
    words, places = list(settings.arguments), {}
    for name, place in settings.outputs.items():
        places[name] = str(outputs / name)
        words = [word.replace(place, places[name]) for word in words]
    return replace(settings, arguments=words, outputs=places)


def _fetching_to(cache: Path, run: Path, settings: JobSettings) -> JobSettings:
    """``settings`` by which all that is in object stores is fetched to ``cache``, also where arguments name it."""
    before = settings.cache or str(run / layout.CACHE)
    words = [word.replace(f"{before}/", f"{cache}/") for word in settings.arguments]
    variables = {name: text.replace(f"{before}/", f"{cache}/") for name, text in settings.environment.items()}
    return replace(settings, cache=str(cache), arguments=words, environment=variables)
