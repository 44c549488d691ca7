"""Events about a job, one object for each different text: the same again only raises its count."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import EVENTS
from parallelrun_operator.job.actions import Announce

Json = dict[str, Any]

COMPONENT = "parallelrun-operator"
#: The API server refuses longer ones.
LONGEST_MESSAGE, LONGEST_REASON = 1024, 128
_LONGEST_JOB_NAME = 200


async def announce(kube: Kube, job: Json, what: Announce) -> None:
    """Write the Event, or count it once more; raises KubeError."""
    event = first(job, what, datetime.now(UTC))
    try:
        await kube.create(event)
    except errors.Conflict:
        await _again(kube, event)


async def _again(kube: Kube, event: Json) -> None:
    meta = event["metadata"]
    try:
        there = await kube.get(EVENTS, meta["namespace"], meta["name"])
    except errors.NotFound:
        return  # it just grew too old; the next one is a first one
    patch = {"count": int(there.get("count") or 1) + 1, "lastTimestamp": event["lastTimestamp"]}
    await kube.patch(EVENTS, meta["namespace"], meta["name"], patch)


def first(job: Json, what: Announce, now: datetime) -> Json:
    """The Event, told for the first time. Its name follows from the job and the text."""
    meta = job["metadata"]
    text = "\n".join((meta["uid"], what.type, what.reason, what.message))
    when = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {
            "name": f"{meta['name'][:_LONGEST_JOB_NAME]}.{hashlib.sha256(text.encode()).hexdigest()[:16]}",
            "namespace": meta["namespace"],
        },
        "involvedObject": {
            "apiVersion": job["apiVersion"],
            "kind": job["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        },
        "type": what.type,
        "reason": what.reason[:LONGEST_REASON],
        "message": _cut(what.message),
        "count": 1,
        "firstTimestamp": when,
        "lastTimestamp": when,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
    }


def _cut(message: str) -> str:
    data = message.encode()
    if len(data) <= LONGEST_MESSAGE:
        return message
    return data[: LONGEST_MESSAGE - 3].decode(errors="ignore") + "..."
