"""The page on Python does what it says: its programs are run in order, and print what is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "python.md"
BLOCK = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.engine


def test_the_page_s_programs_print_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAD", "-1")
    blocks = BLOCK.findall(PAGE.read_text())
    for _, what, body in blocks:
        if what.startswith("file="):
            target = tmp_path / what.removeprefix("file=")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(body)
    names: dict[str, object] = {}
    printed, checked = "", 0
    for kind, what, body in blocks:
        if what == "run":
            exec(compile(body, str(PAGE), "exec"), names)
            printed = capsys.readouterr().out
        elif not kind:
            assert printed == body
            checked += 1
    assert checked == 7
