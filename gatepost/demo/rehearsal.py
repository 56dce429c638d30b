"""Making a school ready for a simulated morning, and setting it back afterwards.

The morning takes place now, whatever the hour: today becomes a school day, the bell and the cut-off come within
minutes, and what happened today so far is taken away. What a school's rules were is kept in the audit log, which also
says that somebody played here; `set_back` reads it there.
"""

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from gatepost.attendance import calendar
from gatepost.attendance.days import LOCK_CLASS
from gatepost.attendance.models import Rules, SchoolDay, Sweep
from gatepost.audit import entries
from gatepost.audit.models import Entry
from gatepost.demo.reader_keys import require_demonstration
from gatepost.gates.models import TapQueue
from gatepost.kit.clock import local_date, local_midnight, month_of
from gatepost.roster.models import School, SchoolClass

BEGAN, ENDED = "simulation:began", "simulation:ended"
MADE_UP: Final = "模擬上課日"
LAST_MOMENT: Final = time(23, 59, 59)
MIDNIGHT_MARGIN: Final = timedelta(minutes=3)
CHANGED: Final = ("late_after", "cutoff", "not_arrived_until")


class RehearsalRefused(Exception):
    """The morning cannot be played now; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Times:
    """When the gate opens, the bell rings, and the school asks for the missing; `ends` is when the last have come."""

    opens: datetime
    bell: datetime
    cutoff: datetime
    ends: datetime


def times(now: datetime, *, minutes: float) -> Times:
    """A morning from `now` on, pressed into about `minutes`: an hour to the bell, ten minutes more to the cut-off."""
    hour = timedelta(minutes=minutes * 0.6)
    bell = now + hour
    return Times(now, bell, bell + hour / 6, bell + hour * 1.25)


def make_ready(school: School, when: Times, *, keep: bool, now: datetime) -> None:
    """Make today a school day of `school` with these times; unless `keep`, forget what happened today so far.

    Raises `RehearsalRefused` when midnight is too near, `NoDemonstration` outside of one.
    """
    require_demonstration()
    zone = ZoneInfo(school.timezone)
    if local_date(when.ends + MIDNIGHT_MARGIN, school.timezone) != local_date(now, school.timezone):
        clock = now.astimezone(zone).strftime("%H:%M")
        raise RehearsalRefused(
            f"It is {clock} in {school.timezone}: this morning would run past midnight. Try again after 00:00."
        )
    with transaction.atomic():
        set_back(school, now=now)
        entries.record(BEGAN, by=None, about=None, school_code=school.code, **_kept(school, now))
        if not keep:
            _forget_today(school, now)
        _open_today(school, now)
        Rules.objects.update_or_create(
            school=school,
            defaults={
                "late_after": when.bell.astimezone(zone).time(),
                "cutoff": when.cutoff.astimezone(zone).time(),
                "not_arrived_until": LAST_MOMENT,
            },
        )


def set_back(school: School, *, now: datetime) -> bool:
    """Give the school the rules it had before the last simulated morning. False if nothing is to be set back.

    That day stays a school day: it happened. If its question still waits it is closed and nobody is told, for under
    other rules it might find an answer that is not true.
    """
    last = Entry.objects.filter(school_code=school.code, action__in=[BEGAN, ENDED]).order_by("-pk").first()
    if last is None or last.action == ENDED:
        return False
    facts: dict[str, Any] = last.facts
    with transaction.atomic():
        Sweep.objects.filter(school=school, date=facts["date"], decided_at=None).update(decided_at=now)
        if facts["had_rules"]:
            values = {name: time.fromisoformat(facts[name]) for name in CHANGED}
            Rules.objects.filter(school=school).update(**values)
        else:
            Rules.objects.filter(school=school).delete()
        for grade, leave_from in json.loads(facts["leave_from"]).items():
            SchoolDay.objects.filter(school=school, grade=int(grade), date=facts["date"]).update(leave_from=leave_from)
        entries.record(ENDED, by=None, school_code=school.code)
    return True


def set_back_earlier_days(*, now: datetime) -> int:
    """Set back every school whose simulated morning was on another day. Returns how many there were."""
    played = Entry.objects.filter(action=BEGAN).values_list("school_code", flat=True).distinct()
    done = 0
    for school in School.objects.filter(code__in=list(played)):
        last = Entry.objects.filter(school_code=school.code, action=BEGAN).latest("pk")
        if last.facts["date"] != local_date(now, school.timezone).isoformat():
            done += set_back(school, now=now)
    return done


def _kept(school: School, now: datetime) -> dict[str, Any]:
    """What `set_back` needs to know."""
    rules = Rules.objects.filter(pk=school.pk).first()
    today = local_date(now, school.timezone)
    days = SchoolDay.objects.filter(school=school, date=today)
    leave_from = {day.grade: day.leave_from.isoformat() if day.leave_from else None for day in days}
    return {
        "date": today.isoformat(),
        "had_rules": int(rules is not None),
        "leave_from": json.dumps(leave_from),
        **{name: getattr(rules or Rules(school=school), name).isoformat() for name in CHANGED},
    }


def _open_today(school: School, now: datetime) -> None:
    """Every grade has lessons today, and nobody is let out before the day ends."""
    today = local_date(now, school.timezone)
    grades = set(SchoolClass.objects.filter(school=school).values_list("grade", flat=True))
    open_days = SchoolDay.objects.filter(school=school, date=today, kind__in=SchoolDay.OPEN)
    closed = sorted(grades - set(open_days.values_list("grade", flat=True)))
    if closed:
        calendar.set_day([school], closed, today, SchoolDay.Kind.MAKE_UP, name=MADE_UP, by=None)
    SchoolDay.objects.filter(school=school, date=today).update(leave_from=LAST_MOMENT)


def _forget_today(school: School, now: datetime) -> None:
    """Take away today's taps, events, days, sweep, notices and deliveries. Whoever follows taps waits for us."""
    today = local_date(now, school.timezone)
    midnight = local_midnight(today, school.timezone)
    values: dict[str, Any] = {
        "school": school.pk,
        "today": today,
        "midnight": midnight,
        "month": month_of(midnight.date()),
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, school.pk % TapQueue.SHARDS])
        for statement in _FORGET:
            cursor.execute(statement, values)
    Sweep.objects.filter(school=school, date=today).delete()


_FORGET: Final = (
    "DELETE FROM gates_tapqueue WHERE school_id = %(school)s",
    "DELETE FROM gates_tap WHERE school_id = %(school)s AND tapped_at >= %(midnight)s AND month >= %(month)s",
    "DELETE FROM attendance_event WHERE school_id = %(school)s AND date = %(today)s",
    "DELETE FROM attendance_day WHERE school_id = %(school)s AND date = %(today)s",
    "DELETE FROM notify_delivery delivery USING roster_student student, notify_notice notice"
    " WHERE student.school_id = %(school)s AND notice.about = student.id AND notice.on_date = %(today)s"
    " AND delivery.notice_id = notice.id AND delivery.on_date = %(today)s",
    "DELETE FROM notify_notice USING roster_student student"
    " WHERE student.school_id = %(school)s AND about = student.id AND on_date = %(today)s",
)
