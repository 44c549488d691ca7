"""Parts of tables that were fetched: files with holes, which people know by their URLs."""

import pytest

from parallelrun_worker.context import MiniBatchContext
from parallelrun_worker.tables import Reader
from parallelrun_worker.unfit import Unfit

URL = "s3://bucket/rows.csv"


def settings_of(**changes):
    return {
        "format": "csv", "separator": ",", "header": True, "encoding": "utf-8", "support_multi_line": False,
        "names": ["i", "s"], "columns": {"i": "int64", "s": "object"}, "path_columns": {}, "keep": None,
        "include_path_column": False,
    } | changes  # fmt: skip


@pytest.fixture
def fetched(tmp_path):
    """Of ``i,s / 1,a / 2,b / x,c``, the last two rows, from byte 8 on."""
    path = tmp_path / "0-rows.csv"
    with path.open("wb") as file:
        file.truncate(16)
        file.seek(8)
        file.write(b"2,b\nx,c\n")
    return str(path)


def work(path, start, stop):
    return ["t", [[path, start, stop, 0]], {}, {}, {path: URL}]


def test_the_path_column_and_the_context_have_the_url(fetched):
    frame = Reader(settings_of(include_path_column=True)).read(work(fetched, 8, 12))
    assert frame.to_dict("records") == [{"Path": URL, "i": 2, "s": "b"}]
    assert MiniBatchContext(3, work(fetched, 8, 12)).dataset == [URL]


def test_lines_that_are_not_here_are_not_counted(fetched):
    """A number would be wrong: what comes before the part is a hole."""
    with pytest.raises(Unfit, match=r"0-rows\.csv, line 2 from byte 8;"):
        Reader(settings_of()).read(work(fetched, 8, 16))


def test_where_nothing_was_fetched_the_work_ends_as_ever(tmp_path):
    (tmp_path / "rows.csv").write_text("i,s\n1,a\nx,c\n")
    path = str(tmp_path / "rows.csv")
    reader = Reader(settings_of(include_path_column=True))
    reader.read(work(path, 4, 8))  # a fetched one before it changes nothing
    assert reader.read(["t", [[path, 4, 8, 0]], {}, {}]).to_dict("records") == [{"Path": path, "i": 1, "s": "a"}]
    with pytest.raises(Unfit, match=r"rows\.csv, line 3;"):
        reader.read(["t", [[path, 8, 12, 0]], {}, {}])
