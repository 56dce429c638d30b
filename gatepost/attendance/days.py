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
from gatepost.gates.models import TapQueue
from gatepost.kit.prepared import prepared
from gatepost.notify import notices
from gatepost.notify.sender import HEARD_AT

Touched = tuple[int, date, UUID]  # school, date, student

LOCK_CLASS = 0x6174  # "at": the first key of our advisory locks; the second is a shard of the schools


@dataclass(frozen=True, slots=True)
class Folded:
    """A day that the fold changed, with what messages about it need."""

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
    source: str | None  # of the arrival, or where there is none, of the first sign
    place: str | None
    is_today: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """Days touched, as PostgreSQL writes arrays: they come from one statement and go into the next.

    `heard` says when what touched them was received, null where nobody waits for that; `first` and `last` bound them.
    """

    schools: str
    dates: str
    students: str
    heard: str
    first: date
    last: date


def fold(touched: Iterable[Touched], *, now: datetime) -> list[Folded]:
    """Write the days of `touched` anew from their events, and post what that makes known. In the caller's transaction.

    Returns the days that changed.
    """
    triples = set(touched)
    if not triples:
        return []
    _lock({school for school, _, _ in triples})
    dates = [on_date for _, on_date, _ in triples]
    columns = Columns(
        schools=_array(school for school, _, _ in triples),
        dates=_array(dates),
        students=_array(student for _, _, student in triples),
        heard=_array("NULL" for _ in triples),
        first=min(dates),
        last=max(dates),
    )
    return fold_columns(columns, now=now, all_changed=True)


def fold_columns(columns: Columns, *, now: datetime, all_changed: bool = False) -> list[Folded]:
    """The same for many days at once; the caller holds the locks of their schools.

    Returns the days of students who were called missing and are not; all that changed with `all_changed`.
    """
    values = {
        "schools": columns.schools,
        "dates": columns.dates,
        "students": columns.students,
        "heard": columns.heard,
        "first": columns.first,
        "last": columns.last,
        "now": now,
        "arrived_for": words.BEST_BEFORE[words.ARRIVED],
        "left_for": words.BEST_BEFORE[words.LEFT],
        "all": all_changed,
    }
    changed = [Folded(*row) for row in prepared(_FOLD, values) if row[0] is not None]
    for day in changed:
        # Notices are for the day itself: what is learned about an earlier day changes the record only.
        if day.is_today and day.not_arrived_at is not None and day.seen_at is not None:
            _relieve(day, now=now)
    return changed


def _lock(schools: Iterable[int]) -> None:
    """Wait for whoever follows taps of `schools`: of two who fold one day at once, the later must see both events."""
    with connection.cursor() as cursor:
        for shard in sorted({school % TapQueue.SHARDS for school in schools}):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, shard])


def _array(elements: Iterable[object]) -> str:
    return "{" + ",".join(map(str, elements)) + "}"


def _relieve(day: Folded, *, now: datetime) -> None:
    """Whoever was told "not arrived" hears the end of it by the same channels, unless "arrived" reaches them anyway."""
    not_arrived = words.key(words.NOT_ARRIVED, day.student_id, day.date)
    notices.withdraw({day.student_id: not_arrived}, on_date=day.date, because="withdrawn", now=now)
    at = day.arrived_at or day.seen_at
    assert at is not None  # noqa: S101 - asked by the caller
    found = notices.Post(
        key=words.key(words.FOUND, day.student_id, day.date),
        topic=words.FOUND,
        about=day.student_id,
        on_date=day.date,
        data=_data(day, at),
        best_before=at + words.BEST_BEFORE[words.FOUND],
    )
    notices.follow(found, not_arrived, now=now, but_not_if_told=words.key(words.ARRIVED, day.student_id, day.date))


def _data(day: Folded, at: datetime) -> dict[str, Any]:
    return {
        "student": day.student,
        "school": day.school,
        "timezone": day.timezone,
        "at": at.isoformat(),
        "source": day.source or Event.Source.OFFICE,
        "place": day.place or "",
    }


