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
    """Days touched of one date, as PostgreSQL writes arrays: they come from one statement and go into the next.

    `names` are the students', null where the fold is to look for them. `heard` says when what touched the day was
    received, null where nobody waits for that.
    """

    date: date
    schools: str
    students: str
    names: str
    heard: str


def fold(touched: Iterable[Touched], *, now: datetime) -> list[Folded]:
    """Write the days of `touched` anew from their events, and post what that makes known. In the caller's transaction.

    Returns the days that changed.
    """
    by_date: dict[date, set[tuple[int, UUID]]] = {}
    for school, on_date, student in touched:
        by_date.setdefault(on_date, set()).add((school, student))
    _lock({school for pairs in by_date.values() for school, _ in pairs})
    changed = []
    for on_date, pairs in sorted(by_date.items()):
        nothing = _array("NULL" for _ in pairs)
        columns = Columns(
            date=on_date,
            schools=_array(school for school, _ in pairs),
            students=_array(student for _, student in pairs),
            names=nothing,
            heard=nothing,
        )
        changed += fold_columns(columns, now=now, all_changed=True)
    return changed


def fold_columns(columns: Columns, *, now: datetime, all_changed: bool = False, is_anew: bool = False) -> list[Folded]:
    """The same for many days at once; the caller holds the locks of their schools.

    With `is_anew` it is taken that nobody else writes these days and nothing of this was said before; `IntegrityError`
    is raised if it was.
    Returns the days of students who were called missing and are not; all that changed with `all_changed`.
    """
    values = {
        "date": columns.date,
        "schools": columns.schools,
        "students": columns.students,
        "names": columns.names,
        "heard": columns.heard,
        "now": now,
        "arrived_for": words.BEST_BEFORE[words.ARRIVED],
        "left_for": words.BEST_BEFORE[words.LEFT],
        "all": all_changed,
    }
    changed = [Folded(*row) for row in prepared(_FOLD_ANEW if is_anew else _FOLD, values) if row[0] is not None]
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


# The sweep writes days as well, and does not wait for us.
_OR_CHANGED = """ON CONFLICT (school_id, date, student_id) DO UPDATE
    SET arrived_at = excluded.arrived_at, arrived_event_id = excluded.arrived_event_id,
        left_at = excluded.left_at, left_event_id = excluded.left_event_id, seen_at = excluded.seen_at"""

