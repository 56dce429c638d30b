"""The not-arrived sweep of a whole city: every school past its cut-off, asked once and told."""

import time
from datetime import date, timedelta
from datetime import time as wall
from statistics import median

import psycopg

from bench import city
from bench.city import City
from bench.figures import Figure
from bench.stage import Stage, today

ROUNDS = 3


def figures(stage: Stage) -> list[Figure]:
    """Seconds until every school is decided and every notice queued, with one student in forty missing."""
    return [figure(stage, City())]


def figure(stage: Stage, where: City, *, rounds: int = ROUNDS) -> Figure:
    """The same in a city of any size; each round on a day of its own."""
    url = city.ready(stage, where, today=today())
    taken = [_sweep(url, where, today() + timedelta(days=ahead)) for ahead in range(1, rounds + 1)]
    return Figure("sweep", median(taken), "s", must=5, aim=2, lower_is_better=True)


def _sweep(url: str, where: City, day: date) -> float:
    from gatepost.attendance import sweep
    from gatepost.kit.clock import at_local

    now = at_local(day, wall(8, 11), "Asia/Taipei")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_MORNING, {"day": day, "at": at_local(day, wall(7, 40), "Asia/Taipei")})
        connection.execute("UPDATE gates_readerhealth SET heard_at = %s, queue = 0", [now])
        begin = time.perf_counter()
        asked = sweep.sweep_due(now=now)
        took = time.perf_counter() - begin
        row = connection.execute(_DECIDED, {"day": day}).fetchone()
    if row is None or asked != where.schools or row[0] != where.schools or not row[1]:
        raise RuntimeError(f"{asked} schools were asked, and {row} decided and told")
    return took


_MORNING = """
INSERT INTO attendance_day (school_id, date, student_id, arrived_at, arrived_event_id, seen_at)
SELECT school, %(day)s, id, %(at)s, serial, %(at)s FROM bench_student WHERE serial %% 40 <> 7
"""

_DECIDED = """
SELECT count(*), (SELECT count(*) FROM notify_notice WHERE on_date = %(day)s AND topic = 'not_arrived')
FROM attendance_sweep WHERE date = %(day)s AND decided_at IS NOT NULL
"""
