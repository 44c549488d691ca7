"""What is registered by name, in files beside the job: found, merged, kept over a resume; Secrets stay private."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from parallelrun.api import layout
from parallelrun.api.errors import InputChanged, ManifestError
from parallelrun.api.settings import StoreSettings
from parallelrun.local import front_door, rerun
from parallelrun.local.request import RunRequest
from parallelrun.local.resume import reopen

LAKE = {"azureBlob": {"account": "acct", "container": "data"}, "secretRef": {"name": "lake-key"}}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "lake-key"},
    "stringData": {"accountKey": "c2VjcmV0LXRoaW5n"},
}


def write(path: Path, *documents: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(documents))
    return path


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Secrets are written to."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_a_dataset_beside_the_job_gives_its_input(site: Any) -> None:
    digits = {"type": "File", "paths": ["images/*.png"], "subset": {"take": 2}, "version": "2"}
    write(site.base / "data.yaml", site.registered("Dataset", "digits-2", name="digits", **digits))
    run = site.prepare(inputs=[{"name": "i", "dataset": "digits"}])
    (one,) = run.settings.inputs
    assert (one.type, one.paths, one.subset.take) == ("File", [f"{site.base}/images/*.png"], 2)
    record = json.loads((run.folder / layout.PREPARED).read_text())
    assert record["resolved"] == {"datasets": {"digits": "2"}}


def test_files_beside_the_job_with_other_things_are_left_alone(site: Any) -> None:
    other = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ParallelRunJob",
        "metadata": {"name": "other"},
        "spec": 3,
    }
    write(site.base / "other-job.yaml", other)
    (site.base / "chart.yaml").write_text("kind: Secret\ndata: {{ .Values.secrets }}\n{{- end }}\n")
    (site.base / "broken.yaml").write_text("a: [\n")
    write(site.base / "theirs.yml", {"apiVersion": "example.com/v1", "kind": "Dataset", "metadata": {}, "spec": 1})
    assert site.prepare().settings.stores == []


def test_folders_with_all_below_them_can_be_named(site: Any, tmp_path: Path) -> None:
    write(tmp_path / "registry/models/mnist.yaml", site.registered("Model", "mnist", path="model"))
    run = site.prepare(options={"register": [tmp_path / "registry"]}, models=[{"name": "mnist"}])
    assert [(model.name, model.path) for model in run.settings.models] == [("mnist", f"{site.base}/model")]
    with pytest.raises(ManifestError, match=r"--register .*/no: there is no such folder"):
        site.prepare(options={"register": [tmp_path / "no"]})


def test_a_wrong_object_is_told_with_file_and_line(site: Any) -> None:
    path = site.base / "data.yaml"
    path.write_text(
        "apiVersion: parallelrun.dev/v1alpha1\nkind: Dataset\nmetadata: {name: x}\nspec:\n  type: File\n  path: [a]\n"
    )
    with pytest.raises(ManifestError, match=rf"{path}:6: spec.path") as error:
        site.prepare()
    assert "did you mean paths?" in str(error.value)


def test_what_is_registered_in_two_files_is_refused_with_both(site: Any) -> None:
    write(site.base / "a.yaml", site.registered("Model", "mnist", path="model"))
    write(site.base / "b.yaml", site.registered("Model", "mnist", path="model"))
    with pytest.raises(ManifestError, match=r"Model mnist version 1 is registered twice: by .*a.yaml:1 and .*b.yaml:1"):
        site.prepare(models=[{"name": "mnist"}])


def test_what_is_registered_twice_in_one_file_is_refused_with_the_lines(site: Any) -> None:
    twice = [site.registered("Model", "mnist", path="model")] * 2
    text = write(site.base / "a.yaml", *twice).read_text()
    second = text.splitlines().index("---") + 2
    with pytest.raises(ManifestError, match=rf"registered twice: by .*a.yaml:1 and by .*a.yaml:{second}"):
        site.prepare(models=[{"name": "mnist"}])


def test_what_is_registered_twice_stops_no_job_that_does_not_name_it(site: Any) -> None:
    for name in ("dev", "prod"):
        write(
            site.base / f"{name}.yaml",
            site.registered("Datastore", "lake", s3={"bucket": name}),
            site.registered("Model", "mnist", path="model"),
        )
    assert site.prepare().settings.registered_models == []
    assert [text.partition(" of ")[0] for text in site.said] == ["left out: Model mnist version 1"] * 2


def test_urls_go_to_settings_with_their_stores_and_names_stand_for_where_files_are_fetched_to(site: Any) -> None:
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE), SECRET)
    run = site.prepare(
        inputs=[
            {"name": "far", "type": "File", "paths": ["datastore://lake/mnist/*.png"]},
            {"name": "one", "type": "File", "paths": ["s3://bucket/a/b.png"]},
            {"name": "near", "type": "File", "paths": ["images/*.png"]},
        ],
        sideInputs=[{"name": "labels", "path": "https://example.com/labels.txt"}],
        models=[{"name": "mnist", "path": "datastore://lake/models/mnist/", "version": "3"}],
        output={"path": "datastore://lake/out/"},
        arguments=["$(inputs.far)", "$(inputs.one)", "$(inputs.near)", "$(sideInputs.labels)", "$(models.mnist)"],
    )
    settings, cache = run.settings, str(run.folder / layout.CACHE)
    assert [(one.paths, one.root) for one in settings.inputs] == [
        (["datastore://lake/mnist/*.png"], "datastore://lake/mnist"),
        (["s3://bucket/a/b.png"], "s3://bucket/a"),
        ([f"{site.base}/images/*.png"], f"{site.base}/images"),
    ]
    assert settings.arguments == [
        f"{cache}/inputs/far",
        f"{cache}/inputs/one/b.png",
        f"{site.base}/images",
        f"{cache}/side_inputs/labels/labels.txt",
        f"{cache}/models/mnist/3/mnist",
    ]
    assert (settings.cache, settings.output.path) == (cache, "datastore://lake/out/")
    assert [store.url for store in settings.stores] == ["datastore://lake", "https://example.com", "s3://bucket"]
    assert not (run.folder / layout.MODELS).exists()


def test_a_secret_beside_the_job_is_in_a_private_folder_for_the_life_of_the_run_and_nowhere_else(
    site: Any, private: Path
) -> None:
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE), SECRET)
    run = site.prepare(inputs=[{"name": "far", "type": "File", "paths": ["datastore://lake/x/"]}])
    (store,) = run.settings.stores
    folder = Path(store.credentials)
    assert folder.is_relative_to(private)
    assert (folder / "accountKey").read_text() == "c2VjcmV0LXRoaW5n"
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert (folder / "accountKey").stat().st_mode & 0o777 == 0o600
    for file in (path for path in run.folder.rglob("*") if path.is_file()):
        assert b"c2VjcmV0" not in file.read_bytes(), file
    run.close()
    assert os.listdir(private) == []


def test_a_kustomization_may_make_the_secret(site: Any) -> None:
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE))
    (site.base / "key.txt").write_text("c2VjcmV0")
    (site.base / "kustomization.yaml").write_text(
        "resources: [lake.yaml]\nsecretGenerator:\n- {name: lake-key, type: Opaque, files: [accountKey=key.txt]}\n"
    )
    inputs = [{"name": "far", "type": "File", "paths": ["datastore://lake/x/"]}]
    run = site.prepare(options={"kustomization": site.base}, inputs=inputs)
    assert Path(run.settings.stores[0].credentials, "accountKey").read_text() == "c2VjcmV0"
    run.close()
    for open_again in (reopen, lambda folder: rerun.prepare_rerun(folder, failed_only=False)):
        again = open_again(run.folder)
        assert Path(again.settings.stores[0].credentials, "accountKey").read_text() == "c2VjcmV0"
        again.close()


def test_a_run_that_is_refused_leaves_no_secret_behind(site: Any, private: Path) -> None:
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE), SECRET)
    with pytest.raises(ManifestError):
        site.prepare(
            inputs=[{"name": "far", "type": "File", "paths": ["datastore://lake/x/"]}], arguments=["$(inputs.x)"]
        )
    assert os.listdir(private) == []


def test_two_secrets_of_one_name_that_differ_are_refused_without_their_values(site: Any) -> None:
    inputs = [{"name": "far", "type": "File", "paths": ["datastore://lake/x/"]}]
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE), SECRET)
    write(site.base / "same.yaml", SECRET)
    site.prepare(inputs=inputs)
    write(site.base / "other.yaml", {**SECRET, "stringData": {"accountKey": "b3RoZXI="}})
    with pytest.raises(ManifestError, match='more than one Secret "lake-key"') as error:
        site.prepare(inputs=inputs)
    assert "b3RoZXI" not in str(error.value)


def test_secrets_may_be_base64_and_what_is_wrong_is_told_without_the_value(site: Any) -> None:
    inputs = [{"name": "far", "type": "File", "paths": ["datastore://lake/x/"]}]
    lake = site.registered("Datastore", "lake", **LAKE)
    write(site.base / "lake.yaml", lake, {**SECRET, "stringData": {}, "data": {"sasToken": "P3Nlbg=="}})
    run = site.prepare(inputs=inputs)
    assert Path(run.settings.stores[0].credentials, "sasToken").read_text() == "?sen"
    write(site.base / "lake.yaml", lake, {**SECRET, "stringData": {}, "data": {"sasToken": "?top-secret"}})
    with pytest.raises(ManifestError, match=r"Secret lake-key: data.sasToken is not base64") as error:
        site.prepare(inputs=inputs)
    assert "top-secret" not in str(error.value)


def test_without_the_secret_the_shell_s_credentials_are_used_and_that_is_said_once(site: Any) -> None:
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE))
    run = site.prepare(
        inputs=[{"name": "far", "type": "File", "paths": ["datastore://lake/x/", "datastore://lake/y/"]}]
    )
    assert run.settings.stores == [StoreSettings("datastore://lake", "azureBlob", "lake", "data", account="acct")]
    assert [text for text in site.said if 'the Secret "lake-key" is not beside the manifest' in text] == site.said
    assert len(site.said) == 1


def test_a_map_stands_in_for_a_store_and_a_datastore_which_then_need_not_be_registered(site: Any) -> None:
    maps = {"datastore://lake": str(site.base), "s3://bucket/deep": str(site.base / "images")}
    inputs = [{"name": "i", "type": "File", "paths": ["datastore://lake/images/*.png", "s3://bucket/deep/1.png"]}]
    run = site.prepare(options={"maps": maps}, inputs=inputs)
    assert run.settings.inputs[0].paths == [f"{site.base}/images/*.png", f"{site.base}/images/1.png"]
    assert run.settings.stores == []
    azure = [{"name": "i", "type": "File", "paths": ["azureml://datastores/lake/paths/images/"]}]
    again = site.prepare(options={"maps": maps}, inputs=azure)
    assert again.settings.inputs[0].paths == [f"{site.base}/images"]


def test_a_datastore_on_a_claim_is_where_the_claim_is_mapped_to(site: Any) -> None:
    claim = site.registered("Datastore", "disk", claim={"name": "volume", "path": "images"})
    inputs = [{"name": "i", "type": "File", "paths": ["datastore://disk/*.png"]}]
    run = site.prepare(claim, options={"maps": {"pvc://volume": str(site.base)}}, inputs=inputs)
    assert run.settings.inputs[0].paths == [f"{site.base}/images/*.png"]
    with pytest.raises(ManifestError, match="--map pvc://volume=DIR"):
        site.prepare(claim, inputs=inputs)


def test_environment_and_compute_target_are_merged(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    pool = site.registered("ComputeTarget", "pool", maxNodes=2, resources={"limits": {"nvidia.com/gpu": 2}})
    scoring = site.registered("Environment", "scoring", env=[{"name": "A", "value": "$(job.name)"}])
    run = site.prepare(pool, scoring, environment={"name": "scoring"}, computeTarget="pool", nodeCount=5)
    assert run.settings.environment == {"A": "mnist"}
    assert run.settings.gpus == ["0", "1"]
    assert run.settings.node_count == 2
    assert site.said == ["spec.nodeCount: pool has 2 nodes, not 5"]


def test_a_registered_model_elsewhere_that_is_not_here_is_left_out(site: Any) -> None:
    write(site.base / "models.yaml", site.registered("Model", "theirs", path="pvc://volume/model"))
    assert site.prepare().settings.registered_models == []
    assert site.said[0].startswith("left out: Model theirs version 1: spec.path: pvc://volume/model is on a claim")
    with pytest.raises(ManifestError, match=r"Model mine version 1: spec\.path"):
        site.prepare(site.registered("Model", "mine", path="pvc://volume/model"))


def resumed(site: Any, run: Any, **options: Any) -> Any:
    loaded = site.loaded(inputs=[{"name": "far", "dataset": "far"}], models=[{"name": "m"}])
    return front_door.open_job(loaded, output=run.folder, resume=True, say=site.said.append, **options)


@pytest.fixture
def far(site: Any) -> Any:
    """A run over a registered dataset and model."""
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE), SECRET)
    write(site.base / "far.yaml", site.registered("Dataset", "far", type="File", datastore="lake", paths=["x/"]))
    write(site.base / "m.yaml", site.registered("Model", "m", path="model"))
    run = site.prepare(inputs=[{"name": "far", "dataset": "far"}], models=[{"name": "m"}])
    run.close()
    return run


def test_a_resumed_run_has_new_credentials_and_keeps_what_it_began_with(site: Any, far: Any) -> None:
    write(site.base / "m-2.yaml", site.registered("Model", "m-2", name="m", version="2", path="labels.txt"))
    again = resumed(site, far)
    assert Path(again.settings.stores[0].credentials, "accountKey").is_file()
    assert again.settings.stores[0].credentials != far.settings.stores[0].credentials
    assert [(model.version, model.path) for model in again.settings.models] == [("1", f"{site.base}/model")]
    again.close()


def test_secrets_that_a_killed_run_left_are_deleted_when_it_goes_on(site: Any, private: Path) -> None:
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE), SECRET)
    inputs = [{"name": "far", "type": "File", "paths": ["datastore://lake/x/"]}]
    run = site.prepare(inputs=inputs)
    assert len(os.listdir(private)) == 1
    again = site.prepare(options={"output": run.folder, "resume": True}, inputs=inputs)
    (left,) = private.iterdir()
    assert Path(again.settings.stores[0].credentials).parent == left
    again.close()
    assert os.listdir(private) == []


KILLED = """
import os, signal, sys
from types import SimpleNamespace
from parallelrun.local.credentials import Credentials

