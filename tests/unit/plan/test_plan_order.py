"""Natural order: what comes before what, and that it is total."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from parallelrun_agent.plan import order, sorting

_NAMES = st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"1"))
_DIGITS = st.text("0123456789ab.-", min_size=1, max_size=10).map(str.encode)


def _slow_key(name: bytes) -> tuple[list[tuple[bytes, int]], bytes]:
    """The documented order, spelled out: characters, with a run of digits as "0" and its number."""
    tokens = re.findall(rb"[0-9]+|[^0-9]", name, re.DOTALL)
    return [(b"0", int(token)) if token.isdigit() else (token, 0) for token in tokens], name


def test_digits_compare_as_numbers_and_the_rest_by_bytes() -> None:
    names = [b"img10.png", b"img9.png", b"Img1.png", b"img010.png", b"img.png", b"a", "é".encode(), b"img1", b"_"]
    expected = [b"Img1.png", b"_", b"a", b"img.png", b"img1", b"img9.png", b"img010.png", b"img10.png", "é".encode()]
    assert sorted(names, key=order.key) == expected


def test_a_folder_sorts_by_its_own_name_before_its_files_are_compared() -> None:
    assert sorted([b"b.png", b"a/z.png", b"a/b/c", b"a2/x", b"a10/x"], key=order.path_key) == [
        b"a/b/c",
        b"a/z.png",
        b"a2/x",
        b"a10/x",
        b"b.png",
    ]


@given(st.lists(st.one_of(_NAMES, _DIGITS), max_size=30))
def test_keys_sort_as_the_documented_order_says(names: list[bytes]) -> None:
    assert sorted(names, key=order.key) == sorted(names, key=_slow_key)


@given(_NAMES, _NAMES)
def test_order_is_total_and_names_come_back(one: bytes, other: bytes) -> None:
    assert (order.key(one) == order.key(other)) == (one == other)
    assert order.name_of(order.key(one)) == one


_PATHS = st.lists(_NAMES | _DIGITS, min_size=1, max_size=4).map(b"/".join)


@given(st.lists(_PATHS, max_size=30))
def test_whole_paths_sort_alike_as_one_key_and_come_back(paths: list[bytes]) -> None:
    assert sorted(paths, key=order.sortable) == sorted(paths, key=order.path_key)
    assert [order.path_of(order.sortable(path)) for path in paths] == paths


_VALUES = st.text(st.sampled_from("a1\0\x01\x02/é0"), max_size=4)


@given(st.tuples(_VALUES, _VALUES), st.tuples(_VALUES, _VALUES))
def test_partitions_of_different_values_have_different_keys(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (order.tuple_key(one) == order.tuple_key(other)) == (one == other)


def test_partitions_sort_naturally_value_by_value() -> None:
    values = [("10", "a"), ("9", "b"), ("9", "a"), ("", "z")]
    assert sorted(values, key=order.tuple_key) == [("", "z"), ("9", "a"), ("9", "b"), ("10", "a")]


@given(st.lists(st.tuples(st.binary(max_size=4), st.integers(0, 9)), max_size=60), st.integers(1, 9))
def test_sorting_on_disk_sorts(tmp_path_factory, rows: list[tuple[bytes, int]], run: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert list(sorting.sort_on_disk(rows, folder, run)) == sorted(rows)


def test_sorting_merges_more_runs_than_files_may_be_open(tmp_path) -> None:
    rows = list(range(1_500, 0, -1))
    assert list(sorting.sort_on_disk(rows, tmp_path, 2)) == sorted(rows)
    assert list(tmp_path.iterdir()) == []
