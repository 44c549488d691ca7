"""The rules of pipelines and their runs. What a step's job may say is checked when its references are replaced."""

import re
import zoneinfo
from collections.abc import Iterator
from typing import Any

from parallelrun.api import shape
from parallelrun.api.models.pipeline_run import MUTABLE, PipelineRunSpec
from parallelrun.api.problems import Path
from parallelrun.api.rule import ITEMS, Rule, fields_that
from parallelrun.api.rules import names, source, updates

_SPEC = ("spec",)
_INLINE = ("spec", "pipelineSpec")
_MAX_NAME = 52  # as a CronJob's: names of runs, and of their jobs, are made of it
_CRON = r"^([0-9A-Za-z*/,?#-]+[ \t]+){4}[0-9A-Za-z*/,?#-]+$"
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int, str),
    "number": (int, float, str),
    "boolean": (bool, str),
}  # text is read when a run begins, and refused there where it is something else


def _named(name: str, limit: int, example: str) -> Rule:
    pattern = re.compile(names.LABEL.strip("^$"))

    def holds(metadata: Any) -> bool:
        return len(metadata["name"]) <= limit and pattern.fullmatch(metadata["name"]) is not None

    return Rule(
        name=name,
        place=(),
        reads=("metadata",),
        message=f"metadata.name must be made of at most {limit} lower-case letters, digits and '-', beginning and "
        "ending with a letter or digit: names of runs, jobs and labels are made of it",
        example=f"metadata: {{name: {example}}}",
        cel=f"size(self.metadata.name) <= {limit} && !self.metadata.name.contains('.')",
        broken=lambda document: [] if holds(document["metadata"]) else [("metadata", "name")],
    )


def _default_of_type(parameter: Any) -> bool:
    value, wanted = parameter.get("default"), _TYPES.get(parameter["type"], (str, int, float))
    return value is None or (isinstance(value, wanted) and (not isinstance(value, bool) or bool in wanted))


def _unique(name: str, place: tuple[str, ...], field: str, example: str) -> Rule:
    return Rule(
        name=name,
        place=place,
        reads=(field,),
        message=f"each name in {field} can be given only once",
        example=f"{field}: [{example}]",
        cel=f"!has(self.{field}) || self.{field}.all(a, self.{field}.exists_one(b, b.name == a.name))",
        broken=names.repeated(field, lambda item: item["name"], "name"),
    )


def _strange_dependencies(spec: Any) -> Iterator[Path]:
    known = {step["name"] for step in spec["steps"]}
    for number, step in enumerate(spec["steps"]):
        for index, name in enumerate(step["dependsOn"]):
            if name not in known:
                yield ("steps", number, "dependsOn", index)


def _spec_rules(place: tuple[str, ...], prefix: str) -> tuple[Rule, ...]:
    parameter, step = (*place, "parameters", ITEMS), (*place, "steps", ITEMS)
    script = (*step, "script")
    prepare = "{name: prepare, script: {source: {configMap: {name: code}}, entryScript: prepare.py}}"
    return (
        _unique(f"{prefix}-parameters-unique", place, "parameters", "{name: rows}, {name: columns}"),
        names.registered_name(f"{prefix}-parameter-name", parameter, "name", "batch_size"),
        Rule(
            name=f"{prefix}-parameter-default",
            place=parameter,
            reads=("type", "default"),
            message="default must be a value of the parameter's type",
            example="{type: integer, default: 5}",
            broken=fields_that(_default_of_type, "default"),
            only="default has no type in the schema, which hides it from CEL",
        ),
        _unique(f"{prefix}-steps-unique", place, "steps", prepare),
        Rule(
            name=f"{prefix}-step-name",
            place=step,
            reads=("name",),
            message="name must be made of lower-case letters, digits and '-', beginning and ending with a letter or "
            "digit: the name of the step's job is made of it",
            example="name: score",
            cel=f"self.name.matches('{names.LABEL}')",
            broken=names.matches(names.LABEL, "name"),
        ),
        source.exactly_one(f"{prefix}-script-or-job", step, ("script", "job"), prepare),
        Rule(
            name=f"{prefix}-depends-on",
            place=place,
            reads=("steps",),
            message="dependsOn must name steps of this pipeline",
            example=f"steps: [{prepare}, {prepare.replace('prepare,', 'score, dependsOn: [prepare],', 1)}]",
            cel="self.steps.all(s, !has(s.dependsOn) || s.dependsOn.all(d, self.steps.exists(o, o.name == d)))",
            broken=_strange_dependencies,
        ),
        source.exactly_one(f"{prefix}-one-source", (*script, "source"), source.SOURCES, "configMap: {name: code}"),
        source.directory(f"{prefix}-source-directory", (*script, "source")),
        source.inside(f"{prefix}-entry-script", script, "entryScript", "prepare.py"),
        _unique(f"{prefix}-outputs-unique", script, "outputs", "{name: prepared}, {name: rejected}"),
    )


def _zone_is_known(schedule: Any) -> bool:
    name = schedule.get("timeZone")
    return name is None or name in zoneinfo.available_timezones()


_SCHEDULE = (*_SPEC, "schedule")
_SCHEDULE_RULES = (
    Rule(
        name="cron",
        place=_SCHEDULE,
        reads=("cron",),
        message="cron must have five fields: minute, hour, day of the month, month, day of the week",
        example="cron: '0 2 * * *'",
        cel=f"self.cron.matches('{_CRON.replace(chr(92), chr(92) * 2)}')",
        broken=names.matches(_CRON, "cron"),
    ),
    Rule(
        name="time-zone",
        place=_SCHEDULE,
        reads=("timeZone",),
        message="timeZone must be the name of a time zone, as in the IANA's table",
        example="timeZone: Europe/Berlin",
        broken=fields_that(_zone_is_known, "timeZone"),
        only="CEL knows no time zones",
    ),
)

PIPELINE = (
    _named("pipeline-name", _MAX_NAME, "digits"),
    *_spec_rules(_SPEC, "pipeline"),
    *_SCHEDULE_RULES,
)

_WHICH_PIPELINE = source.exactly_one("which-pipeline", _SPEC, ("pipeline", "pipelineSpec"), "pipeline: {name: digits}")

#: CEL cannot see parameters, whose values may have any type; they are taken once.
_IMMUTABLE = tuple(name for name in shape.fields(PipelineRunSpec) if name not in (*MUTABLE, "parameters"))

PIPELINE_RUN = (
    _named("run-name", 63, "digits-1"),
    _WHICH_PIPELINE,
    names.object_name((*_SPEC, "pipeline"), "name", "pipeline-reference", "digits"),
    names.object_name((*_SPEC, "rerunFailed"), "name", "rerun-failed", "digits-1"),
    *_spec_rules(_INLINE, "inline"),
    updates.one_way("run-cancel-one-way", "run"),
    *(updates.immutable(f"run-immutable-{name}", name, MUTABLE, "run") for name in _IMMUTABLE),
)
