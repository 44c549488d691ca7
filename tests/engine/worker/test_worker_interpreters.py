"""The worker under every interpreter that a user's image may have: standard library only."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

FOUND = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
VERSIONS = [path for path in FOUND if path.parts[-3].startswith(("3.7.", "3.8.", "3.12.", "3.13."))]


@pytest.mark.parametrize("python", VERSIONS or [Path(sys.executable)], ids=lambda path: path.parts[-3])
def test_a_job_with_models_logs_and_a_failure(make_agent, python):
    a = make_agent(
        """
        import logging, sys
        from azureml.core import Dataset, Model, Run
        from azureml_user.parallel_run import EntryScript
        def init():
            global model
            model = Model.get_model_path("mnist")
            logging.getLogger("azureml").info("version %s", sys.version_info[:2])
            Run.get_context().log("accuracy", 0.9)
        def run(batch, context):
            if batch == ["bad"]:
                raise ValueError("no good")
            print("ran", context.minibatch_index)
            return [model + ":" + path for path in batch]
        def shutdown():
            EntryScript().logger.info("bye")
        """,
        models={"mnist": {"path": "/models/mnist", "version": "1"}},
        python=str(python),
    ).start(python=str(python))
    who = a.spawn()
    a.run(who, (0, ["a", "b"]), (1, ["bad"]), (2, ["c"]))
    assert a.payload(who, 0) == b"/models/mnist:a\n/models/mnist:b\n"
    assert "ValueError: no good" in a.failed(who)[1][4]
    assert a.end(who) == 0
    assert a.stdout() == "ran 0\nran 2\n"
    version = subprocess.run([python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
    assert [line.split("|")[-1] for line in a.log().splitlines()] == [
        f"version {version.stdout.strip()}",
        "accuracy = 0.9",
        "bye",
    ]


def test_the_worker_has_python_37_syntax(request):
    """By vermin, which also knows which version a standard library feature came with."""
    worker = Path(request.config.rootpath) / "runner-image" / "parallelrun_worker"
    vermin = subprocess.run(
        [Path(sys.executable).with_name("vermin"), "-q", "-t=3.7-", "--backport", "typing", str(worker)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert vermin.returncode == 0, vermin.stdout


def test_file_input_as_text_loads_no_package_of_the_image(make_agent):
    a = make_agent(
        """
        import sys
        def run(batch):
            heavy = {"numpy", "pandas", "pyarrow", "typing", "logging", "inspect"}
            return [sorted(heavy & set(sys.modules))]
        """
    ).start()
    who = a.spawn()
    a.run(who, (0, ["x"]))
    assert a.payload(who, 0) == b"[]\n"
