"""``type: command``: a program that runs once, as a script step."""

from __future__ import annotations

from parallelrun.api.models.base import MAX_SECONDS
from parallelrun.importing.azureml import commands, steps
from parallelrun.importing.azureml.book import Json
from parallelrun.importing.azureml.step import Step

_SPLIT = "Where the work can be split by files or rows, make it a parallel step."
_MPI = "one process: it is not started on several machines or several times"


def spec(step: Step) -> Json:
    """The field ``script``. What cannot be mapped is told."""
    where = f"steps[{step.name}].script"
    made: Json = {"source": steps.source(step, step.pick("code"))}
    made.update(_program(step, where))
    made.update(steps.environment(step, step.pick("environment"), None))
    made.update(step.places())
    made.update(steps.own_outputs(step))
    made.update(_limits(step, where))
    made.update(steps.common(step, where))
    return made


def _program(step: Step, where: str) -> Json:
    section = step.pick("command")
    if section is None:
        step.job["command"].lost(f"{where}.entryScript: main.py", "Write the name of the program into pipeline.yaml.")
        return {"entryScript": "main.py"}
    program = commands.read(step.required(steps.line(section)))
    if program.wrapped:
        step.code.made[commands.WRAPPER] = commands.WRAPPER_TEXT
        section.approximated(
            f"{where}: {commands.WRAPPER}, which runs it by bash -c",
            "bash has to be in the image. A program of its own is clearer: entryScript and arguments.",
        )
    elif not steps.has_file(step, program.script):
        section.lost(f"{where}.entryScript", f"There is no such file in the code: put it into {step.code.folder}.")
    else:
        section.mapped(f"{where}.entryScript: {program.script}")
    words = [step.text(section, word) for word in program.arguments]
    return {"entryScript": program.script, **({"arguments": words} if words else {})}


def _alone(step: Step) -> None:
    """Say that there is one process, where there were to be several."""
    section = step.pick("distribution")
    if section is None:
        return
    for part in (step.job, step.component):
        if part is not None:
            part["distribution"].seen()
    counts = [value for key, value in section.value.items() if key != "type"] if section.is_mapping else []
    if all(str(count) == "1" for count in counts):
        section.approximated("one process, as there, but without the variables that the distribution sets")
    else:
        section.lost(_MPI, _SPLIT)


def _limits(step: Step, where: str) -> Json:
    made: Json = {}
    if (section := step.pick("limits", "timeout")) and (seconds := step.number(section)) is not None:
        made["timeoutSeconds"] = seconds if isinstance(seconds, str) else min(seconds, MAX_SECONDS)
        tell = section.mapped if made["timeoutSeconds"] == seconds else section.approximated
        tell(f"{where}.timeoutSeconds: {made['timeoutSeconds']}")
    _alone(step)
    if section := step.pick("resources", "instance_count"):
        if str(section.value) == "1":
            section.mapped("one process")
        else:
            section.lost(_MPI, _SPLIT)
    for key in ("instance_type", "shm_size", "docker_args", "properties", "locations", "max_instance_count"):
        if section := step.pick("resources", key):
            section.approximated("dropped", "Say what the pod needs under resources, or in the ComputeTarget.")
    return made
