"""Plans of tables by partition keys."""

from __future__ import annotations

import gzip
from collections import defaultdict

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from parallelrun.api.errors import InputError
from parallelrun_agent.plan import order


def test_keys_from_paths_make_whole_files_the_parts(planner) -> None:
    planner.write({f"{store}/{brand}.csv": "x\n1\n2\n" for store in (10, 9) for brand in "ba"})
    planner.write({"9/empty.csv": "x\n"})
    reader = planner.table(partition_format="{Store}/{Brand}.csv", keys=("Store",))
    path = str(planner.root)
    assert reader.work(0, reader.total) == [
        [
            "t",
            [[f"{path}/9/a.csv", 2, 6, 0], [f"{path}/9/b.csv", 2, 6, 1]],
            {"Store": "9"},
            {"Store": "9", "Brand": ["a", "b"]},
        ],
        [
            "t",
            [[f"{path}/10/a.csv", 2, 6, 3], [f"{path}/10/b.csv", 2, 6, 4]],
            {"Store": "10"},
            {"Store": "10", "Brand": ["a", "b"]},
        ],
    ]


def test_keys_from_columns_bring_rows_together_in_the_order_of_the_input(planner, parts_of) -> None:
    planner.write({"a.csv": "k,v\n2,a\n10,b\n2,c\n\n2,d\n", "b.csv": "k,v\n10,e"})
    reader = planner.table(keys=("k",))
    assert [work[2] for work in reader.work(0, 2)] == [{"k": "2"}, {"k": "10"}]
    assert parts_of(reader) == [[b"2,a\n", b"2,c\n\n2,d\n"], [b"10,b\n", b"10,e"]]


def test_values_are_written_as_their_columns_type_has_them(planner) -> None:
    planner.write({"a.csv": "i,f,t,b\n1,1,x,true\n+1,1.0,x,TRUE\n01,1e0,x,True\n"})
    reader = planner.table(keys=("i", "f", "t", "b"), table={"columns": {"f": "float64"}})
    assert [work[2] for work in reader.work(0, reader.total)] == [{"i": "1", "f": "1.0", "t": "x", "b": "True"}]


def test_a_missing_value_is_a_partition_of_its_own(planner) -> None:
    planner.write({"a.csv": "k,v\nNA,1\nx,2\n,3\n"})
    reader = planner.table(keys=("k",))
    assert [work[2]["k"] for work in reader.work(0, reader.total)] == ["", "x"]


def test_keys_from_path_and_column_mix(planner) -> None:
    planner.write({"1/a.csv": "k\nx\ny\n", "2/a.csv": "k\nx\n", "1/b.csv": "k\ny\n"})
    reader = planner.table(partition_format="{Store}/*.csv", keys=("k", "Store"))
    assert [tuple(work[2].values()) for work in reader.work(0, reader.total)] == [("x", "1"), ("x", "2"), ("y", "1")]
    assert len(reader.work(2, 3)[0][1]) == 2
    assert reader.files(2) == [str(planner.root / name) for name in ("1/a.csv", "1/b.csv")]


def test_json_lines_by_key(planner, parts_of) -> None:
    lines = [b'{"k": "a", "v": 1}\n', b'{"k": "b"}\n', b'{"k": "a"}\n', b'{"v": 2}']
    planner.write({"a.jsonl": b"".join(lines)})
    reader = planner.table(keys=("k",))
    assert [work[2]["k"] for work in reader.work(0, reader.total)] == ["", "a", "b"]
    assert parts_of(reader) == [[lines[3]], [lines[0], lines[2]], [lines[1]]]


def test_parquet_by_key_is_rows(planner) -> None:
    pq.write_table(pa.table({"k": [1, 1, 2, 1, None], "v": range(5)}), planner.root / "a.parquet", row_group_size=2)
    reader = planner.table(keys=("k",))
    found = {work[2]["k"]: [part[1:3] for part in work[1]] for work in reader.work(0, reader.total)}
    assert found == {"": [[4, 5]], "1": [[0, 2], [3, 4]], "2": [[2, 3]]}


def test_an_unknown_key_names_the_nearest_column(planner) -> None:
    planner.write({"a.csv": "Store,Brand\n1,x\n"})
    with pytest.raises(InputError, match=r"partitionKeys: 'Sotre' .*\n.*Did you mean 'Store'\?"):
        planner.table(keys=("Sotre",))


def test_a_column_of_a_compressed_file_is_no_key(planner) -> None:
    planner.write({"a.csv.gz": gzip.compress(b"k\nx\n")})
    with pytest.raises(InputError, match=r"a\.csv\.gz is one piece .* 'k'"):
        planner.table(keys=("k",))


def test_a_row_without_its_key_is_refused_by_offset(planner) -> None:
    planner.write({"a.csv": "v,k\n1,x\n2\n"})
    with pytest.raises(InputError, match=r"a\.csv: the row at byte 8 has 1 fields"):
        planner.table(keys=("k",))


_ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b\nc", '"', "1", "10", ""]), st.sampled_from(["x", "y"])), max_size=20
)


@given(st.lists(_ROWS, min_size=1, max_size=3), st.booleans())
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_partitions_hold_every_row_once_in_order(planner, frames_of, tables: list, two: bool) -> None:
    for old in planner.root.iterdir():
        old.unlink()
    truth = defaultdict(list)
    number = 0
    for index, rows in enumerate(tables):
        numbered = [(*row, number + offset) for offset, row in enumerate(rows)]
        number += len(rows)
        frame = pd.DataFrame(numbered, columns=["k", "l", "n"])
        frame.to_csv(planner.root / f"{index}.csv", index=False)
        for one, other, row in numbered:
            truth[(one, other) if two else (one,)].append(row)
    keys = ("k", "l") if two else ("k",)
    declared = {"k": "object", "l": "object", "n": "int64"} if number else {}
    table = {"support_multi_line": True, "columns": declared}
    reader = planner.table(keys=keys, table=table, allow_empty=not number)
    found = {
        tuple(work[2].values()): frame["n"].tolist()
        for work, frame in zip(reader.work(0, reader.total), frames_of(reader), strict=True)
    }
    assert found == truth
    assert list(found) == sorted(truth, key=order.tuple_key)


def test_a_row_too_long_to_find_its_keys_is_refused_by_offset(planner) -> None:
    planner.write({"a.csv": b"v,k\n1,x\n" + b"2" * (1 << 24) + b",y\n"})
    with pytest.raises(InputError, match=r"a\.csv: the row at byte 8 is longer than 16 MiB"):
        planner.table(keys=("k",))
