"""A notebook that is run without anybody looking, as nbconvert does: the live view leaves text in it."""

from __future__ import annotations

import os
from pathlib import Path

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.engine

CELLS = """\
import threading
import parallelrun as pr
from parallelrun.client.widget import RunDetails

job = pr.Job("letters", source="code", entry_script="score.py", inputs=[pr.Files("in")], mini_batch_size=1)
run = job.run_local(wait=False)
RunDetails(run).show()
---
run.wait()
[thread.join() for thread in threading.enumerate() if thread.name == "parallelrun-view"]
run.results()
"""


@pytest.mark.filterwarnings("ignore")  # of the libraries that speak to kernels
def test_a_notebook_that_nobody_looks_at_keeps_the_text_of_its_runs_end(tmp_path: Path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text("def run(mini_batch):\n    return ['x']\n")
    (tmp_path / "in").mkdir()
    for letter in "abc":
        (tmp_path / "in" / letter).touch()
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.split("---\n")])
    client = nbclient.NotebookClient(notebook, timeout=100, resources={"metadata": {"path": os.fspath(tmp_path)}})
    client.execute()
    (view,) = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in view["data"]
    assert view["data"]["text/plain"].startswith("letters (local): Done\n  mini-batches: 3 of 3 (100%)")
    (frame,) = notebook.cells[1].outputs
    assert "result" in frame["data"]["text/plain"]
