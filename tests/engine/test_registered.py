"""Jobs that name what is registered: the same files as for a cluster, run on this machine over real object stores."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_harness import Finished, Site
from store_servers import SERVERS, Box

pytestmark = pytest.mark.engine

SCRIPT = """\
    import sys
    from azureml.core.model import Model

    def init():
        global MODEL
        with open(os.path.join(Model.get_model_path("words"), "weights.txt")) as file:
            MODEL = file.read()

    def run(mini_batch):
        with open(sys.argv[1]) as file:
            label = file.read()
        return [f"{os.path.basename(path)} {label} {MODEL} {len(open(path, 'rb').read())}" for path in mini_batch]
"""
EXPECTED = "".join(f"{number}.bin label weights {number}\n" for number in range(12))
KEYS = {"azureBlob": "accountKey", "s3": "accessKeyId"}


@pytest.fixture(scope="module")
def make_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Box]]:
    """A new bucket or container of a kind, with data, a model and a side input."""
    running: dict[str, Any] = {}
    with ExitStack() as stack:

        def made(kind: str) -> Box:
            if kind not in running:
                running[kind] = stack.enter_context(SERVERS[kind](tmp_path_factory.mktemp(kind.lower())).running())
            box: Box = running[kind].box(f"box-{secrets.token_hex(4)}")
            for number in range(12):
                box.write(f"data/{number}.bin", b"x" * number)
            box.write("models/words/weights.txt", b"weights")
            box.write("label.txt", b"label")
            return box

        yield made


def registered(kind: str, object_name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": kind, "metadata": {"name": object_name}, "spec": spec}


def documents(box: Box) -> list[dict[str, Any]]:
    """As a repository would have them: a datastore with its Secret, a dataset, a model."""
    store, folder = box.store, Path(box.store.credentials)
    if store.kind == "s3":
        place = {"s3": {"bucket": store.bucket, "endpoint": store.endpoint, "region": store.region}}
    else:
        place = {"azureBlob": {"account": store.account, "container": store.bucket, "endpoint": store.endpoint}}
    return [
        registered("Datastore", "lake", name="the_lake", secretRef={"name": "lake-key"}, **place),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "lake-key"},
            "stringData": {file.name: file.read_text() for file in folder.iterdir()},
        },
        registered("Dataset", "files-1", name="files", type="File", datastore="the_lake", paths=["data/*.bin"]),
        registered("Model", "words-1", name="words", version="1", path="datastore://the_lake/nothing/"),
        registered("Model", "words-2", name="words", version="2", path="datastore://the_lake/models/words/"),
    ]


def run(site: Site, box: Box, *options: str, **spec: Any) -> Finished:
    site.script(SCRIPT)
    (site.folder / "lake.yaml").write_text(yaml.safe_dump_all(documents(box)))
    fields = {
        "inputs": [{"name": "files", "dataset": "files"}],
        "sideInputs": [{"name": "label", "path": "datastore://the_lake/label.txt"}],
        "arguments": ["$(sideInputs.label)"],
        "miniBatchSize": 5,
        **spec,
    }
    return site.command("run", site.manifest(**fields), "--output", "out", *options)


@pytest.mark.parametrize("kind", ["azureBlob", "s3"])
def test_a_job_over_a_registered_dataset_and_model_gives_what_files_give(
    site: Site, make_box: Callable[[str], Box], kind: str
) -> None:
    finished = run(site, make_box(kind), models=[{"name": "words"}])
    assert finished.status == 0, finished.text
    assert (site.folder / "out/parallel_run_step.txt").read_text() == EXPECTED
    record = json.loads((site.folder / "out/prepared.json").read_text())
    assert record["resolved"] == {"datasets": {"files": "1"}, "models": {"words": "2"}}


def test_no_file_of_a_run_holds_the_credentials(site: Site, make_box: Callable[[str], Box]) -> None:
    box = make_box("azureBlob")
    assert run(site, box, models=[{"name": "words", "version": "2"}]).status == 0
    value = (Path(box.store.credentials) / "accountKey").read_bytes()
    assert value
    for file in (path for path in (site.folder / "out").rglob("*") if path.is_file()):
        assert value not in file.read_bytes(), file


def test_a_registered_model_is_found_by_name_without_being_listed(site: Site, make_box: Callable[[str], Box]) -> None:
    finished = run(site, make_box("s3"))
    assert finished.status == 0, finished.text
    assert (site.folder / "out/parallel_run_step.txt").read_text() == EXPECTED
    shown = yaml.safe_load(site.command("get", "out", "-o", "resolved").stdout)
    assert shown["resolved"]["models"] == {"words": "2"}


def test_output_goes_to_a_datastore(site: Site, make_box: Callable[[str], Box]) -> None:
    box = make_box("s3")
    finished = run(site, box, output={"path": "datastore://the_lake/out"})
    assert finished.status == 0, finished.text
    assert box.folder is not None
    assert (box.folder / "out/parallel_run_step.txt").read_text() == EXPECTED
    assert (box.folder / "out/_SUCCESS").exists()


def test_wrong_credentials_are_told_at_once_with_the_datastore_s_name(
    site: Site, make_box: Callable[[str], Box]
) -> None:
    box = make_box("azureBlob")
    (Path(box.store.credentials) / "accountKey").write_text("d3Jvbmc=")
    finished = run(site, box)
    assert finished.status == 2, finished.text
    assert "the_lake" in finished.stderr


@pytest.mark.parametrize("target", ["out", "job.yaml"])
def test_one_mini_batch_of_it_is_debugged_of_a_run_or_a_manifest(
    site: Site, make_box: Callable[[str], Box], target: str
) -> None:
    assert run(site, make_box("s3"), models=[{"name": "words"}]).status == 0
    finished = site.command("debug", target, "--mini-batch", "1", "--no-pdb")
    assert finished.status == 0, finished.text
    assert "7.bin label weights 7" in finished.stdout


def test_a_run_is_run_again_with_the_secret_that_is_beside_its_manifest(
    site: Site, make_box: Callable[[str], Box]
) -> None:
    box = make_box("azureBlob")
    assert run(site, box).status == 0
    finished = site.command("rerun", "out", "--output", "again")
    assert finished.status == 0, finished.text
    assert (site.folder / "again/parallel_run_step.txt").read_text() == EXPECTED


def test_what_failed_is_run_again_where_only_the_input_is_in_a_store(
    site: Site, make_box: Callable[[str], Box]
) -> None:
    site.script(f"""\
        def run(mini_batch):
            if not os.path.exists({str(site.folder / "mended")!r}) and "7.bin" in str(mini_batch):
                raise ValueError("not yet")
            return [os.path.basename(path) for path in mini_batch]
    """)
    (site.folder / "lake.yaml").write_text(yaml.safe_dump_all(documents(make_box("s3"))))
    inputs = [{"name": "files", "dataset": "files"}]
    manifest = site.manifest(inputs=inputs, miniBatchSize=5, errorThreshold=-1, runMaxTry=1)
    assert site.command("run", manifest, "--output", "out").status == 0
    assert len((site.folder / "out/parallel_run_step.txt").read_text().splitlines()) == 7
    (site.folder / "mended").touch()
    finished = site.command("rerun", "out", "--failed", "--output", "again")
    assert finished.status == 0, finished.text
    assert (site.folder / "again/parallel_run_step.txt").read_text() == "".join(f"{n}.bin\n" for n in range(12))


def test_files_go_to_a_datastore_and_come_back(site: Site, make_box: Callable[[str], Box]) -> None:
    (site.folder / "lake.yaml").write_text(yaml.safe_dump_all(documents(make_box("azureBlob"))))
    files = {"a.txt": b"a", "deep/b ä.bin": b"b" * 100_000, "deep/empty": b""}
    for name, data in files.items():
        (site.folder / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / "there" / name).write_bytes(data)
    sent = site.command("upload", "there", "datastore://the_lake/up/")
    assert (sent.status, sent.stdout) == (0, ""), sent.text
    fetched = site.command("download", "datastore://the_lake/up", "back")
    assert fetched.status == 0, fetched.text
    back = {str(path.relative_to(site.folder / "back")): path for path in (site.folder / "back").rglob("*")}
    assert {name: path.read_bytes() for name, path in back.items() if path.is_file()} == files
    one = site.command("download", "datastore://the_lake/up/deep/empty", "one")
    assert one.status == 0, one.text
    assert [path.name for path in (site.folder / "one").iterdir()] == ["empty"]


def test_what_is_not_there_and_where_nothing_may_be_put_is_told(site: Site, make_box: Callable[[str], Box]) -> None:
    made = documents(make_box("s3"))
    made[0]["spec"]["readOnly"] = True
    (site.folder / "lake.yaml").write_text(yaml.safe_dump_all(made))
    missing = site.command("download", "datastore://the_lake/nothing", "back")
    assert (missing.status, missing.stdout) == (2, "")
    assert "there is no such object" in missing.stderr
    refused = site.command("upload", "lake.yaml", "datastore://the_lake/x")
    assert refused.status == 2
    assert "read-only" in refused.stderr
    assert "no Datastore registered" in site.command("download", "datastore://other/x", "back").stderr


def test_results_of_a_run_whose_output_went_to_a_store_are_printed_and_copied(
    site: Site, make_box: Callable[[str], Box]
) -> None:
    assert run(site, make_box("s3"), output={"path": "datastore://the_lake/out"}).status == 0
    printed = site.command("results", "out")
    assert (printed.status, printed.stdout) == (0, EXPECTED), printed.text
    copied = site.command("results", "out", "--to", "copy")
    assert copied.status == 0, copied.text
    assert (site.folder / "copy/parallel_run_step.txt").read_text() == EXPECTED
    assert "datastore://the_lake/out/parallel_run_step.txt" in site.command("get", "out").stdout
