"""What real v2 YAML holds beside what its documentation shows: each has its meaning here, or is told."""

from __future__ import annotations

import pytest
from azure_yaml import changed, command, imported

from parallelrun.api.errors import ManifestError

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
    ("path", "expected"),
    [
        ("wasbs://data@account.blob.core.windows.net/mnist", "az://account/data/mnist"),
        ("abfss://data@account.dfs.core.windows.net/mnist", "az://account/data/mnist"),
        ("https://account.blob.core.windows.net/data/mnist/", "az://account/data/mnist/"),
        ("./images", "../images"),
        ("images/", "../images/"),
        ("/data/images", "/data/images"),
    ],
)
def test_places_of_data(path, expected):
    made = imported(changed(("path: ./images", f"path: '{path}'")))
    assert made.step("score")["inputs"] == [{"name": "images", "type": "File", "paths": [expected]}]
    assert made.of("lost") == []


@pytest.mark.parametrize(
    "path",
    [
        "azureml://datastores/lake/paths/mnist",
        "azureml:azureml://datastores/lake/paths/mnist",
        "azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/lake/paths/mnist",
    ],
)
def test_a_datastore_of_the_workspace_has_to_be_registered(path):
    made = imported(changed(("path: ./images", f"path: {path}")))
    assert made.step("score")["inputs"][0]["paths"] == ["datastore://lake/mnist"]
    assert "parallelrun register datastore lake" in made.finding("path", "lost").todo


def test_a_datastore_whose_file_is_given_is_registered_without_its_key():
    file = """
        name: lake
        type: azure_blob
        account_name: account
        container_name: data
        credentials: {account_key: c2VjcmV0}
    """.replace("\n        ", "\n")
    made = imported(
        changed(("path: ./images", "path: azureml://datastores/lake/paths/mnist")), {"lake.yml": file}, ("lake.yml",)
    )
    assert made.registered["Datastore", "lake"]["azureBlob"] == {"account": "account", "container": "data"}
    assert "accountKey" in made.finding("credentials").todo
    assert "c2VjcmV0" not in str([*made.book.findings, made.registered])


@pytest.mark.parametrize(
    ("reference", "registered"),
    [("azureml:mnist@latest", "mnist"), ("azureml:mnist:3", "mnist:3"), ("azureml:mnist", "mnist")],
)
def test_registered_data_is_split_as_a_dataset(reference, registered):
    made = imported(changed(("path: ./images", f"path: {reference}")))
    assert made.step("score")["inputs"] == [{"name": "images", "dataset": registered}]
    assert "parallelrun register dataset mnist PATH" in made.finding("path", "lost").todo


DATA = {"data/mnist.yml": "name: mnist\nversion: 1\ntype: uri_folder\npath: ../digits\n"}


def test_registered_data_whose_file_is_given_is_registered_here():
    made = imported(changed(("path: ./images", "path: azureml:mnist:1")), DATA, ("data/mnist.yml",))
    assert made.step("score")["inputs"] == [{"name": "images", "dataset": "mnist:1"}]
    assert made.registered["Dataset", "mnist"] == {
        "name": "mnist", "version": "1", "type": "File", "paths": ["../digits"],
    }  # fmt: skip
    assert made.of("lost") == []


def test_registered_data_that_is_not_split_is_where_its_file_says():
    made = imported(
        changed(
            ("path: ./images}\n", "path: ./images}\n      more: {type: uri_folder, path: 'azureml:mnist@latest'}\n")
        ),
        DATA,
        ("data/mnist.yml",),
    )
    assert made.step("score")["sideInputs"] == [{"name": "more", "path": "../digits"}]
    assert made.of("lost") == []


def test_a_model_whose_file_is_given_is_registered_here():
    model = "name: digits\nversion: 2\ntype: custom_model\npath: ./weights\n"
    made = imported(
        changed(("path: ./images}\n", "path: ./images}\n      m: {type: custom_model, path: 'azureml:digits:2'}\n")),
        {"model.yml": model},
        ("model.yml",),
    )
    assert made.step("score")["models"] == [{"name": "digits", "version": "2"}]
    assert made.registered["Model", "digits"] == {"name": "digits", "version": "2", "path": "../weights"}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ro_mount", {}),
        ("rw_mount", {}),
        ("download", {"mode": "Download"}),
        ("direct", {"mode": "Direct"}),
        ("eval_mount", {}),
    ],
)
def test_modes_of_folders(mode, expected):
    made = imported(changed(("path: ./images}", f"path: ./images, mode: {mode}}}")))
    assert made.step("score")["inputs"] == [{"name": "images", "type": "File", "paths": ["../images"], **expected}]


