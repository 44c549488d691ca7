"""What a background process tells is heard once, whoever asks; and what it was refused says nothing of its folder."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallelrun.api.errors import RunFolderError
from parallelrun.client import local_start
from parallelrun.client.background import Background
from parallelrun.client.local_run import LocalRun
from parallelrun.local.request import RunRequest


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_that_ask_at_once_hear_everything_once(
    hasty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "telling.py").write_text(
        """\
import json
for number in range(20_000):
    print(json.dumps({"type": "message", "number": number}))
print(json.dumps({"type": "ended"}))
"""
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = Background("telling", {})
    assert process.join(60)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            assert process.event("ended") is not None
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [event["number"] for event in process.events[:-1]] == list(range(20_000))


def test_a_run_that_was_refused_its_folder_says_nothing_of_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = local_start.start(RunRequest(manifest=tmp_path / "gone.yaml", output=tmp_path), "job")
    assert run._join(60, None)
    assert run.status().reason == "ManifestError"
    with pytest.raises(RunFolderError, match="is not a run's folder"):
        LocalRun(tmp_path, "job").status()
