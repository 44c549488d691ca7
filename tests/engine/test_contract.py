"""What Azure's entry scripts count on: their life, what they are given, what they may do."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from engine_harness import RunFolder, Site, opened

pytestmark = pytest.mark.engine

#: Written as one would for Azure ML; what it sees is told as one JSON object.
AZURE_SCRIPT = """\
    import argparse
    import logging
    import sys

    from azureml.core import Dataset, Datastore, Run, Workspace
    from azureml.core.model import Model
    from azureml_user.parallel_run import EntryScript

    import helper
    from package.inner import INNER

    def model_path(name, **options):
        try:
            return Model.get_model_path(name, **options)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def init():
        parser = argparse.ArgumentParser()
        parser.add_argument("--model-name")
        parser.add_argument("--labels")
        known, unknown = parser.parse_known_args()
        with open(known.labels) as labels:
            labels = labels.read().split()
        with open("written-by-init.txt", "a") as own:
            own.write("cwd is writable")
        run = Run.get_context()
        script = EntryScript()
        script.logger.info("logged by EntryScript")
        logging.info("logged by the root logger")
        logging.debug("logged for debugging")
        logging.getLogger("azureml").warning("logged by azureml")
        logging.getLogger("my.module").error("logged by a module's logger")
        run.log("accuracy", 0.97)
        print("printed to stdout")
        print("printed to stderr", file=sys.stderr)
        with open(os.path.join(os.environ["AZUREML_BI_OUTPUT_PATH"], "own.txt"), "w") as own:
            own.write("bi")
        with open(os.path.join(unknown[-1], "trained.bin"), "w") as own:
            own.write("trained")
        say("saw", {
            "argv": sys.argv, "known": vars(known), "unknown": unknown, "labels": labels,
            "file": __file__, "name": __name__, "cwd": os.getcwd(), "helper": helper.NAME, "inner": INNER,
            "beside": open(os.path.join(os.path.dirname(__file__), "beside.txt")).read(),
            "environment": dict(os.environ),
            "listed": model_path(known.model_name), "listed_again": model_path(known.model_name, version=1),
            "registered": model_path("mnist-prs"), "named": model_path("my_model"), "newest": model_path("twice"),
            "older": model_path("twice", version=1), "unknown_model": model_path("nosuch"),
            "model_dir": os.listdir(os.environ["AZUREML_MODEL_DIR"]),
            "model_version": Model(run.experiment.workspace, "twice").version,
            "run": {"id": run.id, "experiment": run.experiment.name, "inputs": dict(run.input_datasets),
                    "parent": run.parent.id, "shown": repr(run)},
            "entry_script": {"same": EntryScript() is script, "agent_name": script.agent_name,
                             "log_dir": script.log_dir, "output_dir": script.output_dir,
                             "working_dir": script.working_dir},
        })

    def run(mini_batch, mini_batch_context):
        context = mini_batch_context
        logging.getLogger("azureml").info("mini-batch %s", context.mini_batch_id)
        say("context", context.minibatch_index, context.mini_batch_id, context.partition_key_value,
            list(context.dataset), repr(context), [type(path).__name__ for path in mini_batch])
        return [os.path.basename(path) for path in mini_batch]
