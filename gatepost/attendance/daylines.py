"""The day line 今日狀態: one honest sentence about a child's day, the same for guardians and staff.

Silence is explained: a child who was not seen has a line that says whether the gate works, until when the school waits,
or why there is no school.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from gatepost.attendance import leaves
from gatepost.attendance.facts import Facts, KnownReader, SeenDay
from gatepost.attendance.notices import source_line
from gatepost.kit.clock import at_local, local_date
from gatepost.roster.models import School, Student

SILENT_AFTER = timedelta(minutes=3)  # a reader that says nothing for longer is called offline on pages

WORDS: dict[str, Promise] = {
    "arrived": _("Arrived"),
    "present": _("At school"),
    "left": _("Left school"),
    "waiting": _("Not seen yet"),
    "held": _("Not seen yet"),
    "not_arrived": _("Not arrived"),
    "unseen": _("No record"),
    "leave": _("On leave"),
    "no_school": _("No school"),
}


@dataclass(frozen=True, slots=True)
class DayLine:
    """`state` is a key of `WORDS`, `at` the hour that belongs to it, if any, `why` its source in a sentence."""

    state: str
    at: datetime | None
    why: str
    arrived_at: datetime | None = None
    left_at: datetime | None = None

    @property
    def word(self) -> Promise:
        """The state in a word or two, in the reader's language."""
        return WORDS[self.state]


@dataclass(frozen=True, slots=True)
class WeekDay:
    """One day of the week strip: hours, or the reason for having none."""

    date: date
    is_today: bool
    is_school: bool
    arrived_at: datetime | None
    left_at: datetime | None
    on_leave: bool
    note: str  # the name of a holiday or closure


@dataclass(frozen=True, slots=True)
class Known:
    """A student's line for today and the days behind it, oldest first, today among them."""

    line: DayLine
    week: list[WeekDay]


def known(students: Sequence[Student], *, now: datetime, days: int = 7) -> dict[UUID, Known]:
    """Line and last `days` days of each of `students` (with `school` loaded), in as many queries as schools."""
    found: dict[UUID, Known] = {}
    for school, group in _by_school(students):
        dates = _dates(school, now, days)
        facts = Facts(school, group, dates)
        today = _Today(school, facts, now)
        found.update({one.pk: Known(today.line(one), _week(one, dates, facts)) for one in group})
    return found


def day_lines(students: Sequence[Student], *, now: datetime) -> dict[UUID, DayLine]:
    """Today's line alone."""
    return {pk: one.line for pk, one in known(students, now=now, days=1).items()}


def weeks(students: Sequence[Student], *, now: datetime, days: int = 7) -> dict[UUID, list[WeekDay]]:
    """The last `days` days up to today of each of `students`, oldest first."""
    return {pk: one.week for pk, one in known(students, now=now, days=days).items()}


def _dates(school: School, now: datetime, days: int) -> list[date]:
    today = local_date(now, school.timezone)
    return [today - timedelta(days=back) for back in range(days - 1, -1, -1)]


def _week(student: Student, dates: Sequence[date], facts: Facts) -> list[WeekDay]:
    return [_week_day(student, one, facts, is_today=one == dates[-1]) for one in dates]


def _week_day(student: Student, one: date, facts: Facts, *, is_today: bool) -> WeekDay:
    day, school_date = facts.day(student, one), facts.school_date(student, one)
    is_school = school_date is not None and school_date.is_open
    return WeekDay(
        date=one,
        is_today=is_today,
        is_school=is_school,
        arrived_at=day.arrived_at if day else None,
        left_at=day.left_at if day else None,
        on_leave=facts.leave(student, one) is not None,
        note=school_date.name if school_date and not is_school else "",
    )


class _Today:
    """The rules of the line, for one school."""

    def __init__(self, school: School, facts: Facts, now: datetime) -> None:
        self.school, self.facts, self.now = school, facts, now
        self.today = local_date(now, school.timezone)

    def line(self, student: Student) -> DayLine:
        day = self.facts.day(student, self.today)
        if day is not None and day.seen_at is not None:
            return self._seen(day)
        school_date = self.facts.school_date(student, self.today)
        if school_date is None or not school_date.is_open:
            return DayLine("no_school", None, school_date.name if school_date else "")
        leave = self.facts.leave(student, self.today)
        if leave is not None:
            why = str(leaves.WORDS[leave.kind]) if leave.is_approved else gettext("Leave asked for, not approved yet.")
            return DayLine("leave", None, why)
        if day is not None and day.not_arrived_at is not None:
            return DayLine("not_arrived", day.not_arrived_at, gettext("The school is calling the roll."))
        return self._unseen()

    def _seen(self, day: SeenDay) -> DayLine:
        hours = {"arrived_at": day.arrived_at, "left_at": day.left_at}
        source = source_line(day.source, place=self.facts.place(day)) if day.source else ""
        if day.left_at is not None:
            return DayLine("left", day.left_at, source, **hours)
        if day.arrived_at is not None:
            return DayLine("arrived", day.arrived_at, source, **hours)
        return DayLine("present", day.seen_at, gettext("Seen at school by a member of staff."), **hours)

    def _unseen(self) -> DayLine:
        deadline = self.facts.cutoff.strftime("%H:%M")
        silent = [(reader, heard) for reader in self.facts.readers if (heard := self._silent_since(reader))]
        if silent:
            since = min(heard for _reader, heard in silent).astimezone(ZoneInfo(self.school.timezone))
            comma = pgettext("between names", ", ")
            names = comma.join(reader.place for reader, _heard in silent[:3])
            why = gettext(
                "The reader at {place} has been offline since {time}, and the school is calling the roll. "
                "No “not arrived” message is sent before that."
            ).format(place=names, time=since.strftime("%H:%M"))
            return DayLine("held", None, why)
        if self.now < at_local(self.today, self.facts.cutoff, self.school.timezone):
            why = gettext("The gate readers are working. The school waits until {time}.").format(time=deadline)
            return DayLine("waiting", None, why)
        sweep = self.facts.sweep
        if sweep is not None and sweep.decided_at is not None:
            return DayLine("unseen", None, gettext("No tap and no entry today."))
        return DayLine("held", None, gettext("Past {time}. The school is checking the list.").format(time=deadline))

    def _silent_since(self, reader: KnownReader) -> datetime | None:
        """When a reader in use was last heard, if it is late, holds taps back, or the sweep waits for it."""
        if not reader.in_use or reader.heard_at is None:
            return None
        waited_for = self.facts.sweep.waits_for if self.facts.sweep is not None else frozenset()
        silent = self.now - reader.heard_at > SILENT_AFTER or reader.queue > 0 or reader.id in waited_for
        return reader.heard_at if silent else None


def _by_school(students: Iterable[Student]) -> list[tuple[School, list[Student]]]:
    groups: dict[int, tuple[School, list[Student]]] = {}
    for student in students:
        groups.setdefault(student.school_id, (student.school, []))[1].append(student)
    return list(groups.values())
