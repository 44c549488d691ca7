"""What real v2 YAML holds beside what its documentation shows: each has its meaning here, or is told."""

from __future__ import annotations

import pytest
from azure_yaml import changed, command, imported

ARGUMENTS = "      append_row_to: ${{outputs.scores}}\n"


def arguments(text: str, inputs: str = "") -> list[str]:
    """Of the script, for these program_arguments and further inputs of the job."""
    made = imported(
        changed(
            (ARGUMENTS, f"{ARGUMENTS}      program_arguments: >-\n        {text}\n"),
            ("path: ./images}\n", f"path: ./images}}\n{inputs}"),
        )
    )
    assert made.of("lost") == []
    return made.step("score").get("arguments", [])


LABELS = "      labels: {type: uri_file, path: ./labels.txt}\n"


@pytest.mark.parametrize(
    ("text", "inputs", "expected"),
    [
        ("--labels ${{inputs.labels}}", LABELS, ["--labels", "$(sideInputs.labels)"]),
        ("--images=${{inputs.images}}/a", "", ["--images=$(inputs.images)/a"]),
        ("--top ${{inputs.top}}", "      top: 3\n", ["--top", "3"]),
        ("--flag ${{inputs.flag}}", "      flag: true\n", ["--flag", "True"]),
        ("a $[[--top ${{inputs.top}}]] b", "", ["a", "b"]),
        ("a $[[--top ${{inputs.top}}]] b", "      top: 3\n", ["a", "--top", "3", "b"]),
        ("--label 'a b'", "", ["--label", "'a b'"]),
        ("--literal $(date)", "", ["--literal", "$$(date)"]),
        ("--run ${{name}}", "", ["--run", "$(job.name)"]),
    ],
)
def test_expressions_in_program_arguments(text, inputs, expected):
    assert arguments(text, inputs) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [('"10kb"', "10kb"), ('"100"', 100), ("100", 100), ('"1 MB"', "1 MB"), ("'5 '", 5)]
)
def test_sizes_of_mini_batches(size, expected):
    made = imported(
        changed(('mini_batch_size: "10"', f"mini_batch_size: {size}"), ("uri_folder, path: ./i", "mltable, path: ./i"))
    )
    assert made.step("score")["miniBatchSize"] == expected


def test_a_size_that_cannot_be_is_told():
    made = imported(changed(('mini_batch_size: "10"', "mini_batch_size: 10 files")))
    assert "miniBatchSize" in made.of("lost")[0].field


def test_without_a_size_it_is_one_as_there():
    made = imported(changed(('    mini_batch_size: "10"\n', "")))
    assert made.step("score")["miniBatchSize"] == 1
    assert "1, the default there" in made.finding("mini_batch_size").became


def test_partition_keys_count_where_a_size_is_given_too():
    made = imported(
        changed(
            ('mini_batch_size: "10"', 'mini_batch_size: "10"\n    partition_keys: \'["Store", "Brand"]\''),
            ("uri_folder, path: ./i", "mltable, path: ./i"),
        )
    )
    assert made.step("score")["partitionKeys"] == ["Store", "Brand"]
    assert "miniBatchSize" not in made.step("score")


def test_keys_of_a_plain_folder_need_a_format_and_are_told():
    made = imported(changed(('mini_batch_size: "10"', "partition_keys: [user]")))
    assert "partitionFormat" in made.finding("partition_keys", "lost").todo


def test_thresholds_are_those_of_azure_unless_said():
    silent = imported(changed(("    error_threshold: -1\n", "")))
    assert silent.step("score")["errorThreshold"] == -1
    assert "here it is 0" in silent.finding("error_threshold").became
    said = imported(changed(("error_threshold: -1", 'error_threshold: "7"\n    mini_batch_error_threshold: 5')))
    assert (said.step("score")["errorThreshold"], said.step("score")["miniBatchErrorThreshold"]) == (7, 5)


def test_an_option_among_the_arguments_counts_over_the_field():
    made = imported(changed((ARGUMENTS, f"{ARGUMENTS}      program_arguments: --error_threshold 3 --mine\n")))
    assert (made.step("score")["errorThreshold"], made.step("score")["arguments"]) == (3, ["--mine"])


