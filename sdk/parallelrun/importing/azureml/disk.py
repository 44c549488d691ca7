"""The files that an import reads."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from parallelrun.api.documents import Document, read_documents
from parallelrun.api.errors import ManifestError
from parallelrun.api.hints import missing_path

_LARGEST = 4 << 20  # bytes; no YAML file or script that people write is larger


class Disk:
    """Those of this machine."""

    def document(self, path: PurePosixPath) -> Document:
        """The only YAML document of a file. Raises ManifestError that names file and line."""
        here = Path(path)
        try:
            text = here.read_bytes().decode("utf-8-sig")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = "Give the pipeline's file in it." if here.is_dir() else missing_path(here)
            raise ManifestError(f"{path} cannot be read: {reason}.", hint) from None
        except UnicodeDecodeError:
            raise ManifestError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
        documents = read_documents(text, str(path))
        if len(documents) != 1 or not isinstance(documents[0].value, dict):
            raise ManifestError(f"{path} does not hold one YAML object.", "Azure ML's files hold one each.")
        return documents[0]

    def text(self, path: PurePosixPath) -> str | None:
        """A text file; None where there is none that can be read."""
        here = Path(path)
        try:
            return here.read_text(encoding="utf-8-sig") if here.stat().st_size <= _LARGEST else None
        except (OSError, UnicodeDecodeError):
            return None

    def exists(self, path: PurePosixPath) -> bool:
        """Whether there is a file or folder."""
        return Path(path).exists()
