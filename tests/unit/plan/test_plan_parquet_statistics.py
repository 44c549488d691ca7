"""Row groups without a row that meets the conditions: left out where that is certain, and only there."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelrun.api.settings import Condition, SubsetSettings
from parallelrun_worker.tables import Reader

DAY = datetime.datetime(2026, 1, 1)
VALUES = {
    "i": (pa.int32(), st.integers(-4, 4), st.integers(-5, 5)),
    "f": (pa.float32(), st.sampled_from([-1.0, -0.0, 0.0, 0.1, 2.5, float("nan")]), st.sampled_from([-1, 0, 0.1, 2.5])),
    "d": (pa.float64(), st.sampled_from([-1.0, 0.1, 7.0, float("nan"), float("inf")]), st.sampled_from([-2, 0.1, 7])),
    "t": (
        pa.timestamp("us"),
        st.integers(0, 4).map(lambda days: DAY + datetime.timedelta(days)),
        st.integers(-1, 5).map(lambda days: (DAY + datetime.timedelta(days)).isoformat()),
    ),
    "s": (pa.string(), st.sampled_from(["", "a", "ab", "b"]), st.sampled_from(["a", "aa", "b"])),
}
COMPARED = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def expected(series: Any, op: str, values: list[Any]) -> Any:
    if op in ("isNull", "notNull"):
        return series.isna() if op == "isNull" else series.notna()
    if series.dtype == "float32":
        values = [np.float32(value) for value in values]
    if series.dtype.kind == "M":
        values = [pd.Timestamp(value) for value in values]
    met = series.isin(values) if op in ("in", "notIn") else getattr(series, COMPARED[op])(values[0])
    return series.notna() & (~met if op == "notIn" else met)


@settings(max_examples=200)
@given(data=st.data(), column=st.sampled_from(sorted(VALUES)), size=st.integers(1, 300), group=st.integers(1, 4))
def test_the_rows_are_those_of_pandas(new_planner: Any, data: Any, column: str, size: int, group: int) -> None:
    kind, cells, bounds = VALUES[column]
    drawn = data.draw(st.lists(st.none() | cells, min_size=1, max_size=12))
    op = data.draw(st.sampled_from([*COMPARED, "in", "notIn", "isNull", "notNull"]))
    many = {"isNull": 0, "notNull": 0, "in": 2, "notIn": 2}.get(op, 1)
    condition = Condition(column, op, data.draw(st.lists(bounds, min_size=many, max_size=many)))
    with new_planner() as planner:
        table = pa.table({"n": range(len(drawn)), column: pa.array(drawn, kind)})
        pq.write_table(table, planner.root / "x.parquet", row_group_size=group)
        if column == "i" and None in drawn:
            condition = Condition(column, op, [float(value) for value in condition.values])
        reader = planner.table(subset=SubsetSettings(where=[condition]), size=size, allow_empty=True)
        worker = Reader(reader.input_config()["table"])
        rows = [n for work in reader.work(0, reader.total) for n in worker.read(work)["n"].tolist()]
        whole = table.to_pandas()
        assert rows == whole[expected(whole[column], op, condition.values)]["n"].tolist()


@pytest.mark.parametrize(
    ("condition", "starts"),
    [
        (Condition("n", ">=", [70]), [60, 80]),
        (Condition("n", "in", [5, 45]), [0, 40]),
        (Condition("t", "<", ["2026-01-11T12:00:00"]), [0]),
        (Condition("f", "==", [0.5]), [0]),
        (Condition("m", "isNull"), [0]),
        (Condition("m", "notNull"), [20, 40, 60, 80]),
        (Condition("s", "==", ["z"]), [0, 20, 40, 60, 80]),
    ],
)
def test_groups_that_cannot_have_such_a_row_are_not_read(planner: Any, condition: Condition, starts: list[int]) -> None:
    table = pa.table(
        {
            "n": range(100),
            "t": [DAY + datetime.timedelta(n) for n in range(100)],
            "f": [n / 10 for n in range(100)],
            "m": [None if n < 20 else n for n in range(100)],
            "s": [str(n) for n in range(100)],
        }
    )
    pq.write_table(table, planner.root / "x.parquet", row_group_size=20)
    reader = planner.table(subset=SubsetSettings(where=[condition]), size=1)
    assert [work[1][0][1] for work in reader.work(0, reader.total)] == starts


def test_floats_of_32_bits_are_compared_as_such(planner: Any) -> None:
    pq.write_table(pa.table({"f": pa.array([0.1, 5.0], pa.float32())}), planner.root / "x.parquet")
    reader = planner.table(subset=SubsetSettings(where=[Condition("f", "==", [0.1])]))
    assert len(Reader(reader.input_config()["table"]).read(reader.work(0, 1)[0])) == 1


def test_a_declared_type_is_compared_as_declared(planner: Any) -> None:
    pq.write_table(pa.table({"f": [0.1, 5.0]}), planner.root / "x.parquet")
    subset = SubsetSettings(where=[Condition("f", "==", [float(np.float32(0.1))])])
    reader = planner.table(subset=subset, table={"columns": {"f": "float32"}})
    assert len(Reader(reader.input_config()["table"]).read(reader.work(0, 1)[0])) == 1
