"""MLTable folders."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition, SubsetSettings
from parallelrun_worker.tables import Reader


def _folder(planner, text: str, **files: str | bytes) -> None:
    planner.write(
        {"MLTable": text, **{name.replace("__", "/").replace("_", "."): body for name, body in files.items()}}
    )


def _plan(planner, size: int = 1000, **settings):
    return planner.plan(planner.input(type="MLTable", **settings), size=size)


def test_the_iris_table_is_read_as_its_file_says(planner) -> None:
    data = os.environ.get("PARALLELRUN_TEST_DATA")
    if not data:
        pytest.skip("PARALLELRUN_TEST_DATA is not set: the folder with the test data")
    folder = Path(data) / "iris"
    planner.write({name: (folder / name).read_bytes() for name in ("MLTable", "iris.csv")})
    reader = _plan(planner, size=10_240)
    frame = pd.read_csv(folder / "iris.csv")
    assert reader.input_config()["table"]["names"] == list(frame.columns)
    assert set(reader.input_config()["table"]["columns"].values()) == {"float64"}


def test_files_patterns_and_folders_below_the_table(planner) -> None:
    text = "paths:\n- pattern: ./a/*.csv\n- file: ./b.csv\n- file: ./c\n- folder: d\n"
    _folder(planner, text + "transformations:\n- read_delimited\n", a__1_csv="x\n1\n", b_csv="x\n2\n")
    planner.write({"c/1.csv": "x\n3\n", "d/e/1.csv": "x\n4\n"})
    reader = _plan(planner)
    assert [name for names in map(reader.files, range(4)) for name in names] == [
        str(planner.root / name) for name in ("a/1.csv", "b.csv", "c/1.csv", "d/e/1.csv")
    ]


def test_a_table_without_a_read_is_files(planner) -> None:
    _folder(planner, "paths:\n- pattern: ./*.png\n", a_png="", b_png="")
    reader = planner.plan(planner.input(type="MLTable"), size=1)
    assert (reader.kind, planner.names(reader)) == ("file", [["a.png"], ["b.png"]])


def test_options_of_delimited_files(planner, frames_of) -> None:
    text = """
paths: [{pattern: ./*.csv}]
transformations:
  - read_delimited:
      delimiter: ";"
      encoding: iso88591
      header: no_header
      support_multi_line: true
      include_path_column: true
"""
    _folder(planner, text, a_csv='1;"é\n"\n'.encode("latin-1"))
    reader = _plan(planner)
    table = reader.input_config()["table"]
    assert table["include_path_column"] is True
    assert table["names"] == ["Column1", "Column2"]
    (frame,) = frames_of(reader)
    assert frame["Column2"].tolist() == ["é\n"]


def test_a_header_in_the_first_file_only(planner, parts_of) -> None:
    text = "paths: [{pattern: ./*.csv}]\ntransformations:\n- read_delimited: {header: from_first_file}\n"
    _folder(planner, text, a_csv="x,y\n1,2\n", b_csv="3,4\n")
    assert parts_of(_plan(planner)) == [[b"1,2\n"], [b"3,4\n"]]


def test_columns_from_paths_kept_dropped_and_converted(planner) -> None:
    text = """
paths: [{pattern: ./**/*.csv}]
transformations:
  - read_delimited
  - extract_columns_from_partition_format: {partition_format: "{Store}/{Brand}.csv"}
  - drop_columns: y
  - keep_columns: [x, Store]
  - convert_column_types:
    - {columns: [x], column_type: string}
    - {columns: y, column_type: {datetime: {formats: ["%Y-%m-%d"]}}}
