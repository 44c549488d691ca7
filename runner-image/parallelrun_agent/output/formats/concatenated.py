"""Text, JSON Lines and CSV: payloads are whole lines, one mini-batch's after the other's."""

from __future__ import annotations

from collections.abc import Iterable

from parallelrun_agent.output.payloads import Batch
from parallelrun_agent.output.sink import Sink


def write(sink: Sink, batches: Iterable[Batch], header: bytes = b"") -> None:
    """``header`` and then every payload as it is. Raises OSError."""
    if header:
        sink.write(header)
    for batch in batches:
        sink.write(batch.payloads[0] if len(batch.payloads) == 1 else b"".join(batch.payloads))
