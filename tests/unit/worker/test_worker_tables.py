"""A mini-batch's DataFrame: the plan's rows and types, or a sentence that says what does not fit."""

import gzip
import io
import os

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelrun_worker import pieces
from parallelrun_worker.tables import Reader
from parallelrun_worker.unfit import Unfit

KINDS = {"i": "int64", "s": "object"}


def settings_of(columns, **changes):
    return {
        "format": "csv", "separator": ",", "header": False, "encoding": "utf-8", "support_multi_line": False,
        "names": list(columns), "columns": columns, "path_columns": {}, "keep": None, "include_path_column": False,
    } | changes  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def read(data, columns=KINDS, ranges=None, name="in.csv", partition=None, path_values=None, **changes):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        ranges = ranges or [(0, os.path.getsize(path))]
        work = ["t", [[str(path), start, stop, 0] for start, stop in ranges], partition or {}, path_values or {}]
        return Reader(settings_of(columns, **changes)).read(work)

    return read


def rows(frame):
    return [tuple(None if pd.isna(v) else v for v in row) for row in frame.itertuples(index=False)]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ("1,a\n2,b\n", [(1, "a"), (2, "b")]),
        ("1,a\r\n2,b\r\n", [(1, "a"), (2, "b")]),
        ("1,a\n2,b", [(1, "a"), (2, "b")]),
        ('1,"a,""b"""\n', [(1, 'a,"b"')]),
        ("1,\n2,NA\n", [(1, None), (2, None)]),
        ("+1,a\n 2 ,b\n", [(1, "a"), (2, "b")]),
        ("1,a\n\n2,b\n \n", [(1, "a"), (2, "b")]),
        ("1,é\n", [(1, "é")]),
        ("", []),
    ],
)
def test_csv_rows(read, data, wanted):
    frame = read(data)
    assert rows(frame) == wanted
    assert frame["i"].dtype == "int64"
    assert list(frame.index) == list(range(len(wanted)))


def test_a_byte_range_is_read_alone_and_several_together(read):
    data = "1,a\n2,b\n3,c\n"
    assert rows(read(data, ranges=[(4, 8)])) == [(2, "b")]
    assert rows(read(data, ranges=[(0, 4), (8, 12)])) == [(1, "a"), (3, "c")]


def test_every_dtype_is_as_declared(read):
    columns = {"a": "int8", "b": "float32", "c": "bool", "d": "Int64", "e": "category", "f": "datetime64[ns]",
               "g": "boolean", "h": "string", "k": "uint16"}  # fmt: skip
    frame = read("1,1.5,true,,x,2020-01-02,,y,7\n2,,False,9007199254740993,,,True,,8\n", columns)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == columns
    assert frame["d"].tolist()[1] == 9007199254740993
    assert frame["f"][0] == pd.Timestamp("2020-01-02")


