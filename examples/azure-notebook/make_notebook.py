"""Makes digits.ipynb of the cells of digits.py.

python make_notebook.py
"""

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent


def cells(text):
    """Kind and text of each cell."""
    parts = re.split(r"^# %%(?: \[(markdown)\])?\n", text, flags=re.MULTILINE)[1:]
    for kind, part in zip(parts[::2], parts[1::2], strict=True):
        lines = part.strip("\n").splitlines()
        if kind == "markdown":
            lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
        yield kind or "code", "\n".join(lines)


def notebook(text):
    """The notebook, as JSON."""
    made = []
    for number, (kind, source) in enumerate(cells(text)):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


if __name__ == "__main__":
    made = notebook((HERE / "digits.py").read_text())
    (HERE / "digits.ipynb").write_text(json.dumps(made, indent=1) + "\n")
