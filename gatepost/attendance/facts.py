"""All that attendance knows of some students of one school on a few days, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from uuid import UUID

from gatepost.attendance.models import Event, Rules, SchoolDay, Sweep
from gatepost.kit import questions
from gatepost.roster.models import School, Student


@dataclass(frozen=True, slots=True)
class SeenDay:
    """A student's day. `source` and `reader_id` are those of the event its line is about, on the last day only."""

    arrived_at: datetime | None
    left_at: datetime | None
    seen_at: datetime | None
    not_arrived_at: datetime | None
    source: str
    reader_id: str


@dataclass(frozen=True, slots=True)
class SchoolDate:
    """What a date is for one grade."""

    kind: str
    name: str

    @property
    def is_open(self) -> bool:
        """Whether there is school."""
        return self.kind in SchoolDay.OPEN


@dataclass(frozen=True, slots=True)
class KnownLeave:
    """Leave that stands, pending or approved."""

    first: date
    last: date
    kind: str
    is_approved: bool

    def covers(self, day: date) -> bool:
        """Both ends count."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class KnownReader:
    """A reader, in use or not any more; `heard_at` is None for one that never spoke."""

    id: str
    place: str
    in_use: bool
    heard_at: datetime | None
    queue: int


class Facts:
    """What is known of `students` of `school` on `dates`, of which the last is today."""

    def __init__(self, school: School, students: Sequence[Student], dates: Sequence[date]) -> None:
        values = {
            "school": school.pk,
            "students": [student.pk for student in students],
            "grades": sorted({student.grade for student in students}),
            "dates": list(dates),
            "first": dates[0],
            "last": dates[-1],
        }
        [(days, calendar, leaves, cutoff, sweep, readers)] = questions.ask(STATEMENT, values)
        self._days = {(UUID(row[0]), row[1]): row[2:] for row in days or ()}
        self._calendar = {(row[0], row[1]): SchoolDate(*row[2:]) for row in calendar or ()}
        self._leaves: dict[UUID, list[KnownLeave]] = {}
        for student, first, last, kind, approved in leaves or ():
            leave = KnownLeave(date.fromisoformat(first), date.fromisoformat(last), kind, approved)
            self._leaves.setdefault(UUID(student), []).append(leave)
        self._cutoff: time | None = cutoff
        self._sweep, self._readers = sweep, readers or ()

    def day(self, student: Student, on: date) -> SeenDay | None:
        """The student's day, if there was any sign of them."""
        row = self._days.get((student.pk, on.isoformat()))
        if row is None:
            return None
        arrived, left, seen, told = (_time(text) for text in row[:4])
        source, reader_id = row[4] or ("", "")
        return SeenDay(arrived, left, seen, told, source, reader_id)

    def school_date(self, student: Student, on: date) -> SchoolDate | None:
        """What `on` is for the student's grade; None where the calendar says nothing."""
        return self._calendar.get((on.isoformat(), student.grade))

    def leave(self, student: Student, on: date) -> KnownLeave | None:
        """The student's leave that covers `on`."""
        return next((leave for leave in self._leaves.get(student.pk, ()) if leave.covers(on)), None)

    @cached_property
    def cutoff(self) -> time:
        """Until when the school waits."""
        return self._cutoff or Rules().cutoff

    @cached_property
    def sweep(self) -> Sweep | None:
        """Today's question who has not arrived, if it was asked."""
        if self._sweep is None:
            return None
        decided_at, because, facts = self._sweep
        return Sweep(decided_at=_time(decided_at), held_because=because, held_facts=facts)

    @cached_property
    def readers(self) -> list[KnownReader]:
        """All readers of the school, old ones too: an event may name them."""
        return [KnownReader(i, place, used, _time(heard), queue) for i, place, used, heard, queue in self._readers]

    def place(self, seen: SeenDay) -> str:
        """Where the card was read; empty for a day that a person wrote down."""
        if seen.source != Event.Source.CARD:
            return ""
        return next((reader.place for reader in self.readers if reader.id == seen.reader_id), "")


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# Dates as a list find each day by its key; their bounds leave other months out. Leave stands as in `leaves.standing`.
STATEMENT = """
SELECT
    (SELECT json_agg(json_build_array(
        d.student_id, d.date, d.arrived_at, d.left_at, d.seen_at, d.not_arrived_at,
        (SELECT json_build_array(e.source, coalesce(e.reader_id::text, '')) FROM attendance_event e
         WHERE d.date = %(last)s::date AND e.date = %(last)s::date AND e.school_id = %(school)s::int
            AND e.id = CASE WHEN d.left_at IS NULL THEN d.arrived_event_id ELSE d.left_event_id END)))
     FROM attendance_day d
     WHERE d.school_id = %(school)s::int AND d.date = ANY(%(dates)s::date[])
        AND d.date BETWEEN %(first)s::date AND %(last)s::date AND d.student_id = ANY(%(students)s::uuid[])),
    (SELECT json_agg(json_build_array(date, grade, kind, name)) FROM attendance_schoolday
     WHERE school_id = %(school)s::int AND date = ANY(%(dates)s::date[]) AND grade = ANY(%(grades)s::smallint[])),
    (SELECT json_agg(json_build_array(student_id, first_date, last_date, kind, approved_at IS NOT NULL) ORDER BY id)
     FROM attendance_leave
     WHERE student_id = ANY(%(students)s::uuid[]) AND first_date <= %(last)s::date AND last_date >= %(first)s::date
        AND refused_at IS NULL AND withdrawn_at IS NULL),
    (SELECT cutoff FROM attendance_rules WHERE school_id = %(school)s::int),
    (SELECT json_build_array(decided_at, held_because, held_facts) FROM attendance_sweep
     WHERE school_id = %(school)s::int AND date = %(last)s::date),
    (SELECT json_agg(json_build_array(r.id, g.name || ' ' || r.name, r.revoked_at IS NULL AND r.rested_at IS NULL,
        h.heard_at, coalesce(h.queue, 0)) ORDER BY g.name, r.name)
     FROM gates_reader r JOIN gates_gate g ON g.id = r.gate_id LEFT JOIN gates_readerhealth h ON h.reader_id = r.id
     WHERE r.school_id = %(school)s::int)
"""
