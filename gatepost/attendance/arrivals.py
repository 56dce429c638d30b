"""Following the taps: whose card, which day, coming or going.

One transaction takes a batch from the queue, writes its events, folds the days and posts the notices; if it fails, the
taps are still queued. Schools are spread over shards and a worker locks the shards it works on, so that one school
is followed by one worker at a time and several workers share a city.
"""

import logging
import random
from datetime import datetime

from django.db import connection, transaction

from gatepost.attendance import days
from gatepost.gates.models import TapQueue

log = logging.getLogger(__name__)

BATCH = 1_000
SHARDS_AT_ONCE = TapQueue.SHARDS // 2  # leaves some for another worker
LOCK_CLASS = 0x6174  # "at": the first key of our advisory locks


def follow_taps(*, now: datetime, limit: int = BATCH) -> int:
    """Follow up to `limit` queued taps. Returns how many were taken off the queue; 0 when there is nothing to do."""
    with transaction.atomic(durable=True):
        shards = _lock_some_shards()
        if not shards:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, {"shards": shards, "limit": limit, "now": now})
            rows = cursor.fetchall()
        touched = [(school, date, student) for school, date, student, usable in rows if usable]
        days.fold(touched, now=now)
    return len(rows)


def _lock_some_shards() -> list[int]:
    """Shards that have taps waiting and that nobody else is working on, locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARDS_WAITING)
        waiting = [shard for (shard,) in cursor.fetchall()]
        random.shuffle(waiting)  # so that no school waits behind the same others every time
        locked = []
        for shard in waiting[:SHARDS_AT_ONCE]:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_CLASS, shard])
            if cursor.fetchone()[0]:
                locked.append(shard)
    return locked


# Steps from shard to shard through the index instead of reading the queue.
_SHARDS_WAITING = """
WITH RECURSIVE step AS (
    (SELECT shard FROM gates_tapqueue ORDER BY shard LIMIT 1)
    UNION ALL
    SELECT (SELECT shard FROM gates_tapqueue WHERE shard > step.shard ORDER BY shard LIMIT 1)
    FROM step WHERE step.shard IS NOT NULL
)
SELECT shard FROM step WHERE shard IS NOT NULL
"""

_TAKE = """
WITH taken AS (
    DELETE FROM gates_tapqueue
    WHERE id IN (
        SELECT id FROM gates_tapqueue WHERE shard = ANY(%(shards)s) ORDER BY id LIMIT %(limit)s
    )
    RETURNING school_id, reader_id, nonce, uid, tapped_at, direction
), placed AS (
    SELECT taken.*, tapped_at AT TIME ZONE school.timezone AS wall
    FROM taken JOIN roster_school school ON school.id = taken.school_id
), held AS (
    -- The card as it was at the moment of the tap: a loan of that day first, then who held it.
    SELECT placed.*, card.student_id, card.ended_at, card.frozen_at
    FROM placed LEFT JOIN LATERAL (
        SELECT student_id, ended_at, frozen_at FROM cards_card card
        WHERE card.uid = placed.uid AND (card.loan_on IS NULL OR card.loan_on = placed.wall::date)
        ORDER BY (card.ended_at IS NULL OR card.ended_at > placed.tapped_at) DESC, card.loan_on IS NOT NULL DESC,
            (card.issued_at <= placed.tapped_at) DESC, card.issued_at DESC
        LIMIT 1
    ) card ON true
), judged AS (
    SELECT held.*, student.grade, CASE
        WHEN held.student_id IS NULL THEN 'unknown_card'
        WHEN held.ended_at <= held.tapped_at THEN 'ended_card'
        WHEN held.frozen_at <= held.tapped_at THEN 'frozen_card'
        WHEN student.school_id <> held.school_id THEN 'other_school'
        WHEN student.left_on <= held.wall::date THEN 'student_left'
        ELSE '' END AS refusal
    FROM held LEFT JOIN roster_student student ON student.id = held.student_id
), refused AS (
    -- Kept with its reason, like what intake could not read.
    UPDATE gates_tap tap SET reason = judged.refusal
    FROM judged
    WHERE judged.refusal <> '' AND tap.reader_id = judged.reader_id AND tap.nonce = judged.nonce
), sided AS (
    SELECT judged.*, coalesce(direction, CASE WHEN wall::time >= coalesce(
        school_day.leave_from,
        CASE WHEN school_day.kind = 'half' THEN coalesce(rules.half_day_leave_from, time '12:00') END,
        timetable.leave_from, rules.leave_from, time '15:30'
    ) THEN 'out' ELSE 'in' END) AS side
    FROM judged
    LEFT JOIN attendance_schoolday school_day ON school_day.school_id = judged.school_id
        AND school_day.date = judged.wall::date AND school_day.grade = judged.grade
    LEFT JOIN attendance_timetable timetable ON timetable.school_id = judged.school_id
        AND timetable.grade = judged.grade AND timetable.weekday = extract(isodow FROM judged.wall)
    LEFT JOIN attendance_rules rules ON rules.school_id = judged.school_id
    WHERE judged.refusal = ''
), written AS (
    INSERT INTO attendance_event (school_id, date, student_id, at, side, sure, source, reader_id, nonce, recorded_at)
    SELECT school_id, wall::date, student_id, tapped_at, side, direction IS NOT NULL, 'card', reader_id, nonce, %(now)s
    FROM sided
    ON CONFLICT DO NOTHING
)
SELECT school_id, wall::date, student_id, refusal = '' FROM judged
"""