@pytest.mark.parametrize("mode", ["direct", "eval_mount", "ro_mount"])
def test_the_mode_of_an_mltable_is_dropped_and_told(mode):
    made = imported(changed(("type: uri_folder, path: ./images", f"type: mltable, path: ./table, mode: {mode}")))
    assert made.step("score")["inputs"] == [{"name": "images", "type": "MLTable", "paths": ["../table"]}]
    assert f"mode {mode} dropped" in made.finding("input_data", "approximated").became


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


def test_what_run_returns_is_appended_to_that_very_file_and_the_next_step_reads_it():
    made = imported(
        changed(
            (
                ARGUMENTS,
                ARGUMENTS
                + "  read:\n    type: command\n    code: ./src\n    command: python score.py ${{inputs.scores}}\n"
                + "    inputs:\n      scores: ${{parent.jobs.score.outputs.scores}}\n",
            )
        )
    )
    assert made.step("score")["output"] == {"appendRowFileName": "scores"}
    assert made.step("read")["sideInputs"] == [{"name": "scores", "path": "$(steps.score.file)"}]
    assert made.step("read")["arguments"] == ["$(sideInputs.scores)"]
    assert made.of("lost") == []


def test_without_a_file_to_append_to_nothing_is_appended():
    made = imported(changed((ARGUMENTS, "")))
    assert made.step("score")["output"] == {"action": "SummaryOnly"}
    assert made.step("score")["outputs"] == [{"name": "scores"}]


def test_an_output_s_place_with_expressions_is_the_run_s_own():
    path = "azureml://datastores/${{default_datastore}}/paths/${{name}}/scores"
    made = imported(changed(("scores: {type: uri_file}", f"scores: {{type: uri_file, path: '{path}'}}")))
    assert made.step("score")["output"] == {"appendRowFileName": "scores"}
    assert made.finding("outputs.scores.path").outcome == "approximated"


def test_an_output_s_place_becomes_folder_and_file():
    path = "wasbs://data@account.blob.core.windows.net/out/scores.txt"
    made = imported(changed(("scores: {type: uri_file}", f"scores: {{type: uri_file, path: '{path}'}}")))
    assert made.step("score")["output"] == {"path": "az://account/data/out", "appendRowFileName": "scores.txt"}


@pytest.mark.parametrize("name", ["output", "file"])
def test_outputs_may_be_called_as_a_job_s_own(name):
    made = imported(command(f"python score.py ${{{{outputs.{name}}}}}", f"outputs:\n  {name}: {{type: uri_folder}}\n"))
    assert made.step("run")["outputs"] == [{"name": f"{name}_folder"}]
    assert made.step("run")["arguments"] == [f"$(outputs.{name}_folder)"]
    assert made.of("lost") == []


def test_a_file_that_a_step_writes_is_in_its_folder():
    made = imported(
        command("python score.py ${{outputs.table}}", "outputs:\n  table: {type: uri_file}\n")
        + "  next:\n    type: command\n    code: ./src\n    command: python score.py ${{inputs.table}}\n"
        "    inputs:\n      table: {type: uri_file, path: '${{parent.jobs.run.outputs.table}}'}\n"
    )
    assert made.step("run")["arguments"] == ["$(outputs.table)/table"]
    assert made.step("next")["sideInputs"] == [{"name": "table", "path": "$(steps.run.outputs.table)/table"}]


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


