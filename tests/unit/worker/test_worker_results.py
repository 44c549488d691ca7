"""What run may return, and what the segment gets for it."""

import datetime
import json
from pathlib import Path

import hypothesis.extra.pandas as hpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelrun_worker.results import Results
from parallelrun_worker.schema import Schema, versions
from parallelrun_worker.text import SETTINGS
from parallelrun_worker.unfit import Unfit, Unwritable


@pytest.fixture
def results(tmp_path):
    def make(format_name="Text", action="AppendRow", index=False, separator=","):
        csv = {"separator": separator, "header": True, "index": index}
        output = {"action": action, "format": format_name, "csv": csv, "schema": str(tmp_path / "schema.json")}
        return Results({"script": str(tmp_path / "score.py"), "output": output})

    return make


FRAME = pd.DataFrame({"n": [1, 2], "s": ["x, y", None], "f": [0.1, np.nan]})


@pytest.mark.parametrize(
    ("value", "payload", "returned"),
    [
        (["a", 1, 2.5, None], b"a\n1\n2.5\nNone\n", 4),
        (("a",), b"a\n", 1),
        ([], b"", 0),
        (["é", "caf\udce9"], "é\n".encode() + b"caf\xe9\n", 2),
        (["two\nlines"], b"two\nlines\n", 1),
        (np.array([1.5, 2], dtype="float32"), b"1.5\n2.0\n", 2),
        (np.array([[1, 2], [3, 4], [5, 6]]), b"[1 2]\n[3 4]\n[5 6]\n", 3),
        ([np.float64(0.1), np.int8(3)], b"0.1\n3\n", 2),
        (pd.Series([1, 2], index=[5, 6]), b"1\n2\n", 2),
        (FRAME, b'1 "x, y" 0.1\n2  \n', 2),
        (pd.DataFrame({"a": []}), b"", 0),
    ],
)
def test_text(results, value, payload, returned):
    assert results().serialise(value)[:3] == (payload, returned, payload.count(b"\n"))


@pytest.mark.parametrize("format_name", ["Text", "CSV", "JSONL", "Parquet"])
@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "None"), ({"a": 1}, "dict"), ("text", "str"), (5, "int"), ((x for x in "ab"), "generator"),
        ({1}, "set"), (np.array(5), "an array of no dimensions"), (np.float32(2), "numpy.float32"),
        (datetime.date(2020, 1, 1), "datetime.date"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(results, format_name, value, name):
    with pytest.raises(Unfit) as error:
        results(format_name).serialise(value)
    assert str(error.value) == f"run must return a list, tuple, array or DataFrame, got {name}"


def test_a_summary_needs_only_the_length(results):
    assert results(action="SummaryOnly").serialise([object()] * 3) == (b"", 3, 0, "")
    with pytest.raises(Unfit, match="got None"):
        results(action="SummaryOnly").serialise(None)


def test_a_newline_in_text_is_remarked_on_once(results):
    text = results()
    assert "newline" in text.serialise(["a\nb"])[3]
    assert text.serialise(["a\nb"])[3] == ""


def test_a_lone_surrogate_is_refused(results):
    with pytest.raises(Unfit, match="UTF-8 cannot write"):
        results().serialise(["\ud800"])


cells = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(),
    st.text(st.characters(codec="utf-8"), max_size=6), st.sampled_from(["a b", 'q"t', "x\ny", "\r", "#", "", "'"]),
)  # fmt: skip
frames = hpd.data_frames(
    index=hpd.range_indexes(max_size=6),
    columns=[
        hpd.column("a", dtype="float64"),
        hpd.column("b", dtype="int64"),
        hpd.column("c", elements=st.sampled_from(["a b", 'q"t', "x\ny", "", "é", "plain"])),
        hpd.column("d", elements=cells, dtype=object),
        hpd.column("e", dtype="bool"),
        hpd.column("f", dtype="float32"),
        hpd.column("g", dtype="uint8"),
    ],
)


@settings(max_examples=60, deadline=None)
@given(frames, st.sets(st.sampled_from("abcdefg"), min_size=1))
def test_a_frame_as_text_is_what_pandas_writes(frame, names):
    frame = frame[sorted(names)]
    output = {"action": "AppendRow", "format": "Text"}
    payload = Results({"script": "/nowhere/score.py", "output": output}).serialise(frame)[0]
    assert payload == frame.to_csv(sep=" ", header=False, index=False).encode()


@pytest.mark.parametrize(
    "dtype", ["int8", "uint64", "float16", "Int64", "boolean", "category", "string", "M8[s]", "m8[s]"]
)
def test_every_dtype_as_text_is_what_pandas_writes(results, dtype):
    """Among them those that look like NumPy's integers and booleans but can be missing."""
    frame = pd.DataFrame({"a": pd.Series([1, 0, 1]).astype(dtype), "b": ["x", "y z", "nan"]})
    if dtype in ("Int64", "boolean", "category", "string"):
        frame.loc[1, "a"] = None
    wanted = frame.to_csv(sep=" ", header=False, index=False).encode()
    assert results().serialise(frame)[0] == wanted


def test_settings_beside_the_script_are_options_of_to_csv(results, tmp_path):
    options = {"append_row": {"pandas.DataFrame.to_csv": {"sep": ";", "float_format": "%.2f", "index": True}}}
    (tmp_path / SETTINGS).write_text(json.dumps(options))
    assert results().serialise(FRAME)[0] == b"0;1;x, y;0.10\n1;2;;\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"append_row": []}', '{"append_row": {"pandas.DataFrame.to_csv": 3}}'])
