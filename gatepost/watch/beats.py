"""Heartbeats: the worker's loops say that they ran, and anybody can see which does not any more."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gatepost.kit.clock import utc_now
from gatepost.kit.worker import Loop
from gatepost.watch.models import Beat

BEAT_SECONDS = 5.0  # a busy loop writes no oftener
# A loop that is later than its sleep by this much does not run: it hangs, fails again and again, or has no worker.
LATE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Pulse:
    """A loop as the table knows it, at one moment."""

    loop: str
    at: datetime
    age_seconds: float
    late: bool


def beating(loop: Loop) -> Loop:
    """`loop`, writing down every few seconds that it ran. A round that raises writes nothing."""
    return Loop(loop.name, _beating(loop), loop.every_seconds, channel=loop.channel, repeat=loop.repeat)


def _beating(loop: Loop) -> Callable[[datetime], int]:
    written = float("-inf")

    def work(now: datetime) -> int:
        nonlocal written
        done = loop.work(now)
        if time.monotonic() - written >= BEAT_SECONDS:
            beat(loop.name, every_seconds=loop.every_seconds, now=utc_now())
            written = time.monotonic()
        return done

    return work


def beat(name: str, *, every_seconds: float, now: datetime) -> None:
    """The loop `name` came to the end of a round at `now`."""
    Beat.objects.update_or_create(loop=name, defaults={"at": now, "every_seconds": every_seconds})


def pulses(*, now: datetime) -> list[Pulse]:
    """Every loop that ever ran, by name."""
    return [
        Pulse(
            one.loop,
            one.at,
            max(0.0, (now - one.at).total_seconds()),
            now - one.at > timedelta(seconds=one.every_seconds) + LATE,
        )
        for one in Beat.objects.order_by("loop")
    ]
