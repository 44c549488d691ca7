"""REPORT.md and the terminal: every field with its place, safe to show, what has to be done first."""

from __future__ import annotations

import pytest
from azure_yaml import changed, command, imported

from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml import report


def test_each_field_has_its_file_line_value_and_what_to_do():
    made = imported(changed(("error_threshold: -1", "bogus: 3")))
    text = report.markdown("pipeline.yml", made.book.findings)
    assert "| pipeline.yml:13 | `jobs.score.bogus` | `3` | nothing: this is not known here | See whether" in text
    assert '| pipeline.yml:11 | `jobs.score.mini_batch_size` | `"10"` | steps[score].job.miniBatchSize: 10 |' in text


def test_what_has_to_be_done_stands_first():
    made = imported(changed(("error_threshold: -1", "bogus: 3")))
    headings = [line for line in report.markdown("x", made.book.findings).splitlines() if line.startswith("## ")]
    assert headings == ["## Could not be mapped", "## Approximated", "## Mapped", "## What differs here"]


def test_values_cannot_break_the_table():
    made = imported(command("python score.py | tee 'a`b' <x>\necho"))
    rows = [line for line in report.markdown("x", made.book.findings).splitlines() if "jobs.run.command" in line]
    assert len(rows) == 1
    assert rows[0].count(" | ") == 4
    assert "<x>" not in rows[0]


def test_the_terminal_gets_what_could_not_be_mapped_and_the_counts():
    made = imported(changed(("error_threshold: -1", "bogus: 3")))
    assert report.lines(made.book.findings)[0] == "pipeline.yml:13: jobs.score.bogus: 3"
    assert report.counts(made.book.findings).endswith("1 could not be mapped")


def test_a_component_s_field_is_told_once_though_two_jobs_use_it():
    component = "type: command\ncode: ./src\ncommand: python score.py\nbogus: 1\n"
    made = imported(
        "type: pipeline\njobs:\n  a: {component: ./c.yml, type: command}\n  b: {component: ./c.yml, type: command}\n",
        {"c.yml": component},
    )
    assert [one.field for one in made.of("lost")] == ["bogus"]


def test_an_asset_that_is_not_needed_is_told():
    made = imported(changed(), {"data.yml": "name: other\ntype: uri_folder\npath: ./images\n"}, ("data.yml",))
    told = [one for one in made.book.findings if one.file == "data.yml"]
    assert ["names none of this" in one.became for one in told] == [True]


@pytest.mark.parametrize("text", ["type: uri_folder\npath: x\n", "name: x\ntype: schedule\n"])
def test_an_asset_of_another_kind_is_refused(text):
    with pytest.raises(ManifestError, match="no YAML of data"):
        imported(changed(), {"other.yml": text}, ("other.yml",))


def test_compute_whose_file_is_given_has_its_size_and_number_of_machines():
    cluster = (
        "name: cpu\ntype: amlcompute\nsize: STANDARD_D2_V2\nmin_instances: 0\nmax_instances: 4\ntier: low_priority\n"
    )
    made = imported(f"compute: azureml:cpu\n{changed().lstrip()}", {"cpu.yml": cluster}, ("cpu.yml",))
    assert made.registered["ComputeTarget", "cpu"] == {
        "name": "cpu", "maxNodes": 4, "spot": True, "description": "Was STANDARD_D2_V2",
    }  # fmt: skip