spec = SimpleNamespace(secret_ref=SimpleNamespace(name="key"))
secret = {"kind": "Secret", "metadata": {"name": "key"}, "stringData": {"accountKey": "x"}}
Credentials([secret], print).folder("lake", spec)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_secrets_that_a_killed_run_left_are_deleted_when_any_other_begins(site: Any, private: Path) -> None:
    """Those of a run that lives are not."""
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -signal.SIGKILL
    (left,) = private.iterdir()
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **LAKE), SECRET)
    inputs = [{"name": "far", "type": "File", "paths": ["datastore://lake/x/"]}]
    lives = site.prepare(inputs=inputs)
    write(site.base / "job.yaml", *site.loaded(inputs=inputs).documents)
    begins = front_door.for_request(RunRequest(manifest=site.base / "job.yaml", output=site.base / "begins"))
    assert not left.exists()
    assert Path(lives.settings.stores[0].credentials, "accountKey").is_file()
    assert Path(begins.settings.stores[0].credentials, "accountKey").is_file()
    lives.close()
    begins.close()
    assert os.listdir(private) == []


def test_a_run_is_resumed_by_its_folder_alone_with_the_secret_from_where_it_was(site: Any, far: Any) -> None:
    again = reopen(far.folder)
    assert Path(again.settings.stores[0].credentials, "accountKey").is_file()
    again.close()


