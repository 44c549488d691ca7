"""Which bytes of an object a part of a table needs: of text the part itself, of Parquet its columns' chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import InputError
from parallelrun_agent.storage.fetching import Range, merged

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

#: What is read of a Parquet file's end at first, as pyarrow does; most footers are shorter.
TAIL = 1 << 16
#: The last bytes of every Parquet file: the length of its footer, and four letters.
_END = 8
#: Some writers gave dictionary pages too small a size; readers of their files read on for so many bytes.
_MARGIN = 100


@dataclass(frozen=True)
class Footer:
    """The end of a Parquet file, from byte ``start``."""

    start: int
    data: bytes
    metadata: FileMetaData


def of_text(size: int, start: int, stop: int) -> list[Range]:
    """Of a text file; a stop of -1 means all of it."""
    return [(0, size)] if stop == -1 else [(start, stop)]


def footer_start(path: str, tail: bytes, size: int) -> int:
    """Where a Parquet file's footer begins, from its last bytes; raises InputError where it is none."""
    if len(tail) < _END or tail[-4:] != b"PAR1":
        raise InputError(f"{path} cannot be read as Parquet: its last bytes are not those of a Parquet file")
    start = size - _END - int.from_bytes(tail[-8:-4], "little")
    if start < 0:
        raise InputError(f"{path} cannot be read as Parquet: its footer is longer than the file")
    return start


def parsed(path: str, start: int, data: bytes) -> Footer:
    """The footer in the last bytes of a Parquet file; raises InputError where it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return Footer(start, data, pq.read_metadata(pa.BufferReader(data)))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error


def of_parquet(footer: Footer, columns: Sequence[str], start: int, stop: int) -> list[Range]:
    """The chunks of ``columns`` in the row groups that hold rows of [start, stop)."""
    wanted = set(columns)
    metadata = footer.metadata
    chunks: list[Range] = []
    first = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        last = first + group.num_rows
        if first < stop and start < last:
            there = (group.column(place) for place in range(group.num_columns))
            chunks += [_chunk(column) for column in there if _is_of(column, wanted)]
        first = last
    return merged([(at, min(to + _MARGIN, footer.start)) for at, to in chunks])


def columns_of(table: Mapping[str, Any]) -> list[str]:
    """The columns of its files that are read for a table's mini-batches; ``table`` is that of worker.json."""
    names: list[str] = list(table["columns"])
    read = table.get("read", table["keep"])
    return names if read is None else [name for name in names if name in read]


def _chunk(column: Any) -> Range:
    start = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        start = min(start, column.dictionary_page_offset)
    return start, start + column.total_compressed_size


def _is_of(column: Any, wanted: set[str]) -> bool:
    """Whether a chunk is of a wanted column, or of a field within one."""
    path: str = column.path_in_schema
    return path in wanted or any(path.startswith(name + ".") for name in wanted)
