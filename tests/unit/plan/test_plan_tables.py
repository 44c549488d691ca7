"""Plans of tables by size: CSV, TSV, JSON lines, Parquet."""

from __future__ import annotations

import gzip
import io
import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parallelrun.api.errors import InputError


def _test_data(name: str) -> Path:
    folder = os.environ.get("PARALLELRUN_TEST_DATA")
    if not folder:
        pytest.skip("PARALLELRUN_TEST_DATA is not set: the folder with the test data")
    return Path(folder) / name


def test_rows_of_a_csv_come_in_ranges_of_about_the_size(planner, parts_of) -> None:
    planner.write({"a.csv": "x,y\n1,2\n3,4\n5,6\n"})
    reader = planner.table(size=8)
    assert (reader.kind, reader.total, reader.items(0)) == ("table", 2, None)
    assert parts_of(reader) == [[b"1,2\n3,4\n"], [b"5,6\n"]]
    assert reader.work(0, 1) == [["t", [[str(planner.root / "a.csv"), 4, 12, 0]], {}, {}]]
    assert reader.files(1) == [str(planner.root / "a.csv")]
    assert reader.input_config()["table"] == {
        "format": "csv",
        "separator": ",",
        "header": True,
        "encoding": "utf-8",
        "support_multi_line": False,
        "names": ["x", "y"],
        "columns": {"x": "int64", "y": "int64"},
        "path_columns": {},
        "keep": None,
        "include_path_column": False,
    }


def test_mini_batches_never_cross_files_and_files_without_rows_have_none(planner, parts_of) -> None:
    planner.write({"1.csv": "x\n1\n", "2.csv": "", "3.csv": "x\n", "4.csv": "x\n\n\n", "5.csv": "x\n2"})
    reader = planner.table(size=1_000_000)
    assert parts_of(reader) == [[b"1\n"], [b"2"]]
    assert [work[1][0][3] for work in reader.work(0, 2)] == [0, 4]


@pytest.mark.parametrize("keys", [(), ("x",)])
@pytest.mark.parametrize("text", ["", "x\n", "x\n\n"])
def test_files_without_any_row_are_refused_unless_that_may_be(planner, text: str, keys: tuple[str, ...]) -> None:
    planner.write({"1.csv": text})
    with pytest.raises(InputError, match=r"nothing to do: no row in input 'in'\n.*allowEmpty"):
        planner.table(keys=keys)
    assert planner.table(keys=keys, allow_empty=True).total == 0


@pytest.mark.parametrize("header", ["x,y,z", "x", "y,x"])
def test_another_header_is_refused_by_both_files_and_the_column(planner, header: str) -> None:
    planner.write({"1.csv": "x,y\n1,2\n", "2.csv": f"{header}\n1,2\n"})
    with pytest.raises(InputError, match=r"the header of .*/2\.csv is not that of .*/1\.csv: column"):
        planner.table()


def test_a_byte_order_mark_is_no_part_of_a_name(planner, parts_of) -> None:
    planner.write({"1.csv": b"\xef\xbb\xbfx,y\n1,2\n", "2.csv": b"x,y\r\n3,4\r\n"})
    reader = planner.table(size=1000)
    assert reader.input_config()["table"]["names"] == ["x", "y"]
    assert parts_of(reader) == [[b"1,2\n"], [b"3,4\r\n"]]


def test_without_header_columns_are_named_as_azure_names_them(planner, parts_of) -> None:
    planner.write({"1.csv": b'\xef\xbb\xbf"1",2.5,a\n3,4,b\n'})
    reader = planner.table(size=1000, table={"header": False})
    assert reader.input_config()["table"]["columns"] == {"Column1": "int64", "Column2": "float64", "Column3": "object"}
    assert parts_of(reader) == [[b'"1",2.5,a\n3,4,b\n']]


def test_names_that_are_there_twice_or_empty_are_made_unique_as_pandas_does(planner) -> None:
    planner.write({"1.csv": "a,a,,a\n1,2,3,4\n"})
    expected = list(pd.read_csv(planner.root / "1.csv").columns)
    assert planner.table().input_config()["table"]["names"] == expected