def test_a_registered_object_that_changed_is_refused_on_a_resume(site: Any, far: Any) -> None:
    write(site.base / "far.yaml", site.registered("Dataset", "far", type="File", datastore="lake", paths=["y/"]))
    with pytest.raises(
        InputChanged, match=r'Dataset far version 1 is not what it was: spec.paths\[0\] was "x/", now "y/"'
    ):
        resumed(site, far)


def test_a_datastore_may_have_moved_when_a_run_goes_on(site: Any, far: Any) -> None:
    moved = {"azureBlob": {**LAKE["azureBlob"], "endpoint": "http://other:10000/acct"}}  # type: ignore[dict-item]
    write(site.base / "lake.yaml", site.registered("Datastore", "lake", **moved))
    again = resumed(site, far)
    assert again.settings.stores[0].endpoint == "http://other:10000/acct"
    assert again.settings.stores[0].credentials == ""
    again.close()


def test_a_rerun_uses_what_the_earlier_run_used(site: Any, far: Any) -> None:
    (site.base / "far.yaml").unlink()
    write(site.base / "m-2.yaml", site.registered("Model", "m-2", name="m", version="2", path="labels.txt"))
    again = rerun.prepare_rerun(far.folder, failed_only=False)
    assert again.settings.inputs[0].paths == ["datastore://lake/x/"]
    assert [model.version for model in again.settings.models] == ["1"]
    assert Path(again.settings.stores[0].credentials, "accountKey").is_file()
    again.close()
