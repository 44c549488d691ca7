"""Azure ML's v2 YAML (``az ml``) as manifests of ours, with an account of what became of every field."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parallelrun.importing.azureml.findings import Findings


def import_pipeline(
    file: Path, folder: Path, beside: Sequence[Path] = (), force: bool = False, with_packages: bool = True
) -> Findings:
    """Import the pipeline ``file`` into ``folder``; ``beside`` are YAML files of assets that it names.
    Without ``with_packages``, environments have their images only.

    Gives what became of each field. Raises ManifestError for a file that cannot be imported, and where ``folder`` holds
    an import already unless ``force``; SourceError, OutputError.
    """
    from parallelrun.importing.azureml import assets, pipeline, report, writing
    from parallelrun.importing.azureml.book import Book
    from parallelrun.importing.azureml.disk import Disk

    writing.check(folder, force)
    base, target = PurePosixPath(os.getcwd()), PurePosixPath(os.path.abspath(folder))
    book = Book(Disk(), base, target, with_packages)
    for path in beside:
        assets.take(book, base / path)
    made = pipeline.translate(book, base / file)
    writing.write(folder, made, report.markdown(str(file), book.findings), str(file))
    return book.findings
