"""``type: parallel``: a script over mini-batches, as the spec of a ParallelRunJob."""

from __future__ import annotations

import json
from typing import Any

from parallelrun.importing.azureml import arguments, expressions, places, steps
from parallelrun.importing.azureml.bindings import NOTHING, Bound
from parallelrun.importing.azureml.book import Json
from parallelrun.importing.azureml.section import Section
from parallelrun.importing.azureml.step import Step

_MODES = {"ro_mount": "Mount", "mount": "Mount", "rw_mount": "Mount", "download": "Download", "direct": "Direct"}
_UNUSED_RESOURCES = ("instance_type", "shm_size", "docker_args", "properties", "locations", "max_instance_count")
_TOLERANT = "errorThreshold: -1, the default there; here it is 0"
_CORES = "processCountPerNode: 1; there it is the number of cores, or 1 with GPUs"


def input_name(step: Step) -> str:
    """The input that is split into mini-batches; "" where the file does not say."""
    section = step.pick("input_data")
    expression = expressions.only(str(section.value)) if section is not None else ""
    return expression.removeprefix("inputs.") if expression.startswith("inputs.") else ""


def appended(step: Step) -> str:
    """The output that what run returns is appended to; "" where there is none."""
    section = step.pick("task", "append_row_to")
    expression = expressions.only(str(section.value)) if section is not None else ""
    return expression.removeprefix("outputs.") if expression.startswith("outputs.") else ""


def spec(step: Step) -> Json:
    """The job. What cannot be mapped is told."""
    where = f"steps[{step.name}].job"
    made: Json = {"source": steps.source(step, step.pick("task", "code"))}
    made.update(_script(step, where))
    made.update(steps.environment(step, _environment(step), step.pick("task", "environment_variables")))
    made.update(_input(step, where))
    made.update(step.places())
    made.update(steps.own_outputs(step))
    made.update(_split(step, where))
    numbers = _numbers(step, where, "errorThreshold" in made)
    made = {"errorThreshold": -1, **numbers, **made}  # the options among the arguments count
    made.update(steps.common(step, where))
    made["output"] = {**_output(step, where), **made.get("output", {})}
    for key in ("type", "model"):
        if section := step.pick("task", key):
            section.seen()
    return made


def _environment(step: Step) -> Section | None:
    return step.pick("task", "environment") or step.pick("environment")


def _script(step: Step, where: str) -> Json:
    """entryScript, arguments, and the options of the runtime that stand among these."""
    entry, section = step.pick("task", "entry_script"), step.pick("task", "program_arguments")
    made: Json = {"entryScript": str(entry.value) if entry is not None else "main.py"}
    if entry is None:
        step.job["task"].lost(f"{where}.entryScript: main.py", "Write the name of the script into pipeline.yaml.")
    elif not steps.has_file(step, made["entryScript"]):
        entry.lost(f"{where}.entryScript", f"There is no such file in the code: put it into {step.code.folder}.")
    else:
        entry.mapped(f"{where}.entryScript")
    if section is None:
        return made
    text = steps.line(section)
    found = arguments.read(step.required(text), arguments.declared(_text(step, made["entryScript"])))
    made["arguments"] = [step.text(section, word) for word in found.script]
    section.mapped(f"{where}.arguments: {len(found.script)} of the script's own")
    for word in found.double_quoted:
        section.approximated(f"{where}.arguments: {word} without its double quotes", "See what the script makes of it.")
    for option in found.options:
        _option(step, section, option, made, where)
    return made if made["arguments"] else {key: value for key, value in made.items() if key != "arguments"}


def _text(step: Step, script: str) -> str:
    return "" if step.code.origin is None else step.book.files.text(step.code.origin / script) or ""


def _option(step: Step, section: Section, option: arguments.Taken, made: Json, where: str) -> None:
    value: Any
    if option.name in arguments.WITHOUT_MEANING:
        section.approximated(f"{option.written} {option.value}: {arguments.WITHOUT_MEANING[option.name]}")
        return
    field, read = arguments.OPTIONS[option.name]
    value = step.text(section, option.value)
    if not value.startswith("$("):
        try:
            value = read(value)
        except ValueError:
            section.lost(
                f"{where}, without {option.written} {option.value}: {value} is none", f"Write {field} into it."
            )
            return
    _put(made, field, value)
    became = f"{option.written} {option.value}: {where}.{field}: {value}"
    if option.is_exact:
        section.mapped(became)
    else:
        todo = f"It was taken for --{option.name}; if it is the script's own, write it into arguments."
        section.approximated(became, todo)


