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
from gatepost.attendance.leaves import standing
from gatepost.attendance.models import Day, Event, Leave, Rules, SchoolDay, Sweep
from gatepost.attendance.notices import source_line
from gatepost.gates.models import Reader
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


def day_lines(students: Sequence[Student], *, now: datetime) -> dict[UUID, DayLine]:
    """Today's line for each of `students` (with `school` loaded), in as many queries as there are schools."""
    lines: dict[UUID, DayLine] = {}
    for school, group in _by_school(students):
        lines.update(_Today(school, group, now).lines())
    return lines


def weeks(students: Sequence[Student], *, now: datetime, days: int = 7) -> dict[UUID, list[WeekDay]]:
    """The last `days` days up to today of each of `students`, oldest first."""
    strips: dict[UUID, list[WeekDay]] = {}
    for school, group in _by_school(students):
        today = local_date(now, school.timezone)
        dates = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
        seen = {
            (day.student_id, day.date): day
            for day in Day.objects.filter(school_id=school.pk, date__in=dates, student_id__in=[s.pk for s in group])
        }
        calendar = {(day.date, day.grade): day for day in SchoolDay.objects.filter(school=school, date__in=dates)}
        leaves = list(standing(dates[0], today).filter(student__in=group))
        for student in group:
            strips[student.pk] = [_week_day(student, one, today, seen, calendar, leaves) for one in dates]
    return strips


def _week_day(
    student: Student,
    one: date,
    today: date,
    seen: dict[tuple[UUID, date], Day],
    calendar: dict[tuple[date, int], SchoolDay],
    leaves: list[Leave],
) -> WeekDay:
    day, school_day = seen.get((student.pk, one)), calendar.get((one, student.grade))
    is_school = school_day is not None and school_day.kind in SchoolDay.OPEN
    return WeekDay(
        date=one,
        is_today=one == today,
        is_school=is_school,
        arrived_at=day.arrived_at if day else None,
        left_at=day.left_at if day else None,
        on_leave=any(leave.student_id == student.pk and leave.first_date <= one <= leave.last_date for leave in leaves),
        note=school_day.name if school_day and not is_school else "",
    )


class _Today:
    """What is known of one school today, loaded once for the students asked about."""

    def __init__(self, school: School, students: Sequence[Student], now: datetime) -> None:
        self.school, self.students, self.now = school, students, now
        self.today = local_date(now, school.timezone)
        ids = [student.pk for student in students]
        self.days = {
            day.student_id: day for day in Day.objects.filter(school_id=school.pk, date=self.today, student_id__in=ids)
        }
        self.school_days = {day.grade: day for day in SchoolDay.objects.filter(school=school, date=self.today)}
        self.on_leave = {
            leave.student_id: leave for leave in standing(self.today, self.today).filter(student_id__in=ids)
        }
        self.rules = Rules.objects.filter(pk=school.pk).first() or Rules(school=school)
        self.cutoff_at = at_local(self.today, self.rules.cutoff, school.timezone)
        self.sweep = Sweep.objects.filter(school=school, date=self.today).first()
        event_ids = [i for day in self.days.values() for i in (day.arrived_event_id, day.left_event_id) if i]
        self.events = {
            event.pk: event for event in Event.objects.filter(date=self.today, school_id=school.pk, pk__in=event_ids)
        }
        self._readers: list[Reader] | None = None

    def lines(self) -> dict[UUID, DayLine]:
        return {student.pk: self._line(student) for student in self.students}

    def _line(self, student: Student) -> DayLine:
        day = self.days.get(student.pk)
        if day is not None and day.seen_at is not None:
            return self._seen(day)
        school_day = self.school_days.get(student.grade)
        if school_day is None or school_day.kind not in SchoolDay.OPEN:
            return DayLine("no_school", None, school_day.name if school_day else "")
        if student.pk in self.on_leave:
            leave = self.on_leave[student.pk]
            why = str(leaves.WORDS[leave.kind]) if leave.approved_at else gettext("Leave asked for, not approved yet.")
            return DayLine("leave", None, why)
        if day is not None and day.not_arrived_at is not None:
            return DayLine("not_arrived", day.not_arrived_at, gettext("The school is calling the roll."))
        return self._unseen()

    def _seen(self, day: Day) -> DayLine:
        hours = {"arrived_at": day.arrived_at, "left_at": day.left_at}
        if day.left_at is not None:
            return DayLine("left", day.left_at, self._source(day.left_event_id), **hours)
        if day.arrived_at is not None:
            return DayLine("arrived", day.arrived_at, self._source(day.arrived_event_id), **hours)
        return DayLine("present", day.seen_at, gettext("Seen at school by a member of staff."), **hours)

    def _source(self, event_id: int | None) -> str:
        event = self.events.get(event_id) if event_id else None
        if event is None:
            return ""
        if event.source != Event.Source.CARD:
            return source_line(event.source)
        place = next((f"{r.gate.name} {r.name}" for r in self.readers() if r.pk == event.reader_id), "")
        return source_line(event.source, place=place)

    def _unseen(self) -> DayLine:
        deadline = self.rules.cutoff.strftime("%H:%M")
        silent = [reader for reader in self.readers() if _in_use(reader) and self._is_silent(reader)]
        if silent:
            since = min(reader.health.heard_at for reader in silent).astimezone(ZoneInfo(self.school.timezone))
            comma = pgettext("between names", ", ")
            names = comma.join(f"{reader.gate.name} {reader.name}" for reader in silent[:3])
            why = gettext(
                "The reader at {place} has been offline since {time}, and the school is calling the roll. "
                "No “not arrived” message is sent before that."
            ).format(place=names, time=since.strftime("%H:%M"))
            return DayLine("held", None, why)
        if self.now < self.cutoff_at:
            why = gettext("The gate readers are working. The school waits until {time}.").format(time=deadline)
            return DayLine("waiting", None, why)
        if self.sweep is not None and self.sweep.decided_at is not None:
            return DayLine("unseen", None, gettext("No tap and no entry today."))
        return DayLine("held", None, gettext("Past {time}. The school is checking the list.").format(time=deadline))

    def _is_silent(self, reader: Reader) -> bool:
        waited_for = self.sweep.waits_for if self.sweep is not None else frozenset()
        return (
            self.now - reader.health.heard_at > SILENT_AFTER or reader.health.queue > 0 or str(reader.pk) in waited_for
        )

    def readers(self) -> list[Reader]:
        """All readers of the school, old ones too: an event may name them."""
        if self._readers is None:
            self._readers = list(
                Reader.objects.filter(school=self.school)
                .select_related("gate", "health")
                .order_by("gate__name", "name")
            )
        return self._readers


def _in_use(reader: Reader) -> bool:
    return reader.revoked_at is None and reader.rested_at is None


def _by_school(students: Iterable[Student]) -> list[tuple[School, list[Student]]]:
    groups: dict[int, tuple[School, list[Student]]] = {}
    for student in students:
        groups.setdefault(student.school_id, (student.school, []))[1].append(student)
    return list(groups.values())
