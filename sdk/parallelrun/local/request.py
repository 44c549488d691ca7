"""What a local run is asked, tells while it runs, and answers: the seam between the command and the engine.

Nothing here imports anything slow, so that the command can build a request before the engine is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: Fields of a request that are paths, and those that are lists of paths.
_PATHS = ("manifest", "kustomize", "output", "source", "rerun_of")
_LISTS = ("register", "reuse_of")


@dataclass(frozen=True)
class RunRequest:
    """One run on this machine, as it was asked for; exactly one of manifest, kustomize and rerun_of is given."""

    manifest: Path | None = None
    text: str = ""  # what is in it, where there may be no such file; the path then says where relative paths start
    kustomize: Path | None = None  # a folder with a kustomization.yaml (-k)
    sets: list[str] = field(default_factory=list)  # "spec.nodeCount=4", later ones win
    output: Path | None = None  # the run's folder; None: ./runs/<job>-<time>
    source: Path | None = None  # stands for spec.source
    maps: dict[str, str] = field(default_factory=dict)  # {"pvc://claim": "/folder"}
    register: list[Path] = field(default_factory=list)  # folders with what is registered by name
    resume: bool = False  # go on with the run in `output`, or with the newest one of this job
    rerun_of: Path | None = None  # the folder of a run: its manifest is run again in a new folder
    failed_only: bool = False  # of rerun_of: only mini-batches without a winning success
    reuse_of: list[Path] = field(default_factory=list)  # earlier runs whose results may be taken over, in this order

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, for another process; without what is a default."""
        value: dict[str, Any] = {name: one for name, one in vars(self).items() if one}
        value |= {name: str(value[name]) for name in _PATHS if name in value}
        return value | {name: [str(one) for one in value[name]] for name in _LISTS if name in value}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> RunRequest:
        """The inverse of :meth:`to_json`."""
        paths = {name: Path(value[name]) for name in _PATHS if name in value}
        lists = {name: [Path(one) for one in value[name]] for name in _LISTS if name in value}
        return cls(**{**value, **paths, **lists})


@dataclass(frozen=True)
class NodeView:
    """One node, as a progress display shows it."""

    node: int
    state: str  # "starting" | "running" | "waiting" | "stopped" | "lost" | ...: one word, shown as it is
    completed: int = 0  # mini-batches
    processes: int = 0  # worker processes alive
    running: list[str] = field(default_factory=list)  # what each busy process runs, say "17" or "17 (try 2)"


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment; every number is cumulative over the run, resumed parts included."""

    phase: str  # a leases.header.Phase value
    total: int | None = None  # mini-batches; None until planned
    completed: int = 0  # mini-batches, failed ones included
    failed: int = 0
    retried: int = 0
    items_succeeded: int = 0
    items_failed: int = 0
    elapsed: float = 0.0  # seconds since this process started the run
    nodes: list[NodeView] = field(default_factory=list)
    stalled: str = ""  # why the work pauses ("no space left: /volume/..."); "" when it does not
    first_error: str = ""  # one line, of the first failure seen
    suspended: bool = False
    preparing: str = ""  # what is done before the first node works ("installing packages: ..."), where it takes long


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    folder: Path
    phase: str  # "Done" | "Aborted"
    reason: str = ""  # CamelCase, of Aborted; "Interrupted": Ctrl-C, everything sealed
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)  # job_result.json
    first_failure: Mapping[str, Any] | None = None  # as in job_result.json's firstErrors


class Listener(Protocol):
    """Who is told about a run. Calls come from the engine's own thread and must return at once."""

    def started(self, folder: Path) -> None:
        """The run's folder exists; everything to know about the run will be there."""

    def progress(self, snapshot: Snapshot) -> None:
        """The state now; a few times a second, and once more at the end."""

    def message(self, text: str) -> None:
        """A remark for people, one or a few lines ("stopping: sealing what is finished ...")."""
