"""Every loop and every clock of the worker, in one list."""

import logging
import signal
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
from django.conf import settings
from django.db import OperationalError

from gatepost.accounts import devices
from gatepost.allowances import rules
from gatepost.announcements import publishing
from gatepost.attendance import arrivals, digests, sweep
from gatepost.channels.errors import ChannelError
from gatepost.channels.line.api import LineSettings
from gatepost.circulars import posting, writing
from gatepost.config.carriers import Way, ways
from gatepost.guardians import leavers, restrictions
from gatepost.guardians.applications import claims, letters
from gatepost.kit import partitions
from gatepost.kit.environment import env_url
from gatepost.kit.worker import Loop, run
from gatepost.notify import activations, checks, ladder, losses, sender
from gatepost.notify.line import budget, events, line_settings
from gatepost.personal import closings, copies
from gatepost.sso import consents, logouts, sessions
from gatepost.watch import beats, tally

log = logging.getLogger(__name__)

ARRIVALS_THREADS = 3  # most of the work is the database's: two keep two cores busy while the third waits for the disk
PARTITIONED = (
    "gates_tap",
    "attendance_event",
    "attendance_day",
    "notify_notice",
    "notify_delivery",
    "notify_climb",
    "notify_rung",
)


def loops(carried: Sequence[Way]) -> list[Loop]:
    """What a worker does, each in a thread of its own; each writes down that it ran."""
    return [beats.beating(loop) for loop in _loops(carried)]


def _loops(carried: Sequence[Way]) -> list[Loop]:
    return [
        *arrivals_loops(),
        *(loop for way in carried for loop in (way.loop(), *way.beside)),
        *(line_loops() if "line" in settings.CHANNELS else ()),
        Loop("ladder", lambda now: ladder.climb(rules.may_climb, now=now), every_seconds=5),
        Loop("reach", checks.follow, every_seconds=300, repeat=False),
        Loop("losses", losses.follow, every_seconds=20, repeat=False),
        Loop("activations", lambda now: activations.send_due(now=now), every_seconds=5, channel="gatepost_activations"),
        Loop("letters", lambda now: letters.send_due(now=now), every_seconds=5),
        Loop("circulars", lambda now: posting.post_due(now=now), every_seconds=5, channel=writing.WOKEN_BY),
        Loop("old-texts", forget_old_texts, every_seconds=timedelta(hours=1).total_seconds()),
        Loop("sweep", lambda now: sweep.sweep_due(now=now), every_seconds=20, repeat=False),
        Loop("digests", lambda now: digests.post_due(now=now), every_seconds=30),
        Loop("bonds", follow_bonds, every_seconds=60, repeat=False),
        Loop("closings", closings.follow, every_seconds=600),
        Loop("copies", copies.follow, every_seconds=5),
        Loop("claims", lambda now: claims.follow(now=now), every_seconds=600, repeat=False),
        Loop("logouts", lambda now: logouts.send_due(now), every_seconds=5, channel=sessions.CHANNEL),
        Loop("services", lambda now: consents.follow(now), every_seconds=20, repeat=False),
        Loop("service-sessions", follow_services, every_seconds=600, repeat=False),
        Loop("figures", lambda _now: tally.gather(), every_seconds=5, repeat=False),
        Loop("stale", lambda now: sender.drop_old(now=now), every_seconds=timedelta(hours=1).total_seconds()),
        Loop("partitions", make_partitions, every_seconds=timedelta(hours=6).total_seconds(), repeat=False),
    ]


def arrivals_loops() -> list[Loop]:
    """The loops that follow taps: each locks the shards it works on, so they share the schools."""
    return [
        Loop(f"arrivals-{number}", lambda now: arrivals.follow_taps(now=now), every_seconds=1, channel="gatepost_taps")
        for number in range(ARRIVALS_THREADS)
    ]


def line_loops() -> list[Loop]:
    """What LINE told us, and what it says of the month's messages."""
    line = line_settings()
    return [
        Loop("line-events", lambda now: events.follow(line, now=now), every_seconds=5, channel=events.WOKEN_BY),
        Loop("line-budget", lambda now: ask_line(line, now), every_seconds=600, repeat=False),
    ]


def ask_line(line: LineSettings, now: datetime) -> int:
    """Ask LINE for the month's messages; if it does not say, the next time will do. And put away what is old."""
    try:
        budget.ask(line, now=now)
    except ChannelError as error:
        log.warning("LINE did not say how many messages are left because=%s", error)
    return events.forget(now=now)


def forget_old_texts(now: datetime) -> int:
    """What schools and the city wrote long ago."""
    return posting.forget(now=now) + publishing.forget(now=now)


def follow_bonds(now: datetime) -> int:
    """What dates do to bonds: restrictions run out, bonds with children who left the city end."""
    return restrictions.put_away(now=now) + leavers.follow_leavers(now=now)


def follow_services(now: datetime) -> int:
    """Behind what is followed at once: every child that is given, sessions that ran out, old codes and tokens."""
    return consents.follow(now, everything=True) + devices.forget(now) + sessions.follow(now) + sessions.forget(now)


def make_partitions(now: datetime) -> int:
    """Make the months that will be needed soon. Returns how many were made; it is no harm to be late by days."""
    months = partitions.months_around(now.date())
    try:
        return sum(len(partitions.ensure_months(table, months)) for table in PARTITIONED)
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        log.info("months not made, a table is being read for long (a backup?); next time")
        return 0


def run_worker() -> None:
    """Run a worker until SIGTERM or SIGINT. Django must be set up."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("worker started")
    run(
        loops(ways()),
        stop=stop,
        database_url=env_url("DATABASE_URL", schemes=["postgresql", "postgres"]),
    )
    log.info("worker stopped")
