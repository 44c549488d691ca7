"""Azure ML's classes on a cluster's namespace, against a real API server: what is registered, submitted and steered."""

from __future__ import annotations

import asyncio
import json

import pytest

from parallelrun.api.errors import InputError
from parallelrun.azureml.core import Dataset, Datastore, Environment, Experiment, Model, Workspace
from parallelrun.azureml.core.compute import AmlCompute, ComputeTarget
from parallelrun.azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from parallelrun.azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PipelineRun
from parallelrun.azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep
from parallelrun.kube.resources import (
    COMPUTE_TARGETS,
    CONFIG_MAPS,
    DATASETS,
    DATASTORES,
    ENVIRONMENTS,
    MODELS,
    PIPELINE_RUNS,
    PIPELINES,
    Resource,
)


@pytest.fixture
def ws(call, tmp_path, monkeypatch):
    """A workspace whose config.json names the cluster."""
    monkeypatch.delenv("PARALLELRUN_TARGET", raising=False)
    ours = {"target": "cluster", "context": "it", "claim": "volume"}
    (tmp_path / "config.json").write_text(json.dumps({"workspace_name": "digits", "parallelrun": ours}))
    (tmp_path / "code").mkdir()
    (tmp_path / "code/score.py").write_text("def run(mini_batch):\n    return mini_batch\n")
    return Workspace.from_config()


@pytest.fixture
def names(ask, namespace):
    """The names of all objects of a kind."""
    return lambda kind: [one["metadata"]["name"] for one in ask(lambda kube: kube.list_objects(kind, namespace))[0]]


def config():
    return ParallelRunConfig(
        environment=Environment("e"), entry_script="score.py", source_directory="code", error_threshold=10,
        output_action="append_row", compute_target=None, node_count=2,
        mini_batch_size=PipelineParameter("batch_size_param", "5"),
    )  # fmt: skip


def pipeline(ws):
    data = Dataset.File.from_files((ws.get_default_datastore(), "mnist/")).register(ws, "mnist_ds")
    given = DatasetConsumptionConfig("images", PipelineParameter("mnist_param", data)).as_mount()
    step = ParallelRunStep("predict", config(), inputs=[given], output=PipelineData("inferences"))
    return Pipeline(ws, steps=[step])


def test_what_is_registered_becomes_objects_of_the_namespace(ws, names, ask, namespace):
    store = Datastore.register_azure_blob_container(ws, "mnist_datastore", "sampledata", "a", account_key="a2V5")
    Dataset.File.from_files((store, "mnist/")).register(ws, "mnist_ds")
    Dataset.File.from_files((store, "other/")).register(ws, "mnist_ds", create_new_version=True)
    Model.register(ws, "datastore://mnist_datastore/models/mnist", "mnist-prs")
    environment = Environment("tf_env")
    environment.docker.base_image = "registry/image:1"
    environment.register(ws)
    ComputeTarget.create(ws, "cpu-cluster", AmlCompute.provisioning_configuration("STANDARD_D2_V2", max_nodes=4))
    assert names(DATASTORES) == ["mnist-datastore"]
    assert names(DATASETS) == ["mnist-ds-1", "mnist-ds-2"]
    assert names(MODELS) == ["mnist-prs-1"]
    assert names(ENVIRONMENTS) == ["tf-env-1"]
    assert names(COMPUTE_TARGETS) == ["cpu-cluster"]
    secret = ask(lambda kube: kube.get(Resource("", "v1", "secrets", "Secret"), namespace, "mnist-datastore-key"))
    assert secret["data"] == {"accountKey": "YTJWNQ=="}
    again = Workspace.from_config()
    assert [one["data"] for one in again._objects.secrets(["mnist-datastore-key", "nosuch"])] == [secret["data"]]
    assert (again.datasets["mnist_ds"].version, again.models["mnist-prs"].version) == (2, 1)
    assert type(ComputeTarget(again, "cpu-cluster")) is AmlCompute
    ComputeTarget(again, "cpu-cluster").delete()
    assert list(again.compute_targets) == []


