"""The merge: one ordered pass, the same bytes however often and from whatever segments."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_job import Written, data_file, failed, flip, write_job

from parallelrun.api.errors import NoSpace, OutputError
from parallelrun.api.settings import OutputSettings
from parallelrun_agent.output import payloads
from parallelrun_agent.output.formats import parquet
from parallelrun_agent.output.merge import merge
from parallelrun_agent.output.payloads import CorruptRecord
from parallelrun_agent.output.winners import Winners

TEXT = OutputSettings()


def merged(folder: Path, total: int, output: OutputSettings = TEXT, epoch: int = 1) -> dict[str, object]:
    winners = Winners.build(folder, total)
    try:
        return merge(folder, winners, output, epoch)
    finally:
        winners.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 3)), max_size=30), st.randoms())
def test_bytes_do_not_depend_on_how_records_are_spread_over_segments(
    results: list[tuple[bytes, int]], random: object
) -> None:
    with tempfile.TemporaryDirectory() as name:
        spread: dict[str, list[Written]] = {f"{n}-h-0-0": [] for n in range(4)}
        order = list(enumerate(results))
        random.shuffle(order)  # type: ignore[attr-defined]
        for mini_batch, (payload, segment) in order:
            spread[f"{segment}-h-0-0"].append(Written(mini_batch, payload))
            if segment:  # a late record of an older epoch, which loses
                spread["0-h-0-0"].append(Written(mini_batch, b"late", epoch=0))
        folder = write_job(Path(name), spread)
        result = merged(folder, len(results))
        expected = b"".join(payload for payload, _ in results)
        assert (folder / "parallel_run_step.txt").read_bytes() == expected
        assert result["sha256"] == hashlib.sha256(expected).hexdigest()
        assert (result["bytes"], result["rows"]) == (len(expected), len(results))


def test_payloads_larger_than_a_batch_come_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "BATCH_BYTES", 1000)
    texts = [bytes([65 + n]) * size for n, size in enumerate((10, 3001, 1000, 999, 1, 2000, 0, 5))]
    write_job(
        tmp_path,
        {
            "0-h-0-0": [Written(n, text) for n, text in enumerate(texts) if n % 2],
            "0-h-1-0": [Written(n, text) for n, text in enumerate(texts) if n % 2 == 0],
        },
    )
    merged(tmp_path, len(texts))
    assert (tmp_path / "parallel_run_step.txt").read_bytes() == b"".join(texts)


def test_more_segments_than_are_kept_open_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "_MAX_OPEN", 2)
    write_job(tmp_path, {f"{n}-h-0-0": [Written(n, b"%d\n" % n), Written(n + 6, b"%d\n" % (n + 6))] for n in range(6)})
    merged(tmp_path, 12)
    assert (tmp_path / "parallel_run_step.txt").read_text().split() == [str(n) for n in range(12)]


def test_failures_leave_nothing_in_the_output(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-h-0-0": [Written(0, b"a\n"), failed(1, b'{"error": "no"}'), Written(2, b"c\n")]})
    result = merged(tmp_path, 3)
    assert (tmp_path / "parallel_run_step.txt").read_bytes() == b"a\nc\n"
    assert result["rows"] == 2


@pytest.mark.parametrize("batch_bytes", [2 << 20, 4])
def test_a_damaged_payload_is_named_and_no_output_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int
) -> None:
    monkeypatch.setattr(payloads, "BATCH_BYTES", batch_bytes)
    write_job(tmp_path, {"0-h-0-0": [Written(0, b"whole\n"), Written(1, b"hurt1\n"), Written(2, b"whole\n")]})
    flip(data_file(tmp_path, "0-h-0-0"), 11)
    with pytest.raises(CorruptRecord, match=r"mini-batch 1 .* segment 0-h-0-0") as caught:
        merged(tmp_path, 3)
    assert (caught.value.corrupt.mini_batch, caught.value.corrupt.record) == (1, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["segments"]


def test_an_older_finalizers_half_written_output_is_removed(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-h-0-0": [Written(0)]})
    (tmp_path / "parallel_run_step.txt.tmp-3").write_bytes(b"half")
    merged(tmp_path, 1, epoch=4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["parallel_run_step.txt", "segments"]


def test_a_full_volume_is_named_and_the_merge_can_be_repeated(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-h-0-0": [Written(n, b"%d\n" % n) for n in range(100)]})
    temporary = tmp_path / "parallel_run_step.txt.tmp-1"
    temporary.symlink_to("/dev/full")
    with pytest.raises(NoSpace, match=r"parallel_run_step\.txt"):
        merged(tmp_path, 100)
    assert not temporary.exists()
    merged(tmp_path, 100)
    assert (tmp_path / "parallel_run_step.txt").read_bytes() == b"".join(b"%d\n" % n for n in range(100))


def test_a_volume_that_fills_up_half_way_pauses_the_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "BATCH_BYTES", 1000)
    write_job(tmp_path, {"0-h-0-0": [Written(n, b"z" * 400) for n in range(20)]})
    room, write = 3000, os.write

    def filling(fd: int, data: memoryview) -> int:
        """A file system with ``room`` bytes left: the last write is short, the next one fails."""
        nonlocal room
        if room == 0:
            raise OSError(28, "No space left on device")
        written = write(fd, data[:room])
        room -= written
        return written

    with monkeypatch.context() as fault:
        fault.setattr(os, "write", filling)
        with pytest.raises(NoSpace):
            merged(tmp_path, 20)
    merged(tmp_path, 20)
    assert (tmp_path / "parallel_run_step.txt").read_bytes() == b"z" * 8000


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-h-0-0": [Written(0)]})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/out"):
        merged(tmp_path, 1, OutputSettings(path=str(tmp_path / "file" / "out")))


def test_summary_only_writes_nothing(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-h-0-0": [Written(0, b"", rows=0)]})
    result = merged(tmp_path, 1, OutputSettings(action="SummaryOnly"))
    assert result == {"path": None, "rows": 0, "bytes": 0, "sha256": None}
    assert [p.name for p in tmp_path.iterdir()] == ["segments"]


@pytest.mark.parametrize(
    ("output", "first_line"),
    [
        (OutputSettings(format="CSV"), 'a,"b ""c"""\n'),
        (OutputSettings(format="CSV", csv_separator=";", csv_index=True), 'a;"b ""c"""\n'),
        (OutputSettings(format="CSV", csv_header=False), ""),
    ],
)
def test_csv_has_its_header_once(tmp_path: Path, output: OutputSettings, first_line: str) -> None:
    write_job(tmp_path, {"0-h-0-0": [Written(1, b"3,4\n"), Written(0, b"1,2\n")]})
    (tmp_path / "schema.json").write_text('{"columns": ["a", "b \\"c\\""]}')
    merged(tmp_path, 2, output)
    assert (tmp_path / output.file_name).read_text() == first_line + "1,2\n3,4\n"


