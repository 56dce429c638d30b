"""The school's today: how many came, who is not in yet, what is held and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max

from gatepost.attendance import sweep as sweeps
from gatepost.attendance.daylines import SILENT_AFTER
from gatepost.attendance.leaves import standing
from gatepost.attendance.models import Day, Event, Rules, SchoolDay, Sweep
from gatepost.attendance.stopped import StoppedTap, tapped_today
from gatepost.gates.models import Reader, Tap
from gatepost.kit.clock import at_local, local_date, local_midnight
from gatepost.roster.models import School, Student

USUAL_DAYS = 14  # calendar days looked back on for a student's usual hour


@dataclass(frozen=True, slots=True)
class NotYet:
    """A student nobody has seen today, and when they usually come."""

    student: Student
    usual_at: time | None
    absent_lately: int  # school days without any sign in the last two weeks, leave included
    told_at: datetime | None  # when home was told


@dataclass(frozen=True, slots=True)
class ReaderState:
    """One reader, as the board shows it: `fine`, `silent` (offline), `behind` (still holds taps) or `resting`."""

    reader: Reader
    state: str
    heard_at: datetime
    taps_today: int
    queue: int


@dataclass(frozen=True, slots=True)
class Board:
    """One school's day at the moment `at`; the four figures add up to `expected` and those on leave."""

    at: datetime
    school_day: bool
    cutoff_at: datetime
    expected: int
    arrived: int
    on_leave: int
    not_arrived: int
    waiting: int
    not_yet: Sequence[NotYet]
    readers: Sequence[ReaderState]
    stopped: Sequence[StoppedTap]
    sweep: Sweep | None
    rules: Rules

    @property
    def held(self) -> bool:
        """Whether messages to home wait for something."""
        return self.sweep is not None and self.sweep.decided_at is None and bool(self.sweep.held_because)


def board(school: School, students: Sequence[Student], *, now: datetime) -> Board:
    """The board of `school` for those of its `students` whom the person asking works with."""
    today = local_date(now, school.timezone)
    rules = sweeps.rules_of(school)
    open_grades = set(
        SchoolDay.objects.filter(school=school, date=today, kind__in=SchoolDay.OPEN).values_list("grade", flat=True)
    )
    expected = [s for s in students if s.grade in open_grades and s.study_state in Student.ATTENDING]
    days = {day.student_id: day for day in Day.objects.filter(school_id=school.pk, date=today)}
    away = set(standing(today, today).filter(student__school=school).values_list("student_id", flat=True))
    seen = {pk for pk, day in days.items() if day.seen_at}
    missing = [s for s in expected if s.pk not in seen and s.pk not in away]
    told = {s.pk for s in missing if (day := days.get(s.pk)) and day.not_arrived_at}
    return Board(
        at=now,
        school_day=bool(open_grades),
        cutoff_at=at_local(today, rules.cutoff, school.timezone),
        expected=len(expected),
        arrived=sum(s.pk in seen for s in expected),
        on_leave=sum(s.pk in away and s.pk not in seen for s in expected),
        not_arrived=len(told),
        waiting=len(missing) - len(told),
        not_yet=_not_yet(school, missing, days, today_start=local_midnight(today, school.timezone)),
        readers=reader_states(school, now=now),
        stopped=tapped_today(school, now=now),
        sweep=Sweep.objects.select_related("released_by").filter(school=school, date=today).first(),
        rules=rules,
    )


def reader_states(school: School, *, now: datetime) -> list[ReaderState]:
    """Every reader that is not revoked, with its health and its taps of today."""
    today = local_date(now, school.timezone)
    since = local_midnight(today, school.timezone)
    asked = Sweep.objects.filter(school=school, date=today).first()
    waited_for = asked.waits_for if asked else frozenset[str]()
    counts = _taps_of_today(school, today, since=since)
    readers = Reader.objects.filter(school=school, revoked_at=None).select_related("gate", "health")
    return [
        ReaderState(
            reader,
            _state(reader, now, waited_for),
            reader.health.heard_at,
            counts[reader.pk],
            reader.health.queue,
        )
        for reader in readers.order_by("gate__name", "name")
    ]


def _taps_of_today(school: School, today: date, *, since: datetime) -> Counter[UUID]:
    """How many taps each reader handed in: those that became events, and those that could not be used."""
    used = Event.objects.filter(school_id=school.pk, date=today, reader_id__isnull=False)
    refused = Tap.objects.filter(
        school_id=school.pk, tapped_at__gte=since, month__gte=since.date().replace(day=1)
    ).exclude(reason="")
    counts: Counter[UUID] = Counter()
    for rows in (used, refused):
        counts.update(dict(rows.values_list("reader_id").annotate(number=Count("nonce"))))
    return counts


