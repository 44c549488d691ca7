"""Pipelines written with Azure ML's classes: steps hand on what they write, runs are watched, read and run again."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parallelrun.azureml.core import Dataset, Environment, Experiment, Workspace
from parallelrun.azureml.data import OutputFileDatasetConfig
from parallelrun.azureml.exceptions import ActivityFailedException, UserErrorException
from parallelrun.azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PipelineRun
from parallelrun.azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep, PythonScriptStep
from parallelrun.azureml.widgets import RunDetails

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

SCRIPTS = {
    "prepare.py": """\
        import argparse, os
        parser = argparse.ArgumentParser()
        parser.add_argument("--source"); parser.add_argument("--out"); parser.add_argument("--files", type=int)
        given = parser.parse_args()
        for number in range(given.files):
            with open(os.path.join(given.out, f"{number}.csv"), "w") as file:
                file.write("number,add\\n" + "".join(f"{number},{row}\\n" for row in range(4)))
        print("read", sorted(os.listdir(given.source)))
    """,
    "score.py": """\
        def run(frame):
            return [f"{number * 10 + add}" for number, add in zip(frame.number, frame["add"])]
    """,
    "total.py": """\
        import os, sys
        folder, out, factor = sys.argv[1:]
        with open(os.path.join(folder, "scores.txt")) as scores:
            total = sum(map(int, scores))
        with open(os.path.join(out, "total.txt"), "w") as file:
            file.write(str(total * int(factor)))
    """,
    "fail.py": """\
        import os
        def run(mini_batch):
            print("about to look")
            if not os.path.exists(os.environ["MENDED"]):
                raise ValueError("not mended yet")
            return [os.path.basename(path) for path in mini_batch]
    """,
    "wait.py": """\
        import time
        def run(mini_batch):
            time.sleep(600)
    """,
}
#: Of 3 files with 4 rows each, as score.py counts.
TOTAL = sum(number * 10 + row for number in range(3) for row in range(4))


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("azure")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("PARALLELRUN_TARGET", "PARALLELRUN_PACKAGES"):
            patch.delenv(name, raising=False)
        patch.setenv("KUBECONFIG", str(folder / "no-kubeconfig"))
        (folder / "code").mkdir()
        for name, text in SCRIPTS.items():
            (folder / "code" / name).write_text(textwrap.dedent(text))
        (folder / "in").mkdir()
        for number in range(4):
            (folder / f"in/{number}.txt").write_text(str(number))
        (folder / "rows.csv").write_text(
            "Store,Brand,Sold\n" + "".join(f"{n % 3},{'ab'[n % 2]},{n}\n" for n in range(12))
        )
        workspace = Workspace.from_config()
        store = workspace.get_default_datastore()
        store.upload("in", "in")
        store.upload_files(["rows.csv"], target_path="tables")
        yield workspace


def files(ws: Workspace) -> Any:
    return Dataset.File.from_files((ws.get_default_datastore(), "in/"))


def rows(ws: Workspace) -> Any:
    return Dataset.Tabular.from_delimited_files((ws.get_default_datastore(), "tables/rows.csv"))


def config(script: str, **options: Any) -> ParallelRunConfig:
    return ParallelRunConfig(
        environment=Environment("e"), entry_script=script, source_directory="code", error_threshold=0,
        output_action="append_row", compute_target=None, run_max_try=1, **options,
    )  # fmt: skip


def pipeline(ws: Workspace) -> Pipeline:
    """Prepare, score, add up."""
    store = ws.get_default_datastore()
    prepared, scored = PipelineData("prepared", datastore=store), OutputFileDatasetConfig("scored")
    total = OutputFileDatasetConfig("total", destination=(store, "totals/{run-id}"))
    source = files(ws).as_named_input("source").as_mount()
    first = PythonScriptStep(
        "prepare.py", "Prepare data", ["--source", source, "--out", prepared, "--files", PipelineParameter("files", 3)],
        source_directory="code", outputs=[prepared],
    )  # fmt: skip
    second = ParallelRunStep(
        "score", config("score.py", append_row_file_name="scores.txt", mini_batch_size="1KB"),
        inputs=[prepared.as_dataset().parse_delimited_files()], output=scored,
    )  # fmt: skip
    third = PythonScriptStep(
        "total.py",
        arguments=[scored.as_input("scored"), total, PipelineParameter("factor", 1)],
        source_directory="code",
    )
    assert first.allow_reuse
    assert second.output is scored
    return Pipeline(ws, steps=[third])


def single(ws: Workspace, script: str) -> Pipeline:
    step = ParallelRunStep("one", config(script, mini_batch_size="1"), inputs=[files(ws).as_named_input("files")])
    return Pipeline(ws, [step])


def total_of(run: PipelineRun, folder: Path) -> str:
    output = run.find_step_run("total.py")[0].get_output_data("total")
    output.download(str(folder))
    return (folder / output.path_on_datastore / "total.txt").read_text()


@pytest.fixture(scope="module")
def ended(ws: Workspace) -> PipelineRun:
    """A run of three steps."""
    run = Experiment(ws, "Adding up").submit(pipeline(ws), tags={"by": "me"})
    assert run.wait_for_completion(show_output=True) == "Finished"
    return run


def test_steps_hand_on_what_they_write(ws: Workspace, ended: PipelineRun, tmp_path: Path) -> None:
    assert [step.name for step in ended.get_steps()] == ["Prepare data", "score", "total.py"]
    assert total_of(ended, tmp_path) == str(TOTAL)
    assert ended.get_pipeline_output("total").path_on_datastore == f"totals/{ended.id}"


def test_an_output_is_fetched_to_its_path_in_the_datastore(ended: PipelineRun, tmp_path: Path) -> None:
    step = ended.find_step_run("score")[0]
    output = step.get_output_data("scored")
    assert (output.name, output.datastore.name, output.path_on_compute) == (
        "scored", "workspaceblobstore", output.path_on_datastore,
    )  # fmt: skip
    assert output.path_on_datastore == f"azureml/{ended.id}-score/scored"
    assert output.data_reference_name == output.as_mount().name
    output.download(local_path=str(tmp_path), overwrite=True)
    found = {path.name for path in (tmp_path / output.path_on_datastore).iterdir()}
    assert "scores.txt" in found
    assert step.get_output("scored").name in step.get_outputs()
    with pytest.raises(UserErrorException, match="no output 'nosuch'; it has: scored"):
        step.get_output_data("nosuch")


def test_what_is_known_of_a_run_is_told_in_azures_words(ws: Workspace, ended: PipelineRun) -> None:
    assert (ended.get_status(), ended.status, ended.get_id()) == ("Finished", "Finished", ended.id)
    details = ended.get_details()
    assert (details["status"], details["runId"], details["tags"]) == ("Completed", ended.id, {"by": "me"})
    assert (ended.tags, ended.get_tags(), ended.get_metrics()) == ({"by": "me"}, {"by": "me"}, {})
    assert ended.name == ended.id
    assert ended.number == 0
    assert Path(ended.get_portal_url()).is_dir()
    assert [step.name for step in ended.get_children()] == [step.name for step in ended.get_steps()]
    assert ended.find_step_run("nosuch") == []
    assert "Finished" in ended._repr_html_()
    assert RunDetails(ended).get_widget_data()["status"] == "Completed"


def test_a_steps_logs_are_read_and_fetched(ended: PipelineRun, tmp_path: Path) -> None:
    step = ended.find_step_run("Prepare data")[0]
    assert step.wait_for_completion() == "Finished"
    assert "read ['0.txt', '1.txt', '2.txt', '3.txt']" in step.get_stdout_log()
    assert step.get_stderr_log() == ""
    assert "node" in step.get_job_log()
    assert "read [" in step.get_details_with_logs()["logs"]["stdout"]
    assert (step.pipeline_run_id, step.parent is ended) == (ended.id, True)
    names = step.get_file_names()
    assert "logs/processed_mini-batches.csv" in names
    step.download_file("job_result.json", str(tmp_path / "result.json"))
    assert (tmp_path / "result.json").exists()
    step.download_files(prefix="logs/user", output_directory=str(tmp_path))
    assert (tmp_path / "logs/user").is_dir()
    assert len(step.get_all_logs(str(tmp_path / "all"))) == len(names)
    with pytest.raises(UserErrorException, match="no file 'nosuch'"):
        step.download_file("nosuch")


def test_a_run_is_found_again_by_a_later_session(ws: Workspace, ended: PipelineRun) -> None:
    experiment = ws.experiments["Adding up"]
    assert ended.id in [run.id for run in experiment.get_runs(tags={"by": "me"})]
    assert PipelineRun(experiment, ended.id).get_status() == "Finished"
    assert [one.name for one in Experiment.list(ws, "Adding up")] == ["Adding up"]
    with pytest.raises(UserErrorException, match="nosuch"):
        PipelineRun(experiment, "nosuch")


def test_submitted_again_with_another_parameter_only_what_it_changes_runs(
    ws: Workspace, ended: PipelineRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = pipeline(ws).publish("Adding up", "published")
    again = published.submit(ws, "Adding up", pipeline_parameters={"factor": 2})
    again.wait_for_completion()
    assert total_of(again, tmp_path) == str(TOTAL * 2)
    told = capsys.readouterr().out
    assert "StepRun Prepare data: Finished (reused from " in told
    assert "StepRun score: Finished (reused from " in told
    assert "StepRun total.py: Finished\n" in told
    reused = again.find_step_run("score")[0].get_output_data("scored")
    assert reused.path_on_datastore == f"azureml/{ended.id}-score/scored"


def test_a_run_that_fails_says_why_and_goes_on_from_what_succeeded(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MENDED", str(tmp_path / "mended"))
    run = Experiment(ws, "failing").submit(single(ws, "fail.py"))
    with pytest.raises(ActivityFailedException, match="not mended yet"):
        run.wait_for_completion(show_output=False)
    assert run.wait_for_completion(show_output=False, raise_on_error=False) == "Failed"
    step = run.find_step_run("one")[0]
    with pytest.raises(ActivityFailedException, match="one failed"):
        step.wait_for_completion(show_output=True)
    (tmp_path / "mended").write_text("")
    again = run.rerun_failed()
    assert again.wait_for_completion(show_output=False) == "Finished"
    RunDetails(again).show()
    assert "failing" in capsys.readouterr().out
    RunDetails(again.find_step_run("one")[0]).show()
    assert "4" in capsys.readouterr().out


def test_a_run_is_waited_for_so_long_and_cancelled(ws: Workspace) -> None:
    run = single(ws, "wait.py").submit("waiting")
    with pytest.raises(TimeoutError, match="still goes on"):
        run.wait_for_completion(show_output=False, timeout_seconds=0.5)
    run.cancel()
    assert run.wait_for_completion(show_output=False) == "Canceled"


def test_a_table_is_read_as_a_job_reads_it(ws: Workspace) -> None:
    table = rows(ws)
    found = table.filter((table["Store"] == 1) & (table["Sold"] > 1)).take(2).to_pandas_dataframe()
    assert found.to_dict("list") == {"Store": [1, 1], "Brand": ["a", "b"], "Sold": [4, 7]}


def test_a_table_is_partitioned_by_keys(ws: Workspace) -> None:
    made = rows(ws).partition_by(["Store", "Brand"], target=(ws.get_default_datastore(), "by-key"), name="by_key")
    assert (made.name, made.partition_keys) == ("by_key", ["Store", "Brand"])
    found = made.to_pandas_dataframe()
    assert sorted(found["Sold"]) == list(range(12))
    assert {(str(store), brand) for store, brand in zip(found["Store"], found["Brand"], strict=True)} == {
        (store, brand) for store in "012" for brand in "ab"
    }


def test_files_are_listed_and_fetched(ws: Workspace, tmp_path: Path) -> None:
    some = files(ws).skip(1).take(2)
    assert Dataset.File.from_files((ws.get_default_datastore(), "in/3.txt")).to_path() == ["/3.txt"]
    assert some.download(target_path=str(tmp_path), overwrite=True) == [f"{tmp_path}/1.txt", f"{tmp_path}/2.txt"]
    assert (tmp_path / "2.txt").read_text() == "2"


NOTEBOOK = """\
import azureml.core
from azureml.core import Workspace, Experiment, Dataset
ws = Workspace.from_config()
table = Dataset.Tabular.from_delimited_files("rows.csv")
print(table.to_pandas_dataframe()["Sold"].sum())
"""


def test_a_notebook_and_a_script_run_unchanged_also_where_azures_own_package_is_installed(
    ws: Workspace, tmp_path: Path
) -> None:
    """A notebook's kernel has an event loop in the thread of its cells."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    (tmp_path / "theirs/azureml/core").mkdir(parents=True)
    (tmp_path / "theirs/azureml/core/__init__.py").write_text("raise ImportError('the real one')")
    cells = [new_code_cell(NOTEBOOK), new_code_cell("Experiment(ws, 'digits')")]
    nbformat.write(new_notebook(cells=cells), "look.ipynb")
    Path("look.py").write_text("import sys, azureml.core\nprint(azureml.core.VERSION, sys.argv[1:], __name__)\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "theirs")}
    told = []
    for words in (["look.ipynb"], ["look.py", "--a", "b"]):
        done = subprocess.run(
            [sys.executable, "-m", "parallelrun.azureml", *words], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert told == [f"66\nExperiment(Name: digits, Workspace: {ws.name})\n", "1.60.0 ['--a', 'b'] __main__\n"]
    kept = nbformat.read("look.run.ipynb", as_version=4)
    assert kept.cells[0].outputs[0].text == "66\n"
