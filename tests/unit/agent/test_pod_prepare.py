"""A pod is made ready once for all and by anybody; what is wrong with a job's paths or script ends it by name."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from pod_jobs import SCRIPT, PodJob, names

from parallelrun.api import conditions, entry_script, layout
from parallelrun.api.errors import NoSpace
from parallelrun.api.settings import ModelSettings, OutputSettings
from parallelrun.leases.header import Phase, Plan
from parallelrun_agent.output.owner import owner
from parallelrun_agent.pod import job_folder, snapshot, words


@pytest.fixture
def job(tmp_path: Path, monkeypatch) -> PodJob:
    monkeypatch.setattr(words, "TERMINATION_LOG", str(tmp_path / "termination-log"))
    before = signal.getsignal(signal.SIGTERM), os.umask(0o022)
    yield PodJob(tmp_path / "pod")
    signal.signal(signal.SIGTERM, before[0])
    os.umask(before[1])


def said(job: PodJob) -> str:
    """The reason that Kubernetes would show."""
    return (job.root.parent / "termination-log").read_text()


def planned(job: PodJob) -> None:
    job.in_phase(phase=Phase.RUNNING, plan=Plan("p", 1, "i"))


# --- what is there afterwards ---


def test_the_job_s_folder_has_settings_manifest_source_and_folders_for_all(job, monkeypatch):
    assert job.prepare(monkeypatch) == 0
    assert (job.folder / layout.SETTINGS).read_bytes() == (job.root / "config" / layout.SETTINGS).read_bytes()
    assert (job.folder / layout.MANIFEST).exists()
    assert (job.folder / layout.SOURCE / "score.py").read_text() == SCRIPT
    assert (job.source / "score.py").read_text() == SCRIPT
    assert {path.name for path in job.folder.iterdir()} == {
        layout.SETTINGS, layout.MANIFEST, layout.SOURCE, layout.SEGMENTS, layout.TRIES, layout.OUTPUTS, "logs",
    }  # fmt: skip
    for name in ("", layout.SEGMENTS, layout.TRIES, layout.SYS):
        assert (job.folder / name).stat().st_mode & 0o775 == 0o775, name
    assert job.header().phase is Phase.PLANNING


def test_folders_that_the_script_writes_are_made_where_each_is_mounted_from(job, monkeypatch):
    job.set(outputs={"models": "/parallelrun/job/trained/models", "away": str(job.claim / "results" / "x")})
    assert job.prepare(monkeypatch) == 0
    assert (job.folder / "trained" / "models").is_dir()
    assert (job.claim / "results" / "x").is_dir()


def test_the_only_model_is_alone_in_a_folder_under_its_own_name(job, monkeypatch):
    model = job.claim / "models" / "mnist.pkl"
    model.parent.mkdir()
    model.write_text("weights")
    job.spec["models"] = [{"name": "mnist", "path": "models/mnist.pkl"}]
    job.set(models=[ModelSettings("mnist", str(model))])
    for _ in range(2):
        assert job.prepare(monkeypatch) == 0
        assert os.listdir(job.folder / layout.MODELS) == ["mnist.pkl"]
        assert os.readlink(job.folder / layout.MODELS / "mnist.pkl") == str(model)


def test_an_output_folder_of_the_user_s_choice_is_claimed_until_the_job_is_planned(job, monkeypatch):
    results = job.claim / "results"
    results.mkdir()
    (results / layout.SUCCESS).write_text("")
    job.set(output=OutputSettings(path=str(results)))
    assert job.prepare(monkeypatch) == 0
    assert owner(results) == "ns/mnist"
    assert not (results / layout.SUCCESS).exists()
    planned(job)
    (results / layout.SUCCESS).write_text("the job's own, by now")
    assert job.prepare(monkeypatch) == 0
    assert (results / layout.SUCCESS).exists()


def test_another_job_s_output_folder_is_refused(job, monkeypatch):
    results = job.claim / "results"
    results.mkdir()
    (results / layout.OWNER).write_text("ns/other\n")
    job.set(output=OutputSettings(path=str(results)))
    assert job.prepare(monkeypatch) == 1
    assert job.header().reason == conditions.OUTPUT_FAILED
    assert "ns/other" in job.header().message


# --- the source ---


def test_later_pods_run_the_code_of_the_first_one_whatever_became_of_it(job, monkeypatch):
    assert job.prepare(monkeypatch) == 0
    (job.code / "score.py").write_text(SCRIPT + "# edited\n")
    (job.source / "score.py").unlink()
    assert job.prepare(monkeypatch) == 0
    assert (job.source / "score.py").read_text() == SCRIPT


def test_a_mounted_config_map_gives_its_files_and_not_its_links(job, monkeypatch):
    job.mount_config_map({"score.py": SCRIPT.encode(), "labels.txt": b"0\n1\n"})
    assert job.prepare(monkeypatch) == 0
    for folder in (job.folder / layout.SOURCE, job.source):
        assert names(folder) == ["labels.txt", "score.py"]
        assert not (folder / "score.py").is_symlink()


def tar_of(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def test_an_archive_in_a_config_map_is_unpacked(job, monkeypatch):
    job.mount_config_map({"source.tar.gz": tar_of(**{"score.py": SCRIPT.encode(), "lib/helper.py": b""})})
    assert job.prepare(monkeypatch) == 0
    assert names(job.source) == ["lib/helper.py", "score.py"]


@pytest.mark.parametrize("data", [b"no archive", tar_of(**{"../../score.py": SCRIPT.encode()})])
def test_an_archive_that_is_damaged_or_reaches_out_of_its_folder_ends_the_job(job, monkeypatch, data):
    job.mount_config_map({"source.tar.gz": data})
    assert job.prepare(monkeypatch) == 1
    header = job.header()
    assert (header.phase, header.reason) == (Phase.ABORTED, conditions.SOURCE_ERROR)
    assert "source.tar.gz cannot be unpacked" in header.message
    assert "parallelrun submit" in said(job)


def test_one_archive_in_a_folder_on_a_claim_is_a_file_like_any_other(job, monkeypatch):
    (job.code / "data.tar.gz").write_bytes(tar_of(x=b""))
    assert job.prepare(monkeypatch) == 0
    assert names(job.source) == ["data.tar.gz", "score.py"]


@pytest.mark.parametrize("name", ["token", "folder"])
def test_links_do_not_bring_what_is_outside_of_the_source_folder_to_the_script(job, monkeypatch, name):
    """This container has the job's token and whole claims mounted; the script must see neither."""
    secret = job.root / "secret"
    secret.mkdir()
    (secret / "token").write_text("secret")
    (job.code / name).symlink_to(secret / "token" if name == "token" else secret)
    assert job.prepare(monkeypatch) == 1
    assert job.header().reason == conditions.SOURCE_ERROR
    assert "leads out of the source folder" in job.header().message
    assert not (job.source / name).exists()


