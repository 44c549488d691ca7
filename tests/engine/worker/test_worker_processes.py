"""Real hosts and processes, driven by a fake agent."""

import os
import pstats
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from parallelrun_worker import segment, wire

pytestmark = pytest.mark.engine

ECHO = """
    def run(mini_batch):
        return [path.upper() for path in mini_batch]
"""


def test_results_are_in_the_segment_before_they_are_reported(agent):
    a = agent(ECHO)
    who = a.spawn()
    a.run(who, (3, ["a", "b"]), (5, ["c"]))
    (message,) = a.said(who, "done")
    assert message[1] == 2
    assert message[3] == [[3, 2, 2, ""], [5, 1, 1, ""]]
    assert [(r["mini_batch"], r["epoch"], r["items"], r["rows"], r["status"]) for r in a.records(who)] == [
        (3, 7, 2, 2, segment.SUCCEEDED),
        (5, 7, 1, 1, segment.SUCCEEDED),
    ]
    assert a.payload(who, 3) == b"A\nB\n"
    assert a.end(who) == 0


def test_what_run_raises_is_the_users_traceback_without_our_frames(agent):
    a = agent("""
        def run(mini_batch):
            if mini_batch == ["bad"]:
                raise ValueError("no good")
            return mini_batch
    """)
    who = a.spawn()
    a.run(who, (0, ["x"]), (1, ["bad"]), (2, ["y"]))
    text = a.failed(who)[1][4]
    assert text.startswith("Traceback (most recent call last):\n  File ")
    assert text.endswith("ValueError: no good")
    assert "parallelrun_worker" not in text
    assert 'score.py", line 4, in run' in text
    assert sorted(a.done(who)) == [0, 2]
    kinds = [m[0] for w, m in a.messages if w == who]
    assert kinds == ["hello", "ready", "done", "failed", "done"], "order within a process is the order of the group"


def test_sys_exit_in_run_fails_the_mini_batch_only(agent):
    a = agent("import sys\ndef run(b):\n    sys.exit('stop here') if b == ['x'] else None\n    return b")
    who = a.spawn()
    a.run(who, (0, ["x"]), (1, ["y"]))
    assert "SystemExit: stop here" in a.failed(who)[0][4]
    assert 1 in a.done(who)


@pytest.mark.parametrize(
    ("death", "status"),
    [("os._exit(9)", 9), ("os.kill(os.getpid(), 11)", -11), ("ctypes.string_at(0)", -11), ("os.abort()", -6)],
)
def test_a_death_in_run_leaves_the_slot_and_what_was_reported(agent, death, status):
    a = agent(f"import os, ctypes\ndef run(b):\n    if b == ['x']:\n        {death}\n    return b")
    who = a.spawn()
    a.run(who, (0, ["y"]))
    a.run(who, (4, ["x"]), wait=False)
    assert a.exited(who) == status
    assert a.sealed(who) == 1
    state, try_number, mini_batch, started, items, epoch = a.slot()
    assert (state, try_number, mini_batch, items, epoch) == (wire.RUNNING, 1, 4, 1, 7)
    assert started > 0
    again = a.spawn(0, 2)
    assert a.slot()[0] == wire.IDLE, "a new incarnation starts with a clear slot"
    a.run(again, (4, ["fine"]))
    assert a.payload(again, 4) == b"fine\n"


def test_killing_a_process_kills_what_it_started(agent, make_agent):
    a = agent("""
        import subprocess, time
        def run(b):
            child = subprocess.Popen(["sleep", "1000"])
            print(child.pid, flush=True)
            time.sleep(1000)
    """)
    who = a.spawn()
    a.run(who, (0, ["x"]), wait=False)
    child = int(a.wait(lambda: a.stdout().strip(), "grandchild"))
    a.tell("host", ["kill", *who])
    assert a.exited(who) == -signal.SIGKILL
    make_agent.wait_gone(child)
    assert a.slot()[0] == wire.RUNNING


def test_a_process_that_leaves_takes_its_children_along(agent, make_agent):
    a = agent("""
        import subprocess, os
        def run(b):
            print(subprocess.Popen(["sleep", "1000"]).pid, flush=True)
            os._exit(3)
    """)
    who = a.spawn()
    a.run(who, (0, ["x"]), wait=False)
    assert a.exited(who) == 3
    make_agent.wait_gone(int(a.stdout()))


SLEEPER = """
    import subprocess, time
    def run(b):
        print(subprocess.Popen(["sleep", "1000"]).pid, flush=True)
        time.sleep(1000)
"""


