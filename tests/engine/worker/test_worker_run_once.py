"""A program that is run once, as a real worker process runs it: how it ends, and what it finds."""

import pytest

pytestmark = pytest.mark.engine

#: What the scripts write to is beside the source folder.
HEAD = """
    import sys
    from pathlib import Path

    FOLDER = Path(sys.argv[1])
"""


@pytest.fixture
def once(agent, tmp_path):
    """Runs a program to its end; (the fake agent, why it failed or "")."""

    def once(script: str, **config):
        a = agent(HEAD + script, run_once=True, arguments=[str(tmp_path), "--more"], **config)
        who = a.spawn()
        a.run(who, (0, ["score.py"]))
        return a, (a.failed(who)[0][4] if a.failed(who) else "")

    return once


def test_a_program_is_main_with_its_arguments_and_what_lies_beside_it(once, tmp_path):
    a, failed = once("""
    import __main__

    assert __name__ == "__main__"
    assert __main__.FOLDER is FOLDER and __spec__ is None
    assert Path(__file__).name == "score.py" and sys.argv == [__file__, str(FOLDER), "--more"]
    assert sys.path[0] == str(Path(__file__).parent) == str(Path.cwd())
    from azureml.core import Run
    print(Run.get_context().experiment.name)
    """)
    assert failed == ""
    assert a.done((0, 1))[0] == [0, 1, 1, ""]
    assert a.stdout() == "flowers\n"
    assert a.end((0, 1)) == 0


def test_what_a_program_leaves_to_its_end_is_there_before_it_counts_as_finished(once, tmp_path):
    """Threads that outlive the script come first, then what is registered with atexit, as under Python itself."""
    _, failed = once("""
    import atexit, threading, time

    def thread():
        time.sleep(0.2)  # not a wait for anything: the script is over by then
        (FOLDER / "thread").write_text("")

    atexit.register(lambda: (FOLDER / "atexit").write_text(str((FOLDER / "thread").exists())))
    threading.Thread(target=thread).start()
    """)
    assert failed == ""
    assert (tmp_path / "atexit").read_text() == "True"


@pytest.mark.parametrize("end", ["sys.exit()", "sys.exit(0)", "raise SystemExit", "__import__('os')._exit(0)"])
def test_a_program_that_ends_with_0_succeeds(once, end):
    assert once(f"    {end}")[1] == ""


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("sys.exit(3)", "exit status 3"),
        ("__import__('os')._exit(4)", "exit status 4"),
        ("sys.exit('no such file')", "no such file\nexit status 1"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "killed by signal 11 (SIGSEGV)"),
    ],
)
def test_a_program_that_ends_in_any_other_way_fails_with_that(once, end, said):
    assert once(f"    {end}")[1] == said


def test_what_a_program_raises_is_its_traceback_without_our_frames(once):
    a, failed = once("""
    def inner():
        raise ValueError("no good")

    inner()
    """)
    assert failed.startswith("Traceback (most recent call last):\n  File ")
    assert failed.endswith("ValueError: no good")
    assert "parallelrun_worker" not in failed
    assert failed in a.stderr()


def test_a_program_that_is_no_python_fails_with_its_line(once):
    assert "score.py" in once("    def (:")[1]


def test_a_second_try_begins_anew(once, tmp_path):
    a, failed = once("""
    tries = FOLDER / "tries"
    assert "seen" not in globals() and not hasattr(sys, "seen")
    seen = sys.seen = True
    first = not tries.exists()
    tries.write_text("")
    sys.exit(int(first))
    """)
    assert failed == "exit status 1"
    a.run((0, 1), (1, ["score.py"]))
    assert a.done((0, 1))[1] == [1, 1, 1, ""]


def test_processes_that_a_program_spawns_find_its_functions_and_the_azureml_names(once, tmp_path):
    _, failed = once("""
    from azureml.core import Run

    def square(number):
        return number * number, Run.get_context().experiment.name

    if __name__ == "__main__":
        import multiprocessing

        with multiprocessing.get_context("spawn").Pool(1) as pool:
            (FOLDER / "squares").write_text(repr(pool.map(square, [3])))
    """)
    assert failed == ""
    assert (tmp_path / "squares").read_text() == "[(9, 'flowers')]"
