"""When a schedule is due: cron expressions in time zones, as Debian's cron has them. Times in and out are UTC.

A time of day that the clocks skip comes right after they were put forward; one that they pass twice comes once. What
runs every so many minutes or hours goes by the time that really passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from parallelrun.api.errors import ManifestError

_FIELDS_HINT = "Five fields, such as 0 2 * * *: minute, hour, day of the month, month, day of the week."
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
#: Backwards from now, so far each time: the latest time is found without passing all the others of a long outage.
_WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366))


def latest(cron: str, zone: str, since: datetime, now: datetime) -> datetime | None:
    """The last time after ``since`` and not after ``now``; None where there is none. Raises ManifestError."""
    for begin in [*(now - window for window in _WINDOWS), since]:
        found = None
        for time in _times(cron, zone, max(since, begin)):
            if time > now:
                break
            if time > since:
                found = time
        if found is not None or begin <= since:
            return found
    return None


def following(cron: str, zone: str, after: datetime) -> datetime | None:
    """The first time after ``after``; None where there never is one (30 February). Raises ManifestError."""
    return next((time for time in _times(cron, zone, after) if time > after), None)


def check(cron: str, zone: str) -> None:
    """Raise ManifestError where this is no schedule."""
    if len(cron.split()) != 5:
        raise ManifestError(f"spec.schedule.cron: {cron!r} is no cron expression.", _FIELDS_HINT)
    try:
        CronSim(cron, _ANY_TIME)
    except CronSimError as error:
        raise ManifestError(f"spec.schedule.cron: {cron!r} is no cron expression: {error}.", _FIELDS_HINT) from None
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ManifestError(
            f"spec.schedule.timeZone: there is no time zone {zone!r}.", "IANA names, such as Europe/Berlin or UTC."
        ) from None


def _times(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    check(cron, zone)
    for time in CronSim(cron, after.astimezone(ZoneInfo(zone))):
        yield time.astimezone(UTC)
