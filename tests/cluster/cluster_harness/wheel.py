"""A package small enough to make here, for tests that install one: no index is needed."""

from __future__ import annotations

import zipfile
from pathlib import Path

WHEEL = "tiny-1.0-py3-none-any.whl"


def write_wheel(folder: Path, value: int = 1) -> Path:
    """The wheel of ``tiny``, whose ``VALUE`` it is."""
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("tiny.py", f"VALUE = {value}\n")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(
            "tiny-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    return folder / WHEEL
