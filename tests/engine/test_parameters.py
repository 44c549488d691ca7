"""Every parameter of a job does what it says, when things go well and when they do not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from engine_harness import RunFolder, Site

pytestmark = pytest.mark.engine

#: Fails for 3.txt and 5.txt; two files a mini-batch make (2, 3) and (4, 5) fail.
RAISES = """\
    def run(mini_batch):
        names = [os.path.basename(path) for path in mini_batch]
        say("run", *names)
        if "3.txt" in names or "5.txt" in names:
            raise ValueError(f"no result for {names}")
        return names
"""


def test_items_above_the_error_threshold_abort_the_job_and_the_threshold_itself_does_not(site: Site) -> None:
    site.files(8)
    site.script(RAISES)
    run = site.run(output="tolerated", miniBatchSize=2, errorThreshold=4)
    assert run.lines() == ["0.txt", "1.txt", "6.txt", "7.txt"]
    assert run.counts() == {"total": 4, "completed": 4, "failed": 2, "retried": 0, "items_failed": 4}
    run, said = site.failing(miniBatchSize=2, errorThreshold=3, output="exceeded")
    assert run.result()["reason"] == "ErrorThresholdExceeded"
    assert "4 items failed, more than errorThreshold: 3" in said
    assert not (run.folder / "_SUCCESS").exists()
    assert not (run.folder / "parallel_run_step.txt").exists()


def test_the_first_failure_is_shown_with_the_users_traceback_and_files_and_all_of_it_is_on_record(site: Site) -> None:
    site.files(8)
    site.script(RAISES)
    run, said = site.failing(miniBatchSize=2)
    assert "ValueError: no result for ['2.txt', '3.txt']" in said
    assert f'File "{run.folder}/source/score.py"' in said
    assert f"{site.folder}/in/3.txt" in said
    assert "parallelrun/" not in said.replace("parallelrun rerun", ""), "no frame of ours"
    error = run.result()["firstErrors"][0]
    assert (error["miniBatch"], error["kind"], error["tries"]) == (1, "raised", 1)
    assert error["files"] == [f"{site.folder}/in/{n}.txt" for n in (2, 3)]
    assert "ValueError: no result for" in run.log("user/error/node000/process000.txt")
    failed = next(line for line in run.mini_batches() if line["mini-batch"] == "1")
    assert (failed["status"], failed["items"], failed["error"]) == (
        "failed", "2", "ValueError: no result for ['2.txt', '3.txt']"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"miniBatchErrorThreshold": 1}, "MiniBatchErrorThresholdExceeded"),
        ({"allowedFailedPercent": 49}, "AllowedFailedPercentExceeded"),
        ({"miniBatchErrorThreshold": 2, "allowedFailedPercent": 50}, ""),
    ],
    ids=["mini-batches", "percent", "just-tolerated"],
)
def test_failed_mini_batches_are_counted_and_shared_out_of_all(site: Site, limits: dict[str, Any], reason: str) -> None:
    site.files(8)
    site.script(RAISES)
    finished = site.command("run", site.manifest(miniBatchSize=2, errorThreshold=-1, **limits), "--output", "out")
    run = RunFolder(site.folder / "out")
    assert finished.status == (1 if reason else 0), finished.text
    assert run.result()["reason"] == reason
    assert run.result()["phase"] == ("Aborted" if reason else "Done")


def test_a_mini_batch_is_tried_as_often_as_the_job_says(site: Site) -> None:
    """By raising, by dying and by taking too long; what succeeds at the last try has not failed."""
    site.files(8)
    site.script("""\
        import signal, time

        def run(mini_batch):
            name = os.path.basename(mini_batch[0])
            say("run", name)
            tries = sum(f'"{name}"' in line for line in open(os.environ["SAID"]))
            if name == "0.txt" or (name == "1.txt" and tries < 3):
                raise RuntimeError(f"try {tries}")
            if name == "2.txt" or (name == "3.txt" and tries < 3):
                os.kill(os.getpid(), signal.SIGSEGV)
            if name == "4.txt" or (name == "5.txt" and tries < 2):
                time.sleep(100)
            if name == "6.txt":
                os._exit(3)
            return [f"{name} {tries}"]
    """)
    run = site.run(
        runMaxTry=3, errorThreshold=4, runInvocationTimeoutSeconds=2, processCountPerNode=8, loggingLevel="WARNING"
    )
    tries = Counter(name for _, _, name in site.said("run"))
    assert tries == {"0.txt": 3, "1.txt": 3, "2.txt": 3, "3.txt": 3, "4.txt": 3, "5.txt": 2, "6.txt": 3, "7.txt": 1}
    assert run.lines() == ["1.txt 3", "3.txt 3", "5.txt 2", "7.txt 1"]
    assert run.counts() == {"total": 8, "completed": 8, "failed": 4, "retried": 7, "items_failed": 4}
    errors = {line["mini-batch"]: line["error"] for line in run.mini_batches() if line["status"] == "failed"}
    assert errors == {
        "0": "RuntimeError: try 3",
        "2": "the worker process died with signal 11 (SIGSEGV)",
        "4": "run took longer than runInvocationTimeoutSeconds (2 s)",
        "6": "the worker process died with exit code 3",
    }
    assert [line["tries"] for line in run.mini_batches()] == ["3", "3", "3", "3", "3", "2", "3", "1"]
    kinds = {error["miniBatch"]: error["kind"] for error in run.result()["firstErrors"]}
    assert kinds == {0: "raised", 2: "died", 4: "timeout", 6: "died"}


@pytest.mark.parametrize(("level", "captured"), [("WARNING", "W"), ("DEBUG", "DIW")])
def test_log_records_are_captured_from_the_logging_level_on(site: Site, level: str, captured: str) -> None:
    site.files(1)
    site.script("""\
        import logging

        def run(mini_batch):
            for name in ("azureml", "any.other", None):
                logging.getLogger(name).debug("said D")
                logging.getLogger(name).info("said I")
                logging.getLogger(name).warning("said W")
            return mini_batch
    """)
    log = site.run(loggingLevel=level).log("user/entry_script_log/node000/process000.log.txt")
    assert [line[-1] for line in log.splitlines() if "said" in line] == list(captured) * 3


def test_init_that_raises_fails_the_job_after_three_starts_of_each_process(site: Site) -> None:
    site.files(5)
    site.script("""\
        def init():
            say("init")
            open("no-such-model.bin")

        def run(mini_batch):
            say("run")
            return mini_batch
    """)
    run, said = site.failing(processCountPerNode=2)
    assert 6 <= len(site.said("init")) <= 8, "3 x processes, and one more of each may have been on its way"
    assert not site.said("run")
    assert run.result()["reason"] == "InitFailed"
    assert "FileNotFoundError: [Errno 2] No such file or directory: 'no-such-model.bin'" in said
    assert 'score.py", line' in said
    assert "parallelrun_worker" not in said


def test_init_that_raises_only_at_first_does_no_harm(site: Site) -> None:
    site.files(3)
    site.script("""\
        def init():
            say("init")
            if len(open(os.environ["SAID"]).readlines()) < 3:
                raise ConnectionError("not yet")

        def run(mini_batch):
            return [os.path.basename(mini_batch[0])]
    """)
    assert site.run().lines() == ["0.txt", "1.txt", "2.txt"]
    assert len(site.said("init")) == 3


def test_wrong_values_fail_their_mini_batch_and_say_what_run_must_return(site: Site) -> None:
    site.files(6)
    site.script("""\
        VALUES = {"0": None, "1": {"a": 1}, "2": "text", "3": 7, "4": (n for n in "ab"), "5": ("a tuple",)}

        def run(mini_batch):
            return VALUES[os.path.basename(mini_batch[0])[0]]
    """)
    run = site.run(errorThreshold=5)
    errors = [line["error"] for line in run.mini_batches() if line["status"] == "failed"]
    assert len(errors) == 5
    for error, kind in zip(errors, ("None", "dict", "str", "int", "generator"), strict=True):
        assert error.startswith("run must return a list, tuple, array or DataFrame, got")
        assert kind in error
    assert run.lines() == ["a tuple"]


def test_short_returns_are_failed_items_of_mini_batches_that_succeed(site: Site) -> None:
    """The missing are counted and not tried again; more elements than items are noted, once."""
    site.files(12)
    site.script("""\
        def run(mini_batch):
            names = [os.path.basename(path) for path in mini_batch]
            say("run", *names)
            return {"0.txt": names[:1], "3.txt": [], "6.txt": names + ["more"], "9.txt": names + ["more"]}[names[0]]
    """)
    run = site.run(miniBatchSize=3, runMaxTry=3, errorThreshold=5)
    assert len(site.said("run")) == 4
    assert run.counts() == {"total": 4, "completed": 4, "failed": 0, "retried": 0, "items_failed": 5}
    assert run.lines() == ["0.txt", "6.txt", "7.txt", "8.txt", "more", "9.txt", "10.txt", "11.txt", "more"]
    assert {line["status"] for line in run.mini_batches()} == {"succeeded"}
    notes = run.log("sys/node000.log")
    assert notes.count("returned 4 elements for 3 items") == 1
    run, said = site.failing(miniBatchSize=3, errorThreshold=4, output="exceeded")
    assert "5 items failed, more than errorThreshold: 4" in said


def test_an_empty_input_is_refused_unless_it_may_be_empty(site: Site) -> None:
    site.script("def run(mini_batch):\n    say('run')\n    return mini_batch\n")
    inputs = [{"name": "files", "type": "File", "paths": ["in/*.png"]}]
    _, said = site.failing(status=2, inputs=inputs)
    assert "in/*.png" in said
    assert "allowEmpty" in said
    run = site.run(output="empty", inputs=[{**inputs[0], "allowEmpty": True}])
    assert run.output() == ""
    assert run.counts() == {"total": 0, "completed": 0, "failed": 0, "retried": 0, "items_failed": 0}
    assert not site.said("run")


def test_the_output_is_the_same_bytes_in_input_order_whoever_ran_what(site: Site) -> None:
    site.files(60)
    site.script("""\
        import time

        def run(mini_batch):
            say("run", os.environ["PARALLELRUN_NODE"], os.environ["PARALLELRUN_PROCESS"])
            while len({line.split(",", 1)[1] for line in open(os.environ["SAID"])}) < int(os.environ["WORKERS"]):
                time.sleep(0.005)  # nobody finishes before everybody has begun
            return [f"{os.path.basename(path)} {open(path).read()}" for path in mini_batch]
    """)
    site.environment["WORKERS"] = "1"
    alone = site.run(output="alone")
    assert alone.lines() == [f"{n}.txt {n}" for n in range(60)]
    site.forget()
    site.environment["WORKERS"] = "6"
    together = site.run(output="together", nodeCount=3, processCountPerNode=2)
    assert together.output() == alone.output()
    assert len(together.result()["processes"]) == 6
    assert sorted(together.result()["nodes"]) == ["node000", "node001", "node002"]
    assert together.result()["output"]["sha256"] == alone.result()["output"]["sha256"]


def test_tables_are_cut_by_bytes_at_row_ends_and_all_rows_come_once_in_order(site: Site) -> None:
    rows = [f"row-{n:03},value-{n:03}" for n in range(400)]
    site.write("in/a.csv", "name,value\n" + "\n".join(rows[:300]) + "\n")
    site.write("in/b.csv", "name,value\n" + "\n".join(rows[300:]) + "\n")
    site.script("""\
        def run(frame, context):
            say("rows", len(frame), context.dataset)
            return frame
    """)
    table = {"name": "t", "type": "Tabular", "paths": ["in/*.csv"]}
    run = site.run(inputs=[table], miniBatchSize="1KB", processCountPerNode=2)
    assert run.lines() == [row.replace(",", " ") for row in rows]
    sizes = [rows for _, _, rows, _ in site.said("rows")]
    assert len(sizes) == run.counts()["total"] == 8
    assert max(sizes) * len(f"{rows[0]}\n") <= 1024 + len(rows[0]), "a row more than the size at most"
    assert all(len(files) == 1 for *_, files in site.said("rows")), "never across files"


def test_several_inputs_follow_each_other_as_listed(site: Site) -> None:
    for name in ("z/2.txt", "z/10.txt", "a/1.txt"):
        site.write(name, name)
    site.script("""\
        def run(mini_batch):
            return ["+".join(os.path.basename(path) for path in mini_batch)] * len(mini_batch)
    """)
    run = site.run(
        inputs=[
            {"name": "later", "type": "File", "paths": ["z"]},
            {"name": "earlier", "type": "File", "paths": ["a/*.txt"]},
        ],
        miniBatchSize=2,
    )
    assert run.lines() == ["2.txt+10.txt", "2.txt+10.txt", "1.txt"]


def test_an_output_folder_of_choice_has_its_owner_and_is_not_another_jobs(site: Site) -> None:
    site.files(2)
    site.script("def run(mini_batch):\n    return [os.path.basename(mini_batch[0])]\n")
    output = {"path": "results", "appendRowFileName": "names.txt", "keepSegments": False}
    run = site.run(output="first")
    results = site.folder / "results"
    finished = site.command("run", site.manifest(output=output), "--output", "second")
    assert finished.status == 0, finished.text
    assert (results / "names.txt").read_text() == "0.txt\n1.txt\n"
    assert (results / "_OWNER").read_text() == "default/job\n"
    assert (results / "_SUCCESS").exists()
    second = RunFolder(site.folder / "second")
    assert second.result()["output"]["path"] == str(results / "names.txt")
    assert not list((second.folder / "segments").glob("*")), "keepSegments: false"
    assert list((run.folder / "segments").glob("*.dat"))
    site.files(3)
    assert site.command("run", site.manifest(output=output), "--output", "third").status == 0
    assert (results / "names.txt").read_text() == "0.txt\n1.txt\n2.txt\n", "its own job replaces it"
    refused = site.command("run", site.manifest(name="other", output=output), "--output", "fourth")
    assert refused.status == 2, refused.text
    assert "spec.output.path" in refused.stderr
    assert "default/job" in refused.stderr
    assert (results / "_SUCCESS").exists()


def test_summary_only_writes_no_output_file_and_contents_do_not_matter(site: Site) -> None:
    """What is returned is counted, whatever it is made of."""
    site.files(4)
    site.script("""\
        def run(mini_batch):
            with open(os.path.join(os.environ["AZUREML_BI_OUTPUT_PATH"], os.path.basename(mini_batch[0])), "w") as own:
                own.write("mine")
            return [object()] * len(mini_batch)
    """)
    finished = site.command("run", site.manifest(miniBatchSize=2, output={"action": "SummaryOnly"}), "--output", "out")
    assert finished.status == 0, finished.text
    run = RunFolder(site.folder / "out")
    assert not (run.folder / "parallel_run_step.txt").exists()
    assert (run.folder / "_SUCCESS").exists()
    assert run.result()["items"] == {"total": 4, "succeeded": 4, "failed": 0}
    assert sorted(path.name for path in Path(run.folder / "outputs").iterdir()) == ["0.txt", "2.txt"]


def test_a_job_that_gets_nowhere_is_given_up_and_can_be_resumed(site: Site) -> None:
    site.files(3)
    site.script("""\
        import time

        def run(mini_batch):
            name = os.path.basename(mini_batch[0])
            say("run", name)
            while name == "1.txt" and not os.path.exists(os.environ["SAID"] + ".go"):
                time.sleep(0.01)
            return [name]
    """)
    spec: dict[str, Any] = {"advanced": {"progressUpdateTimeoutSeconds": 4}}
    run, said = site.failing(**spec)
    assert run.result()["reason"] == "NoProgress"
    assert "spec.advanced.progressUpdateTimeoutSeconds (4 s)" in said
    assert run.counts()["failed"] == 0
    (site.folder / "said.jsonl.go").touch()
    resumed = site.command("run", "job.yaml", "--output", "out", "--resume")
    assert resumed.status == 0, resumed.text
    assert run.lines() == ["0.txt", "1.txt", "2.txt"]
    assert [name for _, _, name in site.said("run")].count("0.txt") == 1


def test_resources_are_sampled_and_processes_profiled_where_asked_for(site: Site) -> None:
    """One sample at the start of each process's life at least; the profile names the script's function."""
    import csv
    import pstats

    site.files(2)
    site.script("""\
        import time

        def run(mini_batch):
            deadline = time.monotonic() + 30
            perf = os.path.join(os.environ["AZUREML_BI_OUTPUT_PATH"], "..", "logs", "perf", "node000.csv")
            while time.monotonic() < deadline:
                if os.path.exists(perf) and ",process000," in open(perf).read():
                    return mini_batch
                time.sleep(0.02)
            raise TimeoutError("no sample was taken")
    """)
    run = site.run(advanced={"resourceMonitorIntervalSeconds": 1, "profilingModule": "cProfile"})
    samples = list(csv.DictReader(run.log("perf/node000.csv").splitlines()))
    assert {"agent", "process000"} <= {sample["process"] for sample in samples}
    assert all(int(sample["rss_bytes"]) > 1_000_000 for sample in samples)
    (profile,) = (run.folder / "logs" / "perf" / "profiles").rglob("*.cProfile")
    assert any(name == "run" for _, _, name in pstats.Stats(str(profile)).stats)  # type: ignore[attr-defined]
