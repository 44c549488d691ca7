"""Steps become a ParallelRunPipeline: every argument has its field, and what has none is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from parallelrun.api.errors import SourceError
from parallelrun.azureml.backend.support import NotAvailableHere
from parallelrun.azureml.core import Dataset, Datastore, Environment, Run, RunConfiguration, Workspace
from parallelrun.azureml.core.compute import AmlCompute, ComputeTarget
from parallelrun.azureml.data import DataType, OutputFileDatasetConfig
from parallelrun.azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from parallelrun.azureml.exceptions import UserErrorException
from parallelrun.azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, StepSequence
from parallelrun.azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep, PythonScriptStep


@pytest.fixture(autouse=True)
def code(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/score.py").write_text("def run(mini_batch): return mini_batch\n")


def config(**options: Any) -> ParallelRunConfig:
    given: dict[str, Any] = {
        "environment": Environment("e"), "entry_script": "score.py", "source_directory": "code", "error_threshold": 0,
        "output_action": "append_row", "compute_target": None, "node_count": 1, **options,
    }  # fmt: skip
    return ParallelRunConfig(**given)


def images(ws: Workspace) -> DatasetConsumptionConfig:
    return Dataset.File.from_files((ws.get_default_datastore(), "mnist/")).as_named_input("images").as_mount()


def spec(ws: Workspace, *steps: Any, **options: Any) -> Any:
    """The manifest's spec; it has passed our own checks."""
    pipeline = Pipeline(workspace=ws, steps=list(steps), **options)
    assert pipeline.validate() == []
    return pipeline.compiled("digits", "Digit identification").document["spec"]


def job(ws: Workspace, **options: Any) -> Any:
    """The job of the last step."""
    step = {key: options.pop(key) for key in ("arguments", "side_inputs", "output", "inputs") if key in options}
    made = ParallelRunStep(name="score", parallel_run_config=config(**options), **{"inputs": [images(ws)], **step})
    return spec(ws, made)["steps"][-1]["job"]


def test_every_argument_of_a_config_has_its_field(ws: Workspace, tmp_path: Path) -> None:
    target = ComputeTarget.create(ws, "cpu-cluster", AmlCompute.provisioning_configuration("STANDARD_D2_V2"))
    made = job(
        ws, compute_target=target, node_count="2", process_count_per_node=3, mini_batch_size="5", description="d",
        logging_level="DEBUG", run_invocation_timeout=600, run_max_try=2, append_row_file_name="out.txt",
        allowed_failed_count=4, allowed_failed_percent=10, environment_variables={"A": 1}, error_threshold=10,
    )  # fmt: skip
    assert made == {
        "description": "d", "source": {"directory": str(tmp_path / "code")}, "entryScript": "score.py",
        "environment": {"env": [{"name": "A", "value": "1"}]},
        "inputs": [{"name": "images", "type": "File", "paths": ["datastore://workspaceblobstore/mnist/"]}],
        "miniBatchSize": "5", "nodeCount": 2, "processCountPerNode": 3, "errorThreshold": 10,
        "allowedFailedPercent": 10.0, "miniBatchErrorThreshold": 4, "runInvocationTimeoutSeconds": 600, "runMaxTry": 2,
        "loggingLevel": "DEBUG", "computeTarget": "cpu-cluster",
        "output": {"action": "AppendRow", "appendRowFileName": "out.txt"},
    }  # fmt: skip


def test_partition_keys_stand_in_place_of_a_size(ws: Workspace) -> None:
    table = Dataset.Tabular.from_delimited_files((ws.get_default_datastore(), "t")).as_named_input("t")
    made = job(ws, inputs=[table], partition_keys=["Store", "Brand"], mini_batch_size="1MB")
    assert made["partitionKeys"] == ["Store", "Brand"]
    assert "miniBatchSize" not in made


