"""Web addresses as people see them: what comes after the question mark may be a signature, which opens the file.

Messages, reports and logs are kept and sent around, so they have none; what fetches needs it, and its files are their
owner's alone.
"""

from __future__ import annotations

import re

#: The query of an address within a text: up to a space or quote, without the punctuation that ends a sentence.
_QUERY = r"(https?://[^\s?#\"'<>]+)\?(?!\.\.\.)[^\s\"'<>]+?(?=[)\],:;.}]*(?:[\s\"'<>]|$))"


def shown(text: str) -> str:
    """``text`` with each web address in it without its query: ``https://host/table.csv?...``."""
    if "?" not in text or "://" not in text:
        return text
    return re.sub(_QUERY, r"\1?...", text, flags=re.IGNORECASE)


def holds_query(text: str) -> bool:
    """Whether :func:`shown` leaves something out."""
    return shown(text) != text