def _state(reader: Reader, now: datetime, waited_for: frozenset[str]) -> str:
    if reader.rested_at is not None:
        return "resting"
    if now - reader.health.heard_at > SILENT_AFTER or (str(reader.pk) in waited_for and not reader.health.queue):
        return "silent"
    return "behind" if reader.health.queue else "fine"


def _not_yet(
    school: School, missing: Sequence[Student], days: dict[UUID, Day], *, today_start: datetime
) -> list[NotYet]:
    if not missing:
        return []
    today = local_date(today_start, school.timezone)
    since = today - timedelta(days=USUAL_DAYS)
    came = _came(school, [s.pk for s in missing], since=since, until=today)
    school_days: dict[int, int] = dict(
        SchoolDay.objects.filter(school=school, date__gte=since, date__lt=today, kind__in=SchoolDay.OPEN)
        .values_list("grade")
        .annotate(number=Count("date"))
    )
    never: tuple[int, time | None] = (0, None)
    return [
        NotYet(
            student=student,
            usual_at=came.get(student.pk, never)[1],
            absent_lately=max(0, school_days.get(student.grade, 0) - came.get(student.pk, never)[0]),
            told_at=days[student.pk].not_arrived_at if student.pk in days else None,
        )
        for student in missing
    ]


def _came(
    school: School, student_ids: Sequence[UUID], *, since: date, until: date
) -> dict[UUID, tuple[int, time | None]]:
    """On how many days each of the students came, and the middle of the hours they came at, to the minute.

    Counted by the database: early in the morning a whole school is not in yet, and its board is asked for every few
    seconds.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CAME,
            {"school": school.pk, "zone": school.timezone, "since": since, "until": until, "ids": list(student_ids)},
        )
        return {
            student: (number, usual.replace(second=0, microsecond=0)) for student, number, usual in cursor.fetchall()
        }


_CAME = """
SELECT student_id, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY (arrived_at AT TIME ZONE %(zone)s)::time)
FROM attendance_day
WHERE school_id = %(school)s AND date >= %(since)s AND date < %(until)s AND arrived_at IS NOT NULL
  AND student_id = ANY(%(ids)s)
GROUP BY student_id
"""


@dataclass(frozen=True, slots=True)
class SchoolFigures:
    """One school's day in figures without names, for the bureau."""

    school: School
    expected: int
    arrived: int
    on_leave: int
    not_arrived: int
    held_because: str
    silent_readers: int
    last_heard: datetime | None


def city_figures(schools: Sequence[School], *, now: datetime) -> list[SchoolFigures]:
    """Today's figures of `schools`, in a few queries whatever their number."""
    if not schools:
        return []
    today = local_date(now, schools[0].timezone)
    ids = [school.pk for school in schools]
    counted = _count_days(ids, today)
    held = {s.school_id: s.held_because for s in Sweep.objects.filter(date=today, school__in=ids, decided_at=None)}
    in_use = Reader.objects.filter(school__in=ids, revoked_at=None, rested_at=None)
    silent = dict(
        in_use.filter(health__heard_at__lt=now - SILENT_AFTER).values_list("school_id").annotate(number=Count("pk"))
    )
    heard = dict(in_use.values_list("school_id").annotate(last=Max("health__heard_at")))
    return [
        SchoolFigures(
            school,
            *counted.get(school.pk, (0, 0, 0, 0)),
            held_because=held.get(school.pk, ""),
            silent_readers=silent.get(school.pk, 0),
            last_heard=heard.get(school.pk),
        )
        for school in schools
    ]


def _count_days(school_ids: Sequence[int], today: date) -> dict[int, tuple[int, int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"schools": list(school_ids), "today": today})
        return {school: (expected, seen, away, told) for school, expected, seen, away, told in cursor.fetchall()}


_COUNT = """
SELECT student.school_id, count(*), count(*) FILTER (WHERE day.seen_at IS NOT NULL),
    count(*) FILTER (WHERE day.seen_at IS NULL AND leave.student_id IS NOT NULL),
    count(*) FILTER (WHERE day.seen_at IS NULL AND leave.student_id IS NULL AND day.not_arrived_at IS NOT NULL)
FROM roster_student student
JOIN attendance_schoolday school_day ON school_day.school_id = student.school_id
    AND school_day.date = %(today)s AND school_day.grade = student.grade
    AND school_day.kind IN ('school', 'half', 'make_up')
LEFT JOIN attendance_day day
    ON day.school_id = student.school_id AND day.date = %(today)s AND day.student_id = student.id
LEFT JOIN (
    SELECT DISTINCT student_id FROM attendance_leave
    WHERE first_date <= %(today)s AND last_date >= %(today)s AND refused_at IS NULL AND withdrawn_at IS NULL
) leave ON leave.student_id = student.id
WHERE student.school_id = ANY(%(schools)s) AND student.left_on IS NULL AND student.study_state = 'enrolled'
GROUP BY student.school_id
"""
