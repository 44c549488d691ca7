"""Conda files: a list for pip where that is the same, else the file without Azure's own packages."""

from __future__ import annotations

import pytest

from parallelrun.importing.azureml import conda


@pytest.mark.parametrize(
    ("entry", "pip"),
    [
        ("numpy=1.19", "numpy==1.19.*"),
        ("numpy=1.19.2=py38h0", "numpy==1.19.2"),
        ("numpy=1.19.*", "numpy==1.19.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("numpy>=1.19,<2", "numpy>=1.19,<2"),
        ("numpy 1.19.2", "numpy==1.19.2"),
        ("conda-forge::scikit-learn", "scikit-learn"),
        ("pytorch=1.9", "torch==1.9.*"),
    ],
)
def test_a_conda_package_becomes_pip_s_of_the_same_version(entry, pip):
    assert conda.read({"dependencies": [entry]}).pip == (pip,)


def test_azure_s_own_packages_are_dropped_and_mltable_is_not():
    found = conda.read({"dependencies": ["python=3.8", "azureml-sdk", {"pip": ["azureml-core==1.4", "mltable"]}]})
    assert found.pip == ("mltable",)
    assert found.dropped == ("azureml-sdk", "azureml-core==1.4")
    assert found.python == "3.8"


def test_what_only_conda_has_is_named():
    assert conda.read({"dependencies": ["pip", "cudatoolkit=11", "pandas"]}).only_conda == ("cudatoolkit=11",)


def test_options_of_pip_are_not_taken_for_packages():
    found = conda.read({"dependencies": [{"pip": ["-r requirements.txt", "six"]}]})
    assert (found.pip, found.unread) == (("six",), ("-r requirements.txt",))


def test_the_file_that_stays_has_all_but_azure_s_packages():
    content = {"name": "x", "dependencies": ["gcc", "conda-forge::azureml-sdk", {"pip": ["azureml-core", "six"]}]}
    assert conda.without_azures(content) == {"name": "x", "dependencies": ["gcc", {"pip": ["six"]}]}