def test_retries_are_one_less_than_tries():
    made = imported(changed(("error_threshold: -1", "retry_settings: {max_retries: 2, timeout: '60'}")))
    assert (made.step("score")["runMaxTry"], made.step("score")["runInvocationTimeoutSeconds"]) == (3, 60)


def test_shell_lines_are_run_by_bash_and_their_own_dollars_stay():
    made = imported(command("pip list > $(mktemp) && python score.py ${{inputs.n}}", "inputs: {n: 5}\n"))
    assert made.step("run")["entryScript"] == "run_command.py"
    assert made.step("run")["arguments"] == ["pip list > $$(mktemp) && python score.py 5"]
    assert "bash -c" in made.finding("command", "approximated").became
    assert "run_command.py" in made.book.codes[0].made


@pytest.mark.parametrize(
    "environment",
    [
        "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
        "azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest",
        "azureml:own:3",
    ],
)
def test_an_environment_of_the_workspace_is_named_and_told(environment):
    made = imported(changed((ARGUMENTS, f"{ARGUMENTS}      environment: {environment}\n")))
    name = made.step("score")["environment"]["name"].partition(":")[0]
    assert ("Environment", name) in made.registered
    assert made.finding("environment", "lost").value == f'"{environment}"'


CONDA = "dependencies:\n- python=3.8\n- pip:\n  - azureml-core\n  - six\n"


def test_an_environment_with_a_name_is_registered_with_its_packages():
    environment = "      environment: {name: prs-env, version: 1, image: ubuntu, conda_file: ./conda.yml}\n"
    made = imported(changed((ARGUMENTS, ARGUMENTS + environment)), {"conda.yml": CONDA})
    assert made.step("score")["environment"] == {"name": "prs-env:1"}
    assert made.registered["Environment", "prs-env"] == {
        "name": "prs-env", "version": "1", "image": "ubuntu", "pip": ["six"],
    }  # fmt: skip
    assert "without azureml-core" in made.finding("conda_file").became


def test_an_environment_without_a_name_stands_in_the_step():
    environment = "      environment: {image: ubuntu, conda_file: {dependencies: [{pip: [six]}]}}\n"
    made = imported(changed((ARGUMENTS, ARGUMENTS + environment)))
    assert made.step("score")["environment"] == {"image": "ubuntu", "pip": ["six"]}


def test_a_conda_file_that_only_conda_can_make_goes_with_the_code():
    environment = "      environment: {name: gpu, image: ubuntu, conda_file: ./conda.yml}\n"
    made = imported(changed((ARGUMENTS, ARGUMENTS + environment)), {"conda.yml": CONDA + "- cudatoolkit\n"})
    assert made.step("score")["environment"] == {"image": "ubuntu", "conda": "conda-gpu.yml"}
    assert "azureml" not in made.book.codes[0].made["conda-gpu.yml"]


@pytest.mark.parametrize("field", ["bogus: 3", "task2: {a: 1}", "retry_settings: {backoff: 3}", "resources: {gpus: 2}"])
def test_a_field_that_is_not_known_is_told(field):
    made = imported(changed(("error_threshold: -1", f"error_threshold: -1\n    {field}")))
    assert [one.became for one in made.of("lost")] == ["nothing: this is not known here"]


def test_compute_becomes_a_target_of_its_name():
    made = imported(
        "compute: azureml:gpu_cluster\n" + changed(("type: parallel", "type: parallel\n    compute: local"))
    )
    assert made.spec["computeTarget"] == "gpu_cluster"
    assert "computeTarget" not in made.step("score")
    assert ("ComputeTarget", "gpu_cluster") in made.registered


@pytest.mark.parametrize(
    ("distribution", "outcome"),
    [("{type: pytorch, process_count_per_instance: 1}", "approximated"), ("{type: mpi, worker_count: 2}", "lost")],
)
def test_a_program_that_was_to_run_several_times_is_told(distribution, outcome):
    made = imported(command("python score.py", f"distribution: {distribution}\n"))
    assert "one process" in made.finding("distribution", outcome).became


