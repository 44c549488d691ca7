"""Datasets: what they are in our words, by name and version, and which part of them is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelrun.api.errors import InputError
from parallelrun.azureml.backend.support import NotAvailableHere
from parallelrun.azureml.core import Dataset, Workspace
from parallelrun.azureml.data import DataType, FileDataset, TabularDataset
from parallelrun.azureml.data.datapath import DataPath
from parallelrun.azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from parallelrun.azureml.data.dataset_factory import FileDatasetFactory, PromoteHeadersBehavior, TabularDatasetFactory
from parallelrun.azureml.exceptions import UserErrorException


def test_paths_are_written_in_every_way_that_there_is(ws: Workspace, tmp_path: Path) -> None:
    store = ws.get_default_datastore()
    one = {"type": "File", "datastore": store.name}
    assert Dataset.File.from_files(store.path("mnist/"))._spec == {**one, "paths": ["mnist/"]}
    assert Dataset.File.from_files((store, "mnist/*.png"))._spec == {**one, "paths": ["mnist/*.png"]}
    assert Dataset.File.from_files([(store, ["a", "/b/**"]), DataPath(store, "c")])._spec["paths"] == ["a", "b", "c"]
    assert Dataset.File.from_files("https://x.org/a.csv", validate=False)._spec["paths"] == ["https://x.org/a.csv"]
    mixed = Dataset.File.from_files(["local.txt", (store, "b")])._spec
    assert mixed["paths"] == [str(tmp_path / "local.txt"), f"datastore://{store.name}/b"]
    assert Dataset.File is FileDatasetFactory
    assert Dataset.Tabular is TabularDatasetFactory


@pytest.mark.parametrize("path", [[], 5, ("a", "b", "c")])
def test_what_is_no_path_is_refused(ws: Workspace, path: object) -> None:
    with pytest.raises(InputError, match=r"Dataset\.File\.from_files"):
        Dataset.File.from_files(path)


def test_registering_gives_versions_that_are_numbers(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    first = Dataset.File.from_files((store, "a/")).register(ws, "mnist_ds", "digits", {"by": "me"})
    again = Dataset.File.from_files((store, "a/")).register(ws, "mnist_ds", "digits", {"by": "me"})
    other = Dataset.File.from_files((store, "b/")).register(ws, "mnist_ds", create_new_version=True)
    assert (first.name, first.version, first.id, first.description, first.tags) == (
        "mnist_ds", 1, "mnist_ds:1", "digits", {"by": "me"},
    )  # fmt: skip
    assert (again.version, other.version) == (1, 2)
    assert Dataset.get_by_name(ws, "mnist_ds").version == 2
    assert Dataset.get_by_name(ws, "mnist_ds", version=1)._spec["paths"] == ["a/"]
    assert Dataset.get_by_id(ws, "mnist_ds:1").version == 1
    assert list(Dataset.get_all(ws)) == ["mnist_ds"]
    other.unregister_all_versions()
    assert list(ws.datasets) == []


def test_something_else_under_a_name_needs_a_new_version(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    Dataset.File.from_files((store, "a/")).register(ws, "d")
    with pytest.raises(UserErrorException, match="create_new_version=True"):
        Dataset.File.from_files((store, "b/")).register(ws, "d")
    assert Dataset.get_by_name(ws, "d").version == 1


def test_an_unknown_dataset_is_named(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match="nosuch"):
        Dataset.get_by_name(ws, "nosuch")


def test_how_a_table_is_read_is_kept(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    made = Dataset.Tabular.from_delimited_files(
        path=(store, "t/*.csv"), validate=False, separator=";", header=False, support_multi_line=True,
        encoding="latin-1",
        set_column_types={
            "a": DataType.to_string(), "b": DataType.to_long(), "c": DataType.to_float(), "d": DataType.to_bool(),
            "e": DataType.to_datetime(),
        },
    )  # fmt: skip
    assert isinstance(made, TabularDataset)
    columns = {"a": "object", "b": "Int64", "c": "float64", "d": "boolean", "e": "datetime64[ns]"}
    assert made._spec["table"] == {
        "format": "csv", "separator": ";", "header": False, "supportMultiLine": True, "encoding": "latin-1",
        "columns": columns,
    }  # fmt: skip
    assert Dataset.Tabular.from_parquet_files((store, "p"))._spec["table"] == {"format": "parquet"}
    assert Dataset.Tabular.from_json_lines_files((store, "j"))._spec["table"] == {"format": "jsonl"}
    made.register(ws, "t")  # it passes our own checks


def test_headers_that_only_some_files_have_are_refused(ws: Workspace) -> None:
    with pytest.raises(NotAvailableHere, match="header=1"):
        Dataset.Tabular.from_delimited_files("t.csv", header=PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS)
    with pytest.raises(NotAvailableHere, match="decimal_mark"):
        DataType.to_float(",")


def test_the_partition_format_gives_keys(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    made = Dataset.File.from_files((store, "audio"), partition_format="/{user}/{season}/{genres}.wav")
    assert made.partition_keys == ["user", "season", "genres"]
    assert made._spec["partitionFormat"] == "{user}/{season}/{genres}.wav"


def test_parts_are_taken_of_parts(ws: Workspace) -> None:
    files = Dataset.File.from_files("a/").skip(10).take(100).skip(5).take_sample(0.5, seed=7)
    assert files._spec["subset"] == {"skip": 15, "take": 95, "sample": {"fraction": 0.5, "seed": 7}}
    assert files.version is None
    with pytest.raises(InputError, match="FileDataset"):
        files.take(3)


def test_rows_are_filtered_by_conditions_on_columns(ws: Workspace) -> None:
    table = Dataset.Tabular.from_delimited_files("t.csv")
    chosen = table.filter((table["Store"] == 1001) & (table["Brand"] != "x") & (table["Price"] >= 2.5))
    chosen = chosen.filter((table["Revenue"] < 9) & (table["Week"] <= 3) & (table["Q"] > 1)).take(3)
    assert chosen._spec["subset"]["where"][:2] == [
        {"column": "Store", "op": "==", "value": 1001},
        {"column": "Brand", "op": "!=", "value": "x"},
    ]
    assert [one["op"] for one in chosen._spec["subset"]["where"]] == ["==", "!=", ">=", "<", "<=", ">"]
    assert table.filter(table["a"].is_null())._spec["subset"]["where"] == [{"column": "a", "op": "isNull"}]
    assert table.filter(table["a"].is_not_null())._spec["subset"]["where"] == [{"column": "a", "op": "notNull"}]
    chosen.register(ws, "chosen")


def test_conditions_that_have_no_counterpart_are_refused() -> None:
    table = Dataset.Tabular.from_delimited_files("t.csv")
    with pytest.raises(NotAvailableHere, match=r"conditions with \|"):
        table.filter((table["a"] == 1) | (table["b"] == 2))
    with pytest.raises(NotAvailableHere, match="conditions with ~"):
        table.filter(~(table["a"] == 1))
    with pytest.raises(NotAvailableHere, match="a =="):
        table.filter(table["a"] == table["b"])
    with pytest.raises(InputError, match="filter comes before"):
        table.take(3).filter(table["a"] == 1)
    with pytest.raises(InputError, match="is no condition"):
        table.filter("a == 1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="join conditions with &"):
        bool(table["a"] == 1)


def test_an_input_has_a_name_and_a_mode(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    files = Dataset.File.from_files("a/")
    named = files.as_named_input("images")
    assert isinstance(named, DatasetConsumptionConfig)
    assert (named.name, named.as_mount("/tmp/x").mode, named.as_download().mode, named.as_direct().mode) == (
        "images", "mount", "download", "direct",
    )  # fmt: skip
    assert "as_mount(path_on_compute='/tmp/x'): files are where our nodes keep them" in capsys.readouterr().err
    assert files.as_mount().mode == "mount"
    assert files.as_download().mode == "download"
    assert DatasetConsumptionConfig("images", files).as_mount().dataset is files


def test_a_folder_goes_up_and_is_a_dataset(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.txt", "b.csv"):
        (tmp_path / "in" / name).write_text(name)
    store = ws.get_default_datastore()
    made = Dataset.File.upload_directory("in", (store, "up"), pattern="*.txt")
    assert isinstance(made, FileDataset)
    assert made._spec == {"type": "File", "datastore": store.name, "paths": ["up"]}
    folder = ws._files.local(store.name, "up")
    assert folder is not None
    assert [path.name for path in folder.iterdir()] == ["a.txt"]


def test_a_frame_is_written_and_registered(ws: Workspace) -> None:
    import pandas

    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    made = Dataset.Tabular.register_pandas_dataframe(frame, (ws.get_default_datastore(), "frames"), "frame_ds")
    assert (made.name, made.version) == ("frame_ds", 1)
    folder = ws._files.local("workspaceblobstore", made._spec["paths"][0])
    assert folder is not None
    assert pandas.read_parquet(folder / "part-0.parquet").equals(frame)
