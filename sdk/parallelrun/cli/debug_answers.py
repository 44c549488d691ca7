"""What an agent answers when a script asks, for one that is debugged: where models are that the job does not list."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import suppress
from types import TracebackType

from parallelrun.api.errors import ParallelRunError
from parallelrun.cli.terminal import tell
from parallelrun_agent import registered_models
from parallelrun_agent.job import Job
from parallelrun_agent.stall import Stall
from parallelrun_agent.supplies import Supplies


class Answers:
    """A context manager: a thread answers whoever has :attr:`descriptors`, until the last of these is closed."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._asked, write = os.pipe()
        read, self._told = os.pipe()
        self.descriptors = (read, write)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Answers:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self._thread.join(1.0)  # longer where it still fetches for a script that is gone

    def _serve(self) -> None:
        try:
            with os.fdopen(self._asked) as questions, suppress(BrokenPipeError):  # the script is gone
                for line in questions:
                    answer = json.dumps(self._answer(*json.loads(line)))
                    os.write(self._told, answer.encode("ascii") + b"\n")
        finally:
            os.close(self._told)

    def _answer(self, name: str, version: str | None) -> list[str | None]:
        """As ``RegisteredModels.answer``; the model is fetched, where it is in a store."""
        registered = self._job.settings.registered_models
        model = registered_models.find(registered, name, version)
        if model is None:
            return registered_models.unknown([*self._job.settings.models, *registered], name, version)
        try:
            fetched = asyncio.run(Supplies(self._job, Stall()).model(model, is_new=True))
        except (ParallelRunError, OSError) as error:
            return [None, self._job.shown(str(error))]
        if fetched.path != model.path:
            tell(f"fetched model {model.name} version {model.version}, which the job does not list")
        return [fetched.path, fetched.version]
