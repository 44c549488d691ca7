"""What kind of thing ``run`` returned, told without importing pandas: a script that uses it has imported it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


def is_frame(value: Any) -> bool:
    """Whether ``value`` is a pandas DataFrame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, getattr(pandas, "DataFrame", ()))


def is_table(value: Any) -> bool:
    """Whether ``value`` is a pandas DataFrame or Series."""
    pandas = sys.modules.get("pandas")
    return is_frame(value) or (pandas is not None and isinstance(value, getattr(pandas, "Series", ())))
