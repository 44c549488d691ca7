"""What the user's image has to have for tables and typed formats; asked at start, before an hour of work is lost."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

from parallelrun_worker.unfit import Unfit


def require(names: tuple[str, ...], wanted_for: str) -> None:
    """Raises Unfit naming each package that this interpreter does not have; imports none of them."""
    missing = [name for name in names if name not in sys.modules and PathFinder.find_spec(name) is None]
    if missing:
        raise Unfit(
            "%s needs %s, which %s does not have; add to environment.pip: %s"
            % (wanted_for, " and ".join(missing), sys.executable, missing)
        )