def test_inputs_of_the_pipeline_become_its_parameters():
    made = imported(
        "inputs:\n  where: {type: uri_folder, path: ./images}\n  size: 5\n  label: {type: string, default: a}\n"
        "  verbose: true\n"
        + changed(
            ("{type: uri_folder, path: ./images}", "'${{parent.inputs.where}}'\n      n: '${{parent.inputs.size}}'"),
            ('mini_batch_size: "10"', "mini_batch_size: ${{inputs.n}}"),
            (ARGUMENTS, f"{ARGUMENTS}      program_arguments: --n ${{{{inputs.n}}}}\n"),
        ).lstrip()
    )
    assert made.spec["parameters"] == [
        {"name": "where", "type": "string", "default": "../images"},
        {"name": "size", "type": "integer", "default": 5},
        {"name": "label", "type": "string", "default": "a"},
        {"name": "verbose", "type": "string", "default": "True"},
    ]
    score = made.step("score")
    assert score["inputs"] == [{"name": "images", "type": "File", "paths": ["$(params.where)"]}]
    assert (score["miniBatchSize"], score["arguments"]) == ("$(params.size)", ["--n", "$(params.size)"])
    assert made.of("lost") == []


def test_a_registered_dataset_that_is_split_is_a_parameter_of_its_kind():
    made = imported(
        "inputs:\n  where: {type: mltable, path: 'azureml:sales@latest'}\n"
        + changed(("{type: uri_folder, path: ./images}", "{type: mltable, path: '${{parent.inputs.where}}'}")).lstrip()
    )
    assert made.spec["parameters"] == [{"name": "where", "type": "dataset", "default": "sales"}]
    assert made.step("score")["inputs"] == [{"name": "images", "dataset": "$(params.where)"}]


def test_models_are_models():
    text = (ARGUMENTS, f"{ARGUMENTS}      program_arguments: --model ${{{{inputs.model}}}}\n")
    after = "path: ./images}\n"
    own = imported(changed(text, (after, f"{after}      model: {{type: custom_model, path: src}}\n")))
    assert own.step("score")["models"] == [{"name": "model", "path": "../src"}]
    assert own.step("score")["arguments"] == ["--model", "$(models.model)"]
    named = imported(changed(text, (after, f"{after}      model: {{type: mlflow_model, path: 'azureml:m:2'}}\n")))
    assert named.step("score")["models"] == [{"name": "m", "version": "2"}]
    assert named.step("score")["arguments"] == ["--model", "$(models.m)"]


COMPONENT = """
type: parallel
name: score
version: 1
inputs:
  images: {type: uri_folder}
  top: {type: integer, default: 3, optional: true}
outputs:
  scores: {type: uri_file}
input_data: ${{inputs.images}}
mini_batch_size: "10"
is_deterministic: false
resources: {instance_count: 4}
task:
  type: run_function
  code: ../src
  entry_script: score.py
  program_arguments: --top ${{inputs.top}}
  append_row_to: ${{outputs.scores}}
"""
USING = """
type: pipeline
jobs:
  score_1:
    type: parallel
    component: file:./components/score.yml
    inputs:
      images: {type: uri_folder, path: ./images}
    resources: {instance_count: 2}
  score-1:
    component: ./components/score.yml
    inputs: {images: {path: ./images}, top: 9}
"""


def test_a_component_s_fields_count_where_the_job_says_nothing():
    made = imported(USING, {"components/score.yml": COMPONENT})
    first, second = made.step("score-1"), made.step("score-1-2")
    assert (first["nodeCount"], second["nodeCount"]) == (2, 4)
    assert (first["arguments"], second["arguments"]) == (["--top", "3"], ["--top", "9"])
    assert [step["allowReuse"] for step in made.spec["steps"]] == [False, False]
    assert [str(code.origin) for code in made.book.codes] == ["/repo/src", "/repo/src"]


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("{type: sweep, trial: x}", "no counterpart"),
        ("{type: parallel, component: 'azureml:there:1'}", "only the workspace"),
        ("{type: command, component: ./missing.yml}", "cannot be read"),
    ],
)
def test_a_job_that_cannot_be_imported_is_left_out_and_told_once(job, reason):
    made = imported(changed(("jobs:\n", f"jobs:\n  other: {job}\n")))
    assert [step["name"] for step in made.spec["steps"]] == ["score"]
    assert [reason in one.became for one in made.of("lost")] == [True]