@pytest.mark.parametrize("end", ["close", "sigkill"])
def test_no_process_outlives_its_host(agent, make_agent, end):
    """Neither the processes nor what they started, whether the agent went or the host was killed with -9."""
    a = agent(SLEEPER)
    who = a.spawn()
    a.run(who, (0, ["x"]), wait=False)
    grandchild = int(a.wait(lambda: a.stdout().strip(), "grandchild"))
    pid = a.pid(who)
    if end == "close":
        a.close()
    else:
        a.host.send_signal(signal.SIGKILL)
    make_agent.wait_gone(pid)
    make_agent.wait_gone(grandchild)


def test_an_idle_process_leaves_when_its_socket_closes(agent):
    a = agent(ECHO)
    who = a.spawn()
    a.sockets[who].shutdown(2)
    assert a.exited(who) == wire.AGENT_GONE


def test_what_is_finished_is_reported_while_the_next_one_runs(agent):
    a = agent("""
        import time
        def run(b):
            if b == ["long"]:
                time.sleep(1000)
            return b
    """)
    who = a.spawn()
    a.run(who, (0, ["short"]), (1, ["long"]), wait=False)
    a.wait(lambda: 0 in a.done(who), "report of the finished mini-batch")
    assert a.slot()[2] == 1
    a.tell("host", ["kill", *who])
    a.exited(who)
    assert a.sealed(who) == 1


def test_seal_reports_how_many_records_are_durable(agent):
    a = agent(ECHO)
    who = a.spawn()
    a.run(who, (0, ["a"]), (1, ["b"]))
    assert a.sealed(who) == 0
    a.tell("host", ["seal"])
    a.wait(lambda: a.sealed(who) == 2, "seal")


def test_segments_are_sealed_every_seal_seconds(make_agent):
    a = make_agent(ECHO, seal_seconds=0.05).start()
    who = a.spawn()
    a.run(who, (0, ["a"]))
    a.wait(lambda: a.sealed(who) == 1, "seal")


def test_stop_kills_what_is_left_and_leaves(agent):
    a = agent(SLEEPER)
    who = a.spawn()
    a.run(who, (0, ["x"]), wait=False)
    a.wait(lambda: a.slot()[0] == wire.RUNNING, "run")
    a.tell("host", ["stop"])
    assert a.exited(who) == -signal.SIGKILL
    assert a.host.wait(10) == 0


def test_prints_go_to_the_process_files_and_log_records_to_the_log(agent):
    a = agent("""
        import logging, sys
        logging.basicConfig(level=logging.DEBUG)
        logging.getLogger("azureml").info("at import")
        def run(b):
            print("to stdout \\u00e9")
            print("to stderr", file=sys.stderr)
            logging.warning("careful")
            logging.debug("too much")
            logging.getLogger("mine").error("bad")
            return b
    """)
    who = a.spawn()
    a.run(who, (0, ["x"]))
    assert a.stdout() == "to stdout é\n"
    assert a.stderr() == "to stderr\n", "log records are not printed as well"
    lines = [line.split("|") for line in a.log().splitlines()]
    assert [(line[1], line[2], line[4]) for line in lines] == [
        ("INFO", "azureml", "at import"),
        ("WARNING", "root", "careful"),
        ("ERROR", "mine", "bad"),
    ]


@pytest.mark.parametrize(
    ("script", "wanted", "began"),
    [
        ("def init():\n    raise KeyError('labels')\ndef run(b): return b", "KeyError: 'labels'", True),
        ("def run(b)\n    return b", "SyntaxError", False),
        ("import no_such_module\ndef run(b): return b", "ModuleNotFoundError: No module named 'no_such_module'", False),
        ("def score(b): return b", "has no function run(mini_batch)", False),
        ("run = 3", "run is a value of type int, not a function", False),
        ("def run(a, b, c): return a", "run is called as run(mini_batch)", False),
        ("import sys\ndef init(): sys.exit(4)\ndef run(b): return b", "SystemExit: 4", True),
    ],
)
def test_a_script_that_cannot_start_says_why_and_whether_init_was_called(agent, script, wanted, began):
    a = agent(script)
    who = a.spawn(ready=False)
    assert a.exited(who) == wire.INIT_FAILED
    ((_, text, called),) = a.wait(lambda: a.said(who, "init-failed"), "init-failed")
    assert wanted in text
    assert called is began
    assert "parallelrun_worker" not in text
    assert wanted in a.stderr()


def test_a_process_leaves_though_a_thread_of_the_script_does_not_end(agent):
    a = agent("""
        import atexit, threading, time
        def init():
            threading.Thread(target=time.sleep, args=(1000,), name="uploader").start()
            atexit.register(print, "at exit")
        def run(b):
            return b
    """)
    who = a.spawn()
    a.tell(who, ["end"])
    assert a.exited(who) == 0
    assert "uploader" in a.stderr()
    assert a.stdout() == "at exit\n"