def test_a_registered_dataset_is_named_with_its_version(ws: Workspace) -> None:
    known = Dataset.File.from_files((ws.get_default_datastore(), "mnist/")).register(ws, "mnist_ds")
    assert job(ws, inputs=[known.as_named_input("i").as_download()])["inputs"] == [
        {"name": "i", "dataset": "mnist_ds:1", "mode": "Download"}
    ]


def test_parameters_have_the_types_of_their_fields(ws: Workspace) -> None:
    known = Dataset.File.from_files((ws.get_default_datastore(), "mnist/")).register(ws, "mnist_ds")
    step = ParallelRunStep(
        "score",
        config(
            mini_batch_size=PipelineParameter(name="batch_size_param", default_value="5"),
            process_count_per_node=PipelineParameter(name="process_count_param", default_value=2),
            node_count=PipelineParameter("nodes", "1"),
            run_max_try=PipelineParameter("tries", 3),
            run_invocation_timeout=PipelineParameter("timeout", 60),
            logging_level=PipelineParameter("level", "INFO"),
        ),
        inputs=[DatasetConsumptionConfig("images", PipelineParameter("mnist_param", known)).as_mount()],
        arguments=["--rate", PipelineParameter("rate", 0.5), "--dry", PipelineParameter("dry", True)],
    )
    made = spec(ws, step)
    assert {one["name"]: (one["type"], one["default"]) for one in made["parameters"]} == {
        "mnist_param": ("dataset", "mnist_ds:1"), "rate": ("number", 0.5), "dry": ("boolean", True),
        "batch_size_param": ("string", "5"), "process_count_param": ("integer", 2), "nodes": ("integer", "1"),
        "tries": ("integer", 3), "timeout": ("integer", 60), "level": ("string", "INFO"),
        "azureml_run": ("string", "manual"),
    }  # fmt: skip
    assert made["steps"][0]["job"]["processCountPerNode"] == "$(params.process_count_param)"
    assert made["steps"][0]["job"]["inputs"] == [{"name": "images", "dataset": "$(params.mnist_param)"}]


def test_values_of_parameters_are_turned_into_what_they_have_to_be(ws: Workspace) -> None:
    known = Dataset.File.from_files((ws.get_default_datastore(), "mnist/")).register(ws, "mnist_ds")
    batch = PipelineParameter("batch", "5")
    given = DatasetConsumptionConfig("images", PipelineParameter("data", known))
    pipeline = Pipeline(ws, [ParallelRunStep("score", config(mini_batch_size=batch), inputs=[given])])
    parameters = pipeline.compiled().parameters
    other = Dataset.File.from_files((ws.get_default_datastore(), "mnist/0.png"))
    values = parameters.values({"batch": 1, "data": other})
    assert values["batch"] == "1"
    name, _, version = values["data"].partition(":")
    assert (ws.datasets[name]._spec["paths"], version) == (["mnist/0.png"], "1")
    assert parameters.values({"data": other}) == {"data": values["data"]}
    with pytest.raises(UserErrorException, match="no 'nosuch'; it has: batch, data"):
        parameters.values({"nosuch": 1})
    with pytest.raises(UserErrorException, match=r"pipeline_parameters\['batch'\] = \[1\]: it is no value"):
        parameters.values({"batch": [1]})
    with pytest.raises(UserErrorException, match="has to be a dataset"):
        parameters.values({"data": 5})


