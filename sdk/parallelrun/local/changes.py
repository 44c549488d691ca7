"""What a resumed run is compared with, beside the manifest's fields: source files, side inputs, models, ConfigMaps.

A run that goes on with another script, threshold or model than it began with would mix two jobs in one output without
a word. So what may not change is recorded when the run is prepared, in a form that can name what did. The input itself
is compared by the agent, file by file, when it plans again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from parallelrun_agent.whole_files import fingerprint


def fingerprints(paths: Mapping[str, str]) -> dict[str, str]:
    """:func:`fingerprint` by name, of paths by name."""
    return {name: fingerprint(Path(path)) for name, path in paths.items()}


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names whose fingerprint or digest is another, or is missing on one side, in order."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
