"""When a job has failed too often: the thresholds of the manifest, and ``init()`` that does not get through."""

from __future__ import annotations

from collections.abc import Mapping

from parallelrun.api.settings import Limits
from parallelrun.leases.allocator import Counts
from parallelrun.leases.header import INIT_FAILED

ERROR_THRESHOLD = "ErrorThresholdExceeded"
MINI_BATCH_ERROR_THRESHOLD = "MiniBatchErrorThresholdExceeded"
ALLOWED_FAILED_PERCENT = "AllowedFailedPercentExceeded"
PROGRAM_FAILED = "ProgramFailed"

#: Said where items failed and no mini-batch did.
SHORT_RETURNS = (
    "No mini-batch failed: run() returned fewer elements than it was given items. "
    "logs/processed_mini-batches.csv says for which mini-batches."
)

#: So long after the first failed init(), failures are added up over all nodes.
INIT_GRACE_SECONDS = 120.0


def violation(counts: Counts, total: int, limits: Limits) -> tuple[str, str] | None:
    """(reason, message) of the first threshold that ``counts`` of a job with ``total`` mini-batches exceed, or None.

    -1 tolerates all, as does 100 %; a threshold itself is tolerated, one more is not. A program has no thresholds.
    """
    if limits.program:
        said = "The program failed; the first failure has its traceback, or how it ended."
        return (PROGRAM_FAILED, said) if counts.failed else None
    if 0 <= limits.error_threshold < counts.items_failed:
        message = _message(counts.items_failed, "item", "errorThreshold", limits.error_threshold)
        return ERROR_THRESHOLD, message if counts.failed else f"{message} {SHORT_RETURNS}"
    if 0 <= limits.mini_batch_error_threshold < counts.failed:
        limit = limits.mini_batch_error_threshold
        return MINI_BATCH_ERROR_THRESHOLD, _message(counts.failed, "mini-batch", "miniBatchErrorThreshold", limit)
    if 0 <= limits.allowed_failed_percent < 100 and 100 * counts.failed > limits.allowed_failed_percent * total:
        return ALLOWED_FAILED_PERCENT, (
            f"{_number(counts.failed, 'mini-batch')} of {total} failed, more than allowedFailedPercent: "
            f"{limits.allowed_failed_percent:g}. Mend the script or the input, or raise spec.allowedFailedPercent "
            "(100 tolerates all)."
        )
    return None


def init_failures_violation(
    failures_by_node: Mapping[int, int], processes: int, nodes: int, seconds_since_first: float
) -> tuple[str, str] | None:
    """(reason, message) where ``init()`` failed 3 x processes times on one node, or, once two minutes have passed since
    its first failure, 2 x nodes x processes times over all nodes; else None.
    """
    for node, failures in sorted(failures_by_node.items()):
        if failures >= 3 * processes:
            return INIT_FAILED, f"init() failed {_number(failures, 'time')} on node {node}"
    failures = sum(failures_by_node.values())
    if seconds_since_first >= INIT_GRACE_SECONDS and failures >= 2 * nodes * processes:
        return INIT_FAILED, f"init() failed {_number(failures, 'time')} on {_number(nodes, 'node')}"
    return None


def _message(failed: int, what: str, name: str, limit: int) -> str:
    return (
        f"{_number(failed, what)} failed, more than {name}: {limit}. "
        f"Mend the script or the input, or raise spec.{name} (-1 tolerates all)."
    )


def _number(n: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{n} {what if n == 1 else plural}"
