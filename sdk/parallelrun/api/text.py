"""Text for people: what came from elsewhere (file names, tracebacks, logs) made safe to show, and numbers in words.

A file name may hold an escape sequence that clears the screen, retitles the window or hides the next line. Whatever
is shown to people passes through here; what programs read is left as it is.
"""

from __future__ import annotations


def printable(text: str, keep: str = "\n\t") -> str:
    r"""``text`` with every control, bidirectional and undecodable character as an escape: ``\x1b[2J`` stays visible."""
    if text.isprintable():
        return text
    return "".join(c if c in keep or c.isprintable() else _escape(c) for c in text)


def one_line(text: str, width: int = 0) -> str:
    """``text`` as one safe line; cut with an ellipsis where it is longer than ``width`` characters (0: never)."""
    line = printable(text, keep="")
    return line if width <= 0 or len(line) <= width else line[: max(width - 1, 0)] + "…"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii") if character != "\\" else character


def plural(count: int, noun: str) -> str:
    """``1 item``, ``2,000 items``, ``3 processes``, ``2 tries``."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("ry"):
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}{'es' if noun.endswith(('ch', 's')) else 's'}"


def size(count: int) -> str:
    """Bytes for people: ``999 B``, ``1.2 MB``; 1 KB = 1024 bytes, as in manifests."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """A time for people, two units at most: ``0.8s``, ``42s``, ``4m10s``, ``2h05m``, ``3d4h``."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes == 0:
        return f"{whole}s"
    if hours == 0:
        return f"{minutes}m{whole % 60:02d}s"
    if days == 0:
        return f"{hours}h{minutes % 60:02d}m"
    return f"{days}d{hours % 24}h"