def test_settings_that_cannot_be_used_are_named(results, tmp_path, text):
    (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(Unfit, match=SETTINGS):
        results()


def test_csv_of_a_list_has_one_column(results, tmp_path):
    payload, returned, rows, _ = results("CSV").serialise(["a", 'b,"c"', "", None, 1.5, "x\ny"])
    assert payload == b'a\n"b,""c"""\n""\n""\n1.5\n"x\ny"\n'
    assert (returned, rows) == (6, 6)
    assert json.loads((tmp_path / "schema.json").read_text())["columns"] == ["result"]


def test_csv_of_a_frame_reads_back_as_it_was(results, tmp_path):
    payload = results("CSV", separator=";").serialise(FRAME)[0]
    (tmp_path / "out.csv").write_bytes(b"n;s;f\n" + payload)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv", sep=";"), FRAME)


def test_csv_takes_the_index_along_where_asked(results, tmp_path):
    indexed = FRAME.set_index(["n"])
    assert results("CSV", index=True).serialise(indexed)[0] == b'1,"x, y",0.1\n2,,\n'
    assert json.loads((tmp_path / "schema.json").read_text())["columns"] == ["n", "s", "f"]


def test_csv_of_values_of_several_types_is_text(results):
    frame = pd.DataFrame({"a": [1, "x", None, [1, 2]], "b": [b"y", None, 1.5, "z"]})
    assert results("CSV").serialise(frame)[0].count(b"\n") == 4


def test_a_single_empty_csv_value_is_a_row_all_the_same(results):
    payload = results("CSV").serialise(pd.DataFrame({"a": [1.5, np.nan]}))[0]
    assert payload.split(b"\n")[1] == b'""'


def test_jsonl_writes_plain_json(results):
    value = [
        np.float32(1.5), np.int8(2), float("nan"), float("inf"), datetime.date(2020, 1, 1), pd.Timestamp(0), pd.NaT,
        {"a": np.array([1, 2])}, "é\n", None, True, (1, "x"),
    ]  # fmt: skip
    payload, _, rows, _ = results("JSONL").serialise(value)
    assert rows == len(value)
    assert [json.loads(line)["result"] for line in payload.decode().splitlines()] == [
        1.5, 2, None, None, "2020-01-01", "1970-01-01T00:00:00", None, {"a": [1, 2]}, "é\n", None, True, [1, "x"],
    ]  # fmt: skip


def test_jsonl_of_a_frame_is_one_object_a_row(results):
    payload = results("JSONL").serialise(FRAME)[0]
    assert payload == b'{"n":1,"s":"x, y","f":0.1}\n{"n":2,"s":null,"f":null}\n'
    with pytest.raises(Unfit, match="two columns of one name"):
        results("JSONL").serialise(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def read(payload: bytes) -> pa.Table:
    return pa.ipc.open_stream(payload).read_all()


def test_parquet_payloads_are_arrow_streams(results):
    frame = FRAME.assign(c=pd.Categorical(["u", "v"]))
    table = read(results("Parquet").serialise(frame)[0])
    assert table.schema == pa.schema([("n", "int64"), ("s", "string"), ("f", "float64"), ("c", "string")])
    assert table.schema.metadata is None
    assert table["s"].to_pylist() == ["x, y", None]


@pytest.mark.parametrize("format_name", ["CSV", "Parquet"])
def test_other_columns_than_the_published_ones_fail_at_once(results, format_name):
    results(format_name).serialise(FRAME)
    with pytest.raises(Unfit, match=r"has the columns \['n', 's'\], but an earlier result of this job had \['n', 's',"):
        results(format_name).serialise(FRAME[["n", "s"]])
    with pytest.raises(Unfit, match=r"has the columns \['result'\]"):
        results(format_name).serialise(["x"])
    assert results(format_name).serialise([])[0] == b"", "no rows have no columns"


def test_another_type_than_the_published_one_fails_at_once(results):
    results("Parquet").serialise(FRAME)
    with pytest.raises(Unfit) as error:
        results("Parquet").serialise(FRAME.assign(n=["a", "b"]))
    assert str(error.value) == (
        "column 'n' of the result is string, but in an earlier result of this job it was int64; "
        "convert it in run, say with astype"
    )


def test_a_column_without_values_takes_the_type_of_the_first_value(results, tmp_path):
    empty = pd.DataFrame({"a": [None], "b": [None]})
    one, other = results("Parquet"), results("Parquet")
    one.serialise(empty)
    other.serialise(empty.assign(a="x"))
    one.serialise(empty.assign(b=1.5))
    assert [json.loads(Path(name).read_text())["types"] for name in versions(str(tmp_path / "schema.json"))] == [
        ["null", "null"],
        ["string", "null"],
        ["string", "double"],
    ]
    with pytest.raises(Unfit, match="column 'a' of the result is int64"):
        one.serialise(empty.assign(a=1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["schema.json", "schema.json.1", "schema.json.2"]


def test_mixed_types_in_a_parquet_column_are_refused(results):
    with pytest.raises(Unfit, match="column 'result' of the result has values of several types"):
        results("Parquet").serialise(["a", 1])


def test_a_schema_that_cannot_be_written_is_no_fault_of_the_result(tmp_path):
    with pytest.raises(Unwritable, match="cannot write"):
        Schema(str(tmp_path / "no" / "schema.json"), "CSV").check(["a"])
