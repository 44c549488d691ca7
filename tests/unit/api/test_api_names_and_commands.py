"""Names that programs compare with are the same everywhere; `validate` and `schema` say what they should."""

import json

import yaml

from parallelrun.api import conditions, crd, exit_codes
from parallelrun.cli import main
from parallelrun.leases import header, thresholds


def test_reasons_are_the_ones_that_the_header_and_thresholds_use():
    used = header.RESUMABLE | {
        thresholds.ERROR_THRESHOLD,
        thresholds.MINI_BATCH_ERROR_THRESHOLD,
        thresholds.ALLOWED_FAILED_PERCENT,
    }
    assert used <= set(conditions.REASONS)


def test_reasons_and_condition_types_are_camel_case_and_unique():
    names = [*conditions.REASONS, *conditions.CONDITION_TYPES]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() and name[0].isupper() for name in names)


def test_validate_says_ok_for_each_right_manifest(tmp_path, minimal, capsys):
    paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for path in paths:
        path.write_text(yaml.safe_dump(minimal))
    assert main.main(["validate", *map(str, paths)]) == exit_codes.DONE
    assert capsys.readouterr().out == f"{paths[0]}: ok\n{paths[1]}: ok\n"


def test_validate_reports_each_wrong_one_and_leaves_with_2(tmp_path, minimal, capsys):
    good, bad, missing = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "missing.yaml"
    good.write_text(yaml.safe_dump(minimal))
    minimal["spec"]["nodeCount"] = 0
    bad.write_text(yaml.safe_dump(minimal))
    assert main.main(["validate", str(bad), str(missing), str(good)]) == exit_codes.NOT_STARTED
    said = capsys.readouterr()
    assert said.out == f"{good}: ok\n"
    assert "spec.nodeCount: 0" in said.err
    assert f"{missing}: the manifest cannot be read: no such file or directory." in said.err


def test_validate_takes_settings(tmp_path, minimal, capsys):
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump(minimal))
    assert main.main(["validate", str(path), "--set", "spec.nodeCount=0"]) == exit_codes.NOT_STARTED
    assert "--set spec.nodeCount=0" in capsys.readouterr().err


def test_schema_prints_the_crds_or_the_json_schema(capsys):
    assert main.main(["schema"]) == exit_codes.DONE
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == list(crd.definitions().values())
    assert main.main(["schema", "ParallelRunJob"]) == exit_codes.DONE
    assert yaml.safe_load(capsys.readouterr().out) == crd.definition()
    assert main.main(["schema", "Dataset", "--json"]) == exit_codes.DONE
    assert json.loads(capsys.readouterr().out)["title"] == "Dataset"
    assert main.main(["schema", "--json"]) == exit_codes.DONE
    assert json.loads(capsys.readouterr().out)["title"] == "ParallelRunJob"
