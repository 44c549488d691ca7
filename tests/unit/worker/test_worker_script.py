"""Loading an entry script, and the pieces around it."""

import functools
import sys
import textwrap

import pytest

from parallelrun_worker import logs, wire
from parallelrun_worker.context import MiniBatchContext
from parallelrun_worker.script import Script, ScriptError, format_error
from parallelrun_worker.slots import Slot


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a script without leaving a trace in this interpreter."""
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def load(text, name="their_script.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return Script(str(path), str(tmp_path), ["--a"])

    yield load
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    "definition",
    ["def run(): pass", "def run(*, b): pass", "def run(a, b, c): pass", "def run(b, *, key): pass"],
)
def test_a_run_that_no_mini_batch_can_be_given_to_is_refused(load, definition):
    with pytest.raises(ScriptError, match=r"run is called as run\(mini_batch\).* this one cannot be: def run\("):
        load(definition)


@pytest.mark.parametrize(
    ("definition", "takes_context"),
    [
        ("def run(b): pass", False),
        ("def run(b, context): pass", True),
        ("def run(b, *, context=None): pass", False),
        ("def run(*batches): pass", False),
        ("def run(b, context=None): pass", True),
        ("class Model:\n    def score(self, b): pass\nrun = Model().score", False),
        ("class Model:\n    def __call__(self, b, context): pass\nrun = Model()", True),
        ("import functools\ndef both(b, c): pass\n@functools.wraps(both)\ndef run(*a): pass", True),
        ("import functools\ndef both(a, b, c): pass\nrun = functools.partial(both, 1)", True),
        ("run = len", False),
    ],
)
def test_a_context_is_for_those_who_take_two_positional_parameters(load, definition, takes_context):
    assert load(definition).takes_context is takes_context


def test_a_script_named_like_a_module_replaces_none(load):
    import json

    load("def run(b): return __name__", "json.py")
    assert sys.modules["json"] is json


def test_a_changed_script_is_compiled_again_at_once(load):
    assert load("def run(b): return 1").run([]) == 1
    assert load("def run(b): return 2").run([]) == 2


def test_a_script_that_is_not_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", sys.argv)
    with pytest.raises(ScriptError, match=r"cannot read the entry script .*: No such file"):
        Script(str(tmp_path / "none.py"), str(tmp_path), [])


def test_a_long_traceback_is_cut_in_the_middle():
    try:
        raise ValueError("x" * 100000 + "end")
    except ValueError as error:
        text = format_error(error)
    assert len(text) < 40000
    assert text.endswith("end")


def test_a_context_prints_what_it_is():
    context = MiniBatchContext(3, ["t", [["a.csv", 0, 9, 0], ["b.csv", 0, 9, 1]], {"Store": "1"}, {}])
    assert repr(context) == (
        "MiniBatchContext(minibatch_index=3, partition_key_value={'Store': '1'}, dataset=<2 files>)"
    )
    assert context.dataset == ["a.csv", "b.csv"]


def test_a_slot_says_what_runs_and_nothing_of_its_neighbours(tmp_path):
    path = tmp_path / "slots"
    path.write_bytes(b"\xff" * wire.SLOT.size * 3)
    slot = Slot(str(path), 1)
    assert path.read_bytes() == b"\xff" * 64 + bytes(64) + b"\xff" * 64
    slot.enter(wire.RUNNING, 1 << 40, 1 << 41, 2, 5.5, 10)
    assert wire.SLOT.unpack_from(path.read_bytes(), 64) == (wire.RUNNING, 2, 1 << 40, 5.5, 10, 1 << 41)
    slot.leave()
    assert wire.SLOT.unpack_from(path.read_bytes(), 64)[0] == wire.IDLE


def test_a_process_has_the_name_that_the_agent_reads():
    from parallelrun.api.layout import process_name

    assert [logs.file_name(number) for number in (0, 7, 1234)] == [process_name(number) for number in (0, 7, 1234)]


def test_messages_come_whole_however_they_are_cut():
    messages = [["run", [[0, 1, 1, ["f", ["caf\udce9", "two\nlines"], {}]]]], ["end"]]
    data = b"".join(map(wire.encode, messages))
    decoder = wire.Decoder()
    assert [m for byte in data for m in decoder.feed(bytes([byte]))] == messages
    assert functools.reduce(lambda found, chunk: found + wire.Decoder().feed(chunk), [data], []) == messages
