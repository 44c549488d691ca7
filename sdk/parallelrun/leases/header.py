"""The header: the job's one small state object, whose phase decides what the job is.

    Planning -> Running -> Finalizing -> Committing -> Done
       Planning -> Committing (`take_over`: an earlier job made the same, so that nothing is run)
       all but Committing and Done -> Aborted (Committing only by `fail`: corruption found after the table was frozen)
       Finalizing -> Running (`reopen`: a winning record was corrupt)

At most one holder has the *grant* (planning, finalizing, or the reports of an aborted job). Its epoch only grows, so a
superseded holder, however long it was frozen, changes nothing: each transition that a grant entitles to compares it.

Every function is pure, and unchanged state is returned as it came: a caller that sees the same object writes nothing.
Two rules for callers, since the header cannot see the shards:
- whoever reads a done shard whose bit is still set clears it (:func:`shard_completed`); its finder may be dead;
- a finalizer reopens a mini-batch in the shard first and in the header afterwards, and whoever clears a bit names the
  header's epoch as it read it *before* it read the shard. A clear that comes late is then refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

#: An epoch is ``generation << GENERATION_SHIFT | counter``, in headers and shards alike: --resume outdoes all before.
GENERATION_SHIFT = 40


class Phase(StrEnum):
    """What the job is doing."""

    PLANNING = "Planning"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    COMMITTING = "Committing"
    DONE = "Done"
    ABORTED = "Aborted"


# Reasons of Aborted that say nothing about the results: a resumed run goes on from them.
CANCELLED = "Cancelled"
AGENT_FAILED = "AgentFailed"
PLANNING_FAILED = "PlanningFailed"
INTERRUPTED = "Interrupted"
INPUT_CHANGED = "InputChanged"  # by publish_plan; the input may be put back as it was
INIT_FAILED = "InitFailed"
NO_PROGRESS = "NoProgress"
INPUT_ERROR = "InputError"
SOURCE_ERROR = "SourceError"
ENVIRONMENT_ERROR = "EnvironmentError"
RESUMABLE = frozenset(
    {
        CANCELLED,
        INTERRUPTED,
        INPUT_CHANGED,
        INIT_FAILED,
        NO_PROGRESS,
        INPUT_ERROR,
        SOURCE_ERROR,
        ENVIRONMENT_ERROR,
        AGENT_FAILED,
        PLANNING_FAILED,
    }
)

_ABORTABLE = frozenset({Phase.PLANNING, Phase.RUNNING, Phase.FINALIZING})


@dataclass(frozen=True)
class Plan:
    """The published plan: its own hash, how many mini-batches it has, and the hash of the input's listing."""

    sha256: str
    total: int
    input_sha256: str


@dataclass(frozen=True)
class Grant:
    """The right of one holder to plan, to finalize, or to report."""

    holder: str
    epoch: int


