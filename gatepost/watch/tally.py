"""Counters: written as steps in the transaction of what they count, gathered into totals by the worker.

A step is an insert, so two processes that count the same thing never wait for each other's commit, and what is rolled
back was not counted. Totals outlive the rows they counted: dropping an old month takes nothing from them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.db import connection, transaction

Series = tuple[str, ...]  # a counter's name, then its labels

GATHERED_AT_ONCE = 50_000
LOCK = (0x7774, 0)  # "wt": our advisory lock

# Upper bounds of the classes of a duration, in seconds; above the last there is one more class without a bound.
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
SUM = "sum_ms"


def count(steps: Mapping[Series, int]) -> None:
    """Add to the counters, in the caller's transaction. Nothing to add costs nothing."""
    grown = sorted((series, number) for series, number in steps.items() if number)
    if not grown:
        return
    # One array of labels for each row cannot be unnested (arrays are rectangles), so they travel as one text.
    names = [series[0] for series, _number in grown]
    labels = [_MARK.join(series[1:]) for series, _number in grown]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [_MARK, names, labels, [number for _series, number in grown]])


def durations(name: str, *labels: str, taken: Iterable[timedelta]) -> Counter[Series]:
    """The steps of a histogram: how many fell into which class, and their sum. Less than nothing counts as nothing."""
    steps: Counter[Series] = Counter()
    for one in taken:
        seconds = max(0.0, one.total_seconds())
        bound = next((str(bound) for bound in BOUNDS if seconds <= bound), "+Inf")
        steps[(name, *labels, bound)] += 1
        steps[(name, *labels, SUM)] += round(seconds * 1000)
    return steps


def gather() -> int:
    """Move up to `GATHERED_AT_ONCE` steps into totals. Returns how many: none while another worker is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_GATHER, [GATHERED_AT_ONCE])
        return int(cursor.fetchone()[0] or 0)


def totals() -> dict[Series, int]:
    """All counters at one moment, gathered or not."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS)
        return {(name, *labels): int(number) for name, labels, number in cursor.fetchall()}


_MARK = "\x1f"

_COUNT = """
INSERT INTO watch_step (name, labels, number)
SELECT name, string_to_array(labels, %s), number
FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS t(name, labels, number)
"""

_GATHER = """
WITH taken AS (
    DELETE FROM watch_step WHERE id IN (SELECT id FROM watch_step ORDER BY id LIMIT %s)
    RETURNING name, labels, number
), added AS (
    INSERT INTO watch_total AS total (name, labels, number)
    SELECT name, labels, sum(number) FROM taken GROUP BY name, labels
    ON CONFLICT (name, labels) DO UPDATE SET number = total.number + excluded.number
)
SELECT count(*) FROM taken
"""

_TOTALS = """
SELECT name, labels, sum(number) FROM (
    SELECT name, labels, number FROM watch_total UNION ALL SELECT name, labels, number FROM watch_step
) one GROUP BY name, labels
"""
