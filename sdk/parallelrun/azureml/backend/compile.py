"""Makes a ParallelRunPipeline of the steps of an Azure ML pipeline."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parallelrun.api import object_names, store_urls
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.models.pipeline import PIPELINE
from parallelrun.azureml.backend import models
from parallelrun.azureml.backend.bindings import Bindings
from parallelrun.azureml.backend.parameters import RUN, Parameters
from parallelrun.azureml.backend.sources import source
from parallelrun.azureml.backend.step_data import StepData
from parallelrun.azureml.backend.support import NotAvailableHere, say_once
from parallelrun.azureml.pipeline.core.builder import PipelineStep, StepSequence
from parallelrun.azureml.pipeline.steps.parallel_run_config import ACTIONS
from parallelrun.azureml.pipeline.steps.parallel_run_step import ParallelRunStep
from parallelrun.azureml.pipeline.steps.python_script_step import PythonScriptStep

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

Json = dict[str, Any]
_LONGEST_NAME = 52
_RESERVED = ("output", "file")
_RUN_S = f"$(params.{RUN})"


@dataclass(frozen=True)
class Output:
    """A folder that a step writes."""

    name: str  # as the notebook calls it
    key: str  # as the pipeline does: "output" of a job's own
    datastore: str
    path: str  # in the datastore, with RUN in it as "{run}"

    @property
    def url(self) -> str:
        """As the pipeline's manifest has it."""
        return store_urls.below(self.datastore, self.path.replace("{run}", _RUN_S))


@dataclass
class Step:
    """A step, and what it is called in the manifest."""

    step: PipelineStep
    name: str
    outputs: list[Output] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Compiled:
    """A pipeline's manifest, and what its steps and parameters were called."""

    document: Json
    steps: list[Step]
    parameters: Parameters


def name_of(text: str) -> str:
    """A pipeline's, or step's, name: lower-case letters, digits and dashes."""
    return object_names.slug(text).replace(".", "-")[:_LONGEST_NAME].strip("-")


def pipeline(
    workspace: Workspace, given: Iterable[Any], name: str, experiment: str, description: str | None = None
) -> Compiled:
    """The manifest of a pipeline with these steps, and of those whose outputs they read. Raises NotAvailableHere."""
    steps = _ordered(list(_flat(given)))
    parameters = Parameters(workspace)
    for one in steps:
        one.outputs = [_output(workspace, one, data) for data in one.step._outputs]
    known = {
        id(data): (one, output) for one in steps for data, output in zip(one.step._outputs, one.outputs, strict=True)
    }
    made = [_step(workspace, one, Bindings(one, known, parameters)) for one in steps]
    parameters.add(RUN, "string", "manual")
    spec: Json = {
        **({"description": description} if description else {}),
        "experiment": experiment,
        "parameters": parameters.definitions(),
        "steps": made,
    }
    if workspace._settings.in_cluster:
        spec["volume"] = {"claimName": workspace._settings.claim}
    document = {"apiVersion": API_VERSION, "kind": PIPELINE, "metadata": {"name": name_of(name)}, "spec": spec}
    return Compiled(document, steps, parameters)


def to_keep(document: Json) -> Json:
    """``document`` for those who run it without this package: by hand, by a schedule.

    Nobody names such a run, so what a step writes is in the run's own folder: in a folder of ours that all runs have in
    common the next one would read what earlier ones left. Where that cannot be, the run has to be named.
    """
    made = copy.deepcopy(document)
    spec = made["spec"]
    for step in spec["steps"]:
        body = step.get("job") or step["script"]
        places = [one for one in (body.get("output"), *body.get("outputs", [])) if one and "path" in one]
        if len({one["path"] for one in places}) < len(places):
            continue  # the script writes beside the job's own output
        for one in places:
            if f"/azureml/{_RUN_S}-" in one["path"]:
                del one["path"]
    others = [one for one in spec["parameters"] if one["name"] != RUN]
    named = [{"name": RUN, "type": "string", "description": "names this run's folders; another one each time"}]
    spec["parameters"] = [*others, *(named if _RUN_S in json.dumps(spec["steps"]) else [])]
    return made


def _flat(given: Any, after: tuple[PipelineStep, ...] = ()) -> Iterator[PipelineStep]:
    """Each step of nested lists; those of a StepSequence come after each other."""
    if isinstance(given, PipelineStep):
        for step in after:
            if step not in given._after:
                given._after.append(step)
        yield given
        return
    if not isinstance(given, list | tuple | StepSequence):
        raise NotAvailableHere(
            f"Pipeline(steps=[{given!r}]) has no counterpart here.", "Steps are ParallelRunStep and PythonScriptStep."
        )
    last = after
    for one in given:
        these = list(_flat(one, last))
        yield from these
        last = tuple(these) if isinstance(given, StepSequence) else after


def _ordered(given: list[PipelineStep]) -> list[Step]:
    """Each step once, after those that it reads from or comes after, which are added; with names that differ."""
    found: dict[int, PipelineStep] = {}
    seen: set[int] = set()

    def add(step: PipelineStep) -> None:
        if id(step) in seen:
            return
        seen.add(id(step))
        for other in [*step._after, *_read(step)]:
            add(other)
        found[id(step)] = step

    for step in given:
        add(step)
    named: dict[int, Step] = {}
    taken: set[str] = set()
    for number, step in found.items():
        base, made, count = name_of(step.name), name_of(step.name), 1
        while made in taken:
            count += 1
            made = f"{base}-{count}"
        taken.add(made)
        named[number] = Step(step, made)
    for one in named.values():
        one.after = [named[id(other)].name for other in one.step._after]
    return list(named.values())


