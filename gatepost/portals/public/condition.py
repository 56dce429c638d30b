"""How the service is, as families may know it: from the same tables as `/readyz` and `/metrics`.

Looked at every few seconds at the most, however many ask, and never by two at once: in the hour when messages are late
everybody looks. Without a database it says that.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from gatepost.attendance import queries as attendance
from gatepost.attendance.daylines import SILENT_AFTER
from gatepost.gates import queries as gates
from gatepost.gates.lines import SKEW_THAT_MATTERS
from gatepost.notify import queries as notify
from gatepost.portals.public.health import LATE_SECONDS, migrations_missing
from gatepost.watch import beats

KEPT_SECONDS = 10
ANSWER_SECONDS_MAX = 3
# A reader may be switched off at night; families go by it in these hours of a school day.
GATE_HOURS = (time(6, 30), time(18, 0))


@dataclass(frozen=True, slots=True)
class Condition:
    """The service at the moment `at`. Times are since when something waits or stands still; None: it does not."""

    at: datetime
    has_database: bool = True
    stopped_since: datetime | None = None  # nobody follows taps and sends messages
    taps_since: datetime | None = None
    messages_since: Mapping[str, datetime] = field(default_factory=dict)  # by channel, those that are late
    schools: int = 0  # which have readers in use and school today
    schools_silent: int = 0  # of which at least one reader is not heard

    @property
    def is_fine(self) -> bool:
        """Whether nothing is disturbed that a family could notice."""
        waits = self.stopped_since or self.taps_since or self.messages_since
        return self.has_database and not waits and not self.schools_silent

    @property
    def late_since(self) -> datetime | None:
        """Since when the oldest of all that waits has waited."""
        return min(filter(None, (self.stopped_since, self.taps_since, *self.messages_since.values())), default=None)


class _Kept:
    """The last look, for all threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Condition | None = None

    def forget(self) -> None:
        self._last = None

    def at(self, now: datetime) -> Condition:
        """The last look if it is fresh, or if another thread is looking already; else a new one."""
        last = self._last
        if last is not None and abs(now - last.at) < timedelta(seconds=KEPT_SECONDS):
            return last
        if not self._lock.acquire(blocking=last is None):
            return last or self.at(now)
        try:
            if self._last is last:
                self._last = look(now=now)
            return self._last or look(now=now)
        finally:
            self._lock.release()


kept = _Kept()


def look(*, now: datetime) -> Condition:
    """The condition as the tables say it, whatever was looked at before."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = '{ANSWER_SECONDS_MAX}s'")
            if migrations_missing():
                return Condition(now, has_database=False)
            return _asked(now)
    except DatabaseError:
        return Condition(now, has_database=False)


def _asked(now: datetime) -> Condition:
    taps = _since(gates.queued(now=now).oldest_seconds, now)
    waiting = {
        channel: max((one.oldest_seconds or 0 for one in notify.queued_on(channel, now=now).values()), default=0)
        for channel in settings.CHANNELS
    }
    late = {channel: since for channel, seconds in waiting.items() if (since := _since(seconds, now))}
    stopped = [one.at for one in beats.pulses(now=now) if one.late and one.loop.startswith("arrivals")]
    schools, silent = _readers(now)
    return Condition(
        now,
        stopped_since=min(stopped, default=None),
        taps_since=taps,
        messages_since=late,
        schools=schools,
        schools_silent=silent,
    )


def _since(seconds: float | None, now: datetime) -> datetime | None:
    return now - timedelta(seconds=seconds) if seconds and seconds > LATE_SECONDS else None


def _readers(now: datetime) -> tuple[int, int]:
    """How many schools with readers have school now, and at how many of them a reader is silent."""
    opens, closes = GATE_HOURS
    if not opens <= now.astimezone(ZoneInfo(settings.TIME_ZONE)).time() < closes:
        return 0, 0
    open_today = attendance.schools_open_today(now=now)
    skew_ms_max = int(SKEW_THAT_MATTERS.total_seconds() * 1000)
    found = [
        one
        for one in gates.readers(silent_since=now - SILENT_AFTER, skew_ms_max=skew_ms_max)
        if one.school_code in open_today and one.speaking + one.behind + one.silent
    ]
    return len(found), sum(1 for one in found if one.silent)
