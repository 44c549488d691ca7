"""``import azureml...`` gives what is here, also where Azure's own packages are installed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def lines(text: str, tmp_path: Path) -> list[str]:
    """What a fresh interpreter prints, in which ``azureml`` is also installed."""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Azure's packages as far as imports can see them."""
    for name, text in {"core": "REAL = True", "dataprep": "REAL = True", "train": ""}.items():
        (tmp_path / "azureml" / name).mkdir(parents=True)
        (tmp_path / "azureml" / name / "__init__.py").write_text(text)
    (tmp_path / "azureml/dataprep/api.py").write_text("REAL = True")
    return tmp_path


def test_every_way_to_import_gives_the_same_classes_and_what_was_imported_before_is_forgotten(theirs: Path) -> None:
    assert lines(
        """
        import azureml.core
        print(azureml.core.REAL)
        from parallelrun import azureml as extension
        extension.load_ipython_extension(None)
        import azureml.core
        import azureml.core.workspace as by_their_name
        from azureml.core import Workspace
        from azureml.pipeline.steps import ParallelRunStep
        from azureml.contrib.pipeline.steps import ParallelRunStep as Early
        from azureml.widgets import RunDetails
        from azureml.exceptions import ComputeTargetException
        import parallelrun.azureml.core.workspace as by_ours
        print(hasattr(azureml.core, "REAL"), by_their_name is by_ours, Workspace is by_ours.Workspace)
        print(ParallelRunStep is Early, by_ours.__spec__.name)
        """,
        theirs,
    ) == ["True", "False True True", "True parallelrun.azureml.core.workspace"]


def test_packages_that_mltable_stands_on_stay_the_real_ones_and_others_are_not_found(theirs: Path) -> None:
    assert lines(
        """
        from parallelrun.azureml import imports
        imports.install()
        imports.install()
        import azureml.dataprep.api
        print(azureml.dataprep.REAL, azureml.dataprep.api.REAL)
        for name in ("azureml.train", "azureml.backend", "azureml.core.webservice"):
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(str(error).partition(":")[0])
        """,
        theirs,
    ) == [
        "True True",
        "azureml.train is not part of parallelrun.azureml, which stands for azureml here. What there is",
        "azureml.backend is not part of parallelrun.azureml, which stands for azureml here. What there is",
        "azureml.core.webservice is not part of parallelrun.azureml, which stands for azureml here. What there is",
    ]


def test_a_file_that_is_not_there_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "parallelrun.azureml", "nosuch.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "nosuch.py is no file" in done.stderr
