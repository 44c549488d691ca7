"""A step's process, seen from the pipeline's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.local import run_folder
from parallelrun.local.pipelines import step_process
from parallelrun.local.request import RunRequest

#: A step whose process was killed is resumed; after so many deaths it has failed.
MOST_DEATHS = 3
#: A process that lost its parent seals what it has before it lets go of the folder.
RELEASE_SECONDS = 60.0
_LONGEST_LINE = 16 << 20

Event = dict[str, Any]


@dataclass(frozen=True)
class End:
    """How a step's run ended."""

    phase: str  # "Done", "Aborted", or "" where it did not begin
    reason: str = ""
    message: str = ""


class Child:
    """One step's process, started again where it is killed."""

    def __init__(
        self, step: str, request: RunRequest, errors: Path, tell: Callable[[str, Event], None], own: Path | None
    ) -> None:
        """``errors``: the file for what it prints to stderr. ``tell(step, event)`` gets each event. ``own``: a folder
        that is emptied before it begins, as what an attempt left that was killed is not to mix with the next one's."""
        self._step, self._request, self._errors, self._tell, self._own = step, request, errors, tell, own
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False

    async def run(self) -> End:
        """Run it to its end."""
        for _ in range(MOST_DEATHS):
            await _released(self._folder)
            if self._own is not None and not _sealed(self._folder):
                await asyncio.to_thread(shutil.rmtree, self._own, ignore_errors=True)
            end = await self._once(_resumed(self._request))
            if end is not None:
                return end
            if self._stopped:
                return End("Aborted", "Interrupted")
            self._tell(self._step, {"type": "message", "text": "its process was killed; another goes on"})
        said = self._errors.read_text(errors="replace").strip().splitlines()[-1:] or ["it printed nothing"]
        return End(
            "Aborted", "AgentFailed", f"its process was killed {MOST_DEATHS} times; see {self._errors}: {said[0]}"
        )

    def interrupt(self) -> None:
        """As Ctrl-C: once seals what is finished and ends, twice ends at once."""
        self._stopped = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it without more ado; its agents notice."""
        self._stopped = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def _folder(self) -> Path:
        assert self._request.output is not None
        return self._request.output

    async def _once(self, request: RunRequest) -> End | None:
        """None: it was killed, or ended by itself with nothing said."""
        with open(self._errors, "ab") as errors:
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", step_process.__name__),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # a terminal's Ctrl-C is for the parent, which passes it on
                limit=_LONGEST_LINE,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        if self._stopped:
            self.interrupt()
        process.stdin.write(json.dumps(request.to_json()).encode() + b"\n")
        end: End | None = None
        async for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "ended":
                end = End(event["phase"], event["reason"], event["message"])
            elif event["type"] == "error":
                end = End("", "", "\n".join(filter(None, (event["message"], event["hint"]))))
            else:
                self._tell(self._step, event)
        await process.wait()
        process.stdin.close()
        if not self._errors.stat().st_size:
            self._errors.unlink()
        return end


def _sealed(folder: Path) -> bool:
    """Whether a program had finished, in which case it is not run again."""
    return any(index.stat().st_size for index in (folder / layout.SEGMENTS).glob("*.idx"))


def _resumed(request: RunRequest) -> RunRequest:
    """``request``, going on with what is in its folder; what is no run yet begins anew."""
    output = request.output
    assert output is not None
    return replace(request, resume=output.is_dir() and run_folder.looks_like_run(output))


async def _released(folder: Path) -> None:
    """Wait until nobody holds the run's folder. Raises RunFolderError."""
    deadline = asyncio.get_running_loop().time() + RELEASE_SECONDS
    while folder.is_dir():
        try:
            run_folder.Lock(folder).close()
        except RunFolderError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return
