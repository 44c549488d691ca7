"""``$(inputs.x)``, ``$(sideInputs.x)``, ``$(models.x)``, ``$(outputs.x)`` and ``$(job.name)`` in arguments and ``env``.

The notation is Kubernetes' own, and so is its escape: ``$$(x)`` stands for the text ``$(x)``. Unlike there, a name
that is not known is an error: a script that gets the text "$(sideInputs.lables)" as a path fails hours later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.api.reference import REFERENCE


def substitute(fields: Sequence[tuple[str, str]], values: Mapping[str, str]) -> list[str]:
    """The texts of ``fields``, pairs of (where in the manifest, text), with each ``$(name)`` replaced by its value.

    ``values`` maps full names ("sideInputs.labels") to text. What is put in is not looked at again.
    Raises ManifestError that names every bad reference at once.
    """
    problems: list[tuple[str, str]] = []

    def replaced(where: str, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            escaped, name = match.group(1), match.group(2)
            if escaped:
                return match.group(0)[1:]
            if name not in values:
                problems.append((where, name))
            return values.get(name, "")

        return REFERENCE.sub(value, text)

    texts = [replaced(where, text) for where, text in fields]
    if problems:
        raise _unknown(problems, values)
    return texts


def _unknown(problems: list[tuple[str, str]], values: Mapping[str, str]) -> ManifestError:
    lines = []
    for where, name in problems:
        lines.append(f"{where}: $({name}) refers to nothing in this manifest. {hints.known('name', name, values)}")
    return ManifestError("\n".join(lines), "Write $$(x) where the text $(x) itself is meant.")