def test_what_reads_a_step_that_was_left_out_is_told():
    made = imported(
        changed(
            ("jobs:\n", "jobs:\n  other: {type: sweep}\n"),
            ("{type: uri_folder, path: ./images}", "'${{parent.jobs.other.outputs.best}}'"),
        )
    )
    assert "names no input of the pipeline" in made.finding("inputs.images", "lost").became


def test_a_pipeline_without_a_step_that_can_be_imported_is_refused():
    with pytest.raises(ManifestError, match="none of its jobs"):
        imported("type: pipeline\njobs:\n  a: {type: spark}\n")


@pytest.mark.parametrize("text", ["type: sweep\n", "a: 1\n"])
def test_another_kind_of_file_is_refused(text):
    with pytest.raises(ManifestError, match="no pipeline, parallel or command job"):
        imported(text)


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


def test_a_signature_in_a_web_address_is_not_in_the_report():
    made = imported(changed(("uri_folder, path: ./images", "uri_file, path: 'https://host/a.png?sig=secret'")))
    assert made.step("score")["inputs"][0]["paths"] == ["https://host/a.png?sig=secret"]
    assert "secret" not in str(list(made.book.findings))


def test_a_command_job_of_its_own_is_a_pipeline_of_one():
    made = imported("type: command\ncode: ./src\ncommand: python score.py --n ${{inputs.n}}\ninputs: {n: 4}\n")
    assert made.step("pipeline")["arguments"] == ["--n", "4"]
    assert made.of("lost") == []


INNER = """
type: pipeline
display_name: inner
inputs:
  raw: {type: uri_folder}
  size: {type: integer, default: 2}
  where: {type: string}
outputs:
  cleaned: {type: uri_file}
jobs:
  clean:
    type: command
    code: ../src
    compute: ${{parent.inputs.where}}
    command: python score.py ${{inputs.raw}} ${{inputs.size}} ${{outputs.table}}
    inputs:
      raw: ${{parent.inputs.raw}}
      size: ${{parent.inputs.size}}
    outputs:
      table: ${{parent.outputs.cleaned}}
"""
OUTER = """
type: pipeline
inputs:
  raw: {type: uri_folder, path: ./images}
jobs:
  prepare:
    type: pipeline
    component: ./parts/inner.yml
    inputs:
      raw: ${{parent.inputs.raw}}
      where: azureml:big
    outputs:
      cleaned:
  use:
    type: command
    code: ./src
    command: python score.py ${{inputs.table}}
    inputs: {table: '${{parent.jobs.prepare.outputs.cleaned}}'}
"""


def test_a_pipeline_that_is_a_job_is_laid_open():
    """Its jobs become steps, its inputs what was given for them, its outputs those of the jobs behind them."""
    made = imported(OUTER, {"parts/inner.yml": INNER})
    assert [step["name"] for step in made.spec["steps"]] == ["prepare-clean", "use"]
    clean = made.step("prepare-clean")
    assert clean["sideInputs"] == [{"name": "raw", "path": "$(params.raw)"}]
    assert clean["arguments"] == ["$(sideInputs.raw)", "2", "$(outputs.table)/table"]
    assert clean["computeTarget"] == "big"
    assert made.step("use")["sideInputs"] == [{"name": "table", "path": "$(steps.prepare-clean.outputs.table)/table"}]


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


def test_a_script_cannot_write_where_results_are_appended_and_it_is_told():
    made = imported(changed((ARGUMENTS, f"{ARGUMENTS}      program_arguments: --out ${{{{outputs.scores}}}}\n")))
    assert "appended there when the job ends" in made.finding("program_arguments", "lost").became


def test_that_an_ignore_file_is_not_heeded_is_told():
    made = imported(changed(), {"src/.amlignore": "*.csv"})
    assert ".amlignore is not heeded" in made.finding("task.code", "approximated").became


def test_a_place_that_only_a_workspace_knows_gets_a_stand_in():
    made = imported(changed(("path: ./images", "path: 'azureml://jobs/j/outputs/artifacts/paths/x'")))
    assert made.step("score")["inputs"][0]["paths"] == ["data/images"]
    assert [one.field for one in made.of("lost")] == ["jobs.score.inputs.images.path"]


