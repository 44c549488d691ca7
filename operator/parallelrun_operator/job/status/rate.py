"""How long a job will still take, by what it did in the last minute or so."""

from __future__ import annotations

Samples = tuple[tuple[float, int], ...]  # (time, completed mini-batches): each when more were completed than before

_WINDOW_SECONDS = 60.0
_APART_SECONDS = 2.0
#: However old: slow mini-batches would leave nothing to go by else.
_KEPT = 3
#: A rate over less is a guess.
_LEAST_SECONDS = 5.0


def sampled(samples: Samples, now: float, completed: int) -> Samples:
    """``samples`` with this one, if it tells something, and without old ones."""
    if not samples or completed < samples[-1][1]:
        return ((now, completed),)
    if completed > samples[-1][1] and now - samples[-1][0] >= _APART_SECONDS:
        samples = (*samples, (now, completed))
    while len(samples) > _KEPT and now - samples[0][0] > _WINDOW_SECONDS:
        samples = samples[1:]
    return samples


def time_left(samples: Samples, now: float, completed: int, total: int) -> str:
    """``4m``; "" where it is unknown."""
    if not samples:
        return ""
    seconds, done = now - samples[0][0], completed - samples[0][1]
    if seconds < _LEAST_SECONDS or done <= 0 or completed >= total:
        return ""
    return readable((total - completed) * seconds / done)


def readable(seconds: float) -> str:
    """``45s``, ``4m``, ``3h10m``, ``2d4h``: as precise as an estimate is."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{max(1, round(seconds))}s"
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours}h" if hours else f"{days}d"