@dataclass(frozen=True)
class Header:
    """The whole state of a job but for its ranges.

    ``open_shards`` is a bitmap of the shards that are not yet complete. ``winners`` is the hash of the frozen table of
    winning records. ``reason`` (CamelCase) and ``message`` are of Aborted; ``result`` is what the finalizer reported.
    ``fingerprint`` is the hash of all that results follow from; "" where that is not known, or was not the same all the
    time. ``reused`` is what an earlier job made and this one takes over; {} where it makes its own.
    """

    job_uid: str
    generation: int
    phase: Phase
    epoch: int
    grant: Grant | None
    plan: Plan | None
    spec_hash: str
    source_hash: str
    shards: int
    open_shards: int
    winners: str | None = None
    reason: str = ""
    message: str = ""
    reported: bool = False
    result: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    reused: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; the bitmap in hexadecimal, for it outgrows what JSON readers take for a number."""
        value = dict(vars(self))
        value["phase"] = self.phase.value
        value["grant"] = None if self.grant is None else dict(vars(self.grant))
        value["plan"] = None if self.plan is None else dict(vars(self.plan))
        value["open_shards"] = f"{self.open_shards:x}"
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Header:
        """The inverse of :meth:`to_json`; raises TypeError, KeyError or ValueError on anything else."""
        fields = dict(value)
        fields["phase"] = Phase(value["phase"])
        fields["grant"] = None if value["grant"] is None else Grant(**value["grant"])
        fields["plan"] = None if value["plan"] is None else Plan(**value["plan"])
        fields["open_shards"] = int(value["open_shards"], 16)
        return cls(**fields)


def new(job_uid: str, shards: int, spec_hash: str, source_hash: str) -> Header:
    """A job that was just created, with ``shards`` shards, in Planning."""
    if shards < 1:
        raise ValueError(f"a job has at least one shard, not {shards}")
    return Header(
        job_uid=job_uid,
        generation=1,
        phase=Phase.PLANNING,
        epoch=1 << GENERATION_SHIFT,
        grant=None,
        plan=None,
        spec_hash=spec_hash,
        source_hash=source_hash,
        shards=shards,
        open_shards=_all(shards),
    )


def grant_planning(h: Header, holder: str) -> tuple[Header, Grant | None]:
    """The right to plan; None where the job is not in Planning or another holder has it. Asking twice is harmless."""
    return _grant(h, holder) if h.phase is Phase.PLANNING else (h, None)


def publish_plan(
    h: Header, grant: Grant, plan: Plan, difference: str = "", fingerprint: str = ""
) -> tuple[Header, bool]:
    """Planning -> Running; False and unchanged where ``grant`` is stale.

    A resumed job has a plan already: another one aborts it (InputChanged), with ``difference``, a sentence that names
    what changed, as its message. Another ``fingerprint`` does not, but such a job has none from then on: its results
    are of both.
    """
    if not _current(h, grant, Phase.PLANNING):
        return h, False
    if h.plan is not None and h.plan != plan:
        return abort(h, INPUT_CHANGED, difference or "the input is not what was planned"), True
    if h.plan is not None and h.fingerprint != fingerprint:
        fingerprint = ""
    return replace(h, phase=Phase.RUNNING, grant=None, plan=plan, fingerprint=fingerprint), True


def take_over(h: Header, grant: Grant, plan: Plan, fingerprint: str, reused: dict[str, Any]) -> tuple[Header, bool]:
    """Planning -> Committing, with what an earlier job of the same ``fingerprint`` made; the grant stays, to report it.

    False and unchanged where ``grant`` is stale, or the job was planned before and may have results of its own.
    """
    if not _current(h, grant, Phase.PLANNING) or h.plan is not None:
        return h, False
    taken = replace(h, phase=Phase.COMMITTING, plan=plan, open_shards=0)
    return replace(taken, fingerprint=fingerprint, reused=reused), True


def shard_completed(h: Header, shard: int, epoch: int | None = None) -> Header:
    """``shard`` has neither unclaimed nor leased ranges: clear its bit.

    ``epoch`` is the header's as it was read before the shard was read: where finalizing was granted since, and maybe
    the shard reopened, what the caller saw is out of date and nothing changes.
    """
    bit = 1 << shard
    if h.phase is not Phase.RUNNING or not h.open_shards & bit or epoch not in (None, h.epoch):
        return h
    return replace(h, open_shards=h.open_shards & ~bit)


def grant_finalizing(h: Header, holder: str) -> tuple[Header, Grant | None]:
    """The right to finalize, once every shard is complete, or to write the reports of an aborted job; else None.

    A grant that was revoked is granted anew in the phase that the job is in, so that a successor repeats the work.
    """
    if h.phase is Phase.RUNNING and not h.open_shards:
        return _grant(replace(h, phase=Phase.FINALIZING), holder)
    if h.phase in (Phase.FINALIZING, Phase.COMMITTING) or (h.phase is Phase.ABORTED and not h.reported):
        return _grant(h, holder)
    return h, None


def publish_winners(h: Header, grant: Grant, sha256: str) -> tuple[Header, bool]:
    """Finalizing -> Committing, with the frozen table's hash; False where ``grant`` is stale."""
    if not _current(h, grant, Phase.FINALIZING):
        return h, False
    return replace(h, phase=Phase.COMMITTING, winners=sha256), True


