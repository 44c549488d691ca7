"""A schedule's file is the pipeline that it starts, with its times in cron's words."""

from __future__ import annotations

import pytest
from azure_yaml import PARALLEL, imported

from parallelrun.api.errors import ManifestError

PIPELINE = {"jobs/score.yml": "inputs: {size: 5, flag: true}\n" + PARALLEL.replace("./", "../").lstrip()}


def schedule(trigger: str, job: str = "create_job: ./jobs/score.yml"):
    trigger = trigger if "type:" in trigger else "{type: recurrence, " + trigger.removeprefix("{")
    return imported(f"name: nightly\ntrigger: {trigger}\n{job}\n", PIPELINE)


@pytest.mark.parametrize(
    ("trigger", "cron"),
    [
        ("{type: cron, expression: '0 2 * * *'}", "0 2 * * *"),
        ("{frequency: minute, interval: 15}", "*/15 * * * *"),
        ("{frequency: hour, interval: 1}", "0 * * * *"),
        ("{frequency: hour, interval: 6, start_time: '2022-07-10T10:30:00'}", "30 */6 * * *"),
        (
            "{frequency: day, interval: 1, schedule: {hours: [4, 10], minutes: [0, 30]}}",
            "0,30 4,10 * * *",
        ),
        ("{frequency: day, interval: 1, start_time: '2022-07-10T09:05:00'}", "5 9 * * *"),
        (
            "{frequency: week, interval: 1, schedule: {hours: 7, minutes: 0, week_days: [monday, friday]}}",
            "0 7 * * MON,FRI",
        ),
        (
            "{frequency: month, interval: 1, schedule: {hours: 1, minutes: 2, month_days: 3}}",
            "2 1 3 * *",
        ),
    ],
)
def test_times_in_cron_s_words(trigger, cron):
    made = schedule(trigger)
    assert made.spec["schedule"] == {"cron": cron, "concurrencyPolicy": "Allow"}
    assert made.step("score")["inputs"][0]["paths"] == ["../images"]
    assert made.of("lost") == []


@pytest.mark.parametrize(
    "trigger",
    [
        "{frequency: day, interval: 3}",
        "{frequency: minute, interval: 7}",
        "{frequency: week, interval: 1}",
        "{frequency: day, interval: 1, schedule: {hours: noon}}",
        "{type: other}",
    ],
)
def test_times_that_cron_cannot_say_are_told(trigger):
    made = schedule(trigger)
    assert "schedule" not in made.spec
    assert "cron cannot say this" in made.of("lost")[0].became


@pytest.mark.parametrize(
    ("zone", "expected"), [("Pacific Standard Time", "America/Los_Angeles"), ("Europe/Berlin", "Europe/Berlin")]
)
def test_time_zones_by_windows_names_and_everybody_s(zone, expected):
    made = schedule(f"{{type: cron, expression: '0 2 * * *', time_zone: {zone}}}")
    assert made.spec["schedule"]["timeZone"] == expected


def test_a_time_zone_that_is_not_known_is_told():
    made = schedule("{type: cron, expression: '0 2 * * *', time_zone: Somewhere Standard Time}")
    assert "IANA" in made.finding("time_zone", "lost").todo


def test_inputs_of_the_schedule_are_parameters_of_its_runs():
    job = "create_job: {type: pipeline, job: ./jobs/score.yml, inputs: {size: 7, flag: false}}"
    made = schedule("{type: cron, expression: '0 2 * * *'}", job)
    assert made.spec["schedule"]["parameters"] == {"size": 7, "flag": "False"}
    assert made.of("lost") == []


def test_a_job_that_only_the_workspace_has_is_refused():
    with pytest.raises(ManifestError, match="only the workspace has"):
        schedule("{type: cron, expression: '0 2 * * *'}", "create_job: azureml:there")
