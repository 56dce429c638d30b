"""What a student's past days come to: the one place that says which of them count as late, early, missed or unknown.

Every page and every file that counts days takes its figures from here. The rules:

- *school day*: the calendar of the school says that the student's grade had lessons. It counts from the day on which
  the school began to use Gatepost, up to yesterday; today counts as soon as something is known of it. The four below
  add up to it.
- *present*: somebody or some reader saw the student, whatever the hour.
- *on leave*: not seen, and leave stands for the day: approved or still pending, as in `leaves.standing`.
- *not arrived*: not seen, no leave, and the question "who has not arrived?" was answered: on complete data, or by a
  person who saw the names (`Day.not_arrived_at`).
- *no record*: not seen, no leave, and nobody knows: a reader was away, the list was held or corrected, Gatepost stood
  still. Counted apart, and never as an absence.

Of the days present, those without any leave may be

- *late*: the arrival is in a later minute than the bell (`Rules.late_after`); 08:00:40 is written 08:00 and is not late
  where the bell rings at 08:00;
- *left early*: the departure is before the earliest leaving time: the one that `arrivals` tells a coming from a going
  by (the day's own, the half day's, the timetable's, the school's). Known only where a gate or a person said that it
  was a going: a tap without a direction before that time counts as a coming.

Where leave stands for a day its hours are unknown, so nothing on it is late or early. A school year has its own grade:
a day of last year is looked up in the calendar of the grade below. Only days at the student's present school are known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from gatepost.kit.clock import local_date
from gatepost.roster.models import School, Student
from gatepost.roster.roc_dates import school_year_of


class State(StrEnum):
    """What a day was. The first four are school days that count."""

    PRESENT = "present"
    LEAVE = "leave"
    NOT_ARRIVED = "not_arrived"
    NO_RECORD = "no_record"
    NO_SCHOOL = "no_school"
    BEFORE = "before"  # a school day, but the school did not use Gatepost yet
    AHEAD = "ahead"  # has not come, or is not over and nothing is known of it


COUNTED = (State.PRESENT, State.LEAVE, State.NOT_ARRIVED, State.NO_RECORD)


@dataclass(frozen=True, slots=True)
class Record:
    """A student's day. `kind` and `name` are the calendar's, empty where it says nothing; `leave` is its kind."""

    date: date
    kind: str
    name: str
    leave_from: time | None
    arrived_at: datetime | None
    left_at: datetime | None
    leave: str
    state: State
    late: bool
    left_early: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """How many days; present, on leave, not arrived and without a record add up to the school days."""

    school_days: int = 0
    present: int = 0
    late: int = 0
    left_early: int = 0
    on_leave: int = 0
    not_arrived: int = 0
    no_record: int = 0

    @property
    def share(self) -> float | None:
        """Present among the school days of which something is known, from 0 to 1; None where nothing is."""
        known = self.school_days - self.no_record
        return self.present / known if known else None

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def records_of(student: Student, first: date, last: date, *, now: datetime) -> list[Record]:
    """Each date from `first` to `last` (of one school year) of `student` (with `school` loaded), oldest first."""
    values = _values(student.school, [student.pk], first, last, now=now)
    with connection.cursor() as cursor:
        cursor.execute(OF_ONE, values)
        return [_record(row) for row in cursor.fetchall()]


def counted(records: Iterable[Record]) -> Figures:
    """The figures of one student's `records`."""
    total = Figures()
    for one in records:
        if one.state in COUNTED:
            total += Figures(
                school_days=1,
                present=one.state == State.PRESENT,
                late=one.late,
                left_early=one.left_early,
                on_leave=one.state == State.LEAVE,
                not_arrived=one.state == State.NOT_ARRIVED,
                no_record=one.state == State.NO_RECORD,
            )
    return total