# From one CTE to the next no two of them are joined: PostgreSQL does not know how many rows a CTE has, and would try
# each row of one with each of the other. Only tables are looked up, by their keys.
_FOLD = f"""
WITH touched AS (
    SELECT school_id, date, student_id, min(heard_at) AS heard_at
    FROM unnest(%(schools)s::int[], %(dates)s::date[], %(students)s::uuid[], %(heard)s::timestamptz[])
        AS t(school_id, date, student_id, heard_at)
    GROUP BY school_id, date, student_id
), events AS (
    -- A day whose events were all voided stays, as one row without an event.
    SELECT touched.*, e.id, e.at, e.side, e.sure, e.nonce,
        make_interval(secs => coalesce(rules.quiet_gap_seconds, 300)) AS gap
    FROM touched
    LEFT JOIN attendance_rules rules ON rules.school_id = touched.school_id
    LEFT JOIN attendance_event e ON e.school_id = touched.school_id AND e.date = touched.date
        AND e.student_id = touched.student_id AND e.date BETWEEN %(first)s::date AND %(last)s::date
        AND e.voided_at IS NULL
), spaced AS (
    SELECT *, at - lag(at) OVER any_side AS since_any, at - lag(at) OVER same_side AS since_same
    FROM events
    WINDOW any_side AS (PARTITION BY school_id, date, student_id ORDER BY at, side, nonce, id),
           same_side AS (PARTITION BY school_id, date, student_id, side ORDER BY at, nonce, id)
), counted AS (
    SELECT *, side = 'in' AND counts AS comes, side = 'out' AND counts AS goes,
        max(at) FILTER (WHERE side = 'in' AND counts) OVER (PARTITION BY school_id, date, student_id) AS last_in
    FROM spaced, LATERAL (
        SELECT (sure OR since_any IS NULL OR since_any > gap) AND (since_same IS NULL OR since_same > gap) AS counts
    ) counting
), folded AS (
    SELECT school_id, date, student_id, min(heard_at) AS heard_at, min(at) AS seen_at,
        (array_agg(id ORDER BY at, side, nonce, id))[1] AS seen_event_id,
        min(at) FILTER (WHERE comes) AS arrived_at,
        (array_agg(id ORDER BY at, nonce, id) FILTER (WHERE comes))[1] AS arrived_event_id,
        max(at) FILTER (WHERE goes AND (last_in IS NULL OR at >= last_in)) AS left_at,
        (array_agg(id ORDER BY at DESC, nonce, id) FILTER (WHERE goes AND (last_in IS NULL OR at >= last_in)))[1]
            AS left_event_id
    FROM counted GROUP BY school_id, date, student_id
), changed AS (
    SELECT folded.*, before.arrived_event_id AS arrived_before, before.left_event_id AS left_before
    FROM folded
    LEFT JOIN attendance_day before ON before.school_id = folded.school_id AND before.date = folded.date
        AND before.student_id = folded.student_id AND before.date BETWEEN %(first)s::date AND %(last)s::date
    WHERE before.school_id IS NULL OR (before.arrived_event_id, before.left_event_id, before.seen_at)
        IS DISTINCT FROM (folded.arrived_event_id, folded.left_event_id, folded.seen_at)
), saved AS (
    INSERT INTO attendance_day AS day
        (school_id, date, student_id, arrived_at, arrived_event_id, left_at, left_event_id, seen_at)
    SELECT school_id, date, student_id, arrived_at, arrived_event_id, left_at, left_event_id, seen_at FROM changed
    ORDER BY school_id, date, student_id
    ON CONFLICT (school_id, date, student_id) DO UPDATE
    SET arrived_at = excluded.arrived_at, arrived_event_id = excluded.arrived_event_id,
        left_at = excluded.left_at, left_event_id = excluded.left_event_id, seen_at = excluded.seen_at
    RETURNING *
), news AS (
    -- What was not so before. Somebody saw the student in class: that is an arrival without an hour; a going is none.
    SELECT changed.school_id, date, student_id, heard_at, topic, event_id, seen_only, best_for
    FROM changed, LATERAL (VALUES
        ('{words.ARRIVED}', arrived_event_id, false, %(arrived_for)s::interval,
            arrived_event_id IS DISTINCT FROM arrived_before),
        ('{words.ARRIVED}', seen_event_id, true, %(arrived_for)s::interval,
            arrived_event_id IS NULL AND left_event_id IS NULL),
        ('{words.LEFT}', left_event_id, false, %(left_for)s::interval,
            left_event_id IS DISTINCT FROM left_before)
    ) AS told(topic, event_id, seen_only, best_for, is_new)
    WHERE is_new AND event_id IS NOT NULL
), posts AS (
    SELECT topic || ':' || student.id || ':' || event.date AS key, topic, student.id AS about, event.date AS on_date,
        jsonb_strip_nulls(jsonb_build_object(
            'student', student.name, 'school', school.short_name, 'timezone', school.timezone, 'at', event.at,
            'source', event.source, 'place', coalesce(gate.name || ' ' || reader.name, ''),
            'seen_only', CASE WHEN seen_only THEN true END, '{HEARD_AT}', heard_at
        )) AS data,
        event.at + best_for AS best_before
    FROM news
    JOIN roster_school school ON school.id = news.school_id
        AND news.date = (%(now)s::timestamptz AT TIME ZONE school.timezone)::date
    JOIN roster_student student ON student.id = news.student_id
    JOIN attendance_event event ON event.id = news.event_id AND event.date = news.date
        AND event.date BETWEEN %(first)s::date AND %(last)s::date AND (NOT seen_only OR event.source <> 'card')
    LEFT JOIN gates_reader reader ON reader.id = event.reader_id
    LEFT JOIN gates_gate gate ON gate.id = reader.gate_id
), {notices.POSTING}
SELECT saved.school_id, saved.date, saved.student_id, saved.arrived_at, saved.left_at, saved.seen_at,
    saved.not_arrived_at, student.name, school.short_name, school.timezone, event.source,
    gate.name || ' ' || reader.name, saved.date = (%(now)s::timestamptz AT TIME ZONE school.timezone)::date
FROM (SELECT count(*) FROM woken) bell
LEFT JOIN saved ON %(all)s::boolean OR (saved.not_arrived_at IS NOT NULL AND saved.seen_at IS NOT NULL)
LEFT JOIN roster_student student ON student.id = saved.student_id
LEFT JOIN roster_school school ON school.id = saved.school_id
LEFT JOIN LATERAL (
    SELECT source, reader_id FROM attendance_event
    WHERE school_id = saved.school_id AND date = saved.date AND student_id = saved.student_id
      AND date BETWEEN %(first)s::date AND %(last)s::date AND voided_at IS NULL
    ORDER BY id = saved.arrived_event_id DESC NULLS LAST, at, side, nonce, id LIMIT 1
) event ON true
LEFT JOIN gates_reader reader ON reader.id = event.reader_id
LEFT JOIN gates_gate gate ON gate.id = reader.gate_id
"""  # noqa: S608 - constants of our own
