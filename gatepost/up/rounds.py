"""What `gatepost doctor` asks of a running Gatepost: each look says what it saw, or raises `StartError`.

Django must be set up, and the tables up to date.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection

from gatepost.attendance.daylines import SILENT_AFTER
from gatepost.config.schedule import PARTITIONED
from gatepost.gates import queries as gates
from gatepost.gates.models import Reader
from gatepost.kit.clock import month_of, next_month, utc_now
from gatepost.notify import queries as notify
from gatepost.sso import keys, logouts
from gatepost.sso import services as sso
from gatepost.up.trouble import StartError
from gatepost.watch import beats

LATE_SECONDS = 60
KEY_AGE_MAX = timedelta(days=400)
SILENT_SERVICE_WITHIN = timedelta(days=1)
CLOCKS_APART_MAX = timedelta(seconds=2)
# Who fell silent longer ago than this was switched off, or went home with the school.
FELL_SILENT_WITHIN = timedelta(hours=12)
NAMED_MAX = 5


def worker(now: datetime) -> str:
    """Whether every loop of the worker ran when it should have."""
    pulses = beats.pulses(now=now)
    late = [f"{pulse.loop} ({_ago(pulse.age_seconds)} ago)" for pulse in pulses if pulse.late]
    if late:
        raise StartError(
            f"these loops do not run: {', '.join(late)}. Is a worker running (`gatepost up` or `gatepost worker`)? "
            "If so, its log says what it trips over."
        )
    return f"{len(pulses)} loops run" if pulses else "has not run on this database yet"


def taps(now: datetime) -> str:
    """Whether taps wait for too long."""
    waiting = gates.queued(now=now)
    return _queue(waiting.number, waiting.oldest_seconds, "taps")


def deliveries(now: datetime) -> str:
    """Whether messages wait for too long."""
    due = notify.queued(now=now)
    return _queue(due.number, due.oldest_seconds, "messages")


def readers(now: datetime) -> str:
    """Whether readers fell silent lately, or have clocks that are off."""
    in_use = Reader.objects.filter(revoked_at=None, rested_at=None).select_related("gate", "school", "health")
    silent = in_use.filter(health__heard_at__lt=now - SILENT_AFTER).order_by("-health__heard_at")
    fell = silent.filter(health__heard_at__gte=now - FELL_SILENT_WITHIN)
    if fell.exists():
        raise StartError(f"{fell.count()} fell silent: {_names(fell[: NAMED_MAX + 1])}. See power, network and clock.")
    quiet = silent.count()
    return f"{in_use.count()} in use" + (f", {quiet} not heard of for long" if quiet else "")


def clock(_now: datetime) -> str:
    """Whether this machine and the database agree what time it is."""
    with connection.cursor() as cursor:
        before = utc_now()
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0].astimezone(UTC)
        after = utc_now()
    apart = max(theirs - after, before - theirs, timedelta(0))
    if apart > CLOCKS_APART_MAX:
        raise StartError(f"this machine and the database are {apart.total_seconds():.0f} s apart: set up NTP on both.")
    return f"{after:%Y-%m-%d %H:%M:%S} UTC, as in the database"


def months(now: datetime) -> str:
    """Whether the tables have room for the next month."""
    month = next_month(month_of(now.date()))
    with connection.cursor() as cursor:
        names = [f"{table}_{month:%Y_%m}" for table in PARTITIONED]
        cursor.execute("SELECT name FROM unnest(%s::text[]) name WHERE to_regclass(name) IS NULL", [names])
        missing = [name for (name,) in cursor.fetchall()]
    if missing:
        raise StartError(f"missing: {', '.join(missing)}. A worker makes them; does one run?")
    return f"ready for {month:%Y-%m}"


def services(now: datetime) -> str:
    """Whether services can sign people in: a key that opens and is not too old, and nobody who never confirms."""
    known = sso.in_use().count()
    if not known:
        return "none is registered"
    age = keys.age(now)
    if age is not None and age > KEY_AGE_MAX:
        raise StartError(f"the key that signs is {age.days} days old: run `gatepost signing-keys --rotate`.")
    silent = logouts.given_up(since=now - SILENT_SERVICE_WITHIN)
    if silent:
        names = ", ".join(silent[:NAMED_MAX])
        raise StartError(f"sign-outs are not confirmed by {names}: see the bureau's page of the service.")
    return f"{known} in use"


def size(_now: datetime) -> str:
    """How large the database is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return f"{cursor.fetchone()[0] // 1_000_000:,} MB"


LOOKS = (
    ("worker", worker),
    ("taps", taps),
    ("messages", deliveries),
    ("readers", readers),
    ("clock", clock),
    ("months", months),
    ("services", services),
    ("size", size),
)


def _queue(number: int, oldest_seconds: float | None, what: str) -> str:
    if oldest_seconds is not None and oldest_seconds > LATE_SECONDS:
        raise StartError(f"{number:,} {what} wait, the oldest for {_ago(oldest_seconds)}: does a worker run?")
    return f"{number:,} wait"


def _names(some: Iterable[Reader]) -> str:
    shown = [f"{one.school.short_name} {one.gate.name} {one.name}" for one in some]
    return ", ".join(shown[:NAMED_MAX]) + (" …" if len(shown) > NAMED_MAX else "")


def _ago(seconds: float) -> str:
    for limit, unit, name in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"