def test_a_timeout_beyond_three_days_is_three_days():
    made = imported(command("python score.py", "limits: {timeout: 604800}\n"))
    assert made.step("run")["timeoutSeconds"] == 259_200
    assert made.finding("limits.timeout").outcome == "approximated"


def test_packages_can_be_left_out():
    environment = "      environment: {name: prs-env, image: ubuntu, conda_file: ./conda.yml}\n"
    made = imported(changed((ARGUMENTS, ARGUMENTS + environment)), {"conda.yml": CONDA}, with_packages=False)
    assert made.registered["Environment", "prs-env"] == {"name": "prs-env", "image": "ubuntu"}
    assert "--no-packages" in made.finding("conda_file").became


def test_outputs_may_be_named_and_nothing_else():
    made = imported(command("python score.py ${{outputs.made}}", "outputs:\n  made:\n"))
    assert made.step("run")["outputs"] == [{"name": "made"}]
    assert made.of("lost") == []


def test_a_pipeline_s_jobs_may_be_those_of_its_component():
    made = imported(
        "type: pipeline\ncompute: big\ncomponent: parts/inner.yml\ninputs:\n"
        "  raw: {type: uri_folder, path: ./images}\n  where: big\n",
        {"parts/inner.yml": INNER},
    )
    assert [parameter["name"] for parameter in made.spec["parameters"]] == ["raw", "size", "where"]
    assert made.step("clean")["arguments"] == ["$(sideInputs.raw)", "$(params.size)", "$(outputs.table)/table"]
    assert (made.spec["computeTarget"], made.step("clean")["computeTarget"]) == ("big", "big")
    assert made.of("lost") == []


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


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./images/${{parent.inputs.day}}", "../images/$(params.day)"),
        ("wasbs://data@account.blob.core.windows.net/${{parent.inputs.day}}/x", "az://account/data/$(params.day)/x"),
        ("${{parent.inputs.where}}/train", "$(params.where)/train"),
    ],
)
def test_a_path_may_hold_inputs_of_the_pipeline(path, expected):
    text = changed(("path: ./images}", f"path: '{path}'}}"))
    made = imported(f"inputs: {{day: monday, where: {{type: uri_folder, path: /data}}}}\n{text.lstrip()}")
    assert made.step("score")["inputs"][0]["paths"] == [expected]
    assert made.of("lost") == []


def test_a_bare_path_that_is_split_is_a_folder_of_the_file():
    """Said in the job or in the pipeline, it begins where the file is."""
    bare = imported(changed(("{type: uri_folder, path: ./images}", "./images")))
    assert bare.step("score")["inputs"] == [{"name": "images", "type": "File", "paths": ["../images"]}]
    text = changed(("{type: uri_folder, path: ./images}", "'${{parent.inputs.where}}'"))
    named = imported(f"inputs: {{where: ./images}}\n{text.lstrip()}")
    assert named.spec["parameters"] == [{"name": "where", "type": "string", "default": "../images"}]
    assert named.step("score")["inputs"] == [{"name": "images", "type": "File", "paths": ["$(params.where)"]}]


@pytest.mark.parametrize(("package", "warned"), [("six==1.0", True), ("six", False)])
def test_versions_that_were_pinned_for_an_old_python_are_told(package, warned):
    environment = "      environment: {image: ubuntu, conda_file: ./conda.yml}\n"
    made = imported(changed((ARGUMENTS, ARGUMENTS + environment)), {"conda.yml": CONDA.replace("six", package)})
    assert ("--no-packages" in made.finding("conda_file").todo) is warned


def test_of_a_folder_that_results_are_appended_in_only_their_file_is_split():
    """Beside it lie files of ours, which are no data."""
    again = (
        changed()
        .partition("jobs:\n")[2]
        .replace("score:", "again:")
        .replace("{type: uri_folder, path: ./images}", "'${{parent.jobs.score.outputs.scores}}'")
    )
    made = imported(changed(("scores: {type: uri_file}", "scores: {type: uri_folder}")) + again)
    assert made.step("score")["output"] == {}
    assert made.step("again")["inputs"] == [{"name": "images", "type": "File", "paths": ["$(steps.score.file)"]}]
    assert "_OWNER" in made.finding("again.inputs.images").todo


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
