"""How a run's end becomes an exit code: one rule for `run`, `watch` and `wait`."""

from __future__ import annotations

from parallelrun.api import exit_codes
from parallelrun.leases import header

#: Reasons of Aborted that come before the first init(): nothing of the user's has run.
BEFORE_INIT = frozenset(
    {
        header.INPUT_CHANGED,
        header.INPUT_ERROR,
        header.SOURCE_ERROR,
        header.ENVIRONMENT_ERROR,
        "PlanningFailed",  # these two as in api.conditions, which takes the models to import
        "ManifestError",
    }
)


def exit_code(phase: str, reason: str) -> int:
    """The exit code that says how a run ended; any phase but Done and Aborted is an interrupted run's."""
    if phase == header.Phase.DONE:
        return exit_codes.DONE
    if phase != header.Phase.ABORTED or reason == header.INTERRUPTED:
        return exit_codes.INTERRUPTED
    return exit_codes.NOT_STARTED if reason in BEFORE_INIT else exit_codes.JOB_FAILED