@pytest.mark.parametrize(
    ("data", "columns", "message"),
    [
        ("1,a\nx,b\n", KINDS, "column 'i' is int64, fixed for the whole input, but has 'x' in {path}, line 2; "
         "correct the row, or declare the column as it is: table: {{columns: {{i: object}}}}"),
        ("1,a\n2.5,b\n", KINDS, "column 'i' is int64, fixed for the whole input, but has '2.5' in {path}, line 2; "
         "correct the row, or declare the column as it is: table: {{columns: {{i: float64}}}}"),
        ("1,a\n,b\n", KINDS, "column 'i' is int64, fixed for the whole input, but has a missing value in {path}, "
         "line 2; declare a type that allows it: table: {{columns: {{i: Int64}}}}"),
        ("1,a\n2,b,c\n", KINDS, "{path}, line 2 has 3 fields where the table has 2 columns; correct the row, or check "
         "table.separator and table.supportMultiLine"),
        ("1,a\n2\n", KINDS, "{path}, line 2 has 1 fields where the table has 2 columns; correct the row, or check "
         "table.separator and table.supportMultiLine"),
        (b"1,a\n2,\xff\n", KINDS, "{path}: the text at byte 6 is not utf-8; set table.encoding to what the file has "
         '(say "latin-1" or "cp1252")'),
        ("1,maybe\n", {"i": "int64", "s": "bool"}, "column 's' is bool, fixed for the whole input, but has 'maybe' in "
         "{path}, line 1; correct the row, or declare the column as it is: table: {{columns: {{s: object}}}}"),
        ("1,soon\n", {"i": "int64", "s": "datetime64[ns]"}, "column 's' is datetime64[ns], fixed for the whole input, "
         "but has 'soon' in row 0 of the mini-batch; correct the row, or declare the column as it is: "
         "table: {{columns: {{s: object}}}}"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(read, tmp_path, data, columns, message):
    with pytest.raises(Unfit) as error:
        read(data, columns)
    assert str(error.value) == message.format(path=tmp_path / "in.csv")


def test_a_line_is_counted_from_the_start_of_the_file(read):
    with pytest.raises(Unfit, match="line 4;"):
        read("h,s\n1,a\n2,b\nx,c\n", ranges=[(8, 16)], header=True)


def test_a_quoted_newline_ends_a_row_unless_supported(read):
    """Azure's rule: the plan cut there too, wherever the byte range happens to end."""
    assert rows(read('1,"a\n2,b\n')) == [(1, "a"), (2, "b")]
    assert rows(read('1,"a\n2,b"\n', support_multi_line=True)) == [(1, "a\n2,b")]


def test_other_encodings_and_whole_files(read):
    assert rows(read("1,é\n".encode("latin-1"), encoding="latin-1")) == [(1, "é")]
    whole = {"ranges": [(0, -1)], "header": True}
    assert rows(read("\ufeffi,s\n1,é\n".encode("utf-16"), encoding="utf-16", **whole)) == [(1, "é")]
    assert rows(read(gzip.compress(b"\n i,s\n1,a\n2,b"), name="in.csv.gz", **whole)) == [(1, "a"), (2, "b")]
    with pytest.raises(Unfit, match=r"cannot read .*in\.csv\.gz"):
        read(gzip.compress(b"i,s\n1,a\n")[:-9], name="in.csv.gz", **whole)


def test_columns_of_the_path_are_added_and_some_are_kept(read, tmp_path):
    frame = read(
        "1,a\n", path_values={"year": "2020"}, path_columns={"year": "int64"}, keep=["s", "year"],
        include_path_column=True,
    )  # fmt: skip
    assert frame.to_dict("records") == [{"Path": str(tmp_path / "in.csv"), "s": "a", "year": 2020}]


def test_rows_of_several_files_get_their_own_path_values(tmp_path):
    (tmp_path / "a").write_text("1,x\n2,y\n")
    (tmp_path / "b").write_text("3,z\n")
    work = ["t", [[str(tmp_path / "a"), 0, 8, 0], [str(tmp_path / "b"), 0, 4, 1]], {}, {"store": ["10", "20"]}]
    frame = Reader(settings_of(KINDS, path_columns={"store": "object"})).read(work)
    assert list(frame["store"]) == ["10", "10", "20"]
    assert list(frame.index) == [0, 1, 2]


def test_a_file_that_shrank_or_went_is_named(read, tmp_path):
    with pytest.raises(Unfit, match="became shorter"):
        read("1,a\n", ranges=[(0, 8)])
    with pytest.raises(Unfit, match="cannot read /nowhere: No such file"):
        Reader(settings_of(KINDS)).read(["t", [["/nowhere", 0, 8, 0]], {}, {}])


def test_a_row_without_an_end_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "big.csv", "wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(Unfit, match=r"one mini-batch would take 3\.0 GiB, more than 1 GiB"):
        Reader(settings_of(KINDS)).read(["t", [[str(tmp_path / "big.csv"), 0, 3 << 30, 0]], {}, {}])


def test_a_gzip_bomb_is_refused_while_it_is_read(read, monkeypatch):
    monkeypatch.setattr(pieces, "MAX_BYTES", 1 << 20)
    with pytest.raises(Unfit, match="more than"):
        read(gzip.compress(bytes(9 << 20)), name="in.csv.gz", ranges=[(0, -1)])


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ('{"i":1,"s":"a"}\n{"i":2,"s":null,"more":[1]}\n', [(1, "a"), (2, None)]),
        ('{"s":"2020-01-01","i":1}\n', [(1, "2020-01-01")]),
        ('{"i":1,"s":"a"}\n\n{"i":2}', [(1, "a"), (2, None)]),
    ],
)
def test_json_lines(read, data, wanted):
    assert rows(read(data, name="in.jsonl", format="jsonl")) == wanted


def test_nested_json_stays_as_it_is(read):
    frame = read('{"i":1,"s":{"a":[1]}}\n{"i":2,"s":"x"}\n', name="in.jsonl", format="jsonl")
    assert list(frame["s"]) == [{"a": [1]}, "x"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"i":1}\n{"i":"x"}\n', "column 'i' is int64, fixed for the whole input, but has 'x' in .*, line 2"),
        ('{"i":1}\n{"s":"x"}\n', "column 'i' is int64, .* has a missing value in .*, line 2"),
        ('{"i":1}\n{"i"\n', "line 2 is not JSON"),
        ("[1]\n", "line 1 is not a JSON object but list"),
        (b'{"i":1,"s":"\xff"}\n', "the text at byte 12 is not utf-8"),
    ],
)
def test_json_that_does_not_fit_is_named(read, data, message):
    with pytest.raises(Unfit, match=message):
        read(data, name="in.jsonl", format="jsonl")


