"""Examples that say that they run the code of another."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples"


def code(example: str) -> dict[str, bytes]:
    folder = EXAMPLES / example / "code"
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_digits_in_azure_blob_storage_are_read_by_the_code_that_reads_them_in_a_folder() -> None:
    """Where data are is no business of a script; a kustomization takes files of its own folder only, hence the copy."""
    assert code("azure-blob") == code("mnist") != {}