"""
    _folder(planner, text)
    planner.write({"1001/a.csv": "x,y,z\n1,2024-01-02,3\n"})
    reader = _plan(planner)
    table = reader.input_config()["table"]
    assert table["keep"] == ["x", "Store"]
    assert table["columns"] == {"x": "object", "y": "datetime64[ns]", "z": "int64"}
    assert reader.work(0, 1)[0][3] == {"Store": "1001", "Brand": "a"}


def _column(reader, name: str) -> list:
    worker = Reader(reader.input_config()["table"])
    return [value for work in reader.work(0, reader.total) for value in worker.read(work)[name].tolist()]


@pytest.mark.parametrize(
    ("steps", "rows"),
    [
        ("- take: 3", [0, 1, 2]),
        ("- skip: 7", [7, 8, 9]),
        ("- skip: 2\n- skip: 3\n- take: 2", [5, 6]),
        ("- take: 4\n- skip: 1\n- take: 9", [1, 2, 3]),
        ("- filter: col('x') > 6", [7, 8, 9]),
        ("""- filter: 'col("x") >= 2 and (col("s") == "b" and 8 > col("x"))'""", [3, 5, 7]),
        ("- filter: 2 < col('x') <= 4", [3, 4]),
        ("- filter: col('x') == 1 or col('x') == 4 or col('x') in (7, 8)", [1, 4, 7, 8]),
        ("- filter: col('x') not in [0, 1, 2, 3]\n- skip: 2\n- take: 2", [6, 7]),
        ("- drop_columns: s\n- filter: col('s') != 'b'", [0, 2, 4, 6, 8]),
        ("- filter: col('x') > -1.0\n- take: 1", [0]),
    ],
)
def test_rows_are_chosen_as_the_file_says(planner, steps: str, rows: list[int]) -> None:
    text = f"paths: [{{pattern: ./*.csv}}]\ntransformations:\n- read_delimited\n{steps}\n"
    lines = [f"{n},{'ab'[n % 2]}\n" for n in range(10)]
    _folder(planner, text, a_csv="x,s\n" + "".join(lines[:4]), b_csv="x,s\n" + "".join(lines[4:]))
    assert _column(_plan(planner, size=5), "x") == rows


@pytest.mark.parametrize(
    "steps", ["- skip: 1\n- take: 3", "- filter: col('x') > 1\n- take: 3", "- filter: col('x') > 1"]
)
@pytest.mark.parametrize("header", ["from_first_file", "no_header", "all_files_same_headers"])
def test_headers_are_no_rows_where_rows_are_counted(planner, header: str, steps: str) -> None:
    steps = steps.replace("'x'", "'Column1'") if header == "no_header" else steps
    text = f"paths: [{{pattern: ./*.csv}}]\ntransformations:\n- read_delimited: {{header: {header}}}\n{steps}\n"
    first = "" if header == "no_header" else "x,y\n"
    second = "x,y\n" if header == "all_files_same_headers" else ""
    _folder(planner, text, a_csv=f"{first}1,a\n2,a\n", b_csv=f"{second}3,a\n4,a\n5,a\n")
    name = "Column1" if header == "no_header" else "x"
    assert _column(_plan(planner, size=1), name) == ([2, 3, 4] if "take" in steps else [2, 3, 4, 5])


def test_a_sample_is_drawn_as_one_of_a_manifest_is(planner) -> None:
    text = "paths: [{pattern: ./*.csv}]\ntransformations:\n- read_delimited\n"
    rows = "x\n" + "".join(f"{n}\n" for n in range(300))
    _folder(planner, text + "- take_random_sample: {probability: 0.2, seed: 5}\n", a_csv=rows)
    drawn = _column(_plan(planner), "x")
    assert 30 < len(drawn) < 90
    _folder(planner, text)
    assert _column(_plan(planner, subset=SubsetSettings(sample=0.2, seed=5)), "x") == drawn


def test_a_job_s_subset_is_of_what_the_file_takes(planner) -> None:
    rows = "x\n" + "".join(f"{n}\n" for n in range(9))
    text = "paths: [{pattern: ./*.csv}]\ntransformations:\n- read_delimited\n"
    _folder(planner, text + "- skip: 2\n- take: 5\n", a_csv=rows)
    assert _column(_plan(planner, subset=SubsetSettings(skip=1, take=2)), "x") == [3, 4]
    with pytest.raises(InputError, match=r"input 'in': subset, after what .*MLTable says: conditions on rows that"):
        _plan(planner, subset=SubsetSettings(where=[Condition("x", ">", [1])]))


def test_files_are_taken_as_the_file_says(planner) -> None:
    _folder(planner, "paths: [{pattern: ./*.png}]\ntransformations:\n- skip: 1\n- take: 1\n", a_png="", b_png="")
    assert planner.names(planner.plan(planner.input(type="MLTable"), size=1)) == [["b.png"]]


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("number", ["1", ""])
def test_empty_fields_of_text_are_missing_or_text(planner, said: bool, number: str) -> None:
    options = f"{{empty_as_string: {str(said).lower()}}}"
    text = f"paths: [{{file: a.csv}}]\ntransformations:\n- read_delimited: {options}\n"
    _folder(planner, text, a_csv=f"s,n\na,2\n,{number}\nNA,3\n")
    reader = _plan(planner)
    frame = Reader(reader.input_config()["table"]).read(reader.work(0, 1)[0])
    assert frame["s"].isna().tolist() == [False, not said, True]
    assert frame["n"].isna().tolist() == [False, not number, False]


def test_keys_of_empty_text_are_judged_by_the_worker(planner) -> None:
    text = "paths: [{file: a.csv}]\ntransformations:\n- read_delimited: {empty_as_string: true}\n"
    _folder(planner, text, a_csv="s,n\na,1\n,2\nb,3\n")
    subset = SubsetSettings(where=[Condition("s", "!=", ["b"])])
    reader = planner.plan(planner.input(type="MLTable", subset=subset), keys=("s",))
    assert _column(reader, "n") == [2, 1]


def test_types_of_some_columns_may_be_said_beside_inference(planner) -> None:
    options = "{infer_column_types: {sample_size: 100, column_type_overrides: {x: string}}}"
    _folder(planner, f"paths: [{{file: a.csv}}]\ntransformations:\n- read_delimited: {options}\n", a_csv="x,y\n1,2\n")
    assert _plan(planner).input_config()["table"]["columns"] == {"x": "object", "y": "int64"}


def test_types_that_are_not_to_be_inferred_are_text(planner) -> None:
    text = "paths: [{file: a.csv}]\ntransformations:\n- read_delimited: {infer_column_types: false}\n"
    _folder(planner, text, a_csv="x\n1\n")
    assert _plan(planner).input_config()["table"]["columns"] == {"x": "object"}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("- read_delimited\n- summarize: 5", r"MLTable, line 4: summarize: this transformation is not supported"),
        ("- filter: 'col(\"x\") > 1'", "line 3: filter: there is no table yet"),
        ("- read_delimited\n- filter: col('x') > 1 or col('y') > 1", "filter: .*: or is supported between values of"),
        ("- read_delimited\n- filter: not (col('x') > 1)", r"filter: not col\('x'\) > 1 is not a comparison"),
        ("- read_delimited\n- filter: col('x') > col('y')", r"filter: .*: col\('y'\) is not a number, text"),
        ("- read_delimited\n- filter: x >", "filter: 'x >' is not an expression"),
        ("- read_delimited\n- filter: col('w') > 1", "subset.where: column 'w' is not in the table"),
        ("- read_delimited\n- filter: col('x') > 'a'", "column 'x' is int64, 'a' is not"),
        ("- read_delimited\n- take: 1\n- filter: col('x') > 1", "line 5: filter: .* filter first"),
        ("- read_delimited\n- take: -1", "take: it needs a number of rows, not -1"),
        ("- read_delimited\n- take_random_sample: {probability: 2}", "take_random_sample: probability is a number"),
        ("- read_delimited\n- take_random_sample: {probability: 0.5}\n- take: 1", "line 5: take: a sample of rows is"),
        ("- take: 1\n- read_delimited", "read_delimited: skip, take and take_random_sample before it"),
        (
            "- read_delimited\n- filter: col('x') > 1\n- convert_column_types: [{columns: x, column_type: string}]",
            "convert_column_types: filter before it compares 'x' in another type",
        ),
        (
            "- read_delimited\n- convert_column_types: [{columns: x, column_type: {boolean: {true_values: ['yes']}}}]",
            "true_values: 'yes' is not supported: True, TRUE, true are",
        ),
        (
            "- read_delimited\n- convert_column_types: [{columns: x, column_type: {datetime: {formats: '%d.%m.%Y'}}}]",
            "formats: '%d.%m.%Y' is not supported: only those that begin with %Y-%m-%d are",
        ),
        ("- read_delimted", r"line 3: read_delimted: .* did you mean 'read_delimited'\?"),
        ("- read_delimited: {seperator: x}", r"line 3: read_delimited: option 'seperator' is not supported"),
        ("- read_delimited: {header: all_files_different_headers}", "header: all_files_different_headers is not"),
        ("- read_delimited\n\n# note\n- drop_columns: w", "drop_columns: 'w' is not in the table"),
        ("- drop_columns: w", "line 3: drop_columns: there is no table yet"),
        ("- read_delimited\n- convert_column_types: [{columns: x, column_type: stream_info}]", "'stream_info' is not"),
        ("- read_delimited\n- read_parquet", "line 4: read_parquet: the files are already read"),
    ],
)
def test_what_is_not_supported_is_refused_by_name_and_line(planner, steps: str, message: str) -> None:
    _folder(planner, f"paths: [{{file: a.csv}}]\ntransformations:\n{steps}\n", a_csv="x,y\n1,2\n")
    with pytest.raises(InputError, match=message):
        _plan(planner)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paths: [", "is not YAML"),
        ("a: 1", "has no list of paths"),
        ("paths: [{file: a}]\ntransformation: []", "unknown field 'transformation', did you mean 'transformations'"),
        ("paths: [{url: a}]", "is not one of file, folder or pattern"),
        ("paths: [{file: 'https://x/y.csv'}]", "https://x/y.csv belongs to no store .* name the datastore in the job"),
        ("paths: [{folder: 'azureml://x/y'}]", "azureml://x/y is not understood"),
        ("paths: [{file: a}]\ntransformations: x", "transformations is not a list"),
    ],
)
def test_a_file_that_is_no_mltable_is_refused(planner, text: str, message: str) -> None:
    _folder(planner, text)
    with pytest.raises(InputError, match=message):
        _plan(planner)


def test_a_folder_without_an_mltable_file_says_so(planner) -> None:
    with pytest.raises(InputError, match=r"MLTable: No such file or directory\n.*a folder with a file 'MLTable'"):
        _plan(planner)
