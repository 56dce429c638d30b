"""The school days just past: who came and went when, as the readers saw it. Made by PostgreSQL, a school at a time.

A student has habits (a gate, an hour) and every day departs from them a little. What was random is a hash of the
student, the day and the seed, so the same city has the same past. Nothing here is told to anybody; only the guardian to
sign in as has messages of those days, to look at.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from gatepost.attendance.taiwan_calendar import DayKind, PlannedDay
from gatepost.demo.institutions import Institution

DAYS = 10  # school days


def remember(one: Institution, days: Sequence[date], *, seed: int) -> None:
    """Write the events, days and sweeps of one school for `days`, all of them past."""
    values: dict[str, Any] = {
        "school": one.school.pk,
        "dates": list(days),
        "seed": seed,
        "by": one.office["student_affairs"],
    }
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, values)
        cursor.execute(_SWEEPS, values)


def letters(students: Iterable[UUID], days: Sequence[date]) -> None:
    """Write the messages that the guardians of `students` got on `days`, all of them sent and delivered long ago."""
    with connection.cursor() as cursor:
        cursor.execute(_LETTERS, {"students": list(students), "dates": list(days)})


def last_school_days(planned: Iterable[PlannedDay], *, before: date, count: int = DAYS) -> list[date]:
    """The last `count` days with lessons before a day, oldest first; fewer where the year is young."""
    taught = [day.date for day in planned if day.kind is not DayKind.HOLIDAY and day.date < before]
    return taught[max(0, len(taught) - count) :]


# Shares of student days: 1 % not seen by the cut-off, 1.5 % without their card and entered by a teacher, 1.5 % late.
_REMEMBER = """
WITH readers AS (
    SELECT reader.id, row_number() OVER (ORDER BY reader.id) - 1 AS nth, count(*) OVER () AS many
    FROM gates_reader reader WHERE reader.school_id = %(school)s
), school_days AS (
    SELECT day.grade, day.date, school.timezone, rules.late_after, rules.cutoff,
        coalesce(day.leave_from, CASE WHEN day.kind = 'half' THEN rules.half_day_leave_from END,
            timetable.leave_from, rules.leave_from) AS leave_from
    FROM attendance_schoolday day
    JOIN roster_school school ON school.id = day.school_id
    JOIN attendance_rules rules ON rules.school_id = day.school_id
    LEFT JOIN attendance_timetable timetable ON timetable.school_id = day.school_id AND timetable.grade = day.grade
        AND timetable.weekday = extract(isodow FROM day.date)
    WHERE day.school_id = %(school)s AND day.date = ANY(%(dates)s) AND day.kind IN ('school', 'half', 'make_up')
), hashed AS (
    SELECT student.id AS student_id, day.*, teacher.account_id AS teacher_id,
        hashtextextended(student.id::text, %(seed)s) AS habit,
        hashtextextended(student.id::text || day.date::text, %(seed)s) AS chance
    FROM roster_student student
    JOIN school_days day ON day.grade = student.grade
    JOIN roster_schoolclass class ON class.id = student.school_class_id
    LEFT JOIN roster_staff teacher ON teacher.id = class.homeroom_teacher_id
    WHERE student.school_id = %(school)s AND NOT EXISTS (
        SELECT 1 FROM attendance_leave leave
        WHERE leave.student_id = student.id AND day.date BETWEEN leave.first_date AND leave.last_date
    )
), drawn AS (
    SELECT student_id, date, timezone, late_after, cutoff, leave_from, teacher_id,
        (habit & 65535) / 65536.0 AS early, (habit >> 16) & 65535 AS gate,
        (chance & 65535) / 65536.0 AS fate, ((chance >> 16) & 65535) / 65536.0 AS coming,
        ((chance >> 32) & 65535) / 65536.0 AS going, ((chance >> 48) & 32767) / 32768.0 AS forgets
    FROM hashed
), planned AS MATERIALIZED (
    SELECT drawn.*, readers.id AS reader_id,
        (date + late_after + CASE
            WHEN fate BETWEEN 0.025 AND 0.04 THEN interval '1 minute' + coming * interval '16 minutes'
            ELSE interval '-4 minutes' - early * interval '22 minutes' + (coming - 0.7) * interval '9 minutes'
        END) AT TIME ZONE timezone AS comes_at,
        (date + leave_from + interval '2 minutes' + going * interval '24 minutes') AT TIME ZONE timezone AS goes_at
    FROM drawn JOIN readers ON readers.nth = drawn.gate %% readers.many
), written AS (
    INSERT INTO attendance_event
        (school_id, date, student_id, at, side, sure, source, reader_id, nonce, by_id, recorded_at)
    SELECT %(school)s, date, student_id, comes_at, 'in', false, 'card', reader_id,
        md5(student_id::text || date::text || 'in')::uuid, NULL::uuid, comes_at + interval '1 second'
    FROM planned WHERE fate >= 0.025
    UNION ALL
    SELECT %(school)s, date, student_id, goes_at, 'out', false, 'card', reader_id,
        md5(student_id::text || date::text || 'out')::uuid, NULL, goes_at + interval '1 second'
    FROM planned WHERE fate >= 0.025 AND forgets > 0.06
    UNION ALL
    SELECT %(school)s, date, student_id, (date + cutoff - coming * interval '8 minutes') AT TIME ZONE timezone, 'seen',
        true, 'teacher', NULL, NULL, coalesce(teacher_id, %(by)s::uuid), (date + cutoff) AT TIME ZONE timezone
    FROM planned WHERE fate >= 0.01 AND fate < 0.025
    RETURNING id, date, student_id, at, side
)
INSERT INTO attendance_day
    (school_id, date, student_id, arrived_at, arrived_event_id, left_at, left_event_id, seen_at, not_arrived_at)