def test_side_inputs_come_as_arguments_and_inputs_as_their_folders(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    labels = Dataset.File.from_files((store, "labels/")).as_named_input("labels").as_mount("/tmp/labels")
    other = Dataset.File.from_files((store, "a.txt")).as_named_input("other").as_mount()
    main = images(ws)
    made = job(ws, inputs=[main], side_inputs=[labels], arguments=["--a", labels, other, main, "b  c $(x)", 5])
    assert made["sideInputs"] == [
        {"name": "labels", "path": "datastore://workspaceblobstore/labels/"},
        {"name": "other", "path": "datastore://workspaceblobstore/a.txt"},
    ]
    assert made["arguments"] == [
        "--a", "$(sideInputs.labels)", "$(sideInputs.other)", "$(inputs.images)", "b  c $$(x)", "5",
    ]  # fmt: skip


def test_a_side_input_is_one_file_or_folder(ws: Workspace) -> None:
    many = Dataset.File.from_files((ws.get_default_datastore(), "labels/*.txt")).as_named_input("labels")
    with pytest.raises(NotAvailableHere, match=r"ParallelRunStep 'score': side_inputs.*more than one file or folder"):
        job(ws, side_inputs=[many])
    known = Dataset.File.from_files("a").register(ws, "a_ds")
    parameter = DatasetConsumptionConfig("labels", PipelineParameter("labels_param", known))
    with pytest.raises(NotAvailableHere, match="labels_param"):
        job(ws, side_inputs=[parameter])


def test_an_output_is_a_folder_of_the_run_in_its_datastore(ws: Workspace) -> None:
    store = Datastore.register_azure_blob_container(ws, "blob_store", "c", "a", account_key="a2V5")
    assert job(ws, output=PipelineData("inferences", datastore=store))["output"] == {
        "action": "AppendRow",
        "appendRowFileName": "parallel_run_step.txt",
        "path": "datastore://blob_store/azureml/$(params.azureml_run)-score/inferences",
    }
    where = OutputFileDatasetConfig(name="out", destination=(ws.get_default_datastore(), "x/{run-id}/{output-name}"))
    assert job(ws, output=where)["output"]["path"] == "datastore://workspaceblobstore/x/$(params.azureml_run)/out"
    assert "path" not in job(ws)["output"]


def test_a_script_writes_to_the_folder_of_the_output_too(ws: Workspace) -> None:
    data = PipelineData("output", datastore=ws.get_default_datastore())
    folder = "datastore://workspaceblobstore/azureml/$(params.azureml_run)-score/output"
    made = job(ws, output=data, arguments=["--out", data])
    assert made["arguments"] == ["--out", "$(outputs.output_)"]
    assert made["outputs"] == [{"name": "output_", "path": folder}]
    made = job(ws, output=data.as_mount(), arguments=[data.as_upload()], output_action="summary_only")
    assert (made["output"], made["outputs"]) == ({"action": "SummaryOnly"}, [{"name": "output_", "path": folder}])


def test_what_a_script_writes_itself_is_on_a_volume(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    store = Datastore.register_azure_blob_container(ws, "blob_store", "c", "a", account_key="a2V5")
    data = PipelineData("mine", datastore=store)
    made = job(ws, output=data, arguments=[data], output_action="summary_only")
    assert made["outputs"][0]["path"].startswith("datastore://workspaceblobstore/")
    assert "not in blob_store" in capsys.readouterr().err


def three(ws: Workspace) -> tuple[Any, Any, Any]:
    """Prepare, score, and a sum."""
    prepared = PipelineData("prepared", datastore=ws.get_default_datastore())
    first = PythonScriptStep(
        "score.py", name="Prepare data", source_directory="code", arguments=["--out", prepared], outputs=[prepared],
        inputs=[images(ws)], compute_target="local", runconfig=RunConfiguration(), allow_reuse=False,
    )  # fmt: skip
    scored = OutputFileDatasetConfig("scored")
    table = prepared.as_input("rows").parse_delimited_files(separator=";", file_extension=".csv")
    second = ParallelRunStep("score", config(), inputs=[table], output=scored)
    summed = OutputFileDatasetConfig()
    last = PythonScriptStep("score.py", "sum", [scored.as_input("scored"), summed], source_directory="code")
    return first, second, last


def test_steps_hand_on_what_they_write_and_those_that_are_read_are_part_of_it(ws: Workspace) -> None:
    *_, last = three(ws)
    steps = spec(ws, last)["steps"]
    assert [one["name"] for one in steps] == ["prepare-data", "score", "sum"]
    assert steps[0]["allowReuse"] is False
    assert steps[0]["script"]["arguments"] == ["--out", "$(outputs.prepared)"]
    assert [one["name"] for one in steps[0]["script"]["sideInputs"]] == ["images"]
    assert steps[1]["job"]["inputs"] == [
        {"name": "rows", "type": "Tabular", "paths": ["$(steps.prepare-data.outputs.prepared)/**/*.csv"],
         "table": {"format": "csv", "separator": ";"}}
    ]  # fmt: skip
    assert steps[2]["script"]["sideInputs"] == [{"name": "scored", "path": "$(steps.score.output)"}]
    assert "dependsOn" not in steps[2]


def test_folders_are_read_as_files_and_tables(ws: Workspace) -> None:
    data, other = PipelineData("data"), OutputFileDatasetConfig("other")
    PythonScriptStep("score.py", "write", outputs=[data, other.as_mount()], source_directory="code")

    def one(value: Any) -> Any:
        return job(ws, inputs=[value])["inputs"][0]

    assert one(data) == {"name": "data", "type": "File", "paths": ["$(steps.write.outputs.data)"]}
    assert one(data.as_dataset().as_named_input("n").as_mount().as_direct())["name"] == "n"
    assert one(data.as_download("d"))["mode"] == one(data.as_input("d").as_download())["mode"] == "Download"
    assert one(data.as_dataset().parse_parquet_files())["table"] == {"format": "parquet"}
    rows = other.as_upload().read_delimited_files(set_column_types={"a": DataType.to_long()}, header=False)
    assert one(rows.as_input("rows"))["table"] == {"format": "csv", "header": False, "columns": {"a": "Int64"}}
    assert one(other.read_parquet_files().as_input())["table"] == {"format": "parquet"}


def test_steps_come_after_each_other_where_that_is_said(ws: Workspace) -> None:
    a, b, c = (PythonScriptStep("score.py", name, source_directory="code") for name in "abc")
    c.run_after(a)
    assert [one.get("dependsOn") for one in spec(ws, a, b, c)["steps"]] == [None, None, ["a"]]
    d, e = (PythonScriptStep("score.py", "a step", source_directory="code") for _ in range(2))
    steps = spec(ws, StepSequence(steps=[d, e]))["steps"]
    assert [(one["name"], one.get("dependsOn")) for one in steps] == [("a-step", None), ("a-step-2", ["a-step"])]


def test_the_folder_of_a_notebook_is_copied_without_what_runs_leave_there(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def run(mini_batch): return mini_batch\n")
    (tmp_path / "runs/x").mkdir(parents=True)
    made = job(ws, source_directory=None)
    staged = Path(made["source"]["directory"])
    assert staged.is_relative_to(tmp_path / ".parallelrun/pipelines/code")
    assert sorted(path.name for path in staged.iterdir()) == ["code", "score.py"]


def test_a_conda_file_is_put_beside_the_script(ws: Workspace) -> None:
    environment = Environment("e")
    environment.python.conda_dependencies.add_conda_package("faiss-cpu")
    made = job(ws, environment=environment)
    staged = Path(made["source"]["directory"])
    assert "faiss-cpu" in (staged / made["environment"]["conda"]).read_text()
    assert (staged / "score.py").exists()


def test_a_config_is_taken_as_it_is_when_the_step_is_made_and_can_be_read(ws: Workspace) -> None:
    made = config(append_row_file_name="a.txt", mini_batch_size="5")
    step = ParallelRunStep("score", made, inputs=[images(ws)])
    made.append_row_file_name = "b.txt"
    assert spec(ws, step)["steps"][0]["job"]["output"]["appendRowFileName"] == "a.txt"
    assert (step.name, made.mini_batch_size, made.entry_script) == ("score", "5", "score.py")


def test_a_config_is_written_and_read(ws: Workspace, tmp_path: Path) -> None:
    environment = Environment("e").register(ws)
    config(environment=environment, mini_batch_size="5", partition_keys=["a"]).save_to_yaml("config.yml")
    found = ParallelRunConfig.load_yaml(ws, "config.yml")
    assert (found.environment.name, found.mini_batch_size, found.partition_keys) == ("e", "5", ["a"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"output_action": "append"}, r"output_action='append'"),
        ({"node_count": "two"}, r"node_count='two'"),
        ({"mini_batch_size": 1.5}, r"mini_batch_size=1\.5"),
    ],
)
def test_a_wrong_value_is_named_with_its_argument(ws: Workspace, options: dict[str, Any], named: str) -> None:
    with pytest.raises(UserErrorException, match=rf"ParallelRunConfig\({named}"):
        job(ws, **options)


def test_what_is_no_input_output_argument_or_step_is_refused_by_name(ws: Workspace) -> None:
    with pytest.raises(NotAvailableHere, match="inputs: 'path'"):
        job(ws, inputs=["path"])
    with pytest.raises(NotAvailableHere, match="arguments: DataPath"):
        job(ws, arguments=[ws.get_default_datastore().path("x")])
    with pytest.raises(NotAvailableHere, match="output='x'"):
        job(ws, output="x")
    with pytest.raises(NotAvailableHere, match=r"Pipeline\(steps="):
        spec(ws, "step")
    with pytest.raises(NotAvailableHere, match=r"outputs=\['x'\]"):
        PythonScriptStep("score.py", outputs=["x"])
    with pytest.raises(UserErrorException, match="no step writes"):
        job(ws, inputs=[PipelineData("lost")])
    with pytest.raises(UserErrorException, match="default_value"):
        job(ws, node_count=PipelineParameter("p", object()))
    with pytest.raises(SourceError, match="nosuch"):
        job(ws, source_directory="nosuch")
    with pytest.raises(TypeError, match=r"^ParallelRunConfig: got an unexpected keyword argument 'unknown_argument'"):
        config(unknown_argument=1)


def test_a_published_pipeline_is_a_manifest(ws: Workspace) -> None:
    first, *_ = three(ws)
    published = Pipeline(ws, [first]).publish(name="Prepare it", description="d", version="1.0")
    assert (published.name, published.id, published.status) == ("Prepare it", "prepare-it", "Active")
    made = yaml.safe_load(published.path.read_text())
    assert (made["kind"], made["spec"]["description"]) == ("ParallelRunPipeline", "d")
    published.disable()
    assert not published.path.exists()


def test_runs_of_a_published_pipeline_have_no_folder_in_common(ws: Workspace) -> None:
    """A schedule names no run: what one left would be read by the next."""
    store = ws.get_default_datastore()
    data = PipelineData("data", datastore=store)
    write = PythonScriptStep("prepare.py", arguments=[data], outputs=[data], source_directory="code")
    made = yaml.safe_load(Pipeline(ws, [write]).publish("Own").path.read_text())["spec"]
    assert made["steps"][0]["script"]["outputs"] == [{"name": "data"}]
    assert "parameters" not in made

    there = OutputFileDatasetConfig("there", destination=(store, "totals/{run-id}"))
    write = PythonScriptStep("prepare.py", arguments=[there], source_directory="code")
    made = yaml.safe_load(Pipeline(ws, [write]).publish("Elsewhere").path.read_text())["spec"]
    assert made["steps"][0]["script"]["outputs"][0]["path"].endswith("/totals/$(params.azureml_run)")
    assert [(one["name"], "default" in one) for one in made["parameters"]] == [("azureml_run", False)]


def test_a_pipelines_default_datastore_is_where_outputs_go(ws: Workspace) -> None:
    store = Datastore.register_azure_blob_container(ws, "blob_store", "c", "a", account_key="a2V5")
    step = ParallelRunStep("score", config(), inputs=[images(ws)], output=PipelineData("out"))
    made = spec(ws, step, default_datastore=store)
    assert made["steps"][0]["job"]["output"]["path"].startswith("datastore://blob_store/")


def test_outside_of_runs_what_is_logged_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.get_context()
    run.log("accuracy", 0.9)
    run.log_list("l", [1])
    run.log_row("r", a=1)
    run.complete()
    assert "accuracy:\n0.9" in capsys.readouterr().out
    assert run.id == "OfflineRun"
    with pytest.raises(AttributeError):
        _ = run.experiment
