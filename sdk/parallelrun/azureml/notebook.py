"""Runs a notebook from its first cell to its last, in a kernel where ``azureml`` is ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from parallelrun.api.errors import EnvironmentError_

_BEFORE = "from parallelrun.azureml import imports; imports.install()"


def run(file: str) -> int:
    """Run it; what cells print is printed, and the notebook with all outputs is written beside it; the exit status.

    Raises EnvironmentError_ where the packages that run notebooks are missing.
    """
    try:
        import nbformat
        from jupyter_client.manager import AsyncKernelManager
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise EnvironmentError_(
            f"A notebook needs {error.name} to be run.", "Install it: pip install 'parallelrun[notebook]'."
        ) from None
    path = Path(file).absolute()
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    manager = AsyncKernelManager()
    # This Python, whatever kernels are installed.
    kernel = manager.kernel_spec
    assert kernel is not None
    kernel.argv = [
        *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        f"--IPKernelApp.exec_lines={_BEFORE}",
    ]
    client = NotebookClient(
        notebook, km=manager, timeout=None, resources={"metadata": {"path": str(path.parent)}}, on_cell_executed=_show
    )
    written = path.with_name(f"{path.stem}.run.ipynb")
    try:
        client.execute(cleanup_kc=True)  # the kernel too: it is ours
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        nbformat.write(notebook, written)  # type: ignore[no-untyped-call]
        print(f"{os.path.relpath(written)} has the outputs of all cells", file=sys.stderr)
    return 0


def _show(cell: Any, cell_index: int, execute_reply: Any) -> None:
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            (sys.stderr if output["name"] == "stderr" else sys.stdout).write(output["text"])
        elif "text/plain" in output.get("data", {}):
            print(output["data"]["text/plain"])
    sys.stdout.flush()
