"""Jobs whose input, models and output are in object stores: real servers, and everything that goes wrong with them."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from chaos import kill_what_is_left
from engine_harness import RunFolder, Site
from fault_proxy import FaultProxy, Faults
from store_runs import StoreJob, StoreRun, files_job, table_job
from store_servers import AZURE_KEY, SERVERS, Box

from parallelrun.api.settings import InputSettings, ModelSettings, OutputSettings, StoreSettings
from parallelrun_agent.downloads import sha256_of
from parallelrun_agent.plan.order import path_key

pytestmark = pytest.mark.engine

#: Some of them nested, one empty, one with a name that needs escapes on its way.
FILES = {f"{'ab'[n % 2]}/{n}.bin": os.urandom(0 if n == 7 else 100 + 13 * n) for n in range(40)} | {"a/ä ö.bin": b"x"}
ROWS = {f"{part}.csv": "".join(f"{part}-{n},{n},{n / 8}\n" for n in range(150)) for part in range(3)}
KINDS = ["s3", "azureBlob", "gcs", "https"]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    kill_what_is_left()


@pytest.fixture(scope="module")
def make_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Box]]:
    """A new box of a kind."""
    running: dict[str, object] = {}
    with ExitStack() as stack:

        def box(kind: str) -> Box:
            if kind not in running:
                running[kind] = stack.enter_context(SERVERS[kind](tmp_path_factory.mktemp(kind.lower())).running())
            return running[kind].box(f"box-{secrets.token_hex(4)}")  # type: ignore[attr-defined, no-any-return]

        yield box


def contents(form: str, folder: Path) -> dict[str, bytes]:
    """The input in one form, by key."""
    if form == "files":
        return FILES
    if form == "csv":
        return {name: f"name,value,share\n{text}".encode() for name, text in ROWS.items()}
    made = {}
    for name, text in ROWS.items():
        rows = [line.split(",") for line in text.splitlines()]
        frame = pandas.DataFrame(rows, columns=["name", "value", "share"]).astype({"value": int, "share": float})
        frame.to_parquet(folder / "made.parquet", row_group_size=40)
        made[name.replace("csv", "parquet")] = (folder / "made.parquet").read_bytes()
    return made


def job_over(
    folder: Path, form: str, paths: list[str], root: str, stores: list[StoreSettings], **more: object
) -> StoreJob:
    if form == "files":
        return files_job(folder, paths, root, stores, **more)
    return table_job(folder, paths, root, stores, format=form, **more)


def filled(box: Box, keys: dict[str, bytes], folder: str = "in") -> list[str]:
    """Put objects into a box; the paths of an input over them."""
    for key, data in keys.items():
        box.write(f"{folder}/{key}", data)
    root = f"{box.url}/{folder}"
    if box.store.kind == "https":  # which lists nothing: each by its name, in the order that folders have
        return [f"{root}/{key}" for key in sorted(keys, key=lambda key: path_key(key.encode()))]
    return [f"{root}/"]


@pytest.fixture(scope="module")
def from_a_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """The output of the job over a folder, by form."""
    known: dict[str, bytes] = {}

    def output(form: str) -> bytes:
        if form not in known:
            folder = tmp_path_factory.mktemp("folder")
            for key, data in contents(form, folder).items():
                (folder / "in" / key).parent.mkdir(parents=True, exist_ok=True)
                (folder / "in" / key).write_bytes(data)
            known[form] = job_over(folder, form, [f"{folder}/in"], f"{folder}/in", []).run().done()
        return known[form]

    return output


@pytest.mark.parametrize("form", ["files", "csv", "parquet"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_job_over_any_store_gives_the_same_bytes(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes], kind: str, form: str
) -> None:
    box = make_box(kind)
    paths = filled(box, contents(form, tmp_path))
    run = job_over(tmp_path, form, paths, f"{box.url}/in", [box.store]).run()
    assert run.done() == from_a_folder(form)
    assert run.cached() == []


def test_a_folder_and_a_store_are_one_input_in_the_order_of_the_manifest(
    tmp_path: Path, make_box: Callable[[str], Box]
) -> None:
    """Mini-batches over the border between them have files of both; equal names do not meet."""
    box = make_box("s3")
    filled(box, {f"{n}.bin": b"far" for n in range(5)})
    (tmp_path / "in").mkdir()
    for n in range(5):
        (tmp_path / "in" / f"{n}.bin").write_bytes(b"n")
    far = InputSettings("images", "File", [f"{box.url}/in/*.bin"], f"{box.url}/in")
    near = InputSettings("near", "File", [f"{tmp_path}/in"], f"{tmp_path}/in")
    job = files_job(tmp_path, [], "", [box.store], inputs=[near, far, replace(far, name="again")], mini_batch_size=3)
    sizes = [line.split()[:2] for line in job.run().done().decode().splitlines()]
    assert sizes == [[f"{n}.bin", size] for size in "133" for n in range(5)]


@pytest.mark.parametrize("mode", ["Mount", "Download"])
def test_equal_keys_of_two_stores_in_one_input_are_two_files(
    tmp_path: Path, make_box: Callable[[str], Box], mode: str
) -> None:
    boxes = [make_box("s3"), make_box("azureBlob")]
    for number, box in enumerate(boxes):
        filled(box, {f"{n}.bin": b"x" * (number + 1) for n in range(6)})
    paths, stores = [f"{box.url}/in/" for box in boxes], [box.store for box in boxes]
    run = files_job(tmp_path, paths, "", stores, mode=mode, mini_batch_size=4).run()
    sizes = [line.split()[:2] for line in run.done().decode().splitlines()]
    assert sizes == [[f"{n}.bin", size] for size in "12" for n in range(6)]


def behind_faults(box: Box, **faults: float) -> FaultProxy:
    return FaultProxy(box.server_url, Faults(**faults))  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["files", "parquet"])
@pytest.mark.parametrize("kind", ["s3", "azureBlob"])
def test_a_store_that_is_often_busy_and_breaks_off_changes_nothing(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes], kind: str, form: str
) -> None:
    box = make_box(kind)
    paths = filled(box, contents(form, tmp_path))
    with behind_faults(box, busy=5, cut=5, seed=3) as proxy:
        run = job_over(tmp_path, form, paths, f"{box.url}/in", [box.behind(proxy.url)]).run()
        assert run.done() == from_a_folder(form)
        assert proxy.faults.broken, "nothing went wrong"
    assert run.result()["miniBatches"]["retried"] == 0


@pytest.mark.parametrize("victim", ["process", "host", "agent"])
def test_whoever_is_killed_while_files_are_fetched_nothing_is_lost(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes], victim: str
) -> None:
    box = make_box("s3")
    paths = filled(box, FILES)
    with behind_faults(box, latency=0.05) as proxy:
        job = files_job(tmp_path, paths, f"{box.url}/in", [box.behind(proxy.url)], run_max_try=9, cache_bytes=2000)
        run = job.run()
        assert run.wait_for(lambda: len(run.said()) >= 5, "the first mini-batches"), run.text()
        os.kill(run.pids(victim)[0], signal.SIGKILL)
        assert run.done() == from_a_folder("files")
    assert run.result()["miniBatches"]["failed"] == 0
    assert run.cached() == [], "what the dead agent had fetched is left"


def test_an_agent_that_was_frozen_takes_nothing_from_the_one_that_does_its_work(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes]
) -> None:
    box = make_box("s3")
    paths = filled(box, FILES)
    job = files_job(tmp_path, paths, f"{box.url}/in", [box.store], cache_bytes=2000, run_max_try=1, node_count=2)
    job.seconds_each = 0.3
    run = job.run()
    assert run.wait_for(lambda: len(run.said()) >= 6, "the first mini-batches"), run.text()
    frozen = run.pids("agent")[0]
    os.kill(frozen, signal.SIGSTOP)
    assert run.wait_for(lambda: run.lost_node(), "the end of the frozen agent's lease"), run.text()
    os.kill(frozen, signal.SIGCONT)
    assert run.done() == from_a_folder("files")
    assert run.result()["miniBatches"]["failed"] == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Ten pages."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = "size=40k,nr_inodes=200"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True)
    if done.returncode != 0:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(f"cannot mount a tmpfs: {done.stderr}")
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
    yield folder
    kill_what_is_left()
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_cache_on_a_disk_that_is_full_pauses_the_job_which_goes_on_when_there_is_space(
    tmp_path: Path, small_disk: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes]
) -> None:
    """The disk is smaller than what the cache may take, and something else takes nearly all of it for a while."""
    box = make_box("azureBlob")
    paths = filled(box, FILES)
    in_the_way = small_disk / "ballast"
    in_the_way.write_bytes(bytes(40960))
    job = files_job(tmp_path, paths, f"{box.url}/in", [box.store], cache=str(small_disk / "cache"), run_max_try=1)
    run = job.run()
    assert run.wait_for(lambda: "stalled: " in run.log.read_text(), "the message that the job pauses"), run.text()
    assert "No space left" in run.log.read_text()
    in_the_way.unlink()
    assert run.done() == from_a_folder("files")
    assert run.result()["miniBatches"]["failed"] == 0


def test_a_run_that_was_killed_while_it_fetched_goes_on(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes]
) -> None:
    box = make_box("s3")
    paths = filled(box, FILES)
    with behind_faults(box, latency=0.05) as proxy:
        job = files_job(tmp_path, paths, f"{box.url}/in", [box.behind(proxy.url)], cache_bytes=2000)
        run = job.run()
        assert run.wait_for(lambda: len(run.said()) >= 5, "the first mini-batches"), run.text()
        run.kill_everything()
        assert StoreRun(job, run.output).done() == from_a_folder("files")


@pytest.mark.parametrize("how", ["replaced", "deleted"])
@pytest.mark.parametrize("kind", ["s3", "azureBlob", "https"])
def test_an_object_that_is_not_the_planned_one_fails_its_mini_batch_and_no_other(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes], kind: str, how: str
) -> None:
    box = make_box(kind)
    paths = filled(box, FILES)
    job = files_job(tmp_path, paths, f"{box.url}/in", [box.store], cache_bytes=2000)
    job.seconds_each = 0.05
    run = job.run()
    assert run.wait_for(lambda: bool(run.said()), "the first mini-batch"), run.text()
    if how == "replaced":
        box.write("in/b/39.bin", os.urandom(len(FILES["b/39.bin"])))
    else:
        box.delete("in/b/39.bin")
    expected = [line for line in from_a_folder("files").splitlines() if not line.startswith(b"39.bin ")]
    assert run.done().splitlines() == expected
    (error,) = run.result()["firstErrors"]
    assert run.result()["miniBatches"]["failed"] == 1
    assert error["kind"] == "input"
    assert f"{box.url}/in/b/39.bin" in error["error"]
    assert ("changed after the job was planned" if how == "replaced" else "is not there any more") in error["error"]
    assert error["files"] == [f"{box.url}/in/b/39.bin"]


@pytest.mark.parametrize(("how", "words"), [("refuses", "403 Forbidden"), ("is away", "does not answer")])
def test_a_store_that_fails_in_the_middle_pauses_the_job_which_goes_on_when_that_is_mended(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes], how: str, words: str
) -> None:
    box = make_box("azureBlob")
    paths = filled(box, FILES)
    with behind_faults(box) as proxy:
        job = files_job(tmp_path, paths, f"{box.url}/in", [box.behind(proxy.url)], cache_bytes=2000)
        job.seconds_each = 0.05
        run = job.run()
        assert run.wait_for(lambda: len(run.said()) >= 3, "the first mini-batches"), run.text()
        proxy.faults.forbidden, proxy.faults.busy = how == "refuses", 100.0 * (how == "is away")
        assert run.wait_for(lambda: "stalled: " in run.log.read_text(), "the message that the job pauses"), run.text()
        assert words in run.log.read_text()
        assert f"datastore '{box.store.name}'" in run.log.read_text()
        assert run.process.poll() is None
        proxy.faults.forbidden, proxy.faults.busy = False, 0
        assert run.done() == from_a_folder("files")
    assert run.result()["miniBatches"]["retried"] == 0


def test_credentials_that_are_renewed_while_the_job_runs_are_taken_up(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes]
) -> None:
    box = make_box("https")
    paths = filled(box, FILES)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "token").write_text("old")
    store = replace(box.store, anonymous=False, credentials=str(tmp_path / "secret"))
    box.server.token = "old"
    try:
        job = files_job(tmp_path, paths, f"{box.url}/in", [store], cache_bytes=2000)
        job.seconds_each = 0.05
        run = job.run()
        assert run.wait_for(lambda: len(run.said()) >= 3, "the first mini-batches"), run.text()
        box.server.token = "new"
        assert run.wait_for(lambda: "stalled: " in run.log.read_text(), "the message that the job pauses"), run.text()
        (tmp_path / "secret" / "token").write_text("new")
        assert run.done() == from_a_folder("files")
    finally:
        box.server.token = ""
    assert run.result()["miniBatches"]["retried"] == 0


def test_wrong_credentials_are_said_at_once(tmp_path: Path, make_box: Callable[[str], Box]) -> None:
    box = make_box("s3")
    paths = filled(box, {"0.bin": b""})
    (tmp_path / "secret").mkdir()
    for name, value in (("accessKeyId", "somebody"), ("secretAccessKey", "wrong")):
        (tmp_path / "secret" / name).write_text(value)
    closed = replace(box.store, credentials=str(tmp_path / "secret"))
    run = files_job(tmp_path, paths, f"{box.url}/in", [closed]).run()
    assert run.end() == 2, run.text()
    assert f"datastore '{box.store.name}'" in run.log.read_text()


def test_download_fetches_everything_before_the_script_starts(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes]
) -> None:
    box = make_box("s3")
    paths = filled(box, FILES)
    job = files_job(tmp_path, paths, f"{box.url}/in", [box.store], mode="Download", arguments=["{cache}"], node_count=2)
    job.settings = replace(job.settings, arguments=[str(tmp_path / "run" / "cache" / "inputs" / "images")])
    job.script = job.script.replace(
        "    pass\n",
        "    import sys\n"
        "    files = [name for _, _, names in os.walk(sys.argv[1]) for name in names]\n"
        f"    assert len(files) == {len(FILES)}, files\n",
    )
    assert job.run().done() == from_a_folder("files")


@pytest.mark.parametrize("kind", ["s3", "azureBlob", "https"])
def test_direct_hands_out_urls_that_need_no_credentials(
    tmp_path: Path, make_box: Callable[[str], Box], kind: str
) -> None:
    """Nor are the signed ones shown where something fails."""
    box = make_box(kind)
    paths = filled(box, FILES)
    job = files_job(tmp_path, paths, f"{box.url}/in", [box.store], mode="Direct", run_max_try=1)
    job.script = (
        "import urllib.request\n\ndef init():\n    pass\n\ndef run(mini_batch):\n"
        "    if '/7.bin' in mini_batch[0]:\n        raise ValueError(mini_batch[0])\n"
        "    return [len(urllib.request.urlopen(url).read()) for url in mini_batch]\n"
    )
    run = job.run()
    assert sorted(map(int, run.done().split())) == sorted(len(data) for key, data in FILES.items() if key != "b/7.bin")
    assert f"ValueError: {box.url}/in/b/7.bin" in [error["error"] for error in run.result()["firstErrors"]]
    reported = "".join(path.read_text() for path in [run.output / "job_result.json", *run.output.rglob("logs/**/*.*")])
    assert "Signature" not in reported
    assert "sig=" not in reported


USES_MODEL = """\
import os, sys
from azureml.core.model import Model

