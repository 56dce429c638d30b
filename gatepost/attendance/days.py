"""Folding events into days. The one place that says what arrived and left mean.

Arrival: the first coming of the day. Departure: the last going, unless the student came back after it. A tap within the
quiet gap of the one before it is the same event, unless the gate says which way it went; of several goings in a row
within the gap the first counts. A student who forgot to tap in the morning simply has a departure.

A day is a function of its set of events: their order, and how often they are folded, change nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from gatepost.attendance import notices as words
from gatepost.attendance.models import Event
from gatepost.kit.clock import local_date
from gatepost.notify import notices

Touched = tuple[int, date, UUID]  # school, date, student


@dataclass(frozen=True, slots=True)
class Folded:
    """A day that the fold changed, with what its notices need."""

    school_id: int
    date: date
    student_id: UUID
    arrived_at: datetime | None
    left_at: datetime | None
    seen_at: datetime | None
    not_arrived_at: datetime | None
    student: str
    school: str
    timezone: str
    arrived_source: str | None
    arrived_place: str | None
    left_source: str | None
    left_place: str | None
    seen_source: str | None
    seen_place: str | None


def fold(touched: Iterable[Touched], *, now: datetime) -> list[Folded]:
    """Write the days of `touched` anew from their events, and post what that makes known. In the caller's transaction.

    Returns the days that changed.
    """
    triples = sorted(set(touched), key=lambda one: (one[0], one[1], one[2].bytes))
    if not triples:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_FOLD, [list(column) for column in zip(*triples, strict=True)])
        changed = [Folded(*row) for row in cursor.fetchall()]
    _tell(changed, now=now)
    return changed


def _tell(changed: list[Folded], *, now: datetime) -> None:
    """Notices are for the day itself: what is learned about an earlier day changes the record only."""
    today = [day for day in changed if day.date == local_date(now, day.timezone)]
    posts = [post for day in today for post in (_arrival(day), _departure(day)) if post]
    notices.post(posts, now=now)
    for day in today:
        if day.not_arrived_at is not None and (day.seen_at is not None):
            _relieve(day, now=now)


def _arrival(day: Folded) -> notices.Post | None:
    if day.arrived_at is not None:
        return _post(words.ARRIVED, day, day.arrived_at, day.arrived_source, day.arrived_place)
    # Somebody saw the student in class: that is an arrival without an hour. A going alone is none.
    if day.seen_at is not None and day.seen_source != "card" and day.left_at is None:
        return _post(words.ARRIVED, day, day.seen_at, day.seen_source, day.seen_place, seen_only=True)
    return None


def _departure(day: Folded) -> notices.Post | None:
    return _post(words.LEFT, day, day.left_at, day.left_source, day.left_place) if day.left_at else None


def _relieve(day: Folded, *, now: datetime) -> None:
    """Whoever was told "not arrived" hears the end of it by the same channels, unless "arrived" reaches them anyway."""
    not_arrived = words.key(words.NOT_ARRIVED, day.student_id, day.date)
    notices.withdraw([not_arrived], on_date=day.date, because="withdrawn", now=now)
    assert day.seen_at is not None  # noqa: S101 - asked by the caller
    at, source, place = (
        (day.arrived_at, day.arrived_source, day.arrived_place)
        if day.arrived_at
        else (day.seen_at, day.seen_source, day.seen_place)
    )
    found = _post(words.FOUND, day, at, source, place)
    notices.follow(found, not_arrived, now=now, but_not_if_told=words.key(words.ARRIVED, day.student_id, day.date))


def _post(
    topic: str, day: Folded, at: datetime, source: str | None, place: str | None, *, seen_only: bool = False
) -> notices.Post:
    data: dict[str, Any] = {
        "student": day.student,
        "school": day.school,
        "timezone": day.timezone,
        "at": at.isoformat(),
        "source": source or Event.Source.OFFICE,
        "place": place or "",
    }
    if seen_only:
        data["seen_only"] = True
    return notices.Post(
        key=words.key(topic, day.student_id, day.date),
        topic=topic,
        about=day.student_id,
        on_date=day.date,
        data=data,
        best_before=at + words.BEST_BEFORE[topic],
    )


_FOLD = """
WITH touched AS (
    SELECT * FROM unnest(%s::int[], %s::date[], %s::uuid[]) AS t(school_id, date, student_id)
), events AS (
    SELECT e.*, make_interval(secs => coalesce(rules.quiet_gap_seconds, 300)) AS gap
    FROM touched
    JOIN attendance_event e USING (school_id, date, student_id)
    LEFT JOIN attendance_rules rules ON rules.school_id = touched.school_id
    WHERE e.voided_at IS NULL
), spaced AS (
    SELECT *, at - lag(at) OVER any_side AS since_any, at - lag(at) OVER same_side AS since_same
    FROM events
    WINDOW any_side AS (PARTITION BY student_id, school_id, date ORDER BY at, side, nonce, id),
           same_side AS (PARTITION BY student_id, school_id, date, side ORDER BY at, nonce, id)
), counted AS (
    SELECT * FROM spaced
    WHERE (sure OR since_any IS NULL OR since_any > gap) AND (since_same IS NULL OR since_same > gap)
), firsts AS (
    SELECT DISTINCT ON (school_id, date, student_id) school_id, date, student_id, id, at, source, reader_id
    FROM events ORDER BY school_id, date, student_id, at, side, nonce, id
), arrivals AS (
    SELECT DISTINCT ON (school_id, date, student_id) school_id, date, student_id, id, at, source, reader_id
    FROM counted WHERE side = 'in' ORDER BY school_id, date, student_id, at, nonce, id
), departures AS (
    SELECT DISTINCT ON (school_id, date, student_id) school_id, date, student_id, id, at, source, reader_id
    FROM counted going
    WHERE side = 'out' AND NOT EXISTS (
        SELECT 1 FROM counted coming
        WHERE coming.school_id = going.school_id AND coming.date = going.date AND coming.student_id = going.student_id
          AND coming.side = 'in' AND coming.at > going.at
    )
    ORDER BY school_id, date, student_id, at DESC, nonce, id
), saved AS (
    INSERT INTO attendance_day AS day
        (school_id, date, student_id, arrived_at, arrived_event_id, left_at, left_event_id, seen_at)
    SELECT t.school_id, t.date, t.student_id, arrived.at, arrived.id, departed.at, departed.id, first.at
    FROM touched t
    LEFT JOIN arrivals arrived USING (school_id, date, student_id)
    LEFT JOIN departures departed USING (school_id, date, student_id)
    LEFT JOIN firsts first USING (school_id, date, student_id)
    ON CONFLICT (school_id, date, student_id) DO UPDATE
    SET arrived_at = excluded.arrived_at, arrived_event_id = excluded.arrived_event_id,
        left_at = excluded.left_at, left_event_id = excluded.left_event_id, seen_at = excluded.seen_at
    WHERE (day.arrived_event_id, day.left_event_id, day.seen_at)
        IS DISTINCT FROM (excluded.arrived_event_id, excluded.left_event_id, excluded.seen_at)
    RETURNING *
)
SELECT saved.school_id, saved.date, saved.student_id, saved.arrived_at, saved.left_at, saved.seen_at,
    saved.not_arrived_at, student.name, school.short_name, school.timezone,
    arrived.source, arrived_gate.name || ' ' || arrived_reader.name,
    departed.source, departed_gate.name || ' ' || departed_reader.name,
    first.source, first_gate.name || ' ' || first_reader.name
FROM saved
JOIN roster_student student ON student.id = saved.student_id
JOIN roster_school school ON school.id = saved.school_id
LEFT JOIN arrivals arrived ON arrived.student_id = saved.student_id AND arrived.date = saved.date
    AND arrived.school_id = saved.school_id
LEFT JOIN gates_reader arrived_reader ON arrived_reader.id = arrived.reader_id
LEFT JOIN gates_gate arrived_gate ON arrived_gate.id = arrived_reader.gate_id
LEFT JOIN departures departed ON departed.student_id = saved.student_id AND departed.date = saved.date
    AND departed.school_id = saved.school_id
LEFT JOIN gates_reader departed_reader ON departed_reader.id = departed.reader_id
LEFT JOIN gates_gate departed_gate ON departed_gate.id = departed_reader.gate_id
LEFT JOIN firsts first ON first.student_id = saved.student_id AND first.date = saved.date
    AND first.school_id = saved.school_id
LEFT JOIN gates_reader first_reader ON first_reader.id = first.reader_id
LEFT JOIN gates_gate first_gate ON first_gate.id = first_reader.gate_id
"""
