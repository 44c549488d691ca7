"""Which rows of a table its subset takes: what a plan says, as the worker reads it."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition, SubsetSettings
from parallelrun_agent.plan import PlanReader
from parallelrun_worker.tables import Reader
from parallelrun_worker.unfit import Unfit

SCHEMA = pa.schema({"n": pa.int64(), "v": pa.float64(), "s": pa.string()})
FORMATS = ("csv", "jsonl", "parquet", "csv.gz", "quoted.csv", "utf16.csv")
#: Formats of files that are one piece each, of which keys cannot be columns.
WHOLE = ("csv.gz", "utf16.csv")


def batches(reader: PlanReader) -> list[pd.DataFrame]:
    """Each mini-batch as ``run`` gets it."""
    worker = Reader(reader.input_config()["table"]) if reader.total else None
    return [worker.read(work) for work in reader.work(0, reader.total)] if worker else []


def numbers(reader: PlanReader) -> list[int]:
    """Column ``n`` of all mini-batches."""
    for frame in (frames := batches(reader)):
        assert list(frame.index) == list(range(len(frame)))
    return [int(n) for frame in frames for n in frame["n"]]


def written(frame: pd.DataFrame, form: str) -> tuple[str, bytes, dict[str, Any]]:
    """Extension and bytes of a file, and the table settings that it needs."""
    if form == "parquet":
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(frame, SCHEMA, preserve_index=False), sink, row_group_size=5)
        return ".parquet", sink.getvalue(), {}
    if form == "jsonl":
        return ".jsonl", frame.to_json(orient="records", lines=True).encode(), {}
    if form == "utf16.csv":
        return ".csv", frame.to_csv(index=False).encode("utf-16"), {"encoding": "utf-16"}
    if form == "quoted.csv":
        quoted = frame.assign(t=frame["s"].map(lambda s: f'{s}\n\n"'))
        return ".csv", quoted.to_csv(index=False).encode(), {"support_multi_line": True}
    data = frame.to_csv(index=False).encode()
    return (".csv.gz", gzip.compress(data), {}) if form.endswith(".gz") else (".csv", data, {})


def table(*sizes: int) -> list[pd.DataFrame]:
    """Files of so many rows: n counts through all, v is missing here and there, s is text."""
    frames, start = [], 0
    for size in sizes:
        n = range(start, start + size)
        values = [None if one % 5 == 3 else float(one % 7) for one in n]
        frames.append(pd.DataFrame({"n": n, "v": values, "s": [f"x{one % 3}" for one in n]}))
        start += size
    return frames


def write(planner: Any, frames: list[pd.DataFrame], form: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for number, frame in enumerate(frames):
        extension, data, options = written(frame, form)
        planner.write({f"{number}{extension}": data})
    return options | {"columns": {"n": "int64", "v": "float64"}}


#: Conditions, and the same as pandas has it.
WHERE: dict[str, tuple[list[Condition], Any]] = {
    "all": ([], lambda frame: frame["n"] >= 0),
    "greater": ([Condition("v", ">", [2])], lambda frame: frame["v"] > 2),
    "other": ([Condition("v", "!=", [2])], lambda frame: frame["v"].notna() & (frame["v"] != 2)),
    "text": ([Condition("s", "in", ["x0", "x2"])], lambda frame: frame["s"] != "x1"),
    "missing": ([Condition("v", "isNull")], lambda frame: frame["v"].isna()),
    "both": (
        [Condition("n", "<=", [30]), Condition("v", "notIn", [1, 2])],
        lambda frame: (frame["n"] <= 30) & frame["v"].notna() & ~frame["v"].isin([1, 2]),
    ),
}


@settings(max_examples=80)
@given(
    form=st.sampled_from(FORMATS),
    sizes=st.lists(st.integers(0, 25), min_size=1, max_size=4).filter(any),
    where=st.sampled_from(sorted(WHERE)),
    skip=st.integers(0, 40),
    take=st.none() | st.integers(0, 40),
    size=st.integers(1, 400),
    by=st.sampled_from(["size", "path", "column"]),
)
def test_the_rows_are_those_of_pandas_on_the_whole_table(
    new_planner: Any, form: str, sizes: list[int], where: str, skip: int, take: int | None, size: int, by: str
) -> None:
    with new_planner() as planner:
        options = write(planner, frames := table(*sizes), form)
        whole = pd.concat(frames, ignore_index=True)
        stop = None if take is None else skip + take
        conditions, meets = WHERE[where]
        expected = whole[meets(whole)]["n"].tolist()[skip:stop]
        subset = SubsetSettings(where=conditions, skip=skip, take=take)
        keys = {"size": (), "path": ("file",), "column": ("s",)}[by]
        if by == "column":
            assume(form not in WHOLE)
            expected.sort(key=whole["s"].tolist().__getitem__)
        settings = {"partition_format": "{file}"} if by == "path" else {}
        reader = planner.table(table=options, subset=subset, size=size, keys=keys, allow_empty=True, **settings)
        assert numbers(reader) == expected


@settings(max_examples=30)
@given(form=st.sampled_from(FORMATS), size=st.integers(1, 300), other=st.integers(1, 300), fraction=st.floats(0.3, 1))
def test_a_sample_is_the_same_whatever_the_mini_batches_are(
    new_planner: Any, form: str, size: int, other: int, fraction: float
) -> None:
    with new_planner() as planner:
        options = write(planner, table(40, 0, 60), form)
        subset = SubsetSettings(sample=fraction, seed=3)
        drawn = [numbers(planner.table(table=options, subset=subset, size=one)) for one in (size, other)]
        assert drawn[0] == drawn[1]
        by_key = planner.table(table=options, subset=subset, keys=("file",), partition_format="{file}")
        assert numbers(by_key) == drawn[0]


def test_a_sample_is_about_the_fraction_and_another_for_another_seed(planner: Any) -> None:
    options = write(planner, table(3000, 3000), "csv")

    def drawn(fraction: float, seed: int) -> list[int]:
        return numbers(planner.table(table=options, subset=SubsetSettings(sample=fraction, seed=seed), size=5000))

    third = drawn(0.3, 0)
    assert 1500 < len(third) < 2100
    assert set(third) < set(drawn(0.6, 0)), "a larger sample holds a smaller one"
    assert drawn(0.3, 1) != third
    assert [n for n in third if n < 3000] != [n - 3000 for n in third if n >= 3000], "files are drawn from apart"


def test_a_sample_is_drawn_of_what_where_skip_and_take_leave(planner: Any) -> None:
    options = write(planner, table(200), "csv")
    where = [Condition("s", "==", ["x1"])]
    reader = planner.table(table=options, subset=SubsetSettings(where=where, skip=5, take=40, sample=0.5), size=100)
    everywhere = numbers(planner.table(table=options, subset=SubsetSettings(sample=0.5), size=77))
    assert numbers(reader) == [n for n in range(1, 200, 3)[5:45] if n in everywhere]


def test_conditions_may_name_path_columns_and_columns_that_are_not_kept(planner: Any) -> None:
    planner.write({f"{day}/{name}.csv": "n,v\n1,5\n2,6\n" for day in ("2026-01-31", "2026-02-01") for name in "ab"})
    planner.write(
        {
            "MLTable": "paths: [{pattern: ./**/*.csv}]\ntransformations:\n- read_delimited\n"
            "- extract_columns_from_partition_format: {partition_format: '{day:yyyy-MM-dd}/{name}.csv'}\n"
            "- keep_columns: [n]\n"
        }
    )
    where = [Condition("day", ">=", ["2026-02-01"]), Condition("name", "in", ["a"]), Condition("v", "==", [6])]
    reader = planner.plan(planner.input(type="MLTable", subset=SubsetSettings(where=where)), size=100)
    frame = pd.concat(batches(reader))
    assert frame.to_dict("list") == {"n": [2]}
    assert reader.input_config()["table"]["read"] == ["n", "v"]


def test_files_are_left_out_by_conditions_on_their_paths(planner: Any) -> None:
    planner.write({f"{day}/{name}.csv": "n\n1\n" for day in ("2026-01-31", "2026-02-01") for name in "ab"})
    where = [Condition("day", ">=", ["2026-02-01"]), Condition("name", "!=", ["a"])]
    form = "{day:yyyy-MM-dd}/{name}.csv"
    for keys in ((), ("name",), ("n",)):
        reader = planner.table(subset=SubsetSettings(where=where), partition_format=form, size=1, keys=keys)
        assert [reader.files(index) for index in range(reader.total)] == [[str(planner.root / "2026-02-01/b.csv")]]
    nothing = SubsetSettings(where=[Condition("name", "==", ["c"])])
    with pytest.raises(InputError, match=r"input 'in': the subset takes no row"):
        planner.table(subset=nothing, partition_format=form)


def test_a_column_of_the_files_is_meant_where_paths_have_one_of_its_name(planner: Any) -> None:
    planner.write({"1/a.csv": "k,n\n2,1\n3,2\n", "2/a.csv": "k,n\n1,3\n2,4\n"})
    where = [Condition("k", "==", [2])]
    assert numbers(planner.table(subset=SubsetSettings(where=where), partition_format="{k}/a.csv", size=1)) == [1, 4]


def test_columns_of_paths_alone_have_a_row_for_each(planner: Any) -> None:
    planner.write({"a.csv": "n,v\n1,5\n2,6\n"})
    planner.write(
        {
            "MLTable": "paths: [{file: ./a.csv}]\ntransformations:\n- read_delimited\n"
            "- extract_columns_from_partition_format: {partition_format: '{name}.csv'}\n- keep_columns: name\n"
        }
    )
    (frame,) = batches(planner.plan(planner.input(type="MLTable"), size=100))
    assert frame.to_dict("list") == {"name": ["a", "a"]}


def test_inputs_have_subsets_of_their_own(planner: Any) -> None:
    planner.write({"a/1.csv": "n\n1\n2\n3\n", "b/1.csv": "n\n4\n5\n6\n", "b/2.csv": "n\n7\n8\n"})
    first = planner.input("a", type="Tabular", name="a", subset=SubsetSettings(where=[Condition("n", "!=", [2])]))
    second = planner.input("b", type="Tabular", name="b", subset=SubsetSettings(skip=1, take=3))
    assert numbers(planner.plan(first, second, size=1)) == [1, 3, 5, 6, 7]


def test_keys_of_rows_that_are_left_out_make_no_mini_batch(planner: Any) -> None:
    planner.write({"a.csv": "k,n\na,1\nb,2\na,3\nc,4\n"})
    reader = planner.table(subset=SubsetSettings(skip=1, take=2), keys=("k",))
    assert [work[2] for work in reader.work(0, reader.total)] == [{"k": "a"}, {"k": "b"}]
    assert numbers(reader) == [3, 2]


@pytest.mark.parametrize(
    ("name", "op", "values", "keys"),
    [
        ("t", "==", ["b"], ["b"]),
        ("t", "isNull", [], [""]),
        ("t", "!=", ["b"], ["a"]),
        ("i", ">=", [2], ["2", "3"]),
        ("f", "<", [2], ["0.5", "1.5"]),
        ("f", "notIn", [0.5, 1.5], ["2.5"]),
        ("y", "==", [True], ["True"]),
        ("d", ">", ["2026-01-01"], ["2026-01-01", "2026-01-02", "2026-01-03"]),
    ],
)
def test_keys_that_do_not_meet_the_conditions_make_no_mini_batch(
    planner: Any, name: str, op: str, values: list[Any], keys: list[str]
) -> None:
    """Dates are left to the worker."""
    planner.write(
        {"a.csv": "t,i,f,y,d,n\na,1,0.5,true,2026-01-01,1\nb,2,1.5,false,2026-01-02,2\n,3,2.5,true,2026-01-03,3\n"}
    )
    columns = {"d": "datetime64[ns]"}
    subset = SubsetSettings(where=[Condition(name, op, values)])
    reader = planner.table(table={"columns": columns}, subset=subset, keys=(name,))
    assert [work[2][name] for work in reader.work(0, reader.total)] == keys


def test_a_key_that_does_not_fit_its_type_fails_its_mini_batch(planner: Any) -> None:
    planner.write({"a.csv": "k,n\n" + "1,1\n" * 30_000 + f"x,2\n{10**30},3\n"})
    subset = SubsetSettings(where=[Condition("k", ">", [5])])
    reader = planner.table(table={"columns": {"k": "int64"}}, subset=subset, keys=("k",))
    assert [work[2] for work in reader.work(0, reader.total)] == [{"k": str(10**30)}, {"k": "x"}]
    with pytest.raises(Unfit, match=str(10**30)):
        batches(reader)


def test_no_more_is_read_than_skip_and_take_need(planner: Any) -> None:
    planner.write({"1.csv": "n\n1\n2\n", "2.csv": "n\n3\n4\n", "3.csv": "other header\n5\n"})
    assert numbers(planner.table(subset=SubsetSettings(skip=1, take=2), size=100)) == [2, 3]


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        ("int64", 3, True), ("int64", 3.0, True), ("int64", 3.5, False), ("int64", "3", False), ("int64", True, False),
        ("int8", 128, False), ("uint8", -1, False), ("UInt8", 255, True), ("Int64", 3, True), ("float64", 3, True),
        ("float64", 2**53 + 1, False), ("float32", 0.1, True), ("float64", "3", False),
        ("float64", float("nan"), False),
        ("bool", True, True), ("bool", 1, False), ("boolean", False, True), ("object", "x", True), ("object", 3, False),
        ("category", "x", True), ("datetime64[ns]", "2026-01-31", True), ("datetime64[ns]", "today", False),
        ("datetime64[ns]", "2026-01-31T00:00+01:00", False), ("datetime64[ns, UTC]", "2026-01-31T00:00+01:00", True),
        ("timedelta64[ns]", "1", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("op", ["==", "in"])
def test_a_value_has_to_fit_its_column(planner: Any, dtype: str, value: Any, fits: bool, op: str) -> None:
    planner.write({"a.csv": "x,n\n,1\n"})
    subset = SubsetSettings(where=[Condition("x", op, [value])])

    def plan() -> PlanReader:
        return planner.table(table={"columns": {"x": dtype}}, subset=subset)

    if fits:
        assert plan().total == 1
    else:
        with pytest.raises(InputError, match=r"input 'in': subset.where: column 'x' is .*") as caught:
            plan()
        assert dtype in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "cells", "op", "values", "wanted"),
    [
        ("Int64", ["9007199254740993", "", "2"], "==", [9007199254740993], [0]),
        ("uint64", ["18446744073709551615", "1", "2"], ">", [1], [0, 2]),
        ("float32", ["0.1", "0.2", ""], "==", [0.1], [0]),
        ("bool", ["true", "false", "true"], "!=", [True], [1]),
        ("boolean", ["true", "false", ""], "!=", [True], [1]),
        ("object", ["b", "a", ""], ">", ["a"], [0]),
        ("string", ["b", "a", ""], "notIn", ["a"], [0]),
        ("category", ["b", "a", ""], "in", ["a", "c"], [1]),
        ("datetime64[ns]", ["2026-01-31", "2026-02-01", ""], ">", ["2026-01-31"], [1]),
        ("datetime64[ns, UTC]", ["2026-01-31T00:00Z", "2026-02-01T00:00Z", ""], "<", ["2026-01-31T02:00+01:00"], [0]),
        ("object", ["b", "a", ""], "isNull", [], [2]),
        ("object", ["b", "a", ""], "notNull", [], [0, 1]),
    ],
)
def test_values_are_compared_in_the_column_s_type(
    planner: Any, dtype: str, cells: list[str], op: str, values: list[Any], wanted: list[int]
) -> None:
    planner.write({"a.csv": "x,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells))})
    subset = SubsetSettings(where=[Condition("x", op, values)])
    assert numbers(planner.table(table={"columns": {"x": dtype}}, subset=subset, size=100)) == wanted


def test_conditions_that_cannot_be_are_refused(planner: Any) -> None:
    planner.write({"a.csv": "Store,open\n1,true\n"})
    with pytest.raises(InputError, match=r"column 'store' is not in the table\nDid you mean 'Store'\?"):
        planner.table(subset=SubsetSettings(where=[Condition("store", "==", [1])]))
    with pytest.raises(InputError, match=r"column 'open' is bool, which > does not order"):
        planner.table(subset=SubsetSettings(where=[Condition("open", ">", [True])]))


def test_a_subset_without_rows_is_an_error_unless_it_may_be_empty(planner: Any) -> None:
    planner.write({"a.csv": "n\n1\n2\n"})
    for subset in (SubsetSettings(skip=2), SubsetSettings(where=[Condition("n", ">", [5])], take=1)):
        with pytest.raises(InputError, match=r"input 'in': the subset takes no row"):
            planner.table(subset=subset)
        assert planner.table(subset=subset, allow_empty=True).total == 0
