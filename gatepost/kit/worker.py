"""Loops that follow rows: each asks the tables what is due, does it, and waits to be woken or for its next look.

Every loop has a thread of its own, and a connection from the pool while it works. PostgreSQL's NOTIFY wakes it at once;
the poll behind it means a lost wake-up costs a second, not a message. A loop that fails says so and tries again, a
little later each time.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.db import connection

from gatepost.kit.clock import utc_now
from gatepost.kit.connections import noticing_silence

log = logging.getLogger(__name__)

PAUSE_FIRST_SECONDS = 0.5
PAUSE_MOST_SECONDS = 5.0  # a database that comes back after an hour is worked with at once
LAST_STEP_SECONDS = 30.0


@dataclass(frozen=True)
class Loop:
    """`work` is called with the present moment and says how much it did; 0 lets the loop wait.

    `channel` is the NOTIFY channel that wakes it, if any; `every_seconds` is how long it sleeps at most.
    """

    name: str
    work: Callable[[datetime], int]
    every_seconds: float
    channel: str = ""
    repeat: bool = True  # work again at once while there was something to do


def run(loops: Sequence[Loop], *, stop: threading.Event, database_url: str) -> None:
    """Run all loops until `stop` is set, then let each finish what it has begun."""
    bells = {loop.name: threading.Event() for loop in loops}
    threads = [
        threading.Thread(target=_follow, args=(loop, bells[loop.name], stop), name=loop.name, daemon=True)
        for loop in loops
    ]
    listener = threading.Thread(target=_listen, args=(loops, bells, stop, database_url), name="listener", daemon=True)
    for thread in (listener, *threads):
        thread.start()
    stop.wait()
    for bell in bells.values():
        bell.set()
    for thread in threads:
        thread.join(timeout=LAST_STEP_SECONDS)


def _follow(loop: Loop, bell: threading.Event, stop: threading.Event) -> None:
    pause = PAUSE_FIRST_SECONDS
    while not stop.is_set():
        bell.clear()
        try:
            done = loop.work(utc_now())
        except Exception:
            log.exception("loop failed name=%s pause_seconds=%.1f", loop.name, pause)
            connection.close()
            stop.wait(pause)
            pause = min(pause * 2, PAUSE_MOST_SECONDS)
            continue
        connection.close()  # back to the pool, which has fewer than there are loops: whoever waits needs none
        pause = PAUSE_FIRST_SECONDS
        if not (done and loop.repeat):
            bell.wait(loop.every_seconds)


def _listen(loops: Sequence[Loop], bells: dict[str, threading.Event], stop: threading.Event, database_url: str) -> None:
    wakes = {loop.channel: bells[loop.name] for loop in loops if loop.channel}
    address = noticing_silence(database_url)
    while not stop.is_set():
        try:
            with psycopg.connect(address, autocommit=True, application_name="gatepost listener") as listening:
                for channel in wakes:
                    listening.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                while not stop.is_set():
                    for notice in listening.notifies(timeout=1.0):
                        wakes[notice.channel].set()
        except psycopg.Error as error:
            log.warning("listener lost its connection error=%s", type(error).__name__)
            stop.wait(1.0)