def init():
    global said
    (only,) = os.listdir(os.environ["AZUREML_MODEL_DIR"])
    model, labels = Model.get_model_path("digits"), sys.argv[1]
    asked = Model.get_model_path("other", version=2)
    said = "%s %s %s" % (only, open(os.path.join(model, "sub", "w.bin")).read(), open(labels).read())
    said += " " + open(asked).read()
    assert not os.access(labels, os.W_OK) or os.geteuid() == 0
    assert not os.stat(labels).st_mode & 0o222

def run(mini_batch):
    return [said for _ in mini_batch]
"""


def with_models(folder: Path, box: Box, sha256: str) -> StoreJob:
    box.write("models/digits/sub/w.bin", b"weights")
    box.write("models/digits/readme", b"")
    box.write("models/other.bin", b"another")
    box.write("labels.txt", b"zero")
    paths = filled(box, {"0.bin": b"", "1.bin": b""})
    job = files_job(
        folder,
        paths,
        f"{box.url}/in",
        [box.store],
        side_inputs={"labels": f"{box.url}/labels.txt"},
        models=[ModelSettings("digits", f"{box.url}/models/digits", "3", sha256)],
        registered_models=[ModelSettings("other", f"{box.url}/models/other.bin", "2")],
        arguments=[str(folder / "run" / "cache" / "side_inputs" / "labels" / "labels.txt")],
        node_count=2,
    )
    job.script = USES_MODEL
    return job


@pytest.mark.parametrize("kind", ["s3", "azureBlob"])
def test_side_inputs_and_models_are_fetched_once_a_node_and_checked(
    tmp_path: Path, make_box: Callable[[str], Box], kind: str
) -> None:
    (tmp_path / "digits" / "sub").mkdir(parents=True)
    (tmp_path / "digits" / "sub" / "w.bin").write_text("weights")
    (tmp_path / "digits" / "readme").write_text("")
    job = with_models(tmp_path, make_box(kind), sha256_of(tmp_path / "digits"))
    assert job.run().done() == b"digits weights zero another\n" * 2


def test_a_model_of_another_checksum_fails_the_job_by_name(tmp_path: Path, make_box: Callable[[str], Box]) -> None:
    run = with_models(tmp_path, make_box("s3"), "0" * 64).run()
    assert run.end() != 0
    assert "model digits version 3" in run.log.read_text()
    assert "has the SHA-256" in run.log.read_text()


def test_a_model_with_an_object_named_as_a_folder_is_refused_by_name(
    tmp_path: Path, make_box: Callable[[str], Box]
) -> None:
    box = make_box("azureBlob")
    for key in ("models/digits/a", "models/digits/a/b"):
        box.write(key, b"x")
    models = [ModelSettings("digits", f"{box.url}/models/digits", "3")]
    run = files_job(tmp_path, filled(box, FILES), f"{box.url}/in", [box.store], models=models).run()
    assert run.end() != 0
    assert "models/digits cannot be a folder" in run.log.read_text()


def with_output(folder: Path, box: Box, input_paths: list[str], stores: list[StoreSettings]) -> StoreJob:
    output = OutputSettings(path=f"{box.url}/results/today")
    return files_job(folder, input_paths, f"{box.url}/in", stores, output=output)


@pytest.mark.parametrize("kind", ["s3", "azureBlob", "gcs"])
def test_an_output_in_a_store_is_that_of_a_volume_and_the_jobs_own(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes], kind: str
) -> None:
    from parallelrun_agent.storage import Storage

    box = make_box(kind)
    paths = filled(box, FILES)
    job = with_output(tmp_path, box, paths, [box.store])
    run = job.run()
    run.done()
    storage = Storage([box.store])
    assert storage.get(f"{box.url}/results/today/parallel_run_step.txt") == from_a_folder("files")
    assert storage.get(f"{box.url}/results/today/_SUCCESS") == b""
    assert run.result()["output"]["path"] == f"{box.url}/results/today/parallel_run_step.txt"
    job.settings = replace(job.settings, name="other")
    other = job.run("other")
    assert other.end() != 0
    assert "holds the output of another job: default/stores" in other.log.read_text()


def test_a_store_that_refuses_the_output_is_waited_for(
    tmp_path: Path, make_box: Callable[[str], Box], from_a_folder: Callable[[str], bytes]
) -> None:
    """Input from one store, output to another, which refuses after the job was planned."""
    from parallelrun_agent.storage import Storage

    source, target = make_box("s3"), make_box("azureBlob")
    paths = filled(source, FILES)
    with behind_faults(target) as proxy:
        job = files_job(
            tmp_path,
            paths,
            f"{source.url}/in",
            [source.store, target.behind(proxy.url)],
            output=OutputSettings(path=f"{target.url}/results"),
        )
        run = job.run()
        assert run.wait_for(lambda: bool(run.said()), "the first mini-batch"), run.text()
        proxy.faults.forbidden = True
        assert run.wait_for(lambda: "stalled: " in run.log.read_text(), "the message that the job pauses"), run.text()
        assert run.phase() == "Committing"
        proxy.faults.forbidden = False
        assert run.done() == from_a_folder("files")
    assert Storage([target.store]).get(f"{target.url}/results/parallel_run_step.txt") == from_a_folder("files")


SAYS_WHERE = """\
import os, sys

