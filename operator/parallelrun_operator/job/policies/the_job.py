"""What the child Job's object tells."""

from __future__ import annotations

from parallelrun_operator.job.policies.case import Case, Json


def terminating(child: Json) -> bool:
    """Whether somebody deleted it."""
    return bool(child["metadata"].get("deletionTimestamp"))


def suspended(child: Json) -> bool:
    """Whether it has no pods because it was told so, by us or by a queue."""
    return bool(child["spec"].get("suspend"))


def finished(child: Json) -> bool:
    """Whether it makes no pods any more."""
    conditions = (child.get("status") or {}).get("conditions") or ()
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def refused_pods(case: Case, child: Json) -> bool:
    """Whether the API server refused to create pods of it of late (a quota, Pod Security)."""
    uid = child["metadata"]["uid"]
    return any(
        event.get("reason") == "FailedCreate" and event["involvedObject"].get("uid") == uid
        for event in case.world.warnings
    )