def test_types_come_from_a_sample_of_the_whole_input(planner) -> None:
    rows = [f"{n},{'' if n == 700 else n},{n}.5,2024-01-0{n % 9 + 1},True,{'é' * (n % 3)}" for n in range(1000)]
    planner.write({"1.csv": "i,m,f,d,b,t\n" + "\n".join(rows) + "\n"})
    assert planner.table(size=1000).input_config()["table"]["columns"] == {
        "i": "int64",
        "m": "float64",
        "f": "float64",
        "d": "object",
        "b": "bool",
        "t": "object",
    }


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ("1 2 -3 +4 007", "int64"),
        ("1  3", "float64"),
        ("1 NA", "float64"),
        (f"{2**63}", "object"),
        (f"{-(2**63) + 1}", "int64"),
        (f"{2**60} NA", "object"),
        ("1.5 1e9 .5 -inf 2.", "float64"),
        ("1.5  NaN", "float64"),
        ("True false", "bool"),
        ("True  ", "object"),
        (" ", "object"),
        ("1 x", "object"),
        ("2024-01-01", "object"),
        ("1_000", "object"),
        ("0x10", "object"),
        ("١", "object"),
    ],
)
def test_a_column_has_the_type_that_all_its_values_fit(planner, values: str, dtype: str) -> None:
    planner.write({"1.csv": "v,w\n" + "".join(f"{value},x\n" for value in values.split(" "))})
    columns = planner.table(size=10_000).input_config()["table"]["columns"]
    assert columns["v"] == dtype
    if dtype != "object":
        assert str(pd.read_csv(planner.root / "1.csv")["v"].dtype) == dtype


def test_declared_types_win_and_a_column_that_is_not_there_names_the_nearest(planner) -> None:
    planner.write({"1.csv": "price,day\n1,2\n"})
    assert planner.table(table={"columns": {"price": "float32"}}).input_config()["table"]["columns"] == {
        "price": "float32",
        "day": "int64",
    }
    with pytest.raises(InputError, match=r"table\.columns names 'Price'.*\n.*Did you mean 'price'\?"):
        planner.table(table={"columns": {"Price": "float32"}})


def test_tsv_and_declared_separators(planner, frames_of) -> None:
    planner.write({"1.tsv": 'x\ty\n1\t"a\tb"\n', "1.txt": "x;y\n1;a,b\n"})
    (frame,) = frames_of(planner.table("1.tsv"))
    assert frame.to_dict("list") == {"x": [1], "y": ["a\tb"]}
    (frame,) = frames_of(planner.table("1.txt", table={"format": "csv", "separator": ";"}))
    assert frame.to_dict("list") == {"x": [1], "y": ["a,b"]}


@pytest.mark.parametrize(
    ("files", "table", "message"),
    [
        ({"a.csv": "x\n1\n", "_SUCCESS": ""}, {}, r'_SUCCESS does not tell.*\n.*exclude: \["\*\*/_SUCCESS"\]'),
        ({"a.dat": "x\n"}, {}, r"the extension of .*/a\.dat does not tell its format"),
        ({"a.csv": "x\n1\n", "b.tsv": "x\n1\n"}, {}, r"b\.tsv is to be read as csv .*, but .*/a\.csv as csv"),
        ({"a.csv": "x\n1\n"}, {"separator": "::"}, "is not one character"),
        ({"a.csv": "x\n1\n"}, {"encoding": "utf-9"}, "no encoding 'utf-9'"),
        ({"a.csv": b"x,y\n1,2\n3,\xff\n"}, {}, r"a\.csv: the text at byte 10 is not utf-8"),
        ({"a.csv": b"x,\xffy\n1,2\n"}, {}, r"a\.csv: the text at byte 2 is not utf-8"),
        ({"a.csv.gz": b"no gzip"}, {}, r"a\.csv\.gz is not a whole gzip file"),
        ({"a.csv.gz": gzip.compress(b"x\n1\n" * 9)[:-9]}, {}, r"a\.csv\.gz is not a whole gzip file"),
        ({"a.jsonl": "[1]\n"}, {}, r"a\.jsonl is not JSON lines: '\[1\]'"),
        ({"a.jsonl": "{\n}\n"}, {}, r"a\.jsonl is not JSON lines"),
        ({"_SUCCESS": ""}, {"format": "parquet"}, r'_SUCCESS cannot be read.*\n.*exclude: \["\*\*/_SUCCESS"\]'),
        ({"a.parquet": "x"}, {}, r"a\.parquet cannot be read as Parquet"),
        ({"a.parquet": ""}, {}, r"a\.parquet cannot be read as Parquet: it is empty"),
    ],
)
def test_what_is_no_table_of_its_format_is_refused_by_name(planner, files, table, message: str) -> None:
    planner.write(files)
    with pytest.raises(InputError, match=message):
        planner.table(size=1000, table=table)