"""

MODELS = [
    {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "Model", "metadata": {"name": name}, "spec": spec}
    for name, spec in {
        "mnist-prs": {"path": "models/file/model.pkl"},
        "my-model": {"name": "my_model", "path": "models/folder"},
        "two": {"name": "twice", "version": "2", "path": "models/file"},
        "one": {"name": "twice", "version": "1", "path": "models/folder"},
    }.items()
]


@dataclass(frozen=True)
class Told:
    """One run of AZURE_SCRIPT: where, and what it saw."""

    site: Path
    run: RunFolder
    saw: dict[str, Any]
    contexts: list[list[Any]]

    @property
    def source(self) -> Path:
        return self.run.folder / "source"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with opened(tmp_path_factory.mktemp("azure")) as site:
        site.script(AZURE_SCRIPT, "azure_script.py")
        site.write("code/helper.py", "NAME = 'a sibling'\n")
        site.write("code/package/__init__.py")
        site.write("code/package/inner.py", "INNER = 'a package beside'\n")
        site.write("code/beside.txt", "a file beside")
        site.write("labels.txt", "zero one two")
        site.write("models/folder/weights.bin")
        site.write("models/file/model.pkl")
        for store in ("1001", "1002"):
            for part in ("a", "b"):
                site.write(f"in/{store}/{part}.txt")
        run = site.run(
            *MODELS,
            entryScript="azure_script.py",
            experiment="digits",
            arguments=[
                "--model-name", "digits", "--labels", "$(sideInputs.labels)", "--quoted", "a  b's \"c\" $$(x)",
                "--job=$(job.name)", "--input", "$(inputs.files)", "--weights", "$(models.digits)",
                "$(outputs.trained)",
            ],
            inputs=[{"name": "files", "type": "File", "paths": ["in/*/*.txt"], "partitionFormat": "{Store}/{p}.txt"}],
            miniBatchSize=None,
            partitionKeys=["Store"],
            sideInputs=[{"name": "labels", "path": "labels.txt"}],
            models=[{"name": "digits", "path": "models/folder"}],
            outputs=[{"name": "trained", "path": "trained"}],
            environment={"env": [{"name": "OWN", "value": "of $(job.name)"}, {"name": "HOME", "value": "/elsewhere"}]},
        )  # fmt: skip
        ((_, _, saw),) = site.said("saw")
        yield Told(site.folder, run, saw, [rest for _, _, *rest in site.said("context")])


def test_arguments_come_as_listed_with_their_references_replaced(told: Told) -> None:
    site, source = told.site, told.source
    assert told.saw["argv"] == [
        f"{source}/azure_script.py", "--model-name", "digits", "--labels", f"{site}/labels.txt",
        "--quoted", "a  b's \"c\" $(x)", "--job=job", "--input", f"{site}/in",
        "--weights", f"{site}/models/folder", f"{told.run.folder}/trained",
    ]  # fmt: skip
    assert told.saw["known"] == {"model_name": "digits", "labels": f"{site}/labels.txt"}
    assert told.saw["unknown"][0] == "--quoted"
    assert told.saw["labels"] == ["zero", "one", "two"]


def test_the_working_directory_is_a_writable_copy_of_the_source(told: Told) -> None:
    assert told.saw["cwd"] == str(told.source)
    assert (told.source / "written-by-init.txt").read_text() == "cwd is writable"
    assert not (told.site / "code" / "written-by-init.txt").exists()


def test_the_script_finds_itself_and_what_lies_beside_it(told: Told) -> None:
    assert told.saw["file"] == f"{told.source}/azure_script.py"
    assert told.saw["name"] != "__main__"
    assert (told.saw["helper"], told.saw["inner"]) == ("a sibling", "a package beside")
    assert told.saw["beside"] == "a file beside"


def test_a_listed_model_is_the_folder_or_file_that_it_is(told: Told) -> None:
    assert told.saw["listed"] == told.saw["listed_again"] == f"{told.site}/models/folder"


def test_registered_models_that_the_job_does_not_list_are_found_by_name(told: Told) -> None:
    assert told.saw["registered"] == f"{told.site}/models/file/model.pkl"
    assert told.saw["named"] == f"{told.site}/models/folder"


def test_without_a_version_the_newest_model_is_meant_and_each_version_can_be_asked_for(told: Told) -> None:
    assert told.saw["newest"] == f"{told.site}/models/file"
    assert told.saw["older"] == f"{told.site}/models/folder"
    assert told.saw["model_version"] == 2


def test_an_unknown_model_is_refused_by_name(told: Told) -> None:
    assert told.saw["unknown_model"].startswith("ModelNotFoundException")
    assert "'nosuch'" in told.saw["unknown_model"]
    assert "mnist-prs" in told.saw["unknown_model"]


def test_what_was_found_for_a_model_that_was_asked_for_is_recorded(told: Told) -> None:
    assert f"mnist-prs version 1 was asked for: {told.site}/models/file/model.pkl" in told.run.log("sys/*.log")


def test_the_model_dir_is_a_parent_that_holds_one_entry_of_the_models_own_name(told: Told) -> None:
    assert told.saw["model_dir"] == ["folder"]
    entry = Path(told.saw["environment"]["AZUREML_MODEL_DIR"]) / "folder"
    assert os.listdir(entry) == ["weights.bin"]


def test_the_runs_context_names_run_experiment_and_inputs(told: Told) -> None:
    run = told.saw["run"]
    assert run["id"] == told.saw["environment"]["AZUREML_RUN_ID"]
    assert run["experiment"] == "digits"
    assert run["inputs"] == {"files": f"{told.site}/in", "labels": f"{told.site}/labels.txt"}
    assert run["parent"] == told.run.result()["uid"]
    assert "digits" in run["shown"]


def test_the_entry_script_object_is_one_and_knows_its_folders(told: Told) -> None:
    entry = told.saw["entry_script"]
    assert entry["same"] is True
    assert entry["agent_name"] == "node000-process000"
    assert Path(entry["working_dir"]) == told.source
    assert (Path(entry["output_dir"]) / "own.txt").read_text() == "bi"
    assert os.listdir(entry["log_dir"]) == ["process000.log.txt"]


def test_environment_variables_of_the_job_and_of_azure_are_set(told: Told) -> None:
    environment = told.saw["environment"]
    assert environment["OWN"] == "of job"
    assert environment["HOME"] == "/elsewhere"
    assert environment["AZ_BATCH_NODE_ID"] == "node000"
    assert environment["AZUREML_BI_OUTPUT_PATH"] == str(told.run.folder / "outputs")


def test_what_the_script_wrote_to_an_output_is_kept(told: Told) -> None:
    assert (told.run.folder / "trained" / "trained.bin").read_text() == "trained"


def test_log_records_of_every_logger_are_captured_from_the_level_on(told: Told) -> None:
    log = told.run.log("user/entry_script_log/node000/process000.log.txt")
    for text in ("EntryScript", "the root logger", "azureml", "a module's logger"):
        assert f"logged by {text}" in log
    assert "accuracy = 0.97" in log
    assert "mini-batch 1" in log
    assert "for debugging" not in log


def test_prints_are_in_files_by_process(told: Told) -> None:
    assert told.run.log("user/stdout/node000/process000.stdout.txt") == "printed to stdout\n"
    assert "printed to stderr\n" in told.run.log("user/stdout/node000/process000.stderr.txt")


def test_run_with_two_parameters_gets_the_context_of_its_mini_batch(told: Told) -> None:
    names = [[f"{told.site}/in/{store}/{part}.txt" for part in ("a", "b")] for store in ("1001", "1002")]
    for index, (context, files) in enumerate(zip(told.contexts, names, strict=True)):
        assert context[:4] == [index, str(index), {"Store": f"100{index + 1}"}, files]
        assert f"minibatch_index={index}" in context[4]
        assert context[5] == ["str", "str"]
    assert told.run.lines() == ["a.txt", "b.txt", "a.txt", "b.txt"]


def test_each_process_calls_init_once_before_and_shutdown_once_after_its_mini_batches(site: Site) -> None:
    site.files(12)
    site.script("""\
        import time

        def init():
            say("init")

        def run(mini_batch):
            while len([l for l in open(os.environ["SAID"]) if '"init"' in l]) < 4:  # nobody is left without work
                time.sleep(0.005)
            say("run")
            return mini_batch

        def shutdown():
            say("shutdown")
            print("shut down")
            raise RuntimeError("of no consequence")
    """)
    run = site.run(nodeCount=2, processCountPerNode=2)
    lives: dict[int, list[str]] = {}
    for pid, word in site.said():
        lives.setdefault(pid, []).append(word)
    assert len(lives) == 4
    for life in lives.values():
        assert (life[0], life[-1]) == ("init", "shutdown")
        assert Counter(life[1:-1]).keys() <= {"run"}
    assert len(site.said("run")) == 12
    assert run.counts()["failed"] == 0
    assert run.log("user/stdout/node00*/process00*.stdout.txt") == "shut down\n" * 4
    assert "of no consequence" in run.log("user/stdout/node001/process001.stderr.txt")


def test_a_model_that_is_a_file_and_items_counted_before_the_script_changes_its_frame(site: Site) -> None:
    """The frame is emptied in place after its two results are made: no item may be missing."""
    site.write("models/digits/model.pkl", "weights")
    site.write("in/table.csv", "name,value\na,1\nb,2\n")
    site.script("""\
        from azureml.core import Model

        def init():
            say("model", Model.get_model_path("digits"), os.environ["AZUREML_MODEL_DIR"])

        def run(frame):
            names = list(frame["name"])
            frame["extra"] = 1
            frame.drop(index=frame.index, inplace=True)
            return names
    """)
    run = site.run(
        inputs=[{"name": "t", "type": "Tabular", "paths": ["in/table.csv"]}],
        miniBatchSize=None,
        models=[{"name": "digits", "path": "models/digits/model.pkl"}],
    )
    ((_, _, path, folder),) = site.said("model")
    assert path == f"{site.folder}/models/digits/model.pkl"
    assert os.listdir(folder) == ["model.pkl"]
    assert (Path(folder) / "model.pkl").read_text() == "weights"
    assert run.lines() == ["a", "b"]
    assert run.result()["items"] == {"total": 2, "succeeded": 2, "failed": 0}


def test_settings_beside_the_script_say_how_frames_become_text(site: Site) -> None:
    site.write("in/table.csv", "name,value\na b,1\nc,2\n")
    site.write(
        "code/parallel_run_step.settings.json",
        json.dumps({"append_row": {"pandas.DataFrame.to_csv": {"sep": ";", "header": False}}}),
    )
    site.script("def run(frame):\n    return frame\n")
    run = site.run(inputs=[{"name": "t", "type": "Tabular", "paths": ["in/table.csv"]}], miniBatchSize=None)
    assert run.lines() == ["a b;1", "c;2"]


# --- partition keys ---


@pytest.fixture(scope="module")
def sales() -> Path:
    """The public table of orange juice sales."""
    data = os.environ.get("PARALLELRUN_TEST_DATA")
    if not data:
        pytest.skip("PARALLELRUN_TEST_DATA is not set")
    return Path(data) / "oj_sales" / "oj_sales_data.csv"


KEYS_SCRIPT = """\
    def run(frame, context):
        key = context.partition_key_value
        say("key", {name: str(value) for name, value in key.items()})
        assert (frame["Store"].astype(str) == str(key["Store"])).all()
        return [f"{key['Store']},{key['Brand']},{len(frame)},{int(frame['Quantity'].sum())}"]