def test_variables_are_taken_as_they_are_and_with_inputs():
    made = imported(
        changed(
            ("path: ./images}\n", "path: ./images}\n      n: 5\n"),
            ("error_threshold: -1", "environment_variables: {A: $(x), B: 1, C: '${{inputs.n}}'}"),
        )
    )
    assert made.step("score")["environment"]["env"] == [
        {"name": "A", "value": "$$(x)"},
        {"name": "B", "value": "1"},
        {"name": "C", "value": "5"},
    ]


def test_that_an_ignore_file_is_not_heeded_is_told():
    made = imported(changed(), {"src/.amlignore": "*.csv"})
    assert ".amlignore is not heeded" in made.finding("task.code", "approximated").became


def test_a_timeout_beyond_three_days_is_three_days():
    made = imported(command("python score.py", "limits: {timeout: 604800}\n"))
    assert made.step("run")["timeoutSeconds"] == 259_200
    assert made.finding("limits.timeout").outcome == "approximated"


def test_packages_can_be_left_out():
    environment = "      environment: {name: prs-env, image: ubuntu, conda_file: ./conda.yml}\n"
    made = imported(changed((ARGUMENTS, ARGUMENTS + environment)), {"conda.yml": CONDA}, with_packages=False)
    assert made.registered["Environment", "prs-env"] == {"name": "prs-env", "image": "ubuntu"}
    assert "--no-packages" in made.finding("conda_file").became


def test_a_script_without_code_is_told():
    made = imported(changed(("      code: ./src\n", "")))
    assert "put it into code/score" in made.finding("entry_script", "lost").todo


@pytest.mark.parametrize(
    ("code", "ref"),
    [("https://github.com/team/scoring", {}), ("git+https://github.com/team/scoring.git@v1", {"ref": "v1"})],
)
def test_code_in_git_stays_there(code, ref):
    made = imported(changed(("code: ./src", f"code: {code}")))
    assert made.step("score")["source"] == {"git": {"url": "https://github.com/team/scoring.git", **ref}}
    assert made.of("lost") == []


def test_arguments_that_are_no_text_are_told():
    made = imported(changed((ARGUMENTS, f"{ARGUMENTS}      program_arguments: [--top, 3]\n")))
    assert "no text" in made.finding("program_arguments", "lost").became


@pytest.mark.parametrize(("package", "warned"), [("six==1.0", True), ("six", False)])
def test_versions_that_were_pinned_for_an_old_python_are_told(package, warned):
    environment = "      environment: {image: ubuntu, conda_file: ./conda.yml}\n"
    made = imported(changed((ARGUMENTS, ARGUMENTS + environment)), {"conda.yml": CONDA.replace("six", package)})
    assert ("--no-packages" in made.finding("conda_file").todo) is warned


@pytest.mark.parametrize(
    ("tolerance", "expected"), [("4", 4), ("'4'", 4), ("${{parent.inputs.most}}", "$(params.most)"), ("few", -1)]
)
def test_an_option_may_be_an_input(tolerance, expected):
    text = changed(
        ("path: ./images}\n", f"path: ./images}}\n      tolerance: {tolerance}\n"),
        (ARGUMENTS, f"{ARGUMENTS}      program_arguments: --error_threshold ${{{{inputs.tolerance}}}}\n"),
    )
    made = imported(f"inputs: {{most: 3}}\n{text.lstrip()}")
    assert made.step("score")["errorThreshold"] == expected
    assert len(made.of("lost")) == (expected == -1)


@pytest.mark.parametrize(
    ("level", "expected", "outcome"),
    [
        ("Info", "INFO", "mapped"),
        ("ERROR", "WARNING", "approximated"),
        ("${{inputs.level}}", "$(params.level)", "mapped"),
    ],
)
def test_logging_levels(level, expected, outcome):
    text = changed(
        ("path: ./images}\n", "path: ./images}\n      level: '${{parent.inputs.level}}'\n"),
        ("error_threshold: -1", f"logging_level: {level}"),
    )
    made = imported(f"inputs: {{level: DEBUG}}\n{text.lstrip()}")
    assert made.step("score")["loggingLevel"] == expected
    assert made.finding("logging_level").outcome == outcome
    assert made.of("lost") == []
