"""partitionFormat: what it reads from paths."""

from __future__ import annotations

import pytest

from parallelrun.api.errors import InputError
from parallelrun_agent.plan.path_format import PathFormat
from parallelrun_agent.plan.patterns import below


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("{Store}/{Brand}.csv", "1001/dominicks.csv", {"Store": "1001", "Brand": "dominicks"}),
        ("{Store}/{Brand}.csv", "2024/1001/dominicks.csv", {"Store": "1001", "Brand": "dominicks"}),
        ("/{Store}/{Brand}.csv", "1001/a.b.csv", {"Store": "1001", "Brand": "a.b"}),
        (".../{user}/{season}/{genres}.wav", "u/s/g.wav", {"user": "u", "season": "s", "genres": "g"}),
        (".../{user}/{season}/{genres}.wav", "deep/u/s/g.wav", {"user": "u", "season": "s", "genres": "g"}),
        ("{day:yyyy/MM/dd}/*.csv", "2024/02/29/x.csv", {"day": "2024-02-29T00:00:00"}),
        ("{t:yyyy-MM-dd HH.mm.ss}", "2024-02-03 04.05.06.csv", {"t": "2024-02-03T04:05:06"}),
        ("{m:yyyyMM}.csv", "202411.csv", {"m": "2024-11-01T00:00:00"}),
        ("year={y}/**/{name}.csv", "year=7/a/b/c.csv", {"y": "7", "name": "c"}),
        ("year={y}/**/{name}.csv", "year=7/c.csv", {"y": "7", "name": "c"}),
        ("{a}_{b}", "x_y.parquet", {"a": "x", "b": "y"}),
        ("{the name}.csv", "new\nline.csv", {"the name": "new\nline"}),
    ],
)
def test_values_are_read_from_the_end_of_the_path(text: str, path: str, expected: dict[str, str]) -> None:
    assert PathFormat(text).read("in", f"/root/{path}".encode(), "/root") == expected


@pytest.mark.parametrize(
    ("text", "path"), [("{a}/{b}.csv", "x.csv"), ("{a}.csv", "x.txt"), ("{d:yyyyMMdd}.csv", "20240230.csv")]
)
def test_a_file_that_does_not_fit_is_named(text: str, path: str) -> None:
    with pytest.raises(InputError, match=f"input 'in': /root/{path} .* of partitionFormat"):
        PathFormat(text).read("in", f"/root/{path}".encode(), "/root")


@pytest.mark.parametrize("text", ["a.csv", "{a}/{a}.csv", "{a", "a}", "{d:MM}", "{d:yyyyyyyy}"])
def test_a_format_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="partitionFormat"):
        PathFormat(text)


def test_columns_keep_their_order_and_dates_are_dates() -> None:
    assert PathFormat("{b}/{d:yyyy}/{a}.csv").dtypes() == {"b": "object", "d": "datetime64[ns]", "a": "object"}


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/in/a/b.csv", "/in", "a/b.csv"),
        ("/in/b.csv", "/in/b.csv", "b.csv"),
        ("/in/b.csv", "/", "in/b.csv"),
        ("s3://bucket/in/a/b c%20.csv", "s3://bucket/in", "a/b c%20.csv"),
        ("s3://bucket/in/b.csv", "s3://bucket/in/b.csv", "b.csv"),
        ("s3://bucket/in/b.csv", "", "bucket/in/b.csv"),
        ("https://host/in/a/b%20c.csv?sig=x/y", "https://host/in", "a/b c.csv"),
    ],
)
def test_a_file_s_place_below_the_root(path: str, root: str, expected: str) -> None:
    assert below(path.encode(), root) == expected
