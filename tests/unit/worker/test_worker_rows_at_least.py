"""How many failed items a part of a text table stands for when it cannot be read."""

from pathlib import Path

import pytest

from parallelrun_worker.pieces import rows_at_least


@pytest.mark.parametrize(
    ("text", "start", "stop", "rows"),
    [
        (b"a\nb\nc\n", 0, 6, 3),
        (b"a\nb\nc", 0, 5, 3),
        (b"a\nb\nc\n", 2, 6, 2),
        (b"a\nb\nc\n", 0, -1, 1),
        (b"", 0, 0, 1),
        (b"a\n", 0, 100, 1),
    ],
    ids=["lines", "no line feed at the end", "a range", "a whole file", "nothing", "a file that became shorter"],
)
def test_a_part_stands_for_its_lines_and_at_least_for_one(
    tmp_path: Path, text: bytes, start: int, stop: int, rows: int
) -> None:
    (tmp_path / "t").write_bytes(text)
    assert rows_at_least(str(tmp_path / "t"), start, stop) == rows


def test_a_file_that_is_gone_stands_for_one(tmp_path: Path) -> None:
    assert rows_at_least(str(tmp_path / "none"), 0, 10) == 1
