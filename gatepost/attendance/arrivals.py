"""Following the taps: whose card, which day, coming or going.

One transaction takes a batch from the queue, writes its events, folds the days and posts the notices; if it fails, the
taps are still queued. Schools are spread over shards and a worker locks the shards it works on, so that one school
is followed by one worker at a time and several workers share a city.
"""

from datetime import date, datetime
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction

from gatepost.attendance import days, stopped
from gatepost.gates.models import TapQueue
from gatepost.kit.prepared import prepared
from gatepost.watch import tally

BATCH = 2_000
SHARDS_AT_ONCE = TapQueue.SHARDS // 3  # leaves some for others
FOLLOWED = "taps_followed"  # the counter of what became of the taps


class Judged(NamedTuple):
    """Taps of one batch, day and outcome, in columns as PostgreSQL writes arrays; no refusal: they are used."""

    refusal: str
    date: date
    number: int
    schools: str
    students: str
    names: str
    received: str
    readers: str | None  # of refused ones, and
    nonces: str | None


def follow_taps(*, now: datetime, limit: int = BATCH) -> int:
    """Follow up to `limit` queued taps. Returns how many were taken off the queue; 0 when there is nothing to do.

    Nearly always no event is there already and nothing was said before. To ask costs a tenth of all the work, so it is
    only asked where writing without it failed.
    """
    try:
        return _follow(now, limit, is_anew=True)
    except IntegrityError:
        return _follow(now, limit, is_anew=False)


