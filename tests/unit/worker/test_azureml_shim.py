"""Azure's names resolve with and without its packages: ours where they must be ours, the real ones otherwise."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import parallelrun_worker

CONFIG = {
    "node": 2, "entry_script_log": "/logs", "outputs_dir": "/out", "working_dir": "/work",
    "models": {"mnist": {"path": "/models/mnist/model.pkl", "version": "3"}},
    "inputs": {"images": "/data/images"}, "side_inputs": {"labels": "/data/labels.txt"}, "outputs": {"own": "/own"},
    "job": {"name": "score", "uid": "u-1", "run_id": "score_u-1", "experiment": "digits", "tags": {"a": "b"},
            "namespace": "team"},
}  # fmt: skip


@pytest.fixture
def script(tmp_path):
    """Runs lines in a fresh interpreter with the shim installed; what they print."""

    def run(text):
        start = f"""
            import sys
            sys.path[:0] = [{str(Path(parallelrun_worker.__file__).parents[1])!r}, {str(tmp_path)!r}]
            from parallelrun_worker import azureml_shim
            answers = {{"r": ["/registered", "7"]}}
            azureml_shim.install({CONFIG!r}, 1, lambda _, asked: answers.get(asked[0], [None, f"no {{asked}}"]))
        """
        program = textwrap.dedent(start) + textwrap.dedent(text)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_everything_that_scripts_import_resolves_without_the_packages(script):
    assert script("""
        from azureml.core import Model, Run, Dataset, Workspace, Datastore, Experiment, VERSION
        from azureml.core.model import Model as Same
        from azureml.core.run import Run as SameRun
        from azureml.core.dataset import Dataset as D
        import azureml.core, azureml
        from azureml_user.parallel_run import EntryScript
        print(Model is Same, Run is SameRun, azureml.core.Model is Model)
    """) == ["True True True"]


def test_models(script):
    assert script("""
        from azureml.core import Model, Workspace
        print(Model.get_model_path("mnist"), Model.get_model_path("mnist", 3, None))
        print(Model.get_model_path("r"), Model.get_model_path("r", version=1, _workspace=None))
        print(Model(None, "mnist"), Model(None, "r").version)
        try:
            Model.get_model_path("mnist", version=9)
        except Exception as error:
            print(error)
    """) == [
        "/models/mnist/model.pkl /models/mnist/model.pkl",
        "/registered /registered",
        "Model(name='mnist', version=3, path='/models/mnist/model.pkl') 7",
        "no ['mnist', '9']",
    ]


def test_the_run(script):
    assert script("""
        from azureml.core import Run
        run = Run.get_context()
        print(run, run.parent.id, run.experiment.name, run.experiment.workspace)
        print(run.input_datasets["labels"], run.input_datasets["images"], run.output_datasets["own"], run.tags)
        run.log("accuracy", 0.9)
        try:
            run.input_datasets["lost"]
        except KeyError as error:
            print(error)
        try:
            run.upload_file("a", "b")
        except NotImplementedError as error:
            print(error)
        print(hasattr(run, "_private"))
    """) == [
        "Run(id='score_u-1', job='score', experiment='digits') u-1 digits Workspace(name='team')",
        "/data/labels.txt /data/images /own {'a': 'b'}",
        "\"the job has no input 'lost'; it has: images, labels\"",
        "Run.upload_file needs an Azure ML workspace, and there is none here: write files to a folder of spec.outputs, "
        "metrics with Run.log(name, value)",
        "False",
    ]


def test_the_entry_script_is_one_object(script):
    assert script("""
        from azureml_user.parallel_run import EntryScript
        e = EntryScript()
        print(e is EntryScript(), e.log_dir, e.output_dir, e.working_dir, e.agent_name, e.logger.name, e.config["node"])
    """) == ["True /logs /out /work node002-process001 EntryScript 2"]


@pytest.mark.parametrize(
    ("use", "named"),
    [
        ("Dataset.get_by_name(None, 'x')", "Dataset.get_by_name() needs"),
        ("Dataset.Tabular.from_delimited_files('x')", "Dataset.Tabular.from_delimited_files() needs"),
        ("Workspace.from_config()", "Workspace.from_config() needs"),
        ("Workspace('a')", "Workspace(...) needs"),
        ("Datastore.get(None, 'x')", "Datastore.get() needs"),
    ],
)
def test_what_needs_a_workspace_says_what_to_do(script, use, named):
    (message,) = script(f"""
        from azureml.core import Dataset, Datastore, Workspace
        try:
            {use}
        except NotImplementedError as error:
            print(error)
    """)
    assert message.startswith(named)
    assert "spec." in message


@pytest.fixture
def installed(tmp_path):
    """A real azureml-core as far as the shim can see."""
    core = tmp_path / "azureml" / "core"
    core.mkdir(parents=True)
    (tmp_path / "azureml" / "__init__.py").write_text("REAL = True")
    (core / "__init__.py").write_text(
        "from azureml.core.model import Model\n"
        "from azureml.core.run import Run\n"
        "from azureml.core.dataset import Dataset\n"
    )
    (core / "model.py").write_text("class Model: REAL = True\nclass InferenceConfig: REAL = True")
    (core / "run.py").write_text("class Run: REAL = True\ndef get_run(): pass")
    (core / "dataset.py").write_text("class Dataset: REAL = True")
    (core / "conda.py").write_text("REAL = True")


def test_the_real_package_wins_but_for_model_and_run(script, installed):
    assert script("""
        from azureml.core import Dataset, Model, Run
        from azureml.core.model import InferenceConfig, Model as Same
        from azureml.core.run import get_run
        import azureml.core.conda
        print(Dataset.REAL, InferenceConfig.REAL, azureml.core.conda.REAL, azureml.REAL)
        print(hasattr(Model, "REAL"), hasattr(Run, "REAL"), Same is Model)
        print(Model.get_model_path("mnist"))
    """) == ["True True True True", "False False True", "/models/mnist/model.pkl"]


def test_what_scripts_import_is_ours_where_the_real_package_cannot_be_imported(script, installed, tmp_path):
    """Old packages need what newer interpreters lack."""
    (tmp_path / "azureml" / "core" / "__init__.py").write_text("import a_package_that_is_gone")
    assert script("""
        from azureml.core import Model, Run, Workspace
        from azureml.core.model import InferenceConfig
        print(Model.get_model_path("mnist"), Run.get_context().id, InferenceConfig.REAL)
    """) == ["/models/mnist/model.pkl score_u-1 True"]


def test_what_scripts_catch_can_be_imported(script):
    assert script("""
        from azureml.core import Model
        from azureml.exceptions import AzureMLException, UserErrorException
        try:
            Model.get_model_path("nosuch")
        except AzureMLException as error:
            print(type(error).__name__)
    """) == ["ModelNotFoundException"]


def test_named_data_are_paths_that_say_so_where_a_dataset_is_asked_for(script):
    assert script("""
        import os
        from azureml.core import Run
        labels = Run.get_context().input_datasets["labels"]
        print(labels, os.path.basename(labels), labels.upper(), isinstance(labels, str))
        try:
            labels.to_pandas_dataframe()
        except NotImplementedError as error:
            print(error)
    """) == [
        "/data/labels.txt labels.txt /DATA/LABELS.TXT True",
        "input_datasets[...].to_pandas_dataframe: named data are a path here, /data/labels.txt; read it, as with "
        "pandas.read_csv(path)",
    ]


def test_a_namespace_package_beside_goes_on_being_found(script, tmp_path):
    """Other azureml-* packages install modules of the azureml package without azureml-core."""
    (tmp_path / "azureml" / "other").mkdir(parents=True)
    (tmp_path / "azureml" / "other" / "__init__.py").write_text("NAME = 'other'")
    assert script("from azureml.core import Run\nfrom azureml.other import NAME\nprint(NAME)") == ["other"]