def test_a_first_line_without_end_is_refused_without_being_read(planner) -> None:
    planner.write({"a.csv": ""})
    with (planner.root / "a.csv").open("r+b") as file:
        file.truncate(3 << 30)
    with pytest.raises(InputError, match=r"a\.csv: its first row is longer than 16 MiB"):
        planner.table(size=1000)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "gb18030", "utf-8-sig"])
def test_encodings_in_which_a_line_feed_is_a_byte_are_cut(planner, frames_of, encoding: str) -> None:
    word = "ソ表" if encoding in ("shift_jis", "gb18030") else "é"
    planner.write({"a.csv": f"x,{word}\n1,{word}\n2,b\n".encode(encoding)})
    reader = planner.table(size=1, table={"encoding": encoding})
    assert pd.concat(frames_of(reader)).to_dict("list") == {"x": [1, 2], word: [word, "b"]}
    assert reader.total == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "cp037", "utf-7"])
def test_other_encodings_are_one_part_a_file(planner, encoding: str) -> None:
    planner.write({"a.csv": "x,é\n1,ċ\n2,b\n".replace("ċ", "é").encode(encoding)})
    reader = planner.table(size=1, table={"encoding": encoding})
    assert [work[1][0][1:3] for work in reader.work(0, reader.total)] == [[0, -1]]
    assert reader.input_config()["table"]["columns"] == {"x": "int64", "é": "object"}


@pytest.mark.parametrize("multi_line", [False, True])
def test_lines_that_end_in_carriage_returns_alone_are_refused_by_the_file_s_name(planner, multi_line: bool) -> None:
    planner.write({"a.csv": b"x,y\r1,2\r3,4\r"})
    with pytest.raises(InputError, match=r"a\.csv cannot be split into rows(.|\n)*line feed"):
        planner.table(size=1, table={"support_multi_line": multi_line})


def test_a_compressed_file_is_one_part(planner) -> None:
    planner.write({"a.csv.gz": gzip.compress(b"x\n" + b"1\n" * 100), "b.csv.gz": gzip.compress(b"x\n")})
    reader = planner.table(size=1)
    assert reader.work(0, reader.total) == [["t", [[str(planner.root / "a.csv.gz"), 0, -1, 0]], {}, {}]]
    assert reader.input_config()["table"]["columns"] == {"x": "int64"}


def test_rows_of_several_lines_stay_whole_where_they_are_supported(planner, frames_of) -> None:
    frame = pd.DataFrame({"a b\nc": ['x\n"y"', "z", "\n"], "n": [1, 2, 3]})
    planner.write({"a.csv": frame.to_csv(index=False)})
    reader = planner.table(size=1, table={"support_multi_line": True})
    assert reader.total == 3
    assert reader.input_config()["table"]["columns"] == {"a b\nc": "object", "n": "int64"}
    pd.testing.assert_frame_equal(
        pd.concat(frames_of(reader), ignore_index=True), frame, check_dtype=False, check_column_type=False
    )