def test_the_script_finds_what_azure_gives_it(make_agent):
    """Arguments, its own path, its siblings, its folder as working directory, its module for pickling, no __main__."""
    a = make_agent(
        """
        import os, pickle, sys
        import sibling
        class Thing:
            pass
        def init():
            global seen
            seen = [sys.argv, __file__, os.getcwd(), open("data.txt").read(), sibling.NAME,
                    type(pickle.loads(pickle.dumps(Thing()))) is Thing, os.environ["AZUREML_MODEL_DIR"],
                    os.environ["AZUREML_RUN_ID"], os.environ["AZ_BATCH_NODE_ID"], os.environ["CUDA_VISIBLE_DEVICES"],
                    os.environ["PARALLELRUN_PROCESS"], os.environ["MINE"], __name__]
        def run(b):
            return seen
        if __name__ == "__main__":
            raise SystemExit("must not run")
        """,
        arguments=["--model", "two words"],
        model_dir="/models",
        environment={"MINE": "1"},
    )
    (a.source / "sibling.py").write_text("NAME = 'sib'")
    (a.source / "data.txt").write_text("data")
    who = a.start().spawn(env={"CUDA_VISIBLE_DEVICES": "2"})
    a.run(who, (0, ["x"]))
    lines = a.payload(who, 0).decode().splitlines()
    assert lines == [
        str([str(a.script), "--model", "two words"]), str(a.script), str(a.source), "data", "sib", "True", "/models",
        "run-1", "node000", "2", "0", "1", "score",
    ]  # fmt: skip


def test_our_modules_do_not_shadow_the_users(make_agent):
    a = make_agent("import text, results\ndef run(b): return [text.NAME, results.NAME]")
    (a.source / "text.py").write_text("NAME = 'their text'")
    (a.source / "results.py").write_text("NAME = 'their results'")
    who = a.start().spawn()
    a.run(who, (0, ["x"]))
    assert a.payload(who, 0) == b"their text\ntheir results\n"


def test_a_run_of_two_parameters_gets_the_context(agent):
    a = agent("""
        def run(batch, context):
            print(context)
            return [context.partition_key_value, context.mini_batch_id, context.minibatch_index, context.dataset]
    """)
    who = a.spawn()
    a.run(who, (17, ["f", ["a.csv"], {"Store": "1001"}]))
    assert a.payload(who, 17) == b"{'Store': '1001'}\n17\n17\n['a.csv']\n"
    assert "minibatch_index=17" in a.stdout()


def test_shutdown_is_called_once_and_what_it_raises_changes_nothing(agent):
    a = agent("""
        def run(b): return b
        def shutdown():
            print("bye")
            raise RuntimeError("too late")
    """)
    who = a.spawn()
    a.run(who, (0, ["x"]))
    assert a.end(who) == 0
    assert a.stdout() == "bye\n"
    assert "RuntimeError: too late" in a.stderr()
    assert "shutdown() raised" in a.stderr()


def test_a_full_disk_is_said_and_nothing_half_written_is_reported(agent):
    """A file size limit stands for the full disk: both fail the write in the middle."""
    a = agent("""
        import resource, signal
        def init():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        def run(b): return ["x" * int(b[0])]
    """)
    who = a.spawn()
    a.run(who, (0, ["1000"]))
    a.run(who, (1, ["1000000"]), wait=False)
    assert a.exited(who) == wire.SEGMENT_FAILED
    ((_, text),) = a.wait(lambda: a.said(who, "segment-error"), "segment-error")
    assert "cannot write results to" in text
    assert "File too large" in text
    assert sorted(a.done(who)) == [0]
    assert a.sealed(who) == 1
    assert len(a.records(who)) == 1


def test_a_segment_that_cannot_be_made_is_said_before_any_work(make_agent):
    a = make_agent(ECHO, segments="/nowhere/segments").start()
    who = a.spawn(ready=False)
    assert a.exited(who) == wire.SEGMENT_FAILED
    assert "cannot write results to /nowhere" in a.wait(lambda: a.said(who, "segment-error"), "segment-error")[0][1]


def test_an_interpreter_that_is_not_there_is_a_host_error(make_agent):
    a = make_agent(ECHO, python="/no/such/python").start()
    who = a.spawn(ready=False)
    assert a.exited(who) == wire.SEGMENT_FAILED
    assert "/no/such/python" in a.said("host", "host-error")[0][1]


def test_a_host_waits_for_its_agent(make_agent):
    a = make_agent(ECHO)
    a.start_host()
    a.write_config()
    a.listen()
    a.wait(lambda: a.said("host", "hello"), "hello")


def test_signals_for_people_do_not_stop_host_or_process(agent):
    a = agent(ECHO)
    who = a.spawn()
    for number in (signal.SIGINT, signal.SIGTERM):
        a.host.send_signal(number)
    os.kill(a.pid(who), signal.SIGINT)
    a.run(who, (0, ["x"]))
    assert a.host.poll() is None


