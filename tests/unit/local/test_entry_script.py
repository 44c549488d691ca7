"""What is said of an entry script before it runs: only what is certain is refused."""

import ast
from pathlib import Path

import pytest

from parallelrun.api import entry_script as script
from parallelrun.api.errors import SourceError

MAY_DEFINE = {
    "def": "def run(b): return b",
    "async def": "async def run(b): return b",
    "class": "class run: pass",
    "lambda": "run = lambda b: b",
    "unpacked": "init, run = 1, 2",
    "imported": "from helper import run",
    "imported as": "from helper import score as run",
    "module": "import run",
    "star": "from helper import *",
    "branch": "if True:\n    def run(b): return b",
    "except": "try:\n    from a import run\nexcept ImportError:\n    run = None",
    "loop": "for run in [print]: pass",
    "with": "with open('x') as run: pass",
    "walrus": "print(run := 1)",
    "match": "match 1:\n    case run: pass",
    "globals": "globals()['run'] = print",
    "exec": "exec(open('x').read())",
    "setattr": "import sys\nsetattr(sys.modules[__name__], 'ru' + 'n', print)",
    "global in function": "def make():\n    global run\n    run = print\nmake()",
    "module getattr": "def __getattr__(name): return print",
    "attribute of the module": "import sys\nsys.modules[__name__].run = print",
}
CANNOT_DEFINE = {
    "nothing": "",
    "other name": "def Run(b): return b",
    "method": "class Scorer:\n    def run(self, b): return b",
    "called only": "import subprocess\nsubprocess.run(['true'])",
    "local of a function": "def main():\n    run = 1",
    "read only": "print(run)",
}


@pytest.mark.parametrize("text", MAY_DEFINE.values(), ids=MAY_DEFINE)
def test_what_may_define_run_is_left_to_the_worker(text: str) -> None:
    assert script.may_define(ast.parse(text), "run")


@pytest.mark.parametrize("text", CANNOT_DEFINE.values(), ids=CANNOT_DEFINE)
def test_what_certainly_has_no_run_is_seen(text: str) -> None:
    assert not script.may_define(ast.parse(text), "run")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("s.py", b"def run(b):\n    retrun b\n", r"s.py is not valid Python(.|\n)*line 2(.|\n)*retrun b"),
        ("s.py", b"return 1\n", "'return' outside function"),
        ("s.py", b"def run(b):\nreturn b", "IndentationError"),
        ("s.py", b"x = '\xff\xfe'", r"not valid Python(.|\n)*SyntaxError"),
        ("s.py", b"a\0b", "null bytes"),
        ("s.py", b"def init(): pass\ndef score(b): pass\n", r"does not define run(.|\n)*It defines: init, score"),
        ("s.py", b"class A:\n    def run(self): pass\n", r"class A has a method run"),
        ("missing.py", b"", r"there is no missing.py in the source folder /users/code"),
        ("t.py", b"", r'there is no t.py(.|\n)*Did you mean "s.py"'),
        ("../s.py", b"", "outside the source folder /users/code"),
        ("/s.py", b"", "outside the source folder"),
    ],
)
def test_a_script_that_cannot_run_is_refused_in_a_few_lines(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / "s.py").write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        script.check(name, tmp_path, ["s.py"], shown="/users/code")
    assert len(str(caught.value).splitlines()) <= 8
    assert str(tmp_path) not in str(caught.value)


def test_a_folder_is_no_script(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    with pytest.raises(SourceError, match="pkg is a folder"):
        script.check("pkg", tmp_path, ["pkg/s.py"], shown="x")


def test_a_good_script_is_not_run_and_its_warnings_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("raise SystemExit('was run')\nx = '\\d'\ndef run(b): return b\n")
    script.check("./s.py", tmp_path, ["s.py"], shown="x")