def test_json_lines_are_cut_and_typed(planner, parts_of) -> None:
    rows = [{"i": 1, "t": "é\n", "b": True}, {"i": 2, "t": None, "b": False, "late": 1}, {"i": 3, "b": True, "l": [1]}]
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    planner.write({"a.jsonl": b"".join(lines)})
    reader = planner.table(size=1)
    assert parts_of(reader) == [[line] for line in lines]
    assert reader.input_config()["table"]["columns"] == {
        "i": "int64",
        "t": "object",
        "b": "bool",
        "late": "float64",
        "l": "object",
    }


def test_parquet_is_cut_by_row_groups(planner) -> None:
    table = pa.table({"i": range(100), "n": [None, *range(99)], "t": ["x"] * 100, "b": [True] * 100})
    pq.write_table(table, planner.root / "a.parquet", row_group_size=30)
    reader = planner.table(size=1)
    assert [work[1][0][1:3] for work in reader.work(0, 4)] == [[0, 30], [30, 60], [60, 90], [90, 100]]
    assert reader.input_config()["table"]["columns"] == {"i": "int64", "n": "float64", "t": "object", "b": "bool"}
    group = pq.ParquetFile(planner.root / "a.parquet").metadata.row_group(0).total_byte_size
    two = planner.table(size=2 * group + 10)
    assert [work[1][0][1:3] for work in two.work(0, two.total)] == [[0, 60], [60, 100]]


def test_parquet_of_other_columns_is_refused(planner) -> None:
    pq.write_table(pa.table({"i": [1]}), planner.root / "a.parquet")
    pq.write_table(pa.table({"i": ["x"]}), planner.root / "b.parquet")
    with pytest.raises(InputError, match=r"columns of .*/b\.parquet are not those of .*/a\.parquet: 'i: string'"):
        planner.table()


def test_columns_from_the_path_come_with_each_mini_batch(planner) -> None:
    planner.write({"2024/01/1001/a.csv": "x\n1\n", "2024/02/1002/b.csv": "x,\n1\n".replace(",", "")})
    reader = planner.table(partition_format="{day:yyyy/MM}/{Store}/*.csv", size=1000)
    assert [work[3] for work in reader.work(0, 2)] == [
        {"day": "2024-01-01T00:00:00", "Store": "1001"},
        {"day": "2024-02-01T00:00:00", "Store": "1002"},
    ]
    assert reader.input_config()["table"]["path_columns"] == {"day": "datetime64[ns]", "Store": "object"}


def test_a_column_of_the_file_wins_over_one_of_the_path(planner) -> None:
    planner.write({"1001/a.csv": "Store,x\n1001,1\n"})
    reader = planner.table(partition_format="{Store}/*.csv", size=1000)
    assert reader.work(0, 1)[0][3] == {}
    assert reader.input_config()["table"]["path_columns"] == {}


def test_the_sales_table_reads_the_same_cut_or_whole(planner, frames_of) -> None:
    data = _test_data("oj_sales") / "oj_sales_data.csv"
    planner.write({"sales.csv": data.read_bytes()})
    for size in (997, 10_240, 1 << 20):
        reader = planner.table(size=size)
        whole = pd.read_csv(io.BytesIO(data.read_bytes()), dtype=reader.input_config()["table"]["columns"])
        pd.testing.assert_frame_equal(pd.concat(frames_of(reader), ignore_index=True), whole)
        assert reader.total == -(-(data.stat().st_size - 55) // size)


def test_without_header_declared_columns_name_the_fields_in_order(planner) -> None:
    planner.write({"1.csv": "1,a\n"})
    columns = {"id": "int32", "text": "object"}
    assert planner.table(table={"header": False, "columns": columns}).input_config()["table"]["columns"] == columns


def test_files_without_header_have_the_same_number_of_columns(planner) -> None:
    planner.write({"1.csv": "1,a\n", "2.csv": "1,a,b\n"})
    with pytest.raises(InputError, match=r"2\.csv has 3 columns, .*/1\.csv has 2"):
        planner.table(table={"header": False})
