"""Pipelines on this machine, from outside: what they leave, what is reused, and that nothing is lost whatever dies."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_harness import Finished, Site, wait_for

pytestmark = pytest.mark.engine

PREPARE = """\
    import pathlib, sys
    say("prepare")
    out = pathlib.Path(sys.argv[1])
    for number in range(int(sys.argv[2])):
        (out / f"{number}.txt").write_text(str(number))
    """
SCORE = """\
    import pathlib

    def init():
        pass

    def run(mini_batch):
        say("score", *sorted(os.path.basename(path) for path in mini_batch))
        return [f"{os.path.basename(path)}: {int(open(path).read()) ** 2}" for path in mini_batch]
    """
REPORT = """\
    import pathlib, sys
    say("report")
    lines = pathlib.Path(sys.argv[1]).read_text().splitlines()
    pathlib.Path(sys.argv[2], "sum.txt").write_text(f"{sys.argv[3]} {sum(int(line.split()[1]) for line in lines)}")
    """
Json = dict[str, Any]
SOURCE: Json = {"directory": "code"}


def program(name: str, file: str, *arguments: str, outputs: tuple[str, ...] = (), **step: Any) -> Json:
    """A script step."""
    script = {"source": SOURCE, "entryScript": file, "arguments": list(arguments)}
    return {"name": name, "script": {**script, "outputs": [{"name": one} for one in outputs]}, **step}


PREPARED = program("prepare", "prepare.py", "$(outputs.numbers)", "$(params.count)", outputs=("numbers",))
SCORED: Json = {
    "name": "score",
    "job": {
        "source": SOURCE,
        "entryScript": "score.py",
        "inputs": [{"name": "numbers", "type": "File", "paths": ["$(steps.prepare.outputs.numbers)/*.txt"]}],
        "miniBatchSize": "$(params.batch)",
        "runMaxTry": 1,
    },
}
REPORTED = program(
    "report", "report.py", "$(steps.score.file)", "$(outputs.report)", "$(params.title)", outputs=("report",)
)
PARAMETERS = [
    {"name": "count", "type": "integer", "default": 4},
    {"name": "batch", "type": "integer", "default": "2"},
    {"name": "title", "default": "sum"},
]


def pipeline(site: Site, *steps: Json, parameters: list[Json] = PARAMETERS) -> Path:
    """pipeline.yaml with these steps; by default prepare -> score -> report, written in another order."""
    spec = {"parameters": parameters, "steps": list(steps or (REPORTED, SCORED, PREPARED))}
    meta = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunPipeline", "metadata": {"name": "squares"}}
    return site.write("pipeline.yaml", yaml.safe_dump({**meta, "spec": spec}, sort_keys=False))


@pytest.fixture
def squares(site: Site) -> Site:
    """The three programs."""
    for name, text in (("prepare", PREPARE), ("score", SCORE), ("report", REPORT)):
        site.script(text, f"{name}.py")
    pipeline(site)
    return site


def run(site: Site, *words: str, output: str = "runs/out", status: int = 0) -> Finished:
    finished = site.command("run", "pipeline.yaml", "--output", output, *words)
    assert finished.status == status, finished.text
    return finished


def result(site: Site, output: str = "runs/out") -> Json:
    value: Json = json.loads((site.folder / output / "pipeline_result.json").read_text())
    return value


def phases(site: Site, output: str = "runs/out") -> dict[str, str]:
    return {step["name"]: step["phase"] for step in result(site, output)["steps"]}


def outputs(site: Site, step: str, output: str = "runs/out") -> dict[str, Path]:
    record = next(one for one in result(site, output)["steps"] if one["name"] == step)
    return {name: Path(place) for name, place in record["outputs"].items()}


def report(site: Site, output: str = "runs/out") -> str:
    return (outputs(site, "report", output)["report"] / "sum.txt").read_text()


def words(site: Site) -> list[str]:
    """Which programs said something, in order."""
    return [line[1] for line in site.said()]


DONE = {"prepare": "Succeeded", "score": "Succeeded", "report": "Succeeded"}


def test_steps_run_in_order_of_need_and_a_run_again_reuses_what_did_not_change(squares):
    finished = run(squares)
    assert phases(squares) == DONE
    assert report(squares) == "sum 14"
    assert outputs(squares, "score")["file"].read_text() == "0.txt: 0\n1.txt: 1\n2.txt: 4\n3.txt: 9\n"
    assert sorted(line[2:] for line in squares.said("score")) == [["0.txt", "1.txt"], ["2.txt", "3.txt"]]
    assert finished.stdout.strip() == str(squares.folder / "runs/out")

    squares.forget()
    again = run(squares, "--param", "title=all", output="runs/again")
    assert phases(squares, "runs/again") == {"prepare": "Reused", "score": "Reused", "report": "Succeeded"}
    assert report(squares, "runs/again") == "all 14"
    assert words(squares) == ["report"]
    assert "reused from runs/out/steps/score" in again.stderr

    looked_at = squares.command("get", "runs/again")
    assert "runs/out/steps/prepare" in looked_at.stdout
    listed = squares.command("list").stdout
    assert [line.split()[1:3] for line in listed.splitlines()[1:]] == [["Succeeded", "3/3"]] * 2
    assert squares.command("results", "runs/again", "--step", "score").stdout.splitlines()[-1] == "3.txt: 9"


def test_a_step_whose_code_changed_runs_again_and_those_before_it_do_not(squares):
    prepare = {**PREPARED, "script": {**PREPARED["script"], "source": {"directory": "own"}}}
    squares.write("own/prepare.py", (squares.folder / "code/prepare.py").read_text())
    pipeline(squares, prepare, SCORED)
    run(squares)
    squares.script(SCORE.replace("** 2", "** 3"), "score.py")
    run(squares, output="runs/again")
    assert phases(squares, "runs/again") == {"prepare": "Reused", "score": "Succeeded"}
    assert outputs(squares, "score", "runs/again")["file"].read_text().splitlines()[-1] == "3.txt: 27"


def test_nothing_is_reused_where_that_is_said(squares):
    pipeline(squares, PREPARED, {**PREPARED, "name": "always", "allowReuse": False})
    run(squares)
    run(squares, output="runs/again")
    assert phases(squares, "runs/again") == {"prepare": "Reused", "always": "Succeeded"}
    pipeline(squares, PREPARED)
    run(squares, "--regenerate", output="runs/anew")
    assert phases(squares, "runs/anew") == {"prepare": "Succeeded"}


def test_a_pipeline_that_is_killed_goes_on_to_the_same_result(squares):
    squares.script(SCORE.replace("say(", 'import time; time.sleep(0.3 * ("go" not in os.environ)); say('), "score.py")
    process = squares.start("run", "pipeline.yaml", "--output", "out", "--param", "count=12", "--param", "batch=1")
    wait_for(lambda: squares.said("score"), "the first mini-batch")
    process.kill()
    process.wait()
    assert result(squares, "out")["phase"] == "Running"
    assert squares.command("get", "out").stdout.splitlines()[2].split() == ["phase", "Interrupted"]
    squares.environment["go"] = "1"
    resumed = squares.command("run", "pipeline.yaml", "--output", "out", "--resume")
    assert resumed.status == 0, resumed.text
    assert phases(squares, "out") == DONE
    assert report(squares, "out") == f"sum {sum(n * n for n in range(12))}"
    assert len(squares.said("prepare")) == 1
    scored = outputs(squares, "score", "out")["file"].read_text().splitlines()
    assert scored == [f"{number}.txt: {number**2}" for number in range(12)]


def test_ctrl_c_seals_what_is_finished_and_says_how_to_go_on(squares):
    squares.script(SCORE.replace("say(", 'import time; time.sleep(0.2 * ("go" not in os.environ)); say('), "score.py")
    process = squares.start("run", "pipeline.yaml", "--output", "out", "--param", "count=20", "--param", "batch=1")
    wait_for(lambda: len(squares.said("score")) > 1, "the second mini-batch")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=50)
    assert process.returncode == 130, stderr
    assert "parallelrun run pipeline.yaml --output" in stderr
    before = len(squares.said("score"))
    squares.environment["go"] = "1"
    again = squares.command("run", "pipeline.yaml", "--output", "out", "--resume")
    assert again.status == 0, again.text
    assert phases(squares, "out") == DONE
    assert len(squares.said("score")) == 20 >= before
    refused = squares.command("run", "pipeline.yaml", "--output", "out", "--resume", "--param", "count=3")
    assert "other parameters" in refused.stderr


def test_a_step_that_is_killed_goes_on_by_itself(squares):
    squares.script(SCORE.replace("say(", 'import time; time.sleep(0.2 * ("go" not in os.environ)); say('), "score.py")
    process = squares.start("run", "pipeline.yaml", "--output", "out", "--param", "count=9", "--param", "batch=1")
    wait_for(lambda: squares.said("score"), "the first mini-batch")
    lock = squares.folder / "out/steps/score/.lock"
    os.kill(int(lock.read_text()), signal.SIGKILL)
    _, stderr = process.communicate(timeout=50)
    assert process.returncode == 0, stderr
    assert "its process was killed; another goes on" in stderr
    assert report(squares, "out") == "sum 204"


def test_what_failed_is_run_again_and_the_job_keeps_what_succeeded(squares):
    squares.script(
        SCORE.replace("return", 'if "3.txt" in str(mini_batch) and "go" not in os.environ: raise ValueError("three")\n'
                      "        return"),
        "score.py",
    )  # fmt: skip
    failed = run(squares, "--param", "batch=1", status=1)
    assert phases(squares) == {"prepare": "Succeeded", "score": "Failed", "report": "Skipped"}
    assert "score failed:" in failed.stderr
    assert "parallelrun rerun" in failed.stderr
    assert "ValueError: three" in squares.command("failures", "runs/out").stdout
    squares.forget()
    squares.environment["go"] = "1"
    again = squares.command("rerun", "runs/out", "--failed", "--output", "runs/mended")
    assert again.status == 0, again.text
    assert phases(squares, "runs/mended") == {"prepare": "Reused", "score": "Succeeded", "report": "Succeeded"}
    assert [line[2:] for line in squares.said("score")] == [["3.txt"]]
    assert report(squares, "runs/mended") == "sum 14"
    assert not (squares.folder / "runs/out/data/score/output/_SUCCESS").exists()


def test_a_step_is_not_reused_where_one_that_it_needs_ran_anew_to_the_same_place(site):
    site.script("import pathlib, sys; pathlib.Path(sys.argv[1], 'x').write_text(sys.argv[2])", "write.py")
    site.script("import pathlib, sys; print(pathlib.Path(sys.argv[1], 'x').read_text())", "show.py")
    write = program("write", "write.py", "$(outputs.x)", "$(params.x)")
    write["script"]["outputs"] = [{"name": "x", "path": str(site.folder / "shared")}]
    pipeline(site, write, program("show", "show.py", "$(steps.write.outputs.x)"), parameters=[{"name": "x"}])
    run(site, "--param", "x=one")
    run(site, "--param", "x=two", output="runs/two")
    assert phases(site, "runs/two") == {"write": "Succeeded", "show": "Succeeded"}
    assert "two" in site.command("logs", "runs/two", "--step", "show").stdout


def test_a_job_that_failed_begins_anew_where_a_step_that_it_needs_ran_anew_to_the_same_place(site):
    site.script("import pathlib, sys, uuid; pathlib.Path(sys.argv[1], 'x').write_text(str(uuid.uuid4()))", "write.py")
    site.script(
        """\
        def run(mini_batch):
            assert "1.txt" not in mini_batch[0] or "go" in os.environ
            return [open(os.environ["X"] + "/x").read()]
        """,
        "score.py",
    )
    write = program("write", "write.py", "$(outputs.x)")
    write["script"]["outputs"] = [{"name": "x", "path": str(site.folder / "shared")}]
    job = {**SCORED["job"], "inputs": [{"name": "files", "type": "File", "paths": ["in/*.txt"]}], "miniBatchSize": 1}
    job["environment"] = {"env": [{"name": "X", "value": "$(steps.write.outputs.x)"}]}
    site.files(2)
    pipeline(site, write, {"name": "score", "job": job}, parameters=[])
    run(site, status=1)
    (site.folder / "shared/x").write_text("damaged")
    site.environment["go"] = "1"
    again = site.command("rerun", "runs/out", "--failed", "--output", "runs/mended")
    assert again.status == 0, again.text
    assert phases(site, "runs/mended") == {"write": "Succeeded", "score": "Succeeded"}
    now = (site.folder / "shared/x").read_text()
    assert outputs(site, "score", "runs/mended")["file"].read_text().split() == [now, now]


def test_what_the_last_step_lacks_is_said_before_the_first_one_runs(squares):
    (squares.folder / "code/report.py").rename(squares.folder / "code/reports.py")
    finished = squares.command("run", "pipeline.yaml", "--param", "batch=0")
    assert finished.status == 2
    assert "step score: job.miniBatchSize: " in finished.stderr
    assert "step report: " in finished.stderr
    assert 'Did you mean "reports.py"?' in finished.stderr
    assert not (squares.folder / "runs").exists()
    assert words(squares) == []


def test_a_parameter_names_the_registered_dataset_that_is_read(squares):
    job = {**SCORED["job"], "inputs": [{"name": "numbers", "dataset": "$(params.data)"}], "miniBatchSize": 10}
    path = pipeline(squares, {"name": "score", "job": job}, parameters=[{"name": "data", "type": "dataset"}])
    for name, numbers in (("low", "12"), ("high", "78")):
        for number in numbers:
            squares.write(f"{name}/{number}.txt", number)
        meta = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "Dataset", "metadata": {"name": name}}
        dataset = {**meta, "spec": {"type": "File", "paths": [f"{name}/*.txt"]}}
        path.write_text(f"{path.read_text()}---\n{yaml.safe_dump(dataset)}")
    assert "data has no default" in run(squares, status=2).stderr
    run(squares, "--param", "data=high")
    assert outputs(squares, "score")["file"].read_text() == "7.txt: 49\n8.txt: 64\n"


LITTER = """\
    import pathlib, sys, time, uuid
    say("litter")
    (pathlib.Path(sys.argv[1]) / f"{uuid.uuid4()}.txt").write_text("1")
    deadline = time.monotonic() + 40
    while "go" not in os.environ:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    """


def test_what_a_killed_program_left_does_not_mix_with_what_the_next_try_writes(squares):
    squares.script(LITTER, "prepare.py")
    pipeline(squares, PREPARED)
    process = squares.start("run", "pipeline.yaml", "--output", "out")
    wait_for(lambda: list(squares.folder.glob("out/data/prepare/numbers/*.txt")), "the file")
    process.kill()
    process.wait()
    squares.environment["go"] = "1"
    resumed = squares.command("run", "pipeline.yaml", "--output", "out", "--resume")
    assert resumed.status == 0, resumed.text
    assert len(squares.said("litter")) == 2
    assert len(list(outputs(squares, "prepare", "out")["numbers"].iterdir())) == 1


def test_results_that_are_no_longer_there_are_made_again(squares):
    pipeline(squares, PREPARED, SCORED)
    run(squares)
    (outputs(squares, "prepare")["numbers"] / "1.txt").unlink()
    (squares.folder / "runs/damaged").mkdir()
    squares.write("runs/damaged/pipeline_result.json", "{")
    run(squares, output="runs/again")
    assert phases(squares, "runs/again") == {"prepare": "Succeeded", "score": "Succeeded"}
    assert len(outputs(squares, "score", "runs/again")["file"].read_text().splitlines()) == 4


def test_a_run_does_not_go_on_with_what_a_step_left_once_it_is_not_what_it_was(squares):
    """As it is after the process was killed between the two steps."""
    pipeline(squares, PREPARED, SCORED)
    run(squares)
    value = result(squares)
    value |= {"phase": "Running", "steps": [value["steps"][0], {"name": "score", "phase": "Waiting"}]}
    squares.write("runs/out/pipeline_result.json", json.dumps(value))
    shutil.rmtree(squares.folder / "runs/out/steps/score")
    (outputs(squares, "prepare")["numbers"] / "3.txt").unlink()
    refused = run(squares, "--resume", status=2)
    assert "what step prepare left is not what it was" in refused.stderr


MEET = """\
    import pathlib, sys, time
    mine, other = sys.argv[1:]
    pathlib.Path(mine).touch()
    deadline = time.monotonic() + 40
    while not pathlib.Path(other).exists():
        assert time.monotonic() < deadline, "the other step never ran beside this one"
        time.sleep(0.01)
    """


def test_steps_that_do_not_need_each_other_run_side_by_side(site):
    site.script(MEET, "meet.py")
    here = [str(site.folder / name) for name in ("a", "b")]
    pipeline(site, program("a", "meet.py", *here), program("b", "meet.py", *here[::-1]))
    run(site)
    assert phases(site) == {"a": "Succeeded", "b": "Succeeded"}


def test_after_a_failure_steps_that_do_not_need_it_run_only_where_that_is_asked_for(site):
    site.script('import sys\nsys.exit("no such day")', "fail.py")
    site.script('say("ran")', "work.py")
    steps = (
        program("fail", "fail.py"),
        program("after", "work.py", dependsOn=["fail"]),
        program("other", "work.py", dependsOn=["first"]),
        program("first", "work.py"),
    )
    pipeline(site, *steps)
    finished = run(site, "--continue-on-step-failure", status=1)
    assert phases(site) == {"fail": "Failed", "after": "Skipped", "first": "Succeeded", "other": "Succeeded"}
    assert "no such day" in finished.stderr
    pipeline(site, program("fail", "fail.py"), program("other", "work.py", dependsOn=["late"]), program(
        "late", "work.py", dependsOn=["fail"], allowReuse=False))  # fmt: skip
    run(site, output="runs/stops", status=1)
    assert phases(site, "runs/stops") == {"fail": "Failed", "other": "Skipped", "late": "Skipped"}


def test_a_live_pipeline_is_suspended_resumed_and_cancelled(squares):
    squares.script(SCORE.replace("say(", "import time; time.sleep(0.1); say("), "score.py")
    process = squares.start("run", "pipeline.yaml", "--output", "out", "--param", "count=400", "--param", "batch=1")
    wait_for(lambda: squares.said("score"), "the first mini-batch")
    assert squares.command("suspend", "out").status == 0
    wait_for(lambda: "Suspended" in squares.command("get", "out", "--step", "score").stdout, "the pause")
    assert phases(squares, "out")["score"] == "Suspended"
    assert squares.command("resume", "out").status == 0
    assert squares.command("cancel", "out").status == 0
    _, stderr = process.communicate(timeout=50)
    assert process.returncode == 1, stderr
    assert phases(squares, "out") == {"prepare": "Succeeded", "score": "Cancelled", "report": "Cancelled"}
    assert result(squares, "out")["phase"] == "Cancelled"


def test_a_run_in_the_file_says_parameters_and_an_output_that_is_missing_is_named(squares):
    text = pipeline(squares, PREPARED, SCORED).read_text()
    spec = {"pipeline": {"name": "squares"}, "parameters": {"count": 2, "batch": 1}}
    meta = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunPipelineRun", "metadata": {"name": "two"}}
    squares.write("pipeline.yaml", f"{text}---\n{yaml.safe_dump({**meta, 'spec': spec})}")
    run(squares)
    assert result(squares)["parameters"] == {"count": 2, "batch": 1, "title": "sum"}
    assert outputs(squares, "score")["file"].read_text() == "0.txt: 0\n1.txt: 1\n"


def test_the_example_does_what_its_readme_shows(site):
    example = Path(__file__).parents[2] / "examples" / "pipeline"
    first, shown, again = re.findall(r"^```\n(.*?)^```", (example / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    shutil.copytree(example, site.folder, dirs_exist_ok=True)
    for line in (first + again).splitlines():
        if line.startswith("parallelrun "):
            finished = site.command(*line.split()[1:])
            assert finished.status == 0, finished.text
    assert (site.folder / "out/data/report/report/accuracy.txt").read_text() == shown
    assert phases(site, "again") == {"prepare": "Reused", "score": "Reused", "report": "Succeeded"}


def test_the_example_is_the_same_in_a_cluster_but_for_where_files_are():
    example = Path(__file__).parents[2] / "examples" / "pipeline"
    here = (example / "pipeline.yaml").read_text()
    for local, clustered in (
        ("{directory: ./code}", "{configMap: {name: flowers-code}}"),
        ("path: data/", "path: configmap://flowers-data/"),
    ):
        here = here.replace(local, clustered)
    assert yaml.safe_load(here) == next(yaml.safe_load_all((example / "cluster-pipeline.yaml").read_text()))


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("miniBatchSize", "miniBachSize"), 36, "did you mean miniBatchSize?"),
        (("$(steps.score.file)", "$(steps.scores.file)"), 22, 'there is no step "scores". Did you mean "score"?'),
        (("default: 4", "default: x"), 9, "is not an integer"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_before_anything_runs(squares, change, line, words):
    path = pipeline(squares)
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    for words_typed in (("validate", "pipeline.yaml"), ("run", "pipeline.yaml")):
        finished = squares.command(*words_typed)
        assert finished.status == 2
        assert f"pipeline.yaml:{line}: spec." in finished.stderr
        assert words in finished.stderr
    assert not (squares.folder / "runs").exists()