def test_the_default_datastore_is_a_folder_of_the_claim(ws, ask, namespace):
    assert ws.get_default_datastore().container_name == "volume"
    made = ask(lambda kube: kube.get(DATASTORES, namespace, "workspaceblobstore"))
    assert made["spec"]["claim"] == {"name": "volume", "path": "workspaceblobstore"}


def test_files_of_this_machine_are_refused(ws):
    local = Dataset.File.from_files("code/")
    with pytest.raises(InputError, match=r"is on this machine, and jobs run in a cluster"):
        local.register(ws, "local_ds")
    step = ParallelRunStep("one", config(), inputs=[local.as_named_input("local")])
    with pytest.raises(InputError, match=r"is on this machine"):
        Pipeline(ws, [step]).validate()


def test_a_notebooks_event_loop_is_in_nobodys_way(ws):
    async def cell():
        return list(ws.datasets), ws.get_default_datastore().name

    assert asyncio.run(cell()) == ([], "workspaceblobstore")


def test_a_pipeline_is_submitted_with_its_code_parameters_and_volume(ws, ask, names, namespace):
    run = Experiment(ws, "Digit identification").submit(
        pipeline(ws), pipeline_parameters={"batch_size_param": 1}, regenerate_outputs=True
    )
    made = ask(lambda kube: kube.get(PIPELINE_RUNS, namespace, run._record.run))["spec"]
    assert made["pipeline"] == {"name": "digit-identification"}
    assert made["parameters"] == {"batch_size_param": "1", "azureml_run": run.id}
    assert made["regenerateOutputs"] is True
    spec = ask(lambda kube: kube.get(PIPELINES, namespace, "digit-identification"))["spec"]
    assert spec["volume"] == {"claimName": "volume"}
    assert spec["steps"][0]["job"]["source"]["configMap"]["name"] in names(CONFIG_MAPS)
    assert run.get_status() == "NotStarted"
    assert [step.get_status() for step in run.get_steps()] == ["NotStarted"]
    run.cancel()
    assert ask(lambda kube: kube.get(PIPELINE_RUNS, namespace, run._record.run))["spec"]["cancel"] is True


def test_models_that_script_or_arguments_name_are_listed_since_pods_read_nothing_else(ws, ask, namespace, tmp_path):
    """A name within a longer one is none."""
    for name in ("in-code", "in_arguments", "in", "nowhere"):
        spec = {"path": f"datastore://workspaceblobstore/models/{name}"}
        ws._objects.register("Model", name, spec)
    helper = tmp_path / "code/lib/helper.py"
    helper.parent.mkdir()
    helper.write_text("PATH = Model.get_model_path('in-code')\n")
    made = pipeline(ws)
    made._steps[0].arguments.append("--model=in_arguments")
    Experiment(ws, "digits").submit(made)
    spec = ask(lambda kube: kube.get(PIPELINES, namespace, "digits"))["spec"]
    assert spec["steps"][0]["job"]["models"] == [{"name": "in-code"}, {"name": "in_arguments"}]


def test_a_run_in_the_cluster_is_found_again_and_told_of_in_azures_words(ws, ask, namespace):
    run = Experiment(ws, "digits").submit(pipeline(ws))
    done = {
        "type": "Complete",
        "status": "True",
        "reason": "Succeeded",
        "message": "",
        "lastTransitionTime": "2026-01-31T12:00:00Z",
    }
    place = "pvc://volume/workspaceblobstore/azureml/earlier-predict/inferences"
    step = {
        "name": "predict",
        "phase": "Reused",
        "job": "j",
        "reusedFrom": "digits-0-predict",
        "outputs": {"output": place},
    }
    status = {"phase": "Succeeded", "conditions": [done], "steps": [step]}
    ask(lambda kube: kube.patch(PIPELINE_RUNS, namespace, run._record.run, {"status": status}, "status"))
    found = PipelineRun(Experiment(Workspace.from_config(), "digits"), run.id)
    assert found.wait_for_completion(show_output=True) == "Finished"
    output = found.find_step_run("predict")[0].get_output_data("inferences")
    assert output.path_on_datastore == "azureml/earlier-predict/inferences"


def test_a_pipeline_is_published_in_the_namespace(ws, names):
    assert pipeline(ws).publish("Read digits").id == "read-digits"
    assert names(PIPELINES) == ["read-digits"]
