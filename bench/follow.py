"""Tap to day marked and deliveries queued: the worker's own loops on a full queue, beside COPY."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg

from bench import city, copying
from bench.city import City
from bench.figures import Figure
from bench.stage import Stage, today

TAPS = 75_000  # a round, of which the end, when one loop has nothing left, is a small part
ROUNDS = 3


def figures(stage: Stage) -> list[Figure]:
    """Taps a second in a city with a year behind it, every one of them an arrival that several people are told of."""
    return measured(stage, City())


def measured(stage: Stage, where: City, *, rounds: int = ROUNDS) -> list[Figure]:
    """The same in a city of any size."""
    url = city.ready(stage, where, today=today())
    slices = iter(range(1 + rounds))
    with psycopg.connect(url, autocommit=True) as connection:
        taps = min(TAPS, where.students // (rounds + 1))

        def measure() -> float:
            first = next(slices) * taps
            hand_in(connection, first, first + taps)
            return taps / follow(url, taps)

        measure()  # plans and caches are warm in the morning's rush
        return copying.beside(measure, url, name="follow", must=0.08, aim=0.15, rounds=rounds)


def hand_in(connection: psycopg.Connection[Any], first: int, last: int) -> None:
    """Taps of the students from `first` up to `last`, now, as intake leaves them: mixed, kept and queued."""
    connection.execute(_HAND_IN, {"first": first, "last": last})
    connection.execute("ANALYZE gates_tapqueue")


def follow(url: str, taps: int) -> float:
    """Seconds that the worker's loops take to follow `taps` queued taps."""
    from gatepost.config.schedule import arrivals_loops
    from gatepost.kit import worker

    stop, followed = threading.Event(), []

    def counted(work: Callable[[datetime], int]) -> Callable[[datetime], int]:
        def run(now: datetime) -> int:
            done = work(now)
            followed.append(done)
            if sum(followed) >= taps:
                stop.set()
            return done

        return run

    loops = [replace(loop, work=counted(loop.work)) for loop in arrivals_loops()]
    begin = time.perf_counter()
    deadline = threading.Timer(timedelta(minutes=5).total_seconds(), stop.set)
    deadline.start()
    worker.run(loops, stop=stop, database_url=url)
    took = time.perf_counter() - begin
    deadline.cancel()
    if sum(followed) != taps:
        raise RuntimeError(f"{sum(followed)} of {taps} taps were followed")
    return took


_HAND_IN = """
WITH taps AS MATERIALIZED (
    SELECT student.school, reader.id AS reader, gen_random_uuid() AS nonce,
        upper(lpad(to_hex(268435456 + serial), 8, '0')) AS uid
    FROM bench_student student
    JOIN LATERAL (
        SELECT id FROM gates_reader WHERE school_id = student.school ORDER BY id OFFSET student.serial %% 4 LIMIT 1
    ) reader ON true
    WHERE serial >= %(first)s AND serial < %(last)s
    ORDER BY random()
), kept AS (
    INSERT INTO gates_tap (month, school_id, reader_id, nonce, card, uid, read_at, tapped_at, received_at, skew_ms,
                           direction, reason)
    SELECT date_trunc('month', now()), school, reader, nonce, uid, uid, now(), now(), now(), 0, NULL, '' FROM taps
)
INSERT INTO gates_tapqueue (shard, school_id, reader_id, nonce, uid, tapped_at, received_at, direction)
SELECT school %% 16, school, reader, nonce, uid, now(), now(), NULL FROM taps
"""
