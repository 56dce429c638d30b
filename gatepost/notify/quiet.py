"""Hours in which a person wants to hear nothing that may wait.

What may wait is said by its topic. Whether it waits is decided when a delivery is leased: hours that were changed hold
at once, and what is tried again at night is looked at again. Nothing is asked when an arrival is queued.

What would be no news any more when the hours end does not wait: it goes at once. Safety messages never wait.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.notify import topics

LONGEST = timedelta(hours=14)


class QuietHours(models.Model):
    """The hours of one account, on the clocks of `timezone`; where `ends` is earlier than `starts` they cross midnight.

    `routine_off_since`: arrivals and departures are left out in these hours as well, and not sent later.
    """

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="quiet_hours"
    )
    starts = models.TimeField()
    ends = models.TimeField()
    timezone = models.TextField()
    routine_off_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "quiet hours"
        constraints = [models.CheckConstraint(condition=~Q(starts=F("ends")), name="notify_quiet_some_hours")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def length(self) -> timedelta:
        """How long they are on a day whose clocks are not changed."""
        day = timedelta(days=1)
        return (_since_midnight(self.ends) - _since_midnight(self.starts)) % day

    def until(self, now: datetime) -> datetime | None:
        """When the hours that `now` lies in are over; None if it lies in none. Always later than `now`."""
        zone = ZoneInfo(self.timezone)
        local = now.astimezone(zone)
        wall, crosses = local.time().replace(fold=0), self.ends < self.starts
        if not (wall >= self.starts or wall < self.ends if crosses else self.starts <= wall < self.ends):
            return None
        day = local.date() + timedelta(days=1) if crosses and wall >= self.starts else local.date()
        # An hour that clocks show twice ends the hours the first time it comes after `now`.
        found = (datetime.combine(day, self.ends.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
        return next((end for end in found if end > now), None)


class Waiting(Protocol):
    """What is asked of a delivery."""

    @property
    def id(self) -> int: ...
    @property
    def topic(self) -> str: ...
    @property
    def account_id(self) -> UUID: ...
    @property
    def best_before(self) -> datetime: ...


def held(deliveries: Sequence[Waiting], *, now: datetime) -> dict[int, datetime | None]:
    """Those of `deliveries` that are not sent now, by their id: until when they wait, or None where never.

    One query for all of them together; none where none of their topics minds.
    """
    minding = [one for one in deliveries if topics.may_wait(one.topic) or topics.is_routine(one.topic)]
    if not minding:
        return {}
    rows = {row.pk: row for row in QuietHours.objects.filter(pk__in={one.account_id for one in minding})}
    found: dict[int, datetime | None] = {}
    for one in minding:
        row = rows.get(one.account_id)
        end = row.until(now) if row else None
        if row is None or end is None:
            continue
        if topics.is_routine(one.topic):
            if row.routine_off_since is not None:
                found[one.id] = None
        elif end < one.best_before:
            found[one.id] = end
    return found


def of(account: Account) -> QuietHours | None:
    """The hours of an account, if it has any."""
    return QuietHours.objects.filter(pk=account.pk).first()


def keep(account: Account, *, starts: time, ends: time, timezone: str, routine_off: bool, now: datetime) -> None:
    """From now on these are the hours of `account`. `starts` and `ends` differ, by no more than `LONGEST`."""
    before = of(account)
    since = (before.routine_off_since if before else None) or now
    QuietHours.objects.update_or_create(
        account=account,
        defaults={
            "starts": starts,
            "ends": ends,
            "timezone": timezone,
            "routine_off_since": since if routine_off else None,
        },
    )
    entries.record("quiet-hours:kept", by=account)


def forget(account: Account) -> None:
    """No quiet hours any more. What waits for their end still comes then."""
    if QuietHours.objects.filter(pk=account.pk).delete()[0]:
        entries.record("quiet-hours:ended", by=account)


def _since_midnight(wall: time) -> timedelta:
    return timedelta(hours=wall.hour, minutes=wall.minute)
