"""PostgreSQL goes away, writes no more, has no connection left: readers hear 503, and all goes on by itself after."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import psycopg
import pytest

from tests.faults.ground import Ground, wait_until
from tests.faults.length import Length
from tests.faults.play import Play, playing
from tests.faults.sink import Sink
from tests.faults.tally import Counts

BACK_SECONDS_MAX = 15.0  # from the end of the trouble until every reader is served and taps are followed again


@contextmanager
def restarted(ground: Ground) -> Iterator[None]:
    """A fast shutdown: connections are ended."""
    ground.signal_postgres(signal.SIGINT)
    yield
    ground.start_postgres()


@contextmanager
def restarted_at_once(ground: Ground) -> Iterator[None]:
    """An immediate shutdown: the next start recovers."""
    ground.signal_postgres(signal.SIGQUIT)
    yield
    ground.start_postgres()


@contextmanager
def read_only(ground: Ground) -> Iterator[None]:
    """As a server that was made a standby."""
    ground.as_superuser("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    yield
    ground.as_superuser("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")


@contextmanager
def without_connections(ground: Ground) -> Iterator[None]:
    """Somebody else takes every connection there is, and ours are cut."""
    with ExitStack() as eaten:
        for _ in range(20):
            with suppress(psycopg.OperationalError):
                while True:
                    eater = psycopg.connect(ground.url, application_name="eater", autocommit=True)
                    eaten.enter_context(eater)
            ground.as_superuser(_CUT_OURS)
        yield


_CUT_OURS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = 'gatepost' AND application_name <> 'eater'
"""

TROUBLES: tuple[Callable[[Ground], AbstractContextManager[None]], ...] = (
    restarted,
    restarted_at_once,
    read_only,
    without_connections,
)


@pytest.mark.parametrize("ground", [{"max_connections": "20"}], indirect=True)
def test_while_the_database_fails_readers_are_told_to_wait_and_afterwards_all_goes_on(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    rounds, at_once = length.of(1, 2), length.of(1, len(TROUBLES))
    troubles = [trouble for _ in range(rounds) for trouble in chance.sample(TROUBLES, k=at_once)]
    with playing(ground, sink, chance, counts, seconds=length.of(4, 80), children=length.of(20, 100)) as play:
        for trouble in troubles:
            with trouble(ground):
                play.all_hear(503)
                time.sleep(chance.random() * length.of(0, 8))
            _is_back(play, counts)
            counts.note(rounds=1)
    assert counts["sent twice"] == 0, "the worker lived all the time and knew what it had sent"


def _is_back(play: Play, counts: Counts) -> None:
    began = time.monotonic()
    play.all_hear(200, seconds=BACK_SECONDS_MAX)
    waiting = "SELECT count(*) FROM gates_tapqueue WHERE received_at < now() - interval '2 seconds'"
    wait_until(lambda: play.ground.one(waiting) == 0, "taps are followed again", seconds=BACK_SECONDS_MAX)
    counts.at_most(seconds_until_back=round(time.monotonic() - began))
