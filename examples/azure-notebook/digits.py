# %% [markdown]
# # Batch inference on images with ParallelRunStep
#
# Reads handwritten digits in a container of Azure Blob Storage with a TensorFlow model: first all of them, then one
# image again with other settings. Every import and call is one of Azure ML's SDK v1. To run it:
#
#     python -m parallelrun.azureml digits.py

# %%
import os
import tempfile

import pandas as pd
from azureml.core import VERSION, Dataset, Datastore, Environment, Experiment, Model, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import DEFAULT_CPU_IMAGE
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter
from azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep
from azureml.widgets import RunDetails

MNIST = os.path.join("..", "mnist")  # images, model and entry script of that example
print("SDK version:", VERSION)

# %% [markdown]
# ## A workspace, and machines

# %%
ws = Workspace.from_config()
print(ws.name, ws.resource_group, ws.location, ws.subscription_id, sep=", ")

compute_name = "cpu-cluster"
try:
    compute_target = ComputeTarget(workspace=ws, name=compute_name)
    print("Found", compute_name)
except ComputeTargetException:
    provisioning = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_D2_V2", vm_priority="lowpriority", min_nodes=0, max_nodes=4
    )
    compute_target = ComputeTarget.create(ws, compute_name, provisioning)
    compute_target.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
print(compute_target.get_status().serialize())

# %% [markdown]
# ## A datastore with the images
#
# With `BLOB_ACCOUNT` it is a container of Azure Blob Storage, or of an emulator; else the workspace's own datastore.

# %%
default_store = ws.get_default_datastore()
if "BLOB_ACCOUNT" in os.environ:
    images_store = Datastore.register_azure_blob_container(
        ws,
        datastore_name="mnist_datastore",
        container_name=os.environ["BLOB_CONTAINER"],
        account_name=os.environ["BLOB_ACCOUNT"],
        account_key=os.environ["BLOB_KEY"],
        endpoint=os.environ.get("BLOB_ENDPOINT"),  # of an emulator, "host:port"
        protocol=os.environ.get("BLOB_PROTOCOL"),
        overwrite=True,
    )
else:
    images_store = default_store
images_store.upload(src_dir=os.path.join(MNIST, "images"), target_path="mnist", overwrite=True, show_progress=False)

# %% [markdown]
# ## The dataset, registered, as a parameter of the pipeline

# %%
path_on_datastore = images_store.path("mnist/")
input_mnist_ds = Dataset.File.from_files(path=path_on_datastore, validate=False)
registered_mnist_ds = input_mnist_ds.register(ws, "mnist_sample_data", create_new_version=True)
print(registered_mnist_ds.name, registered_mnist_ds.version)

pipeline_param = PipelineParameter(name="mnist_param", default_value=registered_mnist_ds)
input_mnist_ds_consumption = DatasetConsumptionConfig("minist_param_config", pipeline_param).as_mount()
output_dir = PipelineData(name="inferences", datastore=default_store)

# %% [markdown]
# ## The model

# %%
model = Model.register(
    model_path=os.path.join(MNIST, "model"),
    model_name="mnist-prs",
    tags={"data": "mnist", "type": "classification"},
    description="Reads digits",
    workspace=ws,
)
print(model.name, model.version, ws.models["mnist-prs"].version)

# %% [markdown]
# ## What the script runs in, and how

# %%
batch_env = Environment(name="batch_environment")
batch_env.python.conda_dependencies = CondaDependencies.create(
    pip_packages=["tensorflow-cpu>=2.18", "pillow", "azureml-core", "azureml-dataset-runtime[fuse]"]
)
batch_env.docker.enabled = True
batch_env.docker.base_image = DEFAULT_CPU_IMAGE
if "IMAGE" in os.environ:  # one that has the packages
    batch_env.docker.base_image = os.environ["IMAGE"]
    batch_env.python.user_managed_dependencies = True

parallel_run_config = ParallelRunConfig(
    source_directory=os.path.join(MNIST, "code"),
    entry_script="digit_identification.py",
    mini_batch_size=PipelineParameter(name="batch_size_param", default_value="5"),
    error_threshold=10,
    output_action="append_row",
    append_row_file_name="mnist_outputs.txt",
    environment=batch_env,
    compute_target=compute_target,
    process_count_per_node=PipelineParameter(name="process_count_param", default_value=2),
    node_count=2,
    run_invocation_timeout=600,
)
parallelrun_step = ParallelRunStep(
    name="predict-digits-mnist",
    parallel_run_config=parallel_run_config,
    inputs=[input_mnist_ds_consumption],
    output=output_dir,
    arguments=["--model-name", "mnist-prs"],
    allow_reuse=False,
)

# %% [markdown]
# ## Run it

# %%
pipeline = Pipeline(workspace=ws, steps=[parallelrun_step])
experiment = Experiment(ws, "digit_identification")
pipeline_run = experiment.submit(pipeline)
RunDetails(pipeline_run).show()
pipeline_run.wait_for_completion(show_output=True)


# %% [markdown]
# ## The results


# %%
def predictions(run):
    """The rows that a run's step has written."""
    step_run = run.find_step_run(parallelrun_step.name)[0]
    output = step_run.get_output_data(output_dir.name)
    target_dir = tempfile.mkdtemp()
    output.download(local_path=target_dir)
    file = os.path.join(target_dir, output.path_on_datastore, parallel_run_config.append_row_file_name)
    frame = pd.read_csv(file, delimiter=":", header=None)
    frame.columns = ["Filename", "Prediction"]
    print("Prediction has", frame.shape[0], "rows")
    return frame


df = predictions(pipeline_run)
truth = pd.read_csv(os.path.join(MNIST, "labels.txt"), delimiter=":", header=None, names=["Filename", "Label"])
right = df.merge(truth, on="Filename")
print(f"{(right.Prediction == right.Label).mean():.2%} of {len(right)} digits are right")
df.head(10)

# %% [markdown]
# ## Once more, with one image and other settings

# %%
path_on_datastore = images_store.path("mnist/0.png")
single_image_ds = Dataset.File.from_files(path=path_on_datastore, validate=False)
single_image_ds = single_image_ds.register(ws, "single_image", create_new_version=True)

pipeline_run_2 = experiment.submit(
    pipeline,
    pipeline_parameters={"mnist_param": single_image_ds, "batch_size_param": "1", "process_count_param": 1},
)
RunDetails(pipeline_run_2).show()
pipeline_run_2.wait_for_completion(show_output=True)
print(predictions(pipeline_run_2))