def _put(made: Json, field: str, value: Any) -> None:
    outer, dot, inner = field.rpartition(".")
    (made.setdefault(outer, {}) if dot else made)[inner if dot else field] = value


def _input(step: Step, where: str) -> Json:
    section, bound = step.pick("input_data"), step.inputs.get(step.main, NOTHING)
    if section is None or not step.main or bound.kind == "none":
        (section or step.job["input_data"]).lost(
            f"{where}.inputs: a folder data/, as the input that is split is not known",
            "Write its path into inputs, in pipeline.yaml.",
        )
        return {"inputs": [{"name": step.main or "data", "type": "File", "paths": ["data/"]}]}
    section.mapped(f"{where}.inputs: {step.main}")
    made: Json = {"name": step.main}
    if bound.registered:
        made["dataset"] = bound.registered
    else:
        made["type"] = places.DATASETS.get(bound.type, "File")
        made["paths"] = [bound.only_file or bound.text]
    if bound.mode:
        made.update(_mode(section, bound))
    return {"inputs": [made]}


def _mode(section: Section, bound: Bound) -> Json:
    mode = _MODES.get(bound.mode, "")
    if bound.type == "mltable" or not mode:
        section.approximated(f"its mode {bound.mode} dropped: tables are read by byte range, files as they are needed")
        return {}
    return {"mode": mode} if mode != "Mount" else {}


def _split(step: Step, where: str) -> Json:
    keys, size = step.pick("partition_keys"), step.pick("mini_batch_size")
    if keys is not None and (names := _keys(keys)):
        keys.mapped(f"{where}.partitionKeys: {', '.join(names)}")
        if step.inputs.get(step.main, NOTHING).type in ("uri_folder", "uri_file"):
            keys.lost(
                f"{where}.partitionKeys, without the columns that they name",
                f"Say where in the paths they are: inputs: [{{partitionFormat: '{{{names[0]}}}/...'}}].",
            )
        if size is not None:
            size.approximated("dropped: there, too, partition_keys counts where both are given")
        return {"partitionKeys": names}
    if size is not None:
        return {"miniBatchSize": _size(step, size, where)}
    step.job["mini_batch_size"].approximated(
        f"{where}.miniBatchSize: 1, the default there",
        "It is one file, or about one row of a table: say what you want, such as 10 or 1MB.",
    )
    return {"miniBatchSize": 1}


def _keys(section: Section) -> list[str]:
    value = section.value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [part.strip() for part in value.split(",")]
    return [str(key) for key in value] if isinstance(value, list) else []


def _size(step: Step, section: Section, where: str) -> Any:
    value = step.value(section)
    if isinstance(value, str):
        value = value.strip()
        value = int(value) if value.isdigit() else value
    section.mapped(f"{where}.miniBatchSize: {value}")
    return value


def _numbers(step: Step, where: str, is_threshold_said: bool) -> Json:
    made: Json = {}

    def take(field: str, *keys: str, plus: int = 0) -> bool:
        section = step.pick(*keys)
        value = None if section is None else step.number(section)
        if section is None or value is None:
            return False
        if plus and isinstance(value, str):
            section.lost(f"{where}.{field}, its default", f"Write it into pipeline.yaml: it is {value} and {plus}.")
            return True
        made[field] = value + plus if plus else value
        section.mapped(f"{where}.{field}: {made[field]}")
        return True

    take("nodeCount", "resources", "instance_count")
    if not take("processCountPerNode", "max_concurrency_per_instance"):
        step.job["max_concurrency_per_instance"].approximated(_CORES, "Results are the same; say more to be faster.")
    if not take("errorThreshold", "error_threshold") and not is_threshold_said:
        step.job["error_threshold"].approximated(_TOLERANT, "0 fails the job with the first file or row that fails.")
    take("miniBatchErrorThreshold", "mini_batch_error_threshold")
    take("runInvocationTimeoutSeconds", "retry_settings", "timeout")
    take("runMaxTry", "retry_settings", "max_retries", plus=1)
    for key in _UNUSED_RESOURCES:
        if section := step.pick("resources", key):
            section.approximated("dropped", "Say what the pods need under resources, or in the ComputeTarget.")
    return made


def _output(step: Step, where: str) -> Json:
    section = step.pick("task", "append_row_to")
    if section is None:
        return {"action": "SummaryOnly"}
    place = step.outputs.get(step.appended)
    if place is None:
        section.lost(f"{where}.output: a file in the step's folder", "It names no output of this job.")
        return {}
    section.mapped(f"{where}.output: the file {place.file or 'parallel_run_step.txt'}")
    return {
        **({"path": place.folder} if place.folder else {}),
        **({"appendRowFileName": place.file} if place.file else {}),
    }