def test_links_that_a_script_put_into_the_job_s_copy_do_not_either(job, monkeypatch):
    assert job.prepare(monkeypatch) == 0
    planned(job)
    (job.root / "token").write_text("secret")
    (job.folder / layout.SOURCE / "stolen").symlink_to(job.root / "token")
    assert job.prepare(monkeypatch) == 1
    assert "stolen is a link" in said(job)
    assert not (job.source / "stolen").exists()


def test_a_link_in_place_of_the_job_s_copy_is_not_followed(job, monkeypatch):
    assert job.prepare(monkeypatch) == 0
    planned(job)
    secret = job.root / "secret"
    secret.mkdir()
    (secret / "token").write_text("secret")
    shutil.rmtree(job.folder / layout.SOURCE)
    (job.folder / layout.SOURCE).symlink_to(secret)
    assert job.prepare(monkeypatch) == 1
    assert not (job.source / "token").exists()


def test_the_pod_s_copy_has_the_files_as_they_are_with_who_may_run_them(job, monkeypatch):
    (job.code / "tools").mkdir()
    (job.code / "tools" / "run.sh").write_text("#!/bin/sh")
    (job.code / "tools" / "run.sh").chmod(0o555)
    assert job.prepare(monkeypatch) == 0
    assert names(job.source) == ["score.py", "tools/run.sh"]
    assert (job.source / "tools" / "run.sh").stat().st_mode & 0o777 == 0o755


# --- what is missing ---


def test_a_missing_entry_script_ends_the_job_and_names_the_nearest(job, monkeypatch):
    job.set(entry_script="scor.py")
    assert job.prepare(monkeypatch) == 1
    header = job.header()
    assert (header.phase, header.reason) == (Phase.ABORTED, conditions.SOURCE_ERROR)
    assert header.message == (
        'spec.entryScript: there is no scor.py in the source folder configmap://code.\nDid you mean "score.py"?'
    )
    assert said(job) == header.message
    assert not (job.folder / layout.SOURCE).exists()


