"""program_arguments: what the runtime would have taken, and what it would have left to the script."""

from __future__ import annotations

import pytest

from parallelrun.importing.azureml import arguments


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("--model ${{inputs.model}} --top 3", ["--model", "${{inputs.model}}", "--top", "3"]),
        ("--model ${{ inputs.model }}/a", ["--model", "${{ inputs.model }}/a"]),
        ("--label 'a, b' --last", ["--label", "'a, b'", "--last"]),
        ("""--config '{"a": 1}'""", ["--config", """'{"a": 1}'"""]),
        ('--label "a b"', ["--label", "a b"]),
        ("--one 1 \\\n  --two 2", ["--one", "1", "--two", "2"]),
        ("--it's", ["--it's"]),
        ("", []),
    ],
)
def test_words_of_the_script_stay_in_order_and_are_not_split_again(text, script):
    assert arguments.read(text).script == script


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("--error_threshold 5", "error_threshold", "5"),
        ("--error_threshold=5", "error_threshold", "5"),
        ("--error_threshold '5'", "error_threshold", "5"),
        ("--resource_monitor_interva 20", "resource_monitor_interval", "20"),
        ("--allowed_failed_per 30", "allowed_failed_percent", "30"),
        ("--error_treshold 5", "error_threshold", "5"),
        ("--error_threshold ${{inputs.tolerance}}", "error_threshold", "${{inputs.tolerance}}"),
        ("--copy_logs_to_parent True", "copy_logs_to_parent", "True"),
    ],
)
def test_an_option_of_the_runtime_is_known_abbreviated_and_misspelt(text, name, value):
    found = arguments.read(f"{text} --mine 1")
    assert [(one.name, one.value) for one in found.options] == [(name, value)]
    assert found.script == ["--mine", "1"]


@pytest.mark.parametrize("text", ["--task classify", "--error_threshold high", "--allowed_failed 3", "--error -1 --e"])
def test_what_the_runtime_could_not_have_read_is_the_script_s(text):
    """No number where one is needed, an abbreviation of two options, one that is too short to be meant."""
    assert arguments.read(text.replace("--error -1 ", "")).options == []


def test_an_option_that_the_script_declares_is_its_own():
    own = arguments.declared("parser.add_argument('-e', '--error')\nparser.add_argument(\n    \"--top\", type=int)")
    assert own == {"-e", "--error", "--top"}
    assert arguments.read("--error 5", own).script == ["--error", "5"]


def test_an_option_without_its_value_is_left_to_the_script():
    assert arguments.read("--top 1 --error_threshold").script == ["--top", "1", "--error_threshold"]
