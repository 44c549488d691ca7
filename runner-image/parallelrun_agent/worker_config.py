"""Writes worker.json: all that a host and its processes need to know, see ``parallelrun_worker.wire``."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun_agent.cache_names import INPUTS
from parallelrun_agent.job import Job
from parallelrun_agent.storage.places import is_url
from parallelrun_agent.supplies import model_place, side_input
from parallelrun_worker import wire

#: Results become durable at least this often; a crash of the machine loses no more than this much work.
SEAL_SECONDS = 2.0


def write_worker_config(job: Job, input_config: dict[str, Any], cache: Path | None = None) -> None:
    """Write worker.json into the meeting folder, whole or not at all, and create the folders that it names.

    ``cache`` is this agent's own, where it has one: settings have the folder that all agents share.
    """
    config = _config(job, input_config, cache)
    for key in ("segments", "stdout", "entry_script_log", "outputs_dir"):  # the source is there already
        os.makedirs(config[key], exist_ok=True)
    for folder in [*config["outputs"].values(), *([config["profile_dir"]] if config["profiling"] else [])]:
        os.makedirs(folder, exist_ok=True)
    temporary = job.meeting / (wire.CONFIG + ".tmp")
    temporary.write_text(json.dumps(config), encoding="utf-8")
    temporary.rename(job.meeting / wire.CONFIG)


def _config(job: Job, input_config: dict[str, Any], cache: Path | None) -> wire.WorkerConfig:
    settings, folder = job.settings, job.folder
    places = input_places(job, cache) if input_config["kind"] == "file" else {}
    source = settings.source or str(folder / layout.SOURCE)
    output = settings.output
    models = {m.name: {"path": str(model_place(job, m)), "version": m.version} for m in settings.models}
    return {
        "node": job.node,
        "holder": job.holder,
        "processes": settings.process_count_per_node,
        "python": settings.python or ("" if settings.in_pod else sys.executable),
        "script": os.path.join(source, settings.entry_script),
        "source": source,
        "arguments": [_placed(text, places) for text in settings.arguments],
        "environment": {name: _placed(text, places) for name, text in settings.environment.items()},
        "log_level": settings.logging_level,
        "segments": str(folder / layout.SEGMENTS),
        "slots": str(layout.slots_file(folder, job.node, job.holder)),
        "seal_seconds": SEAL_SECONDS,
        "stdout": str(folder / layout.USER_STDOUT / job.name),
        "echo": settings.in_pod,
        "entry_script_log": str(folder / layout.ENTRY_SCRIPT_LOG / job.name),
        "working_dir": source,
        "outputs_dir": str(folder / layout.OUTPUTS),
        "output": {
            "action": output.action,
            "format": output.format,
            "csv": {
                "separator": output.csv_separator,
                "header": output.csv_header,
                "index": output.csv_index,
            },
            "schema": str(folder / layout.SCHEMA),
        },
        "input": input_config,
        "job": {
            "name": settings.name,
            "uid": settings.uid,
            "run_id": f"{settings.name}_{settings.uid}",
            "experiment": settings.experiment,
            "tags": settings.tags,
            "namespace": settings.namespace,
        },
        "models": models,
        "model_dir": _model_dir(job),
        "inputs": {i.name: places[i.name][1] if i.name in places else i.root for i in settings.inputs},
        "side_inputs": {name: str(side_input(job, name)) for name in settings.side_inputs},
        "outputs": settings.outputs,
        "run_once": settings.run_once,
        "profiling": settings.advanced.profiling_module,
        "profile_dir": str(folder / layout.PERF / "profiles" / job.name),
    }


def input_places(job: Job, cache: Path | None) -> dict[str, tuple[str, str]]:
    """For each input of files that are fetched: the folder that settings have for it, and the one that it is in."""
    places = {}
    for one in job.settings.inputs:
        if is_url(one.root) and one.mode != "Direct":
            shared = str(job.cache / INPUTS / one.name)
            own = str(cache / INPUTS / one.name) if cache is not None and one.mode == "Mount" else shared
            places[one.name] = (shared, own)
    return places


def _placed(text: str, places: dict[str, tuple[str, str]]) -> str:
    for shared, own in places.values():
        if shared != own and shared in text:
            text = re.sub(re.escape(shared) + r"(?![\w.-])", lambda _, own=own: own, text)  # type: ignore[misc]
    return text


def _model_dir(job: Job) -> str:
    """AZUREML_MODEL_DIR: the *parent* of the job's one model, which holds nothing else; "" with none or several."""
    models = job.settings.models
    if len(models) != 1:
        return ""
    return str(model_place(job, models[0]).parent if is_url(models[0].path) else job.folder / layout.MODELS)
