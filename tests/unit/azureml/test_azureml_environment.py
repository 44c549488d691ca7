"""Environments: images, packages and variables, and what of them is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parallelrun.azureml.backend import environments
from parallelrun.azureml.backend.settings import Settings
from parallelrun.azureml.backend.support import NotAvailableHere
from parallelrun.azureml.core import Environment, RunConfiguration, Workspace
from parallelrun.azureml.core.conda_dependencies import CondaDependencies
from parallelrun.azureml.core.runconfig import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE

CONDA = """\
name: project
channels: [conda-forge]
dependencies:
- python=3.8
- faiss-cpu=1.7
- pip:
  - azureml-core==1.2
  - requests
"""


def fields(ws: Workspace, environment: Environment, alone: bool = False, **settings: Any) -> dict[str, Any]:
    return environments.fields(environment, Settings("x", folder=ws._settings.folder, **settings), alone)


def made(pip: list[str], conda: list[str] | None = None, **options: Any) -> Environment:
    environment = Environment(name="e")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=pip, conda_packages=conda, **options)
    return environment


def test_azureml_packages_are_left_out_and_that_is_said_once(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        found = fields(ws, made(["azureml-core", "azureml-dataset-runtime[fuse]", "pillow==11.*"]))
        assert found == {"pip": ["pillow==11.*"]}
    assert capsys.readouterr().err.count("azureml-core, azureml-dataset-runtime") == 1


def test_packages_of_conda_that_pip_has_by_the_same_name_are_installed_with_pip(
    ws: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    found = fields(
        ws, made(["x"], ["pip==20.2.4", "scikit-learn=0.24", "conda-forge::pandas>=1.1"], python_version="3.7")
    )
    assert found == {"pip": ["scikit-learn==0.24.*", "pandas>=1.1", "x"]}
    assert "Python 3.7 was asked for" in capsys.readouterr().err


def test_other_packages_of_conda_need_conda_and_a_file_beside_the_script(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text(CONDA)
    environment = Environment.from_conda_specification("e", "conda.yml")
    found = fields(ws, environment)
    text = (ws._settings.folder / "conda" / found["conda"]).read_text()
    assert "faiss-cpu=1.7" in text
    assert "requests" in text
    assert "azureml" not in text
    assert environment.register(ws).version == 1
    assert "faiss-cpu=1.7" in Environment.get(ws, "e").python.conda_dependencies.conda_packages


@pytest.mark.parametrize("image", [DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE])
def test_azures_own_images_are_the_runners(ws: Workspace, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    environment = Environment("e")
    environment.docker.enabled = True
    environment.docker.base_image = image
    assert fields(ws, environment) == {}
    assert ("CUDA" in capsys.readouterr().err) == (image == DEFAULT_GPU_IMAGE)


def test_an_image_packages_and_variables_are_registered_with_versions(ws: Workspace) -> None:
    environment = Environment.from_docker_image("e", "registry/image:1")
    environment.environment_variables["A"] = "1"
    environment.python.conda_dependencies.add_pip_package("requests")
    environment.spark.precache_packages = False
    assert environment.register(workspace=ws).version == 1
    assert environment.register(ws).version == 1
    environment.docker.base_image = "registry/image:2"
    assert environment.register(ws).version == 2
    found = Environment.get(ws, "e", version=1)
    assert (found.docker.base_image, found.environment_variables) == ("registry/image:1", {"A": "1"})
    assert found.python.conda_dependencies.pip_packages == ["requests"]
    assert list(Environment.list(ws)) == ["e"]
    copied = found.clone("f")
    assert (copied.name, copied.version, copied.docker.base_image) == ("f", None, "registry/image:1")


def test_a_requirements_file_is_a_list_of_packages(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# all\nrequests==2.*  # web\n\npillow\n")
    assert fields(ws, Environment.from_pip_requirements("e", "requirements.txt")) == {
        "pip": ["requests==2.*", "pillow"]
    }


def test_here_nothing_is_installed_where_this_python_has_all_of_it(
    ws: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = made(["pandas>=1", "numpy"])
    assert fields(ws, environment, alone=True) == {}
    assert fields(ws, environment, alone=True, target="cluster") == {"pip": ["pandas>=1", "numpy"]}
    assert capsys.readouterr().err == ""
    too_old = made(["pandas==0.25", "numpy"])
    assert fields(ws, too_old, alone=True) == {"pip": ["pandas==0.25", "numpy"]}
    assert "PARALLELRUN_PACKAGES=present" in capsys.readouterr().err
    assert fields(ws, too_old, alone=True, packages="present") == {}


def test_packages_that_the_user_manages_are_in_the_image(ws: Workspace) -> None:
    environment = made(["requests"])
    environment.python.user_managed_dependencies = True
    assert fields(ws, environment) == {}


def test_an_environment_that_is_not_there_or_curated_is_named(ws: Workspace) -> None:
    with pytest.raises(Exception, match="nosuch"):
        Environment.get(ws, "nosuch")
    with pytest.raises(NotAvailableHere, match="no curated environments"):
        Environment.get(ws, "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu")


@pytest.mark.parametrize(
    ("section", "attribute", "value"),
    [("docker", "base_dockerfile", "FROM x"), ("docker", "bse_image", "x"), ("python", "interpreter_path", "/p"),
     ("spark", "packages", ["x"])],
)  # fmt: skip
def test_an_attribute_without_counterpart_is_refused_by_name(section: str, attribute: str, value: Any) -> None:
    with pytest.raises(NotAvailableHere, match=attribute):
        setattr(getattr(Environment("e"), section), attribute, value)


def test_conda_dependencies_are_a_list_that_can_be_changed_written_and_read(tmp_path: Path) -> None:
    conda = CondaDependencies()
    conda.set_python_version("3.7")
    conda.add_conda_package("numpy=1.19")
    conda.add_conda_package("numpy=1.20")
    conda.add_conda_package("scipy")
    conda.remove_conda_package("scipy")
    conda.add_channel("conda-forge")
    conda.add_pip_package("Pillow_SIMD==1")
    conda.add_pip_package("pillow-simd==2")
    conda.add_pip_package("requests")
    conda.remove_pip_package("requests")
    conda.set_pip_option("--extra-index-url https://x.org")
    assert (conda.get_python_version(), conda.python_version) == ("3.7", "3.7")
    assert conda.conda_packages == ["python=3.7", "numpy=1.20"]
    assert (conda.conda_channels, conda.pip_packages) == (["conda-forge"], ["pillow-simd==2"])
    assert conda.pip_options == ["--extra-index-url https://x.org"]
    assert conda.save_to_file(str(tmp_path), "a.yml") == "a.yml"
    assert CondaDependencies(str(tmp_path / "a.yml")).as_dict() == conda.as_dict()
    assert Path(conda.save(str(tmp_path))).read_text() == conda.serialize_to_string()
    conda.set_pip_requirements(["a"])
    assert conda.pip_packages == ["a"]


def test_a_run_configuration_has_an_environment() -> None:
    config = RunConfiguration(conda_dependencies=CondaDependencies.create(pip_packages=["a"]))
    assert config.environment.python.conda_dependencies.pip_packages == ["a"]
    config.docker.use_docker = True
    with pytest.raises(NotAvailableHere, match="framework"):
        RunConfiguration(framework="Spark")
