"""Time, and what a school calls today.

Times are aware and stored in UTC; a school's day is the date on its own wall. Functions that decide
anything take `now` as an argument, so that a test (or a replay) can say what time it is.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def utc_now() -> datetime:
    """The present moment, aware, in UTC. Called at the edges only (HTTP, worker, command line)."""
    return datetime.now(UTC)


def local_date(at: datetime, timezone: str) -> date:
    """The date on the wall of a school in `timezone` (an IANA name) at the moment `at`."""
    return at.astimezone(ZoneInfo(timezone)).date()


def at_local(day: date, wall: time, timezone: str) -> datetime:
    """The moment when the clock on the wall in `timezone` shows `wall` on `day`, in UTC."""
    return datetime.combine(day, wall, ZoneInfo(timezone)).astimezone(UTC)


def local_midnight(day: date, timezone: str) -> datetime:
    """The moment `day` begins in `timezone`, in UTC."""
    return at_local(day, time(0), timezone)


def month_of(day: date) -> date:
    """The first day of the month `day` lies in: the name of a partition."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after the one `day` lies in."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
