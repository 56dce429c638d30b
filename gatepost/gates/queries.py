"""How the gates are doing, in figures."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

COUNTED_MAX = 10_000
JUST_NOW = timedelta(minutes=15)
CARDS_MOST = 10
# Counters of the door, written by the processes that serve it.
RECEIVED, ASKED = "taps_received", "gate_requests"


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits: how many, up to `COUNTED_MAX`, and for how many seconds the oldest has (None: nothing does)."""

    number: int
    oldest_seconds: float | None


def queued(*, now: datetime) -> Queued:
    """The taps that attendance has not followed yet. Costs the same whether they are many or very many."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUED, [COUNTED_MAX])
        number, oldest = cursor.fetchone()
    return Queued(number, max(0.0, (now - oldest).total_seconds()) if oldest else None)


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of one school that are not revoked. Every one is in one of the first four."""

    school_code: str
    speaking: int
    behind: int  # heard of, and holding taps back
    silent: int
    resting: int
    holding: int  # taps they hold, as they last said
    clock_wrong: int  # of those in use: how many clocks are off


def readers(*, silent_since: datetime, skew_ms_max: int) -> list[Readers]:
    """How the readers of every school are, by school; `silent` are those not heard of since `silent_since`."""
    with connection.cursor() as cursor:
        cursor.execute(_READERS, {"since": silent_since, "skew": skew_ms_max})
        return [Readers(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class UnheldCard:
    """A card that nobody holds, as it was last held to a reader."""

    uid: str
    at: datetime
    place: str


def unheld_cards(school_id: int, *, now: datetime) -> list[UnheldCard]:
    """The cards that nobody holds and that were held to a reader of the school just now, the latest first."""
    since = now - JUST_NOW
    month = since.date().replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute(_UNHELD, {"school": school_id, "since": since, "month": month, "most": CARDS_MOST})
        return [UnheldCard(*row) for row in cursor.fetchall()]


# Months as in `attendance.stopped`: a reader's own time is less than a day from ours.
_UNHELD = """
SELECT * FROM (
    SELECT DISTINCT ON (tap.uid) tap.uid, tap.received_at AS at, concat_ws(' ', gate.name, reader.name)
    FROM gates_tap tap
    JOIN gates_reader reader ON reader.id = tap.reader_id
    JOIN gates_gate gate ON gate.id = reader.gate_id
    WHERE tap.school_id = %(school)s AND tap.month >= %(month)s AND tap.received_at >= %(since)s AND tap.uid <> ''
      AND tap.reason IN ('unknown_card', 'ended_card')
    ORDER BY tap.uid, tap.received_at DESC
) cards ORDER BY at DESC LIMIT %(most)s
"""

# The numbers are handed out in order, so the oldest is at the beginning.
_QUEUED = """
SELECT (SELECT count(*) FROM (SELECT FROM gates_tapqueue LIMIT %s) counted),
    (SELECT received_at FROM gates_tapqueue ORDER BY id LIMIT 1)
"""

_READERS = """
SELECT school.code,
    count(*) FILTER (WHERE rested_at IS NULL AND heard_at >= %(since)s AND queue = 0),
    count(*) FILTER (WHERE rested_at IS NULL AND heard_at >= %(since)s AND queue > 0),
    count(*) FILTER (WHERE rested_at IS NULL AND heard_at < %(since)s),
    count(*) FILTER (WHERE rested_at IS NOT NULL),
    coalesce(sum(queue) FILTER (WHERE rested_at IS NULL), 0)::bigint,
    count(*) FILTER (WHERE rested_at IS NULL AND abs(skew_ms) > %(skew)s)
FROM gates_reader reader
JOIN gates_readerhealth health ON health.reader_id = reader.id
JOIN roster_school school ON school.id = reader.school_id
WHERE reader.revoked_at IS NULL
GROUP BY school.code ORDER BY school.code
"""