@pytest.fixture
def parquet(tmp_path):
    buffer = io.BytesIO()
    table = pa.table({"i": [1, 2, None, 4, 5], "s": list("abcde"), "t": pa.array(range(5), pa.timestamp("us"))})
    pq.write_table(table, buffer, row_group_size=2)
    return buffer.getvalue()


def test_parquet_rows_over_row_groups(read, parquet):
    columns = {"i": "float64", "s": "object", "t": "datetime64[us]"}
    frame = read(parquet, columns, ranges=[(1, 4)], name="in.parquet", format="parquet")
    assert frame["i"].tolist()[::2] == [2.0, 4.0]
    assert list(frame["s"]) == ["b", "c", "d"]
    assert str(frame["t"].dtype) == "datetime64[us]"
    kept = read(parquet, columns, ranges=[(0, 1), (4, 5)], name="in.parquet", format="parquet", keep=["s"])
    assert kept.to_dict("list") == {"s": ["a", "e"]}


def test_parquet_that_does_not_fit_is_named(read, parquet):
    columns = {"i": "int64", "s": "object", "t": "datetime64[us]"}
    with pytest.raises(Unfit, match=r"column 'i' is int64, .* missing value in .*in\.parquet"):
        read(parquet, columns, ranges=[(2, 4)], name="in.parquet", format="parquet")
    with pytest.raises(Unfit, match="became shorter"):
        read(parquet, columns, ranges=[(2, 9)], name="in.parquet", format="parquet")
    with pytest.raises(Unfit, match="cannot read"):
        read(b"not parquet", columns, ranges=[(0, 1)], name="in.parquet", format="parquet")


text = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), text, st.floats(allow_nan=False)), max_size=5),
    st.booleans(),
)
def test_csv_that_pandas_wrote_is_read_as_pandas_reads_it(tmp_path_factory, data, multi_line):
    """Also values that look like missing ones, need quotes, or span lines where that is supported."""
    if not multi_line:
        data = [(number, value.replace("\n", " "), real) for number, value, real in data]
    frame = pd.DataFrame(data, columns=["i", "s", "f"]).astype({"i": "int64", "f": "float64"})
    path = tmp_path_factory.mktemp("csv") / "in.csv"
    frame.to_csv(path, header=False, index=False)
    columns = {"i": "int64", "s": "object", "f": "float64"}
    table = settings_of(columns, support_multi_line=multi_line)
    ours = Reader(table).read(["t", [[str(path), 0, path.stat().st_size, 0]], {}, {}])
    if not data:
        assert len(ours) == 0
        return
    theirs = pd.read_csv(path, header=None, names=list(columns), dtype={"s": ours["s"].dtype})
    pd.testing.assert_frame_equal(ours, theirs)