def _follow(now: datetime, limit: int, *, is_anew: bool) -> int:
    with transaction.atomic(durable=True):
        shards = _lock_some_shards()
        if not shards:
            return 0
        _leave_the_disk_behind()
        each = -(-limit // len(shards))
        take = _TAKE_ANEW if is_anew else _TAKE
        taken = [Judged(*row) for row in prepared(take, {"shards": shards, "each": each, "now": now})]
        for judged in taken:
            if judged.refusal:
                _keep_the_reason(judged)
                if judged.refusal in stopped.CARDS:
                    stopped.tell(judged.refusal, judged.date, judged.students, judged.readers, judged.nonces, now=now)
            else:
                days.fold_columns(_touched(judged), now=now, is_anew=is_anew)
        tally.count({(FOLLOWED, judged.refusal or "used"): judged.number for judged in taken})
    return sum(judged.number for judged in taken)


def _leave_the_disk_behind() -> None:
    """Commit this transaction without waiting for the disk.

    A crash of the server may lose the last of such commits, and only the last: their taps are queued again and followed
    again. Whoever acts on one outside the database commits first and waits, as the sender does with its lease; that
    writes everything before it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _touched(used: Judged) -> days.Columns:
    return days.Columns(used.date, used.schools, used.students, used.names, used.received)


def _keep_the_reason(refused: Judged) -> None:
    """The taps stay, with the reason, like what intake could not read."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE, refused._asdict())


def _lock_some_shards() -> list[int]:
    """Shards that have taps waiting and that nobody else is working on, locked until the transaction ends."""
    values = {"class": days.LOCK_CLASS, "most": SHARDS_AT_ONCE}
    return [shard for (shard,) in prepared(_LOCK_SHARDS, values)]


# Steps from shard to shard through the index instead of reading the queue. In any order, so that no school waits behind
# the same others; it locks as it goes and stops when it has enough.
_LOCK_SHARDS = """
WITH RECURSIVE step AS (
    (SELECT shard FROM gates_tapqueue ORDER BY shard LIMIT 1)
    UNION ALL
    SELECT (SELECT shard FROM gates_tapqueue WHERE shard > step.shard ORDER BY shard LIMIT 1)
    FROM step WHERE step.shard IS NOT NULL
), waiting AS MATERIALIZED (
    SELECT shard FROM step WHERE shard IS NOT NULL ORDER BY random()
)
SELECT shard FROM waiting WHERE pg_try_advisory_xact_lock(%(class)s::int, shard) LIMIT %(most)s::int
"""

_UNLESS_THERE = "ON CONFLICT (school_id, date, student_id, reader_id, nonce) DO NOTHING"

# By ctid: whoever holds the shards is the only one who deletes, and no estimate of an ever-changing table is needed.
_TAKE = f"""
WITH taken AS (
    DELETE FROM gates_tapqueue
    WHERE ctid = ANY(ARRAY(
        SELECT oldest.ctid FROM unnest(%(shards)s::smallint[]) AS mine(shard), LATERAL (
            SELECT ctid FROM gates_tapqueue WHERE shard = mine.shard ORDER BY id LIMIT %(each)s::int
        ) oldest
    ))
    RETURNING school_id, reader_id, nonce, uid, tapped_at, received_at, direction
), placed AS (
    SELECT taken.*, tapped_at AT TIME ZONE school.timezone AS wall
    FROM taken JOIN roster_school school ON school.id = taken.school_id
), held AS (
    -- The card as it was at the moment of the tap: a loan of that day first, then who held it.
    SELECT placed.*, card.student_id, card.ended_at, card.ended_as, card.frozen_at
    FROM placed LEFT JOIN LATERAL (
        SELECT student_id, ended_at, ended_as, frozen_at FROM cards_card card
        WHERE card.uid = placed.uid AND (card.loan_on IS NULL OR card.loan_on = placed.wall::date)
        ORDER BY (card.ended_at IS NULL OR card.ended_at > placed.tapped_at) DESC, card.loan_on IS NOT NULL DESC,
            (card.issued_at <= placed.tapped_at) DESC, card.issued_at DESC
        LIMIT 1
    ) card ON true
), judged AS (
    SELECT held.*, student.grade, student.name, CASE
        WHEN held.student_id IS NULL THEN 'unknown_card'
        WHEN held.ended_at <= held.tapped_at AND held.ended_as = 'lost' THEN 'lost_card'
        WHEN held.ended_at <= held.tapped_at THEN 'ended_card'
        WHEN held.frozen_at <= held.tapped_at THEN 'frozen_card'
        WHEN student.school_id <> held.school_id THEN 'other_school'
        WHEN student.left_on <= held.wall::date THEN 'student_left'
        ELSE '' END AS refusal
    FROM held LEFT JOIN roster_student student ON student.id = held.student_id
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
        AND timetable.grade = judged.grade AND timetable.weekday = extract(isodow FROM judged.wall)::int
    LEFT JOIN attendance_rules rules ON rules.school_id = judged.school_id
    WHERE judged.refusal = ''
), written AS (
    INSERT INTO attendance_event (school_id, date, student_id, at, side, sure, source, reader_id, nonce, recorded_at)
    SELECT school_id, wall::date, student_id, tapped_at, side, direction IS NOT NULL, 'card', reader_id, nonce,
        %(now)s::timestamptz
    FROM sided
    {_UNLESS_THERE}
)
SELECT refusal, wall::date, count(*), array_agg(school_id)::text, array_agg(student_id)::text, array_agg(name)::text,
    array_agg(received_at)::text, (array_agg(reader_id) FILTER (WHERE refusal <> ''))::text,
    (array_agg(nonce) FILTER (WHERE refusal <> ''))::text
FROM judged GROUP BY refusal, wall::date
"""  # noqa: S608 - a constant of our own

_TAKE_ANEW = _TAKE.replace(_UNLESS_THERE, "")

# The month of a tap follows its reader's own time, which is less than a day from ours where it is any use.
_REFUSE = """
UPDATE gates_tap tap SET reason = %(refusal)s
FROM unnest(%(readers)s::uuid[], %(nonces)s::uuid[]) AS refused(reader_id, nonce)
WHERE tap.reader_id = refused.reader_id AND tap.nonce = refused.nonce
  AND tap.month BETWEEN date_trunc('month', %(date)s::date - 2) AND date_trunc('month', %(date)s::date + 2)
"""