def test_csv_without_a_published_schema_is_empty(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-h-0-0": [failed(0)]})
    assert merged(tmp_path, 1, OutputSettings(format="CSV"))["bytes"] == 0


def test_a_damaged_schema_is_named(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-h-0-0": [Written(0)]})
    (tmp_path / "schema.json").write_text("[]")
    with pytest.raises(OutputError, match=r"schema\.json"):
        merged(tmp_path, 1, OutputSettings(format="CSV"))


def _ipc(table: object) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:  # type: ignore[attr-defined]
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _publish(folder: Path, schema: object) -> None:
    message = base64.b64encode(schema.serialize().to_pybytes()).decode()  # type: ignore[attr-defined]
    names = list(schema.names)  # type: ignore[attr-defined]
    (folder / "schema.json").write_text(f'{{"columns": {names!r}, "arrow": "{message}"}}'.replace("'", '"'))


def _cut(rows: int, sizes: Iterator[int]) -> Iterator[tuple[int, int]]:
    start = 0
    while start < rows:
        stop = min(rows, start + next(sizes))
        yield start, stop
        start = stop


def test_parquet_bytes_do_not_depend_on_how_rows_were_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow
    from pyarrow import parquet as reader

    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 100)
    table = pyarrow.table(
        {"n": range(350), "text": [f"row {n % 7}" for n in range(350)], "x": [n / 3 for n in range(350)]}
    )
    output = OutputSettings(format="Parquet", file_name="out.parquet")
    files = []
    for place, sizes in (("ones", [1]), ("uneven", [3, 250, 0, 17]), ("whole", [350])):
        cuts = list(_cut(350, itertools.cycle(sizes)))
        records = [Written(m, _ipc(table.slice(a, b - a)), rows=b - a) for m, (a, b) in enumerate(cuts)]
        folder = write_job(tmp_path / place, {"0-h-0-0": records[1::2], "0-h-1-0": records[::2]})
        _publish(folder, table.schema.with_metadata({"pandas": place}))
        assert merged(folder, len(cuts), output)["rows"] == 350
        files.append((folder / "out.parquet").read_bytes())
    assert files[0] == files[1] == files[2]
    read = reader.ParquetFile(tmp_path / "ones" / "out.parquet")
    assert read.read().equals(table)
    assert [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)] == [100, 100, 100, 50]


def test_parquet_gives_columns_of_nulls_the_published_type(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet as reader

    schema = pyarrow.schema([("name", pyarrow.string())])
    payloads = [_ipc(pyarrow.table({"name": values})) for values in (["a"], [None, None])]
    write_job(tmp_path, {"0-h-0-0": [Written(n, payload) for n, payload in enumerate(payloads)]})
    _publish(tmp_path, schema)
    merged(tmp_path, 2, OutputSettings(format="Parquet", file_name="out.parquet"))
    assert reader.read_table(tmp_path / "out.parquet").equals(pyarrow.table({"name": ["a", None, None]}))


def test_parquet_rows_that_do_not_fit_are_named(tmp_path: Path) -> None:
    import pyarrow

    write_job(
        tmp_path,
        {"0-h-0-0": [Written(0, _ipc(pyarrow.table({"n": [1]}))), Written(1, _ipc(pyarrow.table({"m": ["x"]})))]},
    )
    _publish(tmp_path, pyarrow.schema([("n", pyarrow.int64())]))
    with pytest.raises(OutputError, match="mini-batch 1"):
        merged(tmp_path, 2, OutputSettings(format="Parquet", file_name="out.parquet"))


def test_parquet_on_a_full_volume_is_named_and_can_be_repeated(tmp_path: Path) -> None:
    import pyarrow

    table = pyarrow.table({"n": range(1000)})
    write_job(tmp_path, {"0-h-0-0": [Written(0, _ipc(table))]})
    _publish(tmp_path, table.schema)
    output = OutputSettings(format="Parquet", file_name="out.parquet")
    (tmp_path / "out.parquet.tmp-1").symlink_to("/dev/full")
    with pytest.raises(NoSpace, match=r"out\.parquet"):
        merged(tmp_path, 1, output)
    assert merged(tmp_path, 1, output)["rows"] == 1000


def test_parquet_without_rows_is_a_file_without_columns(tmp_path: Path) -> None:
    from pyarrow import parquet as reader

    write_job(tmp_path, {"0-h-0-0": [failed(0)]})
    merged(tmp_path, 1, OutputSettings(format="Parquet", file_name="out.parquet"))
    assert reader.read_table(tmp_path / "out.parquet").shape == (0, 0)
