"""Where rows begin: the worker, who counts and draws them, and the planner, who cuts files, see the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parallelrun_agent.plan import text_keys
from parallelrun_agent.plan.row_ranges import Bytes
from parallelrun_agent.plan.table_files import TextForm
from parallelrun_agent.plan.text_table import TextTable
from parallelrun_agent.storage.reading import FileSource
from parallelrun_worker import row_places

PIECES = st.sampled_from([b"a", b"7", b",", b'"', b'""', b',"', b'",', b"\n", b"\r\n", b"\n\n", b" ", b"\t", b"\xe9"])


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=30).map(b"".join), st.sampled_from([",", "\t", ""]), st.booleans())
def test_rows_begin_where_the_planner_has_them(tmp_path: Path, data: bytes, separator: str, multi: bool) -> None:
    multi = multi and bool(separator)
    form = TextForm("csv" if separator else "jsonl", separator, False, "latin-1", multi)
    path = tmp_path / "x"
    path.write_bytes(data)
    with FileSource(str(path), len(data)) as source:
        table, window = TextTable(form), Bytes(source, len(data), 1)
        rows = list(text_keys.rows(window, (0, len(data)), table.row_end(window, 0), form.blank))
    expected = [start for _, start, _ in rows]
    found: list[int] = row_places.of_text(data, separator, multi).tolist()
    assert found == expected


@pytest.mark.parametrize(
    ("data", "starts"), [(b"", []), (b"\n", []), (b" \n\n", []), (b"a", [0]), (b"a\n", [0]), (b"\na\n \nb", [1, 5])]
)
def test_blank_lines_are_no_rows(data: bytes, starts: list[int]) -> None:
    assert row_places.of_text(data, ",", False).tolist() == starts