# From one CTE to the next no two of them are joined: PostgreSQL does not know how many rows a CTE has, and would try
# each row of one with each of the other. Only tables are looked up, by their keys. What is asked of a day's events is
# asked in one order of them: of those that count no two on one side are of the same moment.
_FOLD = f"""
WITH touched AS (
    SELECT school_id, student_id, min(name) AS name, min(heard_at) AS heard_at
    FROM unnest(%(schools)s::int[], %(students)s::uuid[], %(names)s::text[], %(heard)s::timestamptz[])
        AS t(school_id, student_id, name, heard_at)
    GROUP BY school_id, student_id
), events AS (
    -- A day whose events were all voided stays, as one row without an event.
    SELECT touched.*, make_interval(secs => coalesce(rules.quiet_gap_seconds, 300)) AS gap,
        e.id, e.at, e.side, e.sure, e.nonce, e.source, e.reader_id, before.date IS NULL AS is_new,
        before.arrived_event_id AS arrived_before, before.left_event_id AS left_before, before.seen_at AS seen_before
    FROM touched
    LEFT JOIN attendance_rules rules ON rules.school_id = touched.school_id
    LEFT JOIN attendance_day before ON before.school_id = touched.school_id AND before.date = %(date)s::date
        AND before.student_id = touched.student_id
    LEFT JOIN attendance_event e ON e.school_id = touched.school_id AND e.date = %(date)s::date
        AND e.student_id = touched.student_id AND e.voided_at IS NULL
), spaced AS (
    SELECT *, at - lag(at) OVER earlier AS since_any,
        at - max(at) FILTER (WHERE side = 'in') OVER earlier AS since_in,
        at - max(at) FILTER (WHERE side = 'out') OVER earlier AS since_out
    FROM events
    WINDOW earlier AS (PARTITION BY school_id, student_id ORDER BY at, side, nonce, id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), counted AS (
    SELECT *, side = 'in' AND apart AND (since_in IS NULL OR since_in > gap) AS comes,
        side = 'out' AND apart AND (since_out IS NULL OR since_out > gap) AS goes
    FROM (SELECT *, sure OR since_any IS NULL OR since_any > gap AS apart FROM spaced) s
), bounded AS (
    SELECT *, min(at) FILTER (WHERE comes) OVER whole AS first_in, max(at) FILTER (WHERE comes) OVER whole AS last_in,
        max(at) FILTER (WHERE goes) OVER whole AS last_out
    FROM counted WINDOW whole AS (PARTITION BY school_id, student_id)
), marked AS (
    SELECT *, since_any IS NULL AS opens, comes AND at = first_in AS arrives,
        goes AND at = last_out AND (last_in IS NULL OR at >= last_in) AS leaves
    FROM bounded
), folded AS (
    SELECT school_id, student_id, bool_or(is_new) AS is_new, min(at) FILTER (WHERE arrives) AS arrived_at,
        min(id) FILTER (WHERE arrives) AS arrived_event_id, min(at) FILTER (WHERE leaves) AS left_at,
        min(id) FILTER (WHERE leaves) AS left_event_id, min(at) AS seen_at
    FROM marked GROUP BY school_id, student_id
    HAVING bool_or(is_new) OR (min(id) FILTER (WHERE arrives), min(id) FILTER (WHERE leaves), min(at))
        IS DISTINCT FROM (min(arrived_before), min(left_before), min(seen_before))
    ORDER BY school_id, student_id
), begun AS (
    INSERT INTO attendance_day
        (school_id, date, student_id, arrived_at, arrived_event_id, left_at, left_event_id, seen_at)
    SELECT school_id, %(date)s::date, student_id, arrived_at, arrived_event_id, left_at, left_event_id, seen_at
    FROM folded WHERE is_new
    {_OR_CHANGED}
    RETURNING *
), changed AS (
    UPDATE attendance_day day
    SET arrived_at = folded.arrived_at, arrived_event_id = folded.arrived_event_id,
        left_at = folded.left_at, left_event_id = folded.left_event_id, seen_at = folded.seen_at
    FROM folded
    WHERE NOT folded.is_new AND day.school_id = folded.school_id AND day.date = %(date)s::date
        AND day.student_id = folded.student_id
    RETURNING day.*
), saved AS (
    SELECT * FROM begun UNION ALL SELECT * FROM changed
), news AS (
    -- What was not so before. Somebody saw the student in class: that is an arrival without an hour; a going is none.
    SELECT school_id, student_id, name, heard_at, topic, seen_only, at, at + best_for AS best_before, source, reader_id
    FROM marked, LATERAL (VALUES
        ('{words.ARRIVED}', false, %(arrived_for)s::interval, arrives AND id IS DISTINCT FROM arrived_before),
        ('{words.ARRIVED}', true, %(arrived_for)s::interval, opens AND first_in IS NULL AND last_out IS NULL
            AND source <> 'card' AND (arrived_before IS NOT NULL OR left_before IS NOT NULL
                OR seen_before IS DISTINCT FROM at)),
        ('{words.LEFT}', false, %(left_for)s::interval, leaves AND id IS DISTINCT FROM left_before)
    ) AS told(topic, seen_only, best_for, is_news)
    -- On a day of which something was known the same may have been said. Of a day that begins nothing was.
    WHERE is_news AND (seen_before IS NULL OR NOT EXISTS (
        SELECT FROM notify_notice said WHERE said.on_date = %(date)s::date AND said.about = student_id
            AND said.key = told.topic || ':' || student_id || ':' || %(date)s::date
    ))
), posts AS (
    SELECT topic || ':' || student_id || ':' || %(date)s::date AS key, topic, student_id AS about,
        %(date)s::date AS on_date,
        jsonb_strip_nulls(jsonb_build_object(
            'student', coalesce(news.name, (SELECT name FROM roster_student WHERE id = student_id)),
            'school', school.short_name, 'timezone', school.timezone, 'at', at,
            'source', source, 'place', coalesce(gate.name || ' ' || reader.name, ''),
            'seen_only', CASE WHEN seen_only THEN true END, '{HEARD_AT}', heard_at
        )) AS data,
        best_before
    FROM news
    JOIN roster_school school ON school.id = news.school_id
        AND %(date)s::date = (%(now)s::timestamptz AT TIME ZONE school.timezone)::date
    LEFT JOIN gates_reader reader ON reader.id = news.reader_id
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
    WHERE school_id = saved.school_id AND date = %(date)s::date AND student_id = saved.student_id AND voided_at IS NULL
    ORDER BY id = saved.arrived_event_id DESC NULLS LAST, at, side, nonce, id LIMIT 1
) event ON true
LEFT JOIN gates_reader reader ON reader.id = event.reader_id
LEFT JOIN gates_gate gate ON gate.id = reader.gate_id
"""  # noqa: S608 - constants of our own

_FOLD_ANEW = _FOLD.replace(notices.UNLESS_SAID, "").replace(_OR_CHANGED, "")