def test_a_missing_input_ends_the_job_with_the_manifest_s_own_words(job, monkeypatch):
    monkeypatch.setattr(words.pod_layout, "CLAIMS", str(job.root))
    job.spec["inputs"][0]["paths"] = ["imges/*.png"]
    job.set(inputs=[replace_paths(job, str(job.claim / "imges" / "*.png"))])
    assert job.prepare(monkeypatch) == 1
    header = job.header()
    assert header.reason == conditions.INPUT_ERROR
    assert header.message == (
        'spec.inputs[0].paths[0]: imges/*.png does not exist.\npvc://claim holds no "imges". Did you mean "images"?'
    )


@pytest.mark.parametrize("field", ["sideInputs", "models"])
def test_missing_side_inputs_and_models_end_the_job(job, monkeypatch, field):
    path = str(job.claim / "gone")
    job.spec[field] = [{"name": "x", "path": "gone"}]
    job.set(**({"side_inputs": {"x": path}} if field == "sideInputs" else {"models": [ModelSettings("x", path)]}))
    assert job.prepare(monkeypatch) == 1
    assert job.header().reason == conditions.INPUT_ERROR
    assert f"spec.{field}[0].path: gone does not exist." in job.header().message


@pytest.mark.parametrize("allow_empty", [True, False])
def test_a_glob_needs_only_its_folder_and_an_input_that_may_be_empty_nothing(job, monkeypatch, allow_empty):
    name = "gone/*.png" if allow_empty else "images/*.png"
    job.set(inputs=[replace_paths(job, str(job.claim / name), allow_empty=allow_empty)])
    assert job.prepare(monkeypatch) == 0


def replace_paths(job: PodJob, path: str, **changes):
    from dataclasses import replace

    return replace(job.settings.inputs[0], paths=[path], **changes)


def test_what_is_on_object_stores_is_left_to_the_agent(job, monkeypatch):
    """Who has no credentials cannot look; and its _SUCCESS, and the owner's mark, are objects."""
    job.spec |= {
        "inputs": [{"name": "in", "dataset": "digits"}],
        "sideInputs": [{"name": "labels", "path": "az://a/c/l"}],
    }
    job.set(
        inputs=[replace_paths(job, "az://account/container/images/*.png")],
        side_inputs={"labels": "az://account/container/labels.txt"},
        models=[ModelSettings("mnist", "datastore://store/model")],
        output=OutputSettings(path="datastore://store/results"),
    )
    assert job.prepare(monkeypatch) == 0
    assert not (job.folder / layout.MODELS).exists()
    assert job.header().phase is Phase.PLANNING


def test_a_missing_path_of_a_registered_dataset_is_told_with_its_name(job, monkeypatch):
    job.spec["inputs"] = [{"name": "in", "dataset": "digits:2"}]
    job.set(inputs=[replace_paths(job, str(job.claim / "imges"))])
    assert job.prepare(monkeypatch) == 1
    message = job.header().message
    assert message.startswith("spec.inputs[0].dataset: ")
    assert "imges (of the dataset digits:2) does not exist" in message


def test_once_planned_missing_paths_are_for_the_agents_to_find(job, monkeypatch):
    planned(job)
    (job.claim / "images").rmdir()
    assert job.prepare(monkeypatch) == 0
    assert job.header().phase is Phase.RUNNING


def test_once_planned_trouble_ends_the_pod_and_not_the_job(job, monkeypatch):
    planned(job)
    (job.code / "score.py").unlink()
    assert job.prepare(monkeypatch) == 1
    assert job.header().phase is Phase.RUNNING


def test_after_the_job_was_ended_for_its_paths_pods_say_why_and_make_nothing(job, monkeypatch):
    job.in_phase(phase=Phase.ABORTED, reason=conditions.INPUT_ERROR, message="spec.inputs[0]: gone")
    assert job.prepare(monkeypatch) == 1
    assert said(job) == "spec.inputs[0]: gone"
    assert not job.folder.exists()


# --- a volume that does not take it ---


def test_a_full_volume_ends_the_pod_and_not_the_job(job, monkeypatch):
    def full(*_) -> None:
        raise NoSpace("No space left for pvc://x", "Free some.")

    monkeypatch.setattr(job_folder, "make", full)
    assert job.prepare(monkeypatch) == 1
    assert "No space left" in said(job)
    assert job.header().phase is Phase.PLANNING


