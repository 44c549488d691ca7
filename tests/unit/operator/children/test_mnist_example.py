"""All that is made for examples/mnist, as somebody looked at it last, and held to what is promised of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import restricted
import yaml
from builders import UID, a_world

from parallelrun_operator.config import Config
from parallelrun_operator.job import children
from parallelrun_operator.job.actions import Apply, Create
from parallelrun_operator.job.settings import Resolved, resolve
from parallelrun_operator.job.world import World

EXAMPLE = Path(__file__).parents[4] / "examples" / "mnist" / "cluster-job.yaml"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def case() -> tuple[World, Resolved]:
    job = yaml.safe_load(EXAMPLE.read_text())
    job["metadata"] |= {"namespace": "team", "uid": UID}
    config = Config(runner_image="parallelrun/runner:test", agent_resources={"requests": {"cpu": "100m"}})
    job["spec"]["environment"]["image"] = "parallelrun/runner-tensorflow:test"  # whatever the version is
    return a_world(job, config=config), resolve(job, config)


@pytest.fixture
def golden() -> Callable[[str, list[Any]], None]:
    """Compares objects with a file of that name; where there is none, writes it and fails, so that it is looked at."""

    def compare(name: str, objects: list[Any]) -> None:
        path = GOLDEN / name
        text = yaml.safe_dump_all(json.loads(json.dumps(objects)), sort_keys=False, width=120)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            pytest.fail(f"{path} was not there and is written now: read it, and commit it if it is right")
        assert text == path.read_text(), f"differs from {path}: if it should, remove that file and run the test again"

    return compare


def test_the_job_is_what_somebody_looked_at(case: tuple[World, Resolved], golden: Callable[..., None]) -> None:
    golden("mnist-job.yaml", [children.job(*case)])


def test_all_other_objects_are_what_somebody_looked_at(
    case: tuple[World, Resolved], golden: Callable[..., None]
) -> None:
    """But for what the settings and the header hold, which other tests read."""
    made = [action.obj for action in children.first(*case) if isinstance(action, Apply | Create)]
    shown = [{**one, "data": sorted(one["data"])} if "data" in one else one for one in made]
    golden("mnist-objects.yaml", shown)


def test_its_pods_are_admitted_under_the_restricted_standard(case: tuple[World, Resolved]) -> None:
    pod = children.job(*case)["spec"]["template"]["spec"]
    assert restricted.violations(pod) == restricted.malformed(pod) == []


def test_its_worker_holds_nothing_that_opens_the_api_server(case: tuple[World, Resolved]) -> None:
    pod = children.job(*case)["spec"]["template"]["spec"]
    (worker,) = [one for one in pod["initContainers"] if one["name"] == "worker"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    kinds = {kind for mount in worker["volumeMounts"] for kind in volumes[mount["name"]].keys() - {"name"}}
    assert kinds == {"persistentVolumeClaim", "configMap", "emptyDir"}
    assert pod["automountServiceAccountToken"] is False
    assert "secret" not in json.dumps(worker).lower()
