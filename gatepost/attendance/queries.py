"""How attendance is doing, in figures."""

from datetime import datetime

from django.conf import settings
from django.db import connection

from gatepost.attendance.models import SchoolDay
from gatepost.kit.clock import local_date

STATES = ("open", "held", "decided")


def sweeps_today(*, now: datetime) -> dict[str, int]:
    """How many schools' not-arrived lists of today are `open` (asked, not decided), `held` for a person, `decided`."""
    today = local_date(now, settings.TIME_ZONE)
    with connection.cursor() as cursor:
        cursor.execute(_SWEEPS, [today])
        return dict(zip(STATES, cursor.fetchone(), strict=True))


# From the schools, through the index: the table keeps the days of years.
_SWEEPS = """
SELECT count(*) FILTER (WHERE decided_at IS NULL AND held_because = ''),
    count(*) FILTER (WHERE decided_at IS NULL AND held_because <> ''),
    count(*) FILTER (WHERE decided_at IS NOT NULL)
FROM roster_school school
JOIN attendance_sweep sweep ON sweep.school_id = school.id AND sweep.date = %s
WHERE school.opened_at IS NOT NULL
"""


def schools_open_today(*, now: datetime) -> set[str]:
    """The codes of the schools where at least one grade has school today."""
    today = local_date(now, settings.TIME_ZONE)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_TODAY, [today, list(SchoolDay.OPEN)])
        return {code for (code,) in cursor.fetchall()}


_OPEN_TODAY = """
SELECT school.code FROM roster_school school WHERE EXISTS (
    SELECT FROM attendance_schoolday day WHERE day.school_id = school.id AND day.date = %s AND day.kind = ANY(%s)
)
"""
