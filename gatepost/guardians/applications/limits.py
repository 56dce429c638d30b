"""How often somebody may try what could be a guess: counted by keyed digests, for a time of one day at the most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db import connection

from gatepost.guardians.applications.family_access import FailedSignIn

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `failures` within `window`."""

    failures: int
    window: timedelta


Limits = Mapping[str, Sequence[Limit]]


def one_at_a_time(key: bytes) -> None:
    """Guesses at one student queue up, so that a hundred at once are a hundred counted. For a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(key[:8], signed=True)])


def minutes_to_wait(keys: Mapping[str, bytes], limits: Limits, now: datetime) -> int:
    """How long until there is room again under every limit of every key, in whole minutes; 0 while there is."""
    ends = [end for name, key in keys.items() for limit in limits[name] if (end := _full_until(key, limit, now))]
    return max(1, ceil((max(ends) - now).total_seconds() / 60)) if ends else 0


def count(keys: Mapping[str, bytes], now: datetime) -> None:
    """One more for each key, in the caller's transaction. What is older than a day is forgotten on the way."""
    FailedSignIn.objects.bulk_create([FailedSignIn(key=key, at=now) for key in keys.values()])
    old = FailedSignIn.objects.filter(at__lt=now - KEPT).values("pk")[:1000]
    FailedSignIn.objects.filter(pk__in=old).delete()


def _full_until(key: bytes, limit: Limit, now: datetime) -> datetime | None:
    """When the failure that fills the window falls out of it, or None while there is room."""
    failures = FailedSignIn.objects.filter(key=key, at__gt=now - limit.window).order_by("-at")
    filling = failures.values_list("at", flat=True)[limit.failures - 1 : limit.failures].first()
    return filling + limit.window if filling else None