def init():
    assert os.listdir(sys.argv[2]) == ["w.bin"] and open(sys.argv[3]).read() == "zero"

def run(mini_batch):
    assert all(os.path.dirname(path) == sys.argv[1] for path in mini_batch), (mini_batch, sys.argv)
    return [f"{os.path.basename(path)} {len(open(path, 'rb').read())}" for path in mini_batch]
"""


def job_of_a_datastore(site: Site, box: Box) -> None:
    """As people write it: a Datastore and its Secret beside the job, and arguments that refer to what is fetched."""
    filled(box, {f"{n}.bin": b"x" * n for n in range(9)}, "mnist")
    box.write("labels.txt", b"zero")
    box.write("model/w.bin", b"")
    site.script(SAYS_WHERE)
    datastore = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "Datastore",
        "metadata": {"name": "samples"},
        "spec": {
            "azureBlob": {"account": box.store.account, "container": box.store.bucket, "endpoint": box.store.endpoint},
            "secretRef": {"name": "key"},
        },
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key"},
        "stringData": {"accountKey": AZURE_KEY},
    }
    site.manifest(
        datastore,
        secret,
        arguments=["$(inputs.images)", "$(models.digits)", "$(sideInputs.labels)"],
        inputs=[{"name": "images", "type": "File", "paths": ["datastore://samples/mnist/*.bin"]}],
        models=[{"name": "digits", "path": "datastore://samples/model/"}],
        sideInputs=[{"name": "labels", "path": "datastore://samples/labels.txt"}],
        miniBatchSize=2,
        nodeCount=2,
        output={"path": "datastore://samples/results"},
    )


def test_a_manifest_that_names_a_datastore_is_run_and_debugged(site: Site, make_box: Callable[[str], Box]) -> None:
    job_of_a_datastore(site, make_box("azureBlob"))
    finished = site.command("run", "job.yaml", "--output", "out")
    assert finished.status == 0, finished.text
    run = RunFolder(site.folder / "out")
    assert run.lines() == [f"{n}.bin {n}" for n in range(9)]
    assert run.result()["output"]["path"] == "datastore://samples/results/parallel_run_step.txt"
    debugged = site.command("debug", "job.yaml", "--mini-batch", "2", "--no-pdb")
    assert debugged.status == 0, debugged.text
    assert debugged.stdout == "['4.bin 4', '5.bin 5']\n"
    assert AZURE_KEY not in "".join(p.read_text(errors="replace") for p in run.folder.rglob("*") if p.is_file())


def test_an_output_in_a_store_is_taken_over_while_all_of_it_and_all_that_it_was_made_of_is_there(
    site: Site, make_box: Callable[[str], Box]
) -> None:
    box = make_box("azureBlob")
    job_of_a_datastore(site, box)
    assert site.command("run", "job.yaml", "--output", "out").status == 0

    def again(output: str) -> bool:
        """Whether the results of the first run were taken over."""
        finished = site.command("run", "job.yaml", "--output", output, "--reuse", "out")
        assert finished.status == 0, finished.text
        return RunFolder(site.folder / output).result().get("reusedFrom") == str(site.folder / "out")

    assert again("second")
    printed = site.command("results", "second")
    assert printed.stdout.splitlines() == [f"{n}.bin {n}" for n in range(9)], printed.text
    box.write("labels.txt", b"zero")  # written again, of the same length
    assert not again("third")
