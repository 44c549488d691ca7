"""What ``run(mini_batch, mini_batch_context)`` is told about the mini-batch."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


class MiniBatchContext:
    """Attributes as under Azure ML.

    ``partition_key_value``  dict of this mini-batch's partition, ``{}`` without partition keys
    ``dataset``              the files that the mini-batch was made of (for a table: those its rows were read from)
    ``mini_batch_id``        str: its number in the plan
    ``minibatch_index``      int: the same
    """

    __slots__ = ("dataset", "mini_batch_id", "minibatch_index", "partition_key_value")

    def __init__(self, index: int, work: list[Any]) -> None:
        self.minibatch_index = index
        self.mini_batch_id = str(index)
        self.partition_key_value: dict[str, Any] = dict(work[2])
        urls: dict[str, str] = work[4] if len(work) > 4 else {}
        paths = work[1] if work[0] == "f" else [piece[0] for piece in work[1]]
        self.dataset: list[str] = [urls.get(path, path) for path in paths]

    def __repr__(self) -> str:
        return "MiniBatchContext(minibatch_index=%d, partition_key_value=%r, dataset=<%d %s>)" % (
            self.minibatch_index,
            self.partition_key_value,
            len(self.dataset),
            "file" if len(self.dataset) == 1 else "files",
        )
