"""How often something may be tried: counted in the database, so that it holds however many processes there are."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from gatepost.accounts.models import Attempt

KEPT_FOR = timedelta(days=1)


class TooOften(Exception):
    """Enough for now; `wait` is how long until there is room again."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait.total_seconds():.0f} seconds")
        self.wait = wait

    @property
    def minutes(self) -> int:
        """The wait in whole minutes, at least one."""
        return max(1, -(-int(self.wait.total_seconds()) // 60))


def take(kind: str, who: str, *, most: int, within: timedelta, now: datetime) -> None:
    """Count one more `kind` by `who` (an account, a mailbox, a network address: kept as a keyed digest).

    Raises `TooOften` and counts nothing when there were `most` of them `within` a time of one day at the most.
    """
    assert within <= KEPT_FOR, "older attempts are forgotten"  # noqa: S101 - our own bug
    digest = _digest(kind, who)
    with transaction.atomic():
        with connection.cursor() as cursor:  # one at a time: they are counted
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
        Attempt.objects.filter(at__lt=now - KEPT_FOR).delete()
        mine = Attempt.objects.filter(kind=kind, who=digest, at__gt=now - within).order_by("-at")
        recent = list(mine.values_list("at", flat=True)[:most])
        if len(recent) == most:
            raise TooOften(recent[-1] + within - now)
        Attempt.objects.create(kind=kind, who=digest, at=now)


def note(kind: str, who: str, *, now: datetime) -> None:
    """Keep that `who` tried, with no limit to it: where a row is written for some, one is for the others too."""
    Attempt.objects.create(kind=kind, who=_digest(kind, who), at=now)


def forget(kind: str, who: str) -> None:
    """The attempts were those of the rightful owner: they count no more."""
    Attempt.objects.filter(kind=kind, who=_digest(kind, who)).delete()


def _digest(kind: str, who: str) -> bytes:
    digest: bytes = settings.KEY_RING.digest(f"attempt:{kind}:{who.lower()}")
    return digest
