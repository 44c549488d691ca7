"""A model that a job does not list: found by its registered name, and read only where the pod can read anyway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parallelrun.api.errors import InputError
from parallelrun.api.settings import JobSettings, ModelSettings, StoreSettings
from parallelrun_agent.pod.registered import named, reachable

STORE = StoreSettings("datastore://models", "s3", "models", bucket="models")
SETTINGS = JobSettings("mnist", "1-2", "score.py", [], stores=[STORE])


def model(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "mnist-2"}, "spec": spec}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("models/mnist/", "/parallelrun/claims/shared/models/mnist"),
        ("pvc://data/models/mnist.pkl", "/parallelrun/claims/data/models/mnist.pkl"),
        ("configmap://tiny", "/parallelrun/configmaps/tiny"),
        ("datastore://models/mnist/2/", "datastore://models/mnist/2/"),
        ("azureml://datastores/models/paths/mnist/2", "datastore://models/mnist/2"),
    ],
)
def test_its_path_is_as_settings_have_it(path: str, found: str) -> None:
    (one,) = named([model(name="mnist", path=path, version="2", sha256="ab")], "mnist", "shared")
    assert one == ModelSettings("mnist", found, "2", "ab")


def test_a_model_without_a_registered_name_goes_by_its_object_s_and_is_the_first_version() -> None:
    objects = [model(path="x"), model(name="other", path="y")]
    assert [(one.name, one.version) for one in named(objects, "mnist-2", "shared")] == [("mnist-2", "1")]


def test_every_version_is_found() -> None:
    objects = [model(name="mnist", path="x", version=version) for version in ("1", "10", "9")]
    assert [one.version for one in named(objects, "mnist", "shared")] == ["1", "10", "9"]


def test_a_name_that_nobody_registered_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        named([model(name="mnist", path="x"), model(name="iris", path="y")], "minst", "shared")
    assert 'there is no Model registered as "minst"' in str(caught.value)
    assert 'Did you mean "mnist"?' in str(caught.value)


def test_what_the_pod_can_read_is_given(tmp_path: Path) -> None:
    (tmp_path / "weights").touch()
    for path in (str(tmp_path / "weights"), "datastore://models/mnist"):
        one = ModelSettings("mnist", path)
        assert reachable(one, SETTINGS) == one


@pytest.mark.parametrize("path", ["/parallelrun/claims/other/x", "datastore://elsewhere/mnist", "s3://models/x"])
def test_what_the_pod_was_not_given_has_to_be_listed(path: str) -> None:
    with pytest.raises(InputError) as caught:
        reachable(ModelSettings("mnist", path, "2"), SETTINGS)
    assert path in str(caught.value)
    assert "spec.models: [{name: mnist}]" in str(caught.value)
