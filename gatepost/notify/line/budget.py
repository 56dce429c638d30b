"""The month's messages on LINE: a plan has so many, and then LINE takes none before the next month.

We count what we hand over; LINE counts everything that leaves the official account, with a delay, and is asked every
few minutes. Whichever of the two is higher counts. The last tenth is kept for safety messages.
"""

import asyncio
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models import F

from gatepost.channels.line.api import LineSettings, line_api
from gatepost.kit.clock import local_date, month_of
from gatepost.notify.models import LineMonth

KEPT_FOR_SAFETY = 10  # one in so many


@dataclass
class Room:
    """How many more messages may go, taken one by one. None: as many as you like."""

    left: int | None
    kept: int = 0

    def take(self, *, safety: bool) -> bool:
        """Take one if there is one left for this kind of message."""
        if self.left is None:
            return True
        if self.left <= (0 if safety else self.kept):
            return False
        self.left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Budget:
    """A month at a look. `used` is the best we know, `forecast` what it will be at the month's end at this rate."""

    used: int
    quota: int | None
    forecast: int
    asked_at: datetime | None
    is_used_up: bool

    @property
    def will_last(self) -> bool:
        """Whether all that is asked for will go: what may wait ends where the part that is kept for safety begins."""
        return not self.is_used_up and (self.quota is None or self.forecast <= self.quota - _kept(self.quota))

    @property
    def is_for_safety_only(self) -> bool:
        """Whether nothing is left but the part that is kept for safety messages."""
        return not self.is_used_up and self.quota is not None and self.used >= self.quota - _kept(self.quota)


def room(*, now: datetime) -> Room:
    """What the month has left. While LINE was never asked, that is not known, and LINE itself will say."""
    month = LineMonth.objects.filter(month=_month(now)).first()
    if month is None or (month.quota is None and month.used_up_at is None):
        return Room(None)
    if month.used_up_at is not None or month.quota is None:
        return Room(0)
    return Room(max(0, month.quota - month.used_by_now), kept=_kept(month.quota))


def count(sent: int, *, now: datetime) -> None:
    """Add messages that LINE took just now."""
    if sent:
        LineMonth.objects.get_or_create(month=_month(now))
        LineMonth.objects.filter(month=_month(now)).update(sent=F("sent") + sent)


def note_used_up(*, now: datetime) -> None:
    """LINE said that no message of this month is left. It holds until LINE, asked again, says otherwise."""
    LineMonth.objects.get_or_create(month=_month(now))
    LineMonth.objects.filter(month=_month(now), used_up_at=None).update(used_up_at=now)


def ask(line: LineSettings, *, now: datetime) -> None:
    """Ask LINE for the quota and what it has counted, and keep both. Raises `ChannelError`."""
    # Ours before theirs: what goes meanwhile is counted twice until the next time, rather than not at all.
    sent = LineMonth.objects.filter(month=_month(now)).values_list("sent", flat=True).first() or 0
    quota, used = asyncio.run(_ask(line))
    month, _made = LineMonth.objects.get_or_create(month=_month(now))
    month.quota, month.used, month.sent_when_asked, month.asked_at = quota, used, sent, now
    if quota is None or used < quota:
        month.used_up_at = None
    month.save(update_fields=["quota", "used", "sent_when_asked", "asked_at", "used_up_at"])


def this_month(*, now: datetime) -> Budget:
    """The present month's budget, from what is kept."""
    month = LineMonth.objects.filter(month=_month(now)).first() or LineMonth(month=_month(now))
    used = month.used_by_now
    return Budget(
        used=used,
        quota=month.quota,
        forecast=forecast(used, _today(now)),
        asked_at=month.asked_at,
        is_used_up=month.used_up_at is not None or (month.quota is not None and used >= month.quota),
    )


def forecast(used: int, today: date) -> int:
    """What the month will have used at its end: messages go out on weekdays, and today is taken for a whole one."""
    days = [today.replace(day=day) for day in range(1, monthrange(today.year, today.month)[1] + 1)]
    weekdays = [day for day in days if day.weekday() < 5]
    so_far = sum(day <= today for day in weekdays)
    return used * len(weekdays) // so_far if so_far else used


async def _ask(line: LineSettings) -> tuple[int | None, int]:
    async with line_api(line) as api:
        return await api.quota(), await api.consumption()


def _kept(quota: int) -> int:
    return quota // KEPT_FOR_SAFETY


def _today(now: datetime) -> date:
    return local_date(now, settings.TIME_ZONE)


def _month(now: datetime) -> date:
    return month_of(_today(now))