def figures(
    school: School, student_ids: Sequence[UUID], first: date, last: date, *, now: datetime
) -> dict[UUID, Figures]:
    """The figures of some students of `school` from `first` to `last` (of one school year), counted by the database."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, _values(school, student_ids, first, last, now=now))
        return {student: Figures(*counts) for student, *counts in cursor.fetchall()}


def _values(school: School, student_ids: Sequence[UUID], first: date, last: date, *, now: datetime) -> dict[str, Any]:
    assert school_year_of(first) == school_year_of(last)  # noqa: S101 - the grade is that of the year
    today = local_date(now, school.timezone)
    return {
        "school": school.pk,
        "students": list(student_ids),
        "first": first,
        "last": last,
        "today": today,
        "since": _since(school),
        "zone": school.timezone,
        "year": school_year_of(first),
        "this_year": school_year_of(today),
    }


def _since(school: School) -> date:
    return local_date(school.opened_at, school.timezone) if school.opened_at else date.min


def _record(row: tuple[Any, ...]) -> Record:
    on, kind, name, leave_from, arrived, left, leave, state, late, early = row
    return Record(on, kind or "", name or "", leave_from, arrived, left, leave or "", State(state), late, early)


# What each date is for each grade. The order of leaving times is that of `arrivals`.
_PLAN = """
rules AS (
    SELECT coalesce(max(late_after), time '08:00') AS late_after, max(leave_from) AS leave_from,
        coalesce(max(half_day_leave_from), time '12:00') AS half_day_leave_from
    FROM attendance_rules WHERE school_id = %(school)s
), plan AS (
    SELECT day.grade, day.date, day.kind, day.name, coalesce(
        day.leave_from, CASE WHEN day.kind = 'half' THEN rules.half_day_leave_from END,
        timetable.leave_from, rules.leave_from, time '15:30') AS leave_from
    FROM attendance_schoolday day CROSS JOIN rules
    LEFT JOIN attendance_timetable timetable ON timetable.school_id = day.school_id
        AND timetable.grade = day.grade AND timetable.weekday = extract(isodow FROM day.date)::int
    WHERE day.school_id = %(school)s AND day.date BETWEEN %(first)s AND %(last)s
), student AS (
    SELECT student.id, student.grade - coalesce(class.school_year_id, %(this_year)s) + %(year)s AS grade
    FROM roster_student student LEFT JOIN roster_schoolclass class ON class.id = student.school_class_id
    WHERE student.id = ANY(%(students)s) AND student.school_id = %(school)s
), leave AS (
    SELECT leave.student_id, day::date AS date, min(leave.kind) AS kind
    FROM attendance_leave leave, generate_series(
        greatest(leave.first_date, %(first)s)::timestamp, least(leave.last_date, %(last)s)::timestamp, '1 day') day
    WHERE leave.student_id = ANY(%(students)s) AND leave.first_date <= %(last)s AND leave.last_date >= %(first)s
        AND leave.refused_at IS NULL AND leave.withdrawn_at IS NULL
    GROUP BY 1, 2
)"""

# `{dates}` are rows of student_id, date, kind, name and leave_from; kind is null where the calendar has nothing.
_RECORDS = """
record AS (
    SELECT asked.*, day.arrived_at, day.left_at, leave.kind AS leave, CASE
            WHEN asked.kind IS NULL OR asked.kind NOT IN ('school', 'half', 'make_up') THEN 'no_school'
            WHEN asked.date < %(since)s THEN 'before'
            WHEN day.seen_at IS NOT NULL THEN 'present'
            WHEN leave.kind IS NOT NULL THEN 'leave'
            WHEN day.not_arrived_at IS NOT NULL THEN 'not_arrived'
            WHEN asked.date >= %(today)s THEN 'ahead'
            ELSE 'no_record' END AS state
    FROM ({dates}) asked
    LEFT JOIN attendance_day day ON day.school_id = %(school)s AND day.date BETWEEN %(first)s AND %(last)s
        AND day.date = asked.date AND day.student_id = asked.student_id
    LEFT JOIN leave ON leave.student_id = asked.student_id AND leave.date = asked.date
), judged AS (
    SELECT record.*,
        coalesce(state = 'present' AND leave IS NULL
            AND date_trunc('minute', arrived_at AT TIME ZONE %(zone)s)::time > rules.late_after, false) AS late,
        coalesce(state = 'present' AND leave IS NULL
            AND (left_at AT TIME ZONE %(zone)s)::time < record.leave_from, false) AS left_early
    FROM record CROSS JOIN rules
)"""

OF_ONE = f"""
WITH {_PLAN}, {
    _RECORDS.format(
        dates='''
    SELECT student.id AS student_id, day::date AS date, plan.kind, plan.name, plan.leave_from
    FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, '1 day') day CROSS JOIN student
    LEFT JOIN plan ON plan.date = day::date AND plan.grade = student.grade'''
    )
}
SELECT date, kind, name, leave_from, arrived_at, left_at, leave, state, late, left_early FROM judged ORDER BY date
"""  # noqa: S608 - constants of our own

COUNT = f"""
WITH {_PLAN}, {
    _RECORDS.format(
        dates='''
    SELECT student.id AS student_id, plan.date, plan.kind, plan.name, plan.leave_from
    FROM student JOIN plan ON plan.grade = student.grade AND plan.kind IN ('school', 'half', 'make_up')'''
    )
}
SELECT student_id, count(*) FILTER (WHERE state NOT IN ('ahead', 'before')), count(*) FILTER (WHERE state = 'present'),
    count(*) FILTER (WHERE late), count(*) FILTER (WHERE left_early), count(*) FILTER (WHERE state = 'leave'),
    count(*) FILTER (WHERE state = 'not_arrived'), count(*) FILTER (WHERE state = 'no_record')
FROM judged GROUP BY student_id
"""  # noqa: S608 - constants of our own