def test_a_volume_that_cannot_be_written_ends_the_job_and_names_the_folder(job, monkeypatch):
    (job.claim / "ns").write_text("a file in the way")
    assert job.prepare(monkeypatch) == 1
    assert job.header().reason == conditions.OUTPUT_FAILED
    assert "cannot be written" in job.header().message


# --- at any time, by many, and killed ---


def test_many_pods_at_once_make_one_copy(job, monkeypatch):
    """All of them hold their copy ready when the first puts its own in place."""
    pods, copies = 8, []
    together = threading.Barrier(pods)
    check = entry_script.check

    def check_together(*arguments) -> None:
        check(*arguments)
        together.wait(30)

    monkeypatch.setattr(entry_script, "check", check_together)
    job.folder.mkdir(parents=True)

    def one() -> None:
        copies.append(snapshot.take(job.code, job.folder, "score.py", "x"))

    threads = [threading.Thread(target=one) for _ in range(pods)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert copies == [job.folder / layout.SOURCE] * pods
    assert names(job.folder) == [f"{layout.SOURCE}/score.py"]
    assert os.listdir(job.folder) == [layout.SOURCE]


def test_a_pod_whose_copy_was_tidied_away_by_a_faster_one_takes_that_one_s(job, monkeypatch):
    check = entry_script.check
    (job.code / "helper.py").write_text("")
    job.folder.mkdir(parents=True)

    def faster_pod(*arguments) -> None:
        monkeypatch.setattr(entry_script, "check", check)
        snapshot.take(job.code, job.folder, "score.py", "x")

    monkeypatch.setattr(entry_script, "check", faster_pod)
    assert snapshot.take(job.code, job.folder, "score.py", "x") == job.folder / layout.SOURCE
    assert names(job.folder) == [f"{layout.SOURCE}/helper.py", f"{layout.SOURCE}/score.py"]


def test_a_pod_that_is_killed_at_any_time_is_followed_by_one_that_makes_it_whole(job, monkeypatch):
    for n in range(40):
        (job.code / f"module_{n:02d}.py").write_text("x = 1\n" * 1000)
    arguments = [str(job.code), str(job.folder), str(job.source)]
    program = (
        "import sys, pathlib\nfrom parallelrun_agent.pod import snapshot\n"
        "code, folder, source = map(pathlib.Path, sys.argv[1:])\nfolder.mkdir(parents=True, exist_ok=True)\n"
        "print('begin', flush=True)\nsnapshot.copy_to(snapshot.take(code, folder, 'score.py', 'x'), source)\n"
    )
    for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.04):
        with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"begin\n"
            time.sleep(delay)  # not a wait for anything: another moment to be killed in
            process.kill()
    assert job.prepare(monkeypatch) == 0
    for folder in (job.folder / layout.SOURCE, job.source):
        assert len(names(folder)) == 41
        assert all((folder / f"module_{n:02d}.py").stat().st_size == 6000 for n in range(40))
    assert not [name for name in os.listdir(job.folder) if name.startswith(".")]


# --- links that a script of the job left in its folder ---


@pytest.mark.parametrize("name", ["segments", "tries", "logs", "logs/sys", "outputs", "trained", layout.MODELS])
def test_a_link_in_the_job_s_folder_is_not_written_through(job, monkeypatch, name):
    """Whatever the pod would make there, nothing of it is made in the folder that the link leads to."""
    other, model = job.claim / "ns" / "other-0", job.claim / "mnist.pkl"
    other.mkdir(parents=True)
    model.write_text("weights")
    job.spec["models"] = [{"name": "mnist", "path": "mnist.pkl"}]
    job.set(models=[ModelSettings("mnist", str(model))], outputs={"o": "/parallelrun/job/trained/models"})
    assert job.prepare(monkeypatch) == 0
    shutil.rmtree(job.folder / name)
    (job.folder / name).symlink_to(other)
    planned(job)
    assert job.prepare(monkeypatch) == 1
    assert os.listdir(other) == []
    assert str(job.folder / name) in said(job).replace("pvc://", str(job.claim.parent) + "/")
    assert job.header().phase is Phase.RUNNING


def test_the_source_is_copied_where_no_script_can_put_links(job, monkeypatch):
    seen = []
    fill = snapshot._fill
    monkeypatch.setattr(snapshot, "_fill", lambda target, *rest: seen.append(target) or fill(target, *rest))
    assert job.prepare(monkeypatch) == 0
    assert [path.parent for path in seen] == [job.folder.parent]
    assert os.listdir(job.folder.parent) == [job.folder.name]
