"""The first mini-batches that failed: what nodes tell of while the job runs, what the reports say at its end."""

from __future__ import annotations

from typing import Any

from parallelrun_operator.job.policies.case import Case

Json = dict[str, Any]

_MOST = 10


def first_errors(case: Case, before: list[Json]) -> list[Json]:
    """By mini-batch. A node tells of its first failure alone, and a new holder forgets it, so what was told is kept.

    What another holder ran again may have succeeded after all: at the end only what the reports name is left, in the
    longer words of the node where there are such.
    """
    seen = {one["miniBatch"]: one for one in (*_heard(case), *before)}
    reported = case.header.result.get("firstErrors")
    if reported is not None:
        seen = {one["miniBatch"]: one | _told(seen.get(one["miniBatch"], {})) for one in reported}
    return [seen[mini_batch] for mini_batch in sorted(seen)][:_MOST]


def _told(error: Json) -> Json:
    """Without what nobody told: the API server fills in an empty list of files."""
    return {name: value for name, value in error.items() if value != []}


def _heard(case: Case) -> list[Json]:
    """What the present holders tell."""
    heard = []
    for node, lease in sorted(case.world.nodes.items()):
        progress = lease.progress if lease is not None else {}
        if failure := progress.get("first_failure"):
            mini_batch, message = failure
            heard.append({"miniBatch": mini_batch, "node": node, "message": message})
    return heard