def finish(h: Header, grant: Grant, result: dict[str, Any]) -> tuple[Header, bool]:
    """Committing -> Done, or Aborted -> reported; False where ``grant`` is stale."""
    if _current(h, grant, Phase.COMMITTING):
        return replace(h, phase=Phase.DONE, grant=None, reported=True, result=result), True
    if _current(h, grant, Phase.ABORTED) and not h.reported:
        return replace(h, grant=None, reported=True, result=result), True
    return h, False


def abort(h: Header, reason: str, message: str) -> Header:
    """-> Aborted, unless the job is Committing or over. The grant is gone: the reports need a new one."""
    if h.phase not in _ABORTABLE:
        return h
    return replace(h, phase=Phase.ABORTED, grant=None, reason=reason, message=message)


def reopen(h: Header, grant: Grant, shards: int) -> tuple[Header, bool]:
    """Finalizing -> Running, since winning records were corrupt in ``shards`` (a bitmap); False on a stale grant.

    Raises ValueError where ``shards`` is empty: the job would go straight back to Finalizing.
    """
    if not 0 < shards <= _all(h.shards):
        raise ValueError(f"reopen needs a bitmap of 1 to {h.shards} shards, not {shards:b}")
    if not _current(h, grant, Phase.FINALIZING):
        return h, False
    return replace(h, phase=Phase.RUNNING, grant=None, open_shards=h.open_shards | shards), True


def fail(h: Header, grant: Grant, reason: str, message: str) -> tuple[Header, bool]:
    """Committing -> Aborted: corruption was found after the table was frozen. The grant stays, for the reports."""
    if not _current(h, grant, Phase.COMMITTING):
        return h, False
    return replace(h, phase=Phase.ABORTED, reason=reason, message=message), True


def revoke(h: Header, holder: str) -> Header:
    """Release the grant of ``holder``, which expired or leaves; the phase stays, the next grant has a higher epoch."""
    if h.grant is None or h.grant.holder != holder:
        return h
    return replace(h, grant=None)


def resumable(h: Header) -> bool:
    """Whether :func:`resume` changes anything: the job is not Done, and not Aborted for what its results are."""
    return h.phase is not Phase.DONE and (h.phase is not Phase.ABORTED or h.reason in RESUMABLE)


def resume(h: Header) -> Header:
    """The next generation of a run whose processes are all gone.

    Planning, Running and what was aborted for a reason in RESUMABLE start at Planning: the input is checked again and
    must give the same plan. All shards are open again, since the caller builds them anew from what is sealed.
    Finalizing and Committing stay; Done, and Aborted for any other reason, are returned unchanged.
    """
    if not resumable(h):
        return h
    generation = h.generation + 1
    h = replace(h, generation=generation, epoch=generation << GENERATION_SHIFT, grant=None)
    if h.phase in (Phase.FINALIZING, Phase.COMMITTING):
        return h
    h = replace(h, phase=Phase.PLANNING, open_shards=_all(h.shards))
    return replace(h, winners=None, reason="", message="", reported=False, result={})


def _all(shards: int) -> int:
    return (1 << shards) - 1


def _current(h: Header, grant: Grant, phase: Phase) -> bool:
    return h.phase is phase and h.grant == grant


def _grant(h: Header, holder: str) -> tuple[Header, Grant | None]:
    """To ``holder``, unless another has it. The same holder gets the grant it has: its answer may have been lost."""
    if h.grant is not None:
        return h, h.grant if h.grant.holder == holder else None
    grant = Grant(holder, h.epoch + 1)
    return replace(h, epoch=grant.epoch, grant=grant), grant