def _read(step: PipelineStep) -> Iterator[PipelineStep]:
    values = [getattr(step, kind, []) for kind in ("inputs", "side_inputs", "arguments")]
    for value in (one for part in values for one in part):
        data = getattr(value, "data", value)
        data = getattr(getattr(value, "_input", None), "data", data)
        if isinstance(data, StepData) and data._producer is not None and data._producer is not step:
            yield data._producer


def _output(workspace: Workspace, one: Step, data: StepData) -> Output:
    default = workspace._default_datastore()
    datastore = default if data.datastore is None else data.datastore.name
    own = isinstance(one.step, ParallelRunStep) and one.step._config.output_action == "append_row"
    if not own and workspace._files.spec(datastore).claim is None:
        say_once(
            f"output {data.name} of step {one.step.name}: a script writes to a volume, so it is kept in the datastore "
            f"{default}, not in {datastore}"
        )
        datastore = default
    path = data._path or "azureml/{run}-" + f"{one.name}/{data.name}"
    key = "output" if own else (f"{data.name}_" if data.name in _RESERVED else data.name)
    return Output(data.name, key, datastore, path.replace("{output-name}", data.name))


def _step(workspace: Workspace, one: Step, bindings: Bindings) -> Json:
    step = one.step
    if isinstance(step, ParallelRunStep):
        body = {"job": _job(workspace, one, step, bindings)}
    elif isinstance(step, PythonScriptStep):
        body = {"script": _script(workspace, one, step, bindings)}
    else:
        raise NotAvailableHere(f"{step!r} has no counterpart here.", "Use ParallelRunStep or PythonScriptStep.")
    return {
        "name": one.name,
        **({"dependsOn": one.after} if one.after else {}),
        **({} if step.allow_reuse else {"allowReuse": False}),
        **body,
    }


def _job(workspace: Workspace, one: Step, step: ParallelRunStep, bindings: Bindings) -> Json:
    config, number, text = step._config, bindings.number, bindings.text
    where = f"ParallelRunStep {step.name!r}"
    inputs = [bindings.main_input(value, f"{where}: inputs") for value in step.inputs]
    for value in step.side_inputs:
        bindings.side_input(value, f"{where}: side_inputs")
    arguments = [bindings.argument(value, f"{where}: arguments") for value in step.arguments]
    folder, environment = source(workspace, config.environment, config.source_directory, config.environment_variables)
    said: Json = {
        "description": config.description,
        "source": folder,
        "entryScript": config.entry_script,
        "arguments": arguments,
        "environment": environment,
        "inputs": inputs,
        "sideInputs": bindings.side_inputs,
        "models": models.named(workspace, folder["directory"], arguments),
        "miniBatchSize": None if config.partition_keys else text("mini_batch_size", config.mini_batch_size),
        "partitionKeys": list(config.partition_keys or []),
        "nodeCount": number("node_count", config.node_count),
        "processCountPerNode": number("process_count_per_node", config.process_count_per_node),
        "errorThreshold": number("error_threshold", config.error_threshold),
        "allowedFailedPercent": bindings.percent(config.allowed_failed_percent),
        "miniBatchErrorThreshold": number("allowed_failed_count", config.allowed_failed_count),
        "runInvocationTimeoutSeconds": number("run_invocation_timeout", config.run_invocation_timeout),
        "runMaxTry": number("run_max_try", config.run_max_try),
        "loggingLevel": text("logging_level", config.logging_level),
        "computeTarget": _target(config.compute_target),
        "output": _job_output(one, step),
        "outputs": [{"name": output.key, "path": output.url} for output in one.outputs if output.key != "output"]
        + bindings.own_outputs,
    }
    return {key: value for key, value in said.items() if value is not None and value != [] and value != {}}


def _job_output(one: Step, step: ParallelRunStep) -> Json:
    config = step._config
    made: Json = {"action": ACTIONS[config.output_action]}
    if config.output_action == "append_row":
        made["appendRowFileName"] = config.append_row_file_name
        if one.outputs:
            made["path"] = one.outputs[0].url
    return made


def _script(workspace: Workspace, one: Step, step: PythonScriptStep, bindings: Bindings) -> Json:
    where = f"PythonScriptStep {step.name!r}"
    for value in step.inputs:
        bindings.side_input(value, f"{where}: inputs")
    arguments = [bindings.argument(value, f"{where}: arguments") for value in step.arguments]
    runconfig = step.runconfig
    variables = {} if runconfig is None else runconfig.environment_variables
    environment = None if runconfig is None else runconfig.environment
    folder, made = source(workspace, environment, step.source_directory, variables)
    target = _target(step.compute_target) or (None if runconfig is None else _target(runconfig.target))
    said: Json = {
        "source": folder,
        "entryScript": step.script_name,
        "arguments": arguments,
        "environment": made,
        "sideInputs": bindings.side_inputs,
        "models": models.named(workspace, folder["directory"], arguments),
        "outputs": [{"name": output.key, "path": output.url} for output in one.outputs],
        "computeTarget": target,
    }
    return {key: value for key, value in said.items() if value is not None and value != [] and value != {}}


def _target(target: Any) -> str | None:
    if target is None or target == "local":
        return None
    return str(getattr(target, "name", target))