def test_processes_run_side_by_side(agent):
    a = agent("import os\ndef run(b): return [os.environ['PARALLELRUN_PROCESS']]")
    workers = [a.spawn(process) for process in (0, 1, 2)]
    for index, who in enumerate(workers):
        a.run(who, (index, ["x"]))
        assert a.payload(who, index) == b"%d\n" % who[0]


def test_a_model_that_the_job_does_not_list_is_asked_for(agent):
    a = agent("""
        from azureml.core.model import Model
        def init():
            global path
            path = Model.get_model_path("found", version=2)
        def run(b):
            Model.get_model_path("lost")
    """)
    a.model_answers["found"] = ["/registered/found/2", "2"]
    who = a.spawn()
    a.run(who, (0, ["x"]))
    assert [m[2:] for m in a.said(who, "ask")] == [["model", ["found", "2"]], ["model", ["lost", None]]]
    assert "no such model" in a.failed(who)[0][4]


def test_a_profile_is_left_where_the_job_asks_for_it(make_agent):
    a = make_agent(ECHO, profiling="cProfile").start()
    who = a.spawn()
    a.run(who, (0, ["x"]))
    assert a.end(who) == 0
    stats = pstats.Stats(f"{a.folder}/profile/process000-1.cProfile")
    assert any(name == "run" and path.endswith("score.py") for path, _, name in stats.stats)


TABLE = {
    "format": "csv", "separator": ",", "header": True, "encoding": "utf-8", "support_multi_line": False,
    "names": ["i", "s"], "columns": {"i": "int64", "s": "object"}, "path_columns": {}, "keep": None,
    "include_path_column": False,
}  # fmt: skip


def test_a_table_is_read_run_and_written(make_agent):
    a = make_agent(
        "def run(frame):\n    frame['twice'] = frame['i'] * 2\n    return frame",
        input={"kind": "table", "mode": "Mount", "table": TABLE},
    )
    (a.source / "in.csv").write_text("i,s\n1,a b\n2,\nx,z\n")
    who = a.start().spawn()
    path = str(a.source / "in.csv")
    a.run(who, (0, ["t", [[path, 4, 13, 0]], {}, {}]), (1, ["t", [[path, 13, 17, 0]], {}, {}]))
    assert a.payload(who, 0) == b'1 "a b" 2\n2  4\n'
    text = a.failed(who)[1][4]
    assert text.startswith("column 'i' is int64, fixed for the whole input, but has 'x' in ")
    assert text.endswith("in.csv, line 4; correct the row, or declare the column as it is: "
                         "table: {columns: {i: object}} (mini-batch 1)")  # fmt: skip


def test_a_package_that_the_image_lacks_is_named_at_start(make_agent):
    """``python -S`` has no site-packages, and so no pandas."""
    a = make_agent(ECHO, input={"kind": "table", "mode": "Mount", "table": TABLE})
    bare = a.folder / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    a.config["python"] = str(bare)
    who = a.start().spawn(ready=False)
    assert a.exited(who) == wire.INIT_FAILED
    text = a.wait(lambda: a.said(who, "init-failed"), "init-failed")[0][1]
    assert text.startswith("Tabular input needs pandas and pyarrow, which ")
    assert text.endswith("add to environment.pip: ['pandas', 'pyarrow']")


def test_a_schema_that_cannot_be_written_charges_no_mini_batch(make_agent):
    a = make_agent(ECHO)
    a.config["output"].update(format="CSV", schema="/nowhere/schema.json")
    who = a.start().spawn()
    a.run(who, (0, ["x"]), wait=False)
    assert a.exited(who) == wire.SEGMENT_FAILED
    assert "schema.json" in a.wait(lambda: a.said(who, "segment-error"), "segment-error")[0][1]
    assert not a.failed(who)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, where this user may mount one."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("no right to mount a tmpfs; the file size limit above stands for the full disk")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_full_disk_loses_nothing_and_the_next_incarnation_goes_on(make_agent, small_disk):
    a = make_agent("def run(b): return ['x' * int(b[0])]", segments=str(small_disk)).start()
    who = a.spawn()
    a.run(who, (0, ["1000"]))
    a.run(who, (1, ["200000"]), wait=False)
    assert a.exited(who) == wire.SEGMENT_FAILED
    assert "No space left on device" in a.wait(lambda: a.said(who, "segment-error"), "segment-error")[0][1]
    assert a.sealed(who) == 1
    assert sorted(a.done(who)) == [0]
    data = Path(f"{small_disk}/0-holder-uid-0-1.dat")
    assert data.read_bytes()[:1001] == b"x" * 1000 + b"\n"
    os.truncate(data, 1001)  # somebody makes room
    again = a.spawn(0, 2)
    a.run(again, (1, ["2000"]))
    assert 1 in a.done(again)