SELECT %(school)s, date, student_id,
    min(at) FILTER (WHERE side = 'in'), min(id) FILTER (WHERE side = 'in'),
    min(at) FILTER (WHERE side = 'out'), min(id) FILTER (WHERE side = 'out'), min(at), NULL
FROM written GROUP BY date, student_id
UNION ALL
SELECT %(school)s, date, student_id, NULL, NULL, NULL, NULL, NULL,
    (date + cutoff + interval '20 seconds') AT TIME ZONE timezone
FROM planned WHERE fate < 0.01
"""

_SWEEPS = """
INSERT INTO attendance_sweep
    (school_id, date, asked_at, held_because, held_facts, decided_at, expected, missing)
SELECT %(school)s, day.date, day.told_at, '', '{}', day.told_at, day.expected, day.missing
FROM (
    SELECT day.date, count(*) AS expected, count(*) FILTER (WHERE day.not_arrived_at IS NOT NULL) AS missing,
        (day.date + rules.cutoff + interval '20 seconds') AT TIME ZONE school.timezone AS told_at
    FROM attendance_day day
    JOIN roster_school school ON school.id = day.school_id
    JOIN attendance_rules rules ON rules.school_id = day.school_id
    WHERE day.school_id = %(school)s AND day.date = ANY(%(dates)s)
    GROUP BY day.date, rules.cutoff, school.timezone
) day
"""

# One statement: what was said of each of those days, and one delivery for each subscription.
_LETTERS = """
WITH said AS (
    SELECT event.id AS event_id, day.date, day.student_id, student.name, school.short_name, school.timezone, event.at,
        CASE WHEN event.id = day.left_event_id THEN 'left' ELSE 'arrived' END AS topic, event.source,
        coalesce(gate.name || ' ' || reader.name, '') AS place
    FROM attendance_day day
    JOIN attendance_event event ON event.school_id = day.school_id AND event.date = day.date
        AND event.student_id = day.student_id
    JOIN roster_student student ON student.id = day.student_id
    JOIN roster_school school ON school.id = day.school_id
    LEFT JOIN gates_reader reader ON reader.id = event.reader_id
    LEFT JOIN gates_gate gate ON gate.id = reader.gate_id
    WHERE day.student_id = ANY(%(students)s) AND day.date = ANY(%(dates)s)
), posted AS (
    INSERT INTO notify_notice (on_date, key, topic, about, data, posted_at, best_before)
    SELECT date, topic || ':' || student_id || ':' || date, topic, student_id,
        jsonb_build_object('student', name, 'school', short_name, 'timezone', timezone, 'at', at, 'source', source,
            'place', place, 'seen_only', source <> 'card'),
        at + interval '1 second', at + interval '1 hour'
    FROM said ORDER BY at
    RETURNING id, on_date, topic, about, posted_at
)
INSERT INTO notify_delivery
    (notice_id, on_date, address_id, account_id, about, channel, state, due_at, attempts, response, settled_at)
SELECT posted.id, posted.on_date, address.id, recipient.account_id, posted.about, address.channel, 'sent',
    posted.posted_at, 1, '250 2.0.0 Ok', posted.posted_at + interval '1 second'
FROM posted
JOIN notify_recipient recipient ON recipient.about = posted.about AND recipient.ended_at IS NULL
JOIN notify_subscription subscription ON subscription.recipient_id = recipient.id AND subscription.topic = posted.topic
JOIN notify_address address ON address.id = subscription.address_id AND address.verified_at IS NOT NULL
"""
