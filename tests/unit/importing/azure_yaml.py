"""Imports YAML that is given as text, with files that are only said to be there."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from parallelrun.api.documents import Document, read_documents
from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml import assets, pipeline
from parallelrun.importing.azureml.book import Book
from parallelrun.importing.azureml.findings import Finding, Outcome

BASE = PurePosixPath("/repo")

PARALLEL = """
type: pipeline
jobs:
  score:
    type: parallel
    inputs:
      images: {type: uri_folder, path: ./images}
    outputs:
      scores: {type: uri_file}
    input_data: ${{inputs.images}}
    mini_batch_size: "10"
    max_concurrency_per_instance: 1
    error_threshold: -1
    task:
      type: run_function
      code: ./src
      entry_script: score.py
      append_row_to: ${{outputs.scores}}
"""
FILES = {"images": "", "src": "", "src/score.py": "", "labels.txt": "", "table": ""}


@dataclass
class Memory:
    """Files by their paths below BASE."""

    texts: dict[str, str]

    def document(self, path: PurePosixPath) -> Document:
        text = self.text(path)
        if text is None:
            raise ManifestError(f"{path} cannot be read: no such file.")
        return read_documents(text, str(path))[0]

    def text(self, path: PurePosixPath) -> str | None:
        return self.texts.get(str(path.relative_to(BASE))) if path.is_relative_to(BASE) else None

    def exists(self, path: PurePosixPath) -> bool:
        return self.text(path) is not None


@dataclass
class Result:
    """What an import gave."""

    pipeline: dict[str, Any]
    registered: dict[tuple[str, str], dict[str, Any]]  # specs by kind and name
    book: Book

    @property
    def spec(self) -> dict[str, Any]:
        """The pipeline's."""
        return self.pipeline["spec"]

    def step(self, name: str) -> dict[str, Any]:
        """A step's job or script."""
        found = next(step for step in self.spec["steps"] if step["name"] == name)
        return found.get("job") or found["script"]

    def of(self, outcome: Outcome) -> list[Finding]:
        """Findings with this outcome."""
        return self.book.findings.of(outcome)

    def finding(self, field: str, outcome: Outcome | None = None) -> Finding:
        """The one about a field that ends so."""
        found = [one for one in self.book.findings if one.field.endswith(field) and outcome in (None, one.outcome)]
        assert len(found) == 1, f"{field}: {found}"
        return found[0]


def imported(
    text: str, files: dict[str, str] | None = None, beside: tuple[str, ...] = (), with_packages: bool = True
) -> Result:
    """Import ``text``; ``beside`` names those of ``files`` that are given as assets."""
    book = Book(
        Memory({**FILES, **(files or {}), "pipeline.yml": textwrap.dedent(text)}), BASE, BASE / "out", with_packages
    )
    for name in beside:
        assets.take(book, BASE / name)
    made = pipeline.translate(book, BASE / "pipeline.yml")
    registered = {(one["kind"], one["spec"]["name"]): one["spec"] for one in made.registered}
    return Result(made.pipeline, registered, book)


def changed(*pairs: tuple[str, str]) -> str:
    """PARALLEL with texts replaced, each of which it has."""
    text = PARALLEL
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def command(line: str, more: str = "") -> str:
    """A pipeline of one command job; ``more`` are lines of the job."""
    quoted = textwrap.indent(line, " " * 6)
    return f"type: pipeline\njobs:\n  run:\n    type: command\n    code: ./src\n    command: |\n{quoted}\n" + (
        textwrap.indent(textwrap.dedent(more), " " * 4)
    )
