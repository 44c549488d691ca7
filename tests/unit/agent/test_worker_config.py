"""What the worker is told: where inputs, side inputs and models are on this node, whatever settings call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from parallelrun.api.settings import InputSettings, JobSettings, ModelSettings, StoreSettings
from parallelrun.leases.client import Leases
from parallelrun.leases.store import MemoryStore
from parallelrun_agent.job import Job
from parallelrun_agent.worker_config import write_worker_config

STORE = StoreSettings(url="s3://b", kind="s3", bucket="b")


def told(folder: Path, own: Path | None, kind: str = "file", **fields: Any) -> dict[str, Any]:
    """worker.json of a job over images in a store and labels on a volume."""
    (folder / "meeting").mkdir()
    inputs = [
        InputSettings("images", "File", ["s3://b/in/**"], "s3://b/in"),
        InputSettings("images2", "File", ["s3://b/more/**"], "s3://b/more", mode="Download"),
        InputSettings("near", "File", ["/volume/in/*"], "/volume/in"),
    ]
    settings = JobSettings("job", "uid", "score.py", inputs, stores=[STORE], **fields)
    job = Job(folder, settings, 0, "holder", Leases(MemoryStore()), folder / "meeting")
    write_worker_config(job, {"kind": kind, "mode": "Mount", "table": None}, own)
    config: dict[str, Any] = json.loads((folder / "meeting" / "worker.json").read_text())
    return config


def test_an_input_is_where_this_agent_fetches_it_to(tmp_path: Path) -> None:
    shared, own = tmp_path / "cache" / "inputs", tmp_path / "cache" / "agents" / "node000-holder"
    arguments = [
        f"--in={shared}/images",
        f"{shared}/images/a b",
        f"{shared}/images2",
        f"{shared}/images.old",
        "s3://b/in",
    ]
    config = told(tmp_path, own, arguments=arguments, environment={"IN": f"{shared}/images:/bin"})
    assert config["inputs"] == {
        "images": f"{own}/inputs/images",
        "images2": f"{shared}/images2",
        "near": "/volume/in",
    }
    assert config["arguments"] == [
        f"--in={own}/inputs/images",
        f"{own}/inputs/images/a b",
        f"{shared}/images2",
        f"{shared}/images.old",
        "s3://b/in",
    ]
    assert config["environment"] == {"IN": f"{own}/inputs/images:/bin"}


def test_in_a_pod_an_input_is_where_settings_say(tmp_path: Path) -> None:
    cache = tmp_path / "emptydir"
    argument = f"{cache}/inputs/images"
    config = told(tmp_path, cache, cache=str(cache), arguments=[argument])
    assert (config["arguments"], config["inputs"]["images"]) == ([argument], argument)


def test_side_inputs_and_models_are_below_the_cache(tmp_path: Path) -> None:
    config = told(
        tmp_path,
        None,
        side_inputs={"labels": "s3://b/x/labels.txt", "near": "/volume/labels.txt"},
        models=[ModelSettings("digits", "s3://b/m/digits/", "3")],
    )
    cache = tmp_path / "cache"
    assert config["side_inputs"] == {"labels": f"{cache}/side_inputs/labels/labels.txt", "near": "/volume/labels.txt"}
    assert config["models"] == {"digits": {"path": f"{cache}/models/digits/3/digits", "version": "3"}}
    assert config["model_dir"] == f"{cache}/models/digits/3"


def test_the_one_model_on_a_volume_is_linked_from_the_job_s_folder(tmp_path: Path) -> None:
    config = told(tmp_path, None, models=[ModelSettings("digits", "/volume/digits")])
    assert config["model_dir"] == str(tmp_path / "models")