"""


def totals(sales: Path) -> list[str]:
    """What KEYS_SCRIPT gives, by pandas."""
    import pandas as pd

    grouped = pd.read_csv(sales).groupby(["Store", "Brand"])["Quantity"].agg(["size", "sum"])
    return [f"{store},{brand},{size},{total}" for (store, brand), size, total in grouped.itertuples()]


def test_partitions_of_a_column_are_what_pandas_groups(site: Site, sales: Path) -> None:
    site.script(KEYS_SCRIPT)
    run = site.run(
        inputs=[{"name": "sales", "type": "Tabular", "paths": [str(sales)]}],
        miniBatchSize=None,
        partitionKeys=["Store", "Brand"],
        processCountPerNode=2,
        errorThreshold=-1,
    )
    assert run.lines() == totals(sales)
    assert len({tuple(key.values()) for _, _, key in site.said("key")}) == run.counts()["total"]


def test_partitions_of_paths_are_what_pandas_groups(site: Site, sales: Path) -> None:
    """One folder a store and one file a brand: the keys are in the paths and not in the rows."""
    import pandas as pd

    for (store, brand), rows in pd.read_csv(sales).groupby(["Store", "Brand"]):
        if store < 1003:
            (site.folder / "in" / str(store)).mkdir(exist_ok=True)
            rows.drop(columns=["Store", "Brand"]).to_csv(site.folder / "in" / str(store) / f"{brand}.csv", index=False)
    site.script(KEYS_SCRIPT)
    run = site.run(
        inputs=[
            {"name": "s", "type": "Tabular", "paths": ["in/*/*.csv"], "partitionFormat": "{Store}/{Brand}.csv"},
        ],
        miniBatchSize=None,
        partitionKeys=["Store", "Brand"],
        errorThreshold=-1,
    )
    assert run.lines() == [line for line in totals(sales) if int(line[:4]) < 1003]


# --- devices and packages ---

GPU_SCRIPT = """\
    import signal, time

    SEEN = os.environ.get("CUDA_VISIBLE_DEVICES")

    def init():
        say("gpu", os.environ["PARALLELRUN_NODE"], os.environ["PARALLELRUN_PROCESS"], SEEN)

    def run(mini_batch):
        if os.environ["PARALLELRUN_PROCESS"] == "1" and os.environ["PARALLELRUN_INCARNATION"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        while len(open(os.environ["SAID"]).readlines()) < 4:  # all three, and the replacement
            time.sleep(0.005)
        return [f"{SEEN}"]
"""


def test_each_process_has_a_gpu_of_its_own_which_its_replacement_inherits(site: Site) -> None:
    site.files(8)
    site.script(GPU_SCRIPT)
    site.environment["CUDA_VISIBLE_DEVICES"] = "4,GPU-7"
    run = site.run(processCountPerNode=3, runMaxTry=2, resources={"limits": {"nvidia.com/gpu": 2}})
    seen = [(process, gpu) for _, _, _, process, gpu in site.said("gpu")]
    assert sorted(set(seen)) == [("0", "4"), ("1", "GPU-7"), ("2", "")]
    assert seen.count(("1", "GPU-7")) == 2, "the process that died was replaced"
    assert run.counts() == {"total": 8, "completed": 8, "failed": 0, "retried": 1, "items_failed": 0}


def test_a_job_that_asks_for_no_gpu_sees_what_the_shell_sees(site: Site) -> None:
    site.files(1)
    site.script("def run(mini_batch):\n    return [os.environ['CUDA_VISIBLE_DEVICES']]\n")
    site.environment["CUDA_VISIBLE_DEVICES"] = "4,7"
    assert site.run().lines() == ["4,7"]


def test_packages_of_the_job_are_installed_once_and_found_again(site: Site) -> None:
    wheel(site.folder / "wheels", "greeting", "1.5", "def hello():\n    return 'hello from the wheel'\n")
    site.files(1)
    site.script("import greeting\n\ndef run(mini_batch):\n    return [greeting.hello()]\n")
    job = site.manifest(environment={"pip": ["wheels/greeting-1.5-py3-none-any.whl"]})
    first = site.command("run", job, "--output", "first")
    assert first.status == 0, first.text
    assert "installing the job's packages" in first.stderr
    second = site.command("run", job, "--output", "second")
    assert second.status == 0, second.text
    assert "installing" not in second.stderr
    for name in ("first", "second"):
        assert RunFolder(site.folder / name).lines() == ["hello from the wheel"]


def wheel(folder: Path, name: str, version: str, code: str) -> None:
    """A wheel of one module, made by hand: no index and no build tool is needed."""
    import zipfile

    folder.mkdir()
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))


def test_reports_of_mini_batches_have_one_line_each(told: Told) -> None:
    lines = told.run.mini_batches()
    assert [line["mini-batch"] for line in lines] == ["0", "1"]
    assert {(line["node"], line["process"], line["tries"], line["status"], line["items"]) for line in lines} == {
        ("node000", "process000", "1", "succeeded", "2")
    }
