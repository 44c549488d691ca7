"""The output of each format as a DataFrame: the same values, and no guesses where none are needed."""

from __future__ import annotations

import pandas
import pytest

from parallelrun.api.errors import RunFolderError
from parallelrun.api.settings import OutputSettings
from parallelrun.client import tables

TEXT = OutputSettings()


def read(path, text=None, sep=None, names=None, settings=TEXT, **options):
    if text is not None:
        path.write_text(text)
    return tables.read(path, settings, sep, names, options)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "output"


def test_lines_of_text_are_one_column_as_they_are(file):
    frame = read(file, "0.png: 007\n\n  1 \r\n")
    assert frame["result"].tolist() == ["0.png: 007", "", "  1 \r"]


def test_text_is_split_where_it_is_asked_for(file):
    frame = read(file, "0.png:7\n1.png:2\n", sep=":", names=["file", "digit"])
    assert frame.to_dict("list") == {"file": ["0.png", "1.png"], "digit": [7, 2]}


def test_text_takes_options_of_pandas(file):
    assert read(file, "a:007\n", sep=":", dtype=str)[1].tolist() == ["007"]


@pytest.mark.parametrize("sep", [None, ":"])
def test_no_lines_are_an_empty_table(file, sep):
    assert len(read(file, "", sep=sep)) == 0


def test_csv_has_its_own_columns(file):
    settings = OutputSettings(format="CSV", csv_separator=";")
    assert read(file, "a;b\n1;x\n", settings=settings).to_dict("list") == {"a": [1], "b": ["x"]}


def test_csv_without_a_header_has_numbered_columns(file):
    settings = OutputSettings(format="CSV", csv_header=False)
    assert read(file, "1,x\n", settings=settings).to_dict("list") == {0: [1], 1: ["x"]}


def test_json_lines_keep_their_types(file):
    settings = OutputSettings(format="JSONL")
    frame = read(file, '{"a": "001", "b": 9007199254740993}\n{"a": "2020-01-01", "b": 1}\n', settings=settings)
    assert frame.to_dict("list") == {"a": ["001", "2020-01-01"], "b": [9007199254740993, 1]}


def test_parquet_is_what_was_written(file):
    made = pandas.DataFrame({"a": ["001", None], "b": [1.5, 2.5]})
    made.to_parquet(file)
    pandas.testing.assert_frame_equal(read(file, settings=OutputSettings(format="Parquet")), made)


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        (OutputSettings(format="Parquet"), {"sep": ","}, "sep is for lines"),
        (OutputSettings(format="JSONL"), {"names": ["a"]}, "names is for lines"),
        (OutputSettings(), {"dtype": str}, "dtype is for lines"),
    ],
)
def test_options_that_a_format_has_no_use_for_are_refused(file, settings, options, said):
    file.write_text("")
    with pytest.raises(RunFolderError, match=said):
        read(file, settings=settings, **options)
