"""A schedule's file: the pipeline that it starts, and when, as a pipeline's ``schedule``."""

from __future__ import annotations

from typing import Any

from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml import expressions
from parallelrun.importing.azureml.book import Book, Json
from parallelrun.importing.azureml.section import Section

_ABOUT = ("$schema", "name", "display_name", "description", "tags", "properties")
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {name: name[:3].upper() for name in _WEEK}
#: Windows' names of time zones, which Azure takes, as everybody else calls them.
_ZONES = {
    "UTC": "Etc/UTC",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "Central European Standard Time": "Europe/Warsaw",
    "Central Standard Time": "America/Chicago",
    "China Standard Time": "Asia/Shanghai",
    "E. South America Standard Time": "America/Sao_Paulo",
    "Eastern Standard Time": "America/New_York",
    "GMT Standard Time": "Europe/London",
    "India Standard Time": "Asia/Kolkata",
    "Mountain Standard Time": "America/Denver",
    "Pacific Standard Time": "America/Los_Angeles",
    "Romance Standard Time": "Europe/Paris",
    "Singapore Standard Time": "Asia/Singapore",
    "Tokyo Standard Time": "Asia/Tokyo",
    "W. Europe Standard Time": "Europe/Berlin",
}


def is_schedule(root: Section) -> bool:
    """Whether a file is one."""
    return "trigger" in root and "create_job" in root


def pipeline_of(book: Book, root: Section) -> Section:
    """The pipeline that a schedule starts. Raises ManifestError where it is not in a file."""
    for key in _ABOUT:
        root[key].seen()
    section = root["create_job"]
    if section.is_mapping:
        section["type"].seen()
        if not section["job"]:
            return section
        for key in ("settings", "tags", "experiment_name", "display_name", "description"):
            if section[key]:
                section[key].approximated("dropped: what the pipeline says counts")
        section = section["job"]
    text = str(section.value)
    if text.startswith("azureml:"):
        raise ManifestError(
            f"{root.file.name}: create_job is {text}, which only the workspace has.",
            "Write the pipeline's own YAML file in its place, and import again.",
        )
    section.mapped("the pipeline, as its own file says")
    return book.open(book.beside(section, text.removeprefix("file:")))


def of(root: Section) -> Json:
    """The field ``schedule``; empty, and told, where its times cannot be said in cron's words."""
    trigger = root["trigger"]
    cron = _cron(trigger)
    if not cron:
        trigger.lost("no schedule: cron cannot say this", "Write schedule: {cron: ...} into pipeline.yaml.")
        return {}
    made: Json = {"cron": cron, "concurrencyPolicy": "Allow"}
    trigger["type"].mapped(f"schedule.cron: {cron}")
    for key in ("expression", "frequency", "interval", "schedule"):
        trigger[key].seen()
    if zone := trigger["time_zone"]:
        name = str(zone.value)
        if name in _ZONES or "/" in name:
            made["timeZone"] = _ZONES.get(name, name)
            zone.mapped(f"schedule.timeZone: {made['timeZone']}")
        else:
            zone.lost(
                "UTC: this name is not known", "Write its IANA name, such as Europe/Berlin, as schedule.timeZone."
            )
    if start := trigger["start_time"]:
        start.approximated("dropped: runs are made from the day on which the pipeline is applied")
    if end := trigger["end_time"]:
        end.lost("no end", "Set schedule.suspend: true on that day.")
    if values := _parameters(root["create_job"]):
        made["parameters"] = values
    return made


def _parameters(job: Section) -> Json:
    """Values of the pipeline's inputs that the schedule sets."""
    found: Json = {}
    if not job["job"]:
        return found
    for name, section in job["inputs"].fields():
        value = section["path"].value if section.is_mapping else section.value
        if value is None or (isinstance(value, str) and expressions.names(value)):
            section.lost("the parameter's default", f"Write schedule.parameters: {{{name}: ...}} into pipeline.yaml.")
            continue
        if section.is_mapping:
            section["type"].seen()
            section["mode"].seen()
        found[name] = str(value) if isinstance(value, bool) else value
        section.mapped(f"schedule.parameters.{name}: {value}")
    return found


def _cron(trigger: Section) -> str:
    if str(trigger["type"].value) == "cron":
        return str(trigger["expression"].value or "")
    each, every = str(trigger["frequency"].value).lower(), trigger["interval"].value or 1
    times = trigger["schedule"]
    start = str(trigger["start_time"].value or "")
    hour, minute = (start[11:13], start[14:16]) if len(start) >= 16 else ("0", "0")
    minutes = _list(times["minutes"].value, minute)
    hours = _list(times["hours"].value, hour)
    if not isinstance(every, int) or not minutes or not hours:
        return ""
    if each == "minute" and 60 % every == 0:
        return f"*/{every} * * * *" if every > 1 else "* * * * *"
    if each == "hour" and 24 % every == 0:
        return f"{minutes} */{every} * * *" if every > 1 else f"{minutes} * * * *"
    if every != 1:
        return ""
    if each == "day":
        return f"{minutes} {hours} * * *"
    days = times["week_days"].value
    names = [_DAYS.get(str(day).lower(), "") for day in (days if isinstance(days, list) else [days])]
    if each == "week" and all(names):
        return f"{minutes} {hours} * * {','.join(names)}"
    month_days = _list(times["month_days"].value, "")
    return f"{minutes} {hours} {month_days} * *" if each == "month" and month_days else ""


def _list(value: Any, default: str) -> str:
    """Numbers as cron lists them; "" where they are none."""
    texts = [str(one) for one in (value if isinstance(value, list) else [default if value is None else value])]
    return ",".join(str(int(text)) for text in texts) if all(text.isdigit() for text in texts) else ""
