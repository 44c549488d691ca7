"""Data of real v2 YAML: places, registered names, modes, parameters, outputs and who reads them."""

from __future__ import annotations

import pytest
from azure_yaml import changed, command, imported

ARGUMENTS = "      append_row_to: ${{outputs.scores}}\n"


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


def test_a_signature_in_a_web_address_is_not_in_the_report():
    made = imported(changed(("uri_folder, path: ./images", "uri_file, path: 'https://host/a.png?sig=secret'")))
    assert made.step("score")["inputs"][0]["paths"] == ["https://host/a.png?sig=secret"]
    assert "secret" not in str(list(made.book.findings))


def test_a_place_that_only_a_workspace_knows_gets_a_stand_in():
    made = imported(changed(("path: ./images", "path: 'azureml://jobs/j/outputs/artifacts/paths/x'")))
    assert made.step("score")["inputs"][0]["paths"] == ["data/images"]
    assert [one.field for one in made.of("lost")] == ["jobs.score.inputs.images.path"]


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


def test_a_script_cannot_write_where_results_are_appended_and_it_is_told():
    made = imported(changed((ARGUMENTS, f"{ARGUMENTS}      program_arguments: --out ${{{{outputs.scores}}}}\n")))
    assert "appended there when the job ends" in made.finding("program_arguments", "lost").became


def test_outputs_may_be_named_and_nothing_else():
    made = imported(command("python score.py ${{outputs.made}}", "outputs:\n  made:\n"))
    assert made.step("run")["outputs"] == [{"name": "made"}]
    assert made.of("lost") == []


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
