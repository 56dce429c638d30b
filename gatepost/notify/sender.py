"""Sending what is due: lease, look again, hand over outside any transaction, note the outcome.

A lease is a row in the state `sending` whose `due_at` says when it runs out: if this process dies, another takes the
row then. A mail that was in flight may leave twice, and then carries the same Message-ID.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import InterfaceError, InternalError, OperationalError, connection, transaction

from gatepost.channels.errors import ChannelError
from gatepost.notify import quiet, topics
from gatepost.watch import tally

log = logging.getLogger(__name__)

BATCH = 200
HANDFUL = 32  # handed over together and then noted: as many as may leave twice if this process is killed
LEASE = timedelta(seconds=90)
# No handful is handed over later under a lease: it may take as long as its carrier lets it, and must be settled before
# another may take it. What a slow relay leaves over goes back into the queue.
SENDING = timedelta(seconds=20)
NOTING_SECONDS_MAX = 600.0
NOTING_PAUSE_SECONDS = 0.5
DAYS_LOOKED_AT = 2  # deliveries older than this are stale whatever they say; the partitions before are not opened
DROPPED_AT_ONCE = 1_000
RETRY_FIRST = timedelta(seconds=15)
RETRY_MOST = timedelta(minutes=5)

SETTLED, RETRIED, TAP_TO_HANDOVER = "deliveries_settled", "deliveries_retried", "tap_to_handover"  # our counters
HEARD_AT = "heard_at"  # in a notice's data: when the tap it speaks of was received


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery this process may send until its lease runs out, with all that is needed to decide and to say it."""

    id: int
    on_date: date
    attempts: int
    notice_id: int
    topic: str
    about: UUID
    data: dict[str, Any]
    best_before: datetime
    is_follow_up: bool
    account_id: UUID
    account_name: str
    language: str
    address_id: int
    target: str
    address_ok: bool
    may_be_told: bool
    subscribed: bool  # or a rung of the ladder, which needs no subscription
    key: str  # the same for every attempt: what a provider can recognise a repeat by; see `_LEASE`

    def reason_to_drop(self, now: datetime) -> str:
        """Why it must not be sent after all, as a code; empty if it may."""
        if not self.may_be_told:
            return "ended"
        if not self.address_ok:
            return "unreachable"
        if not self.subscribed and not self.is_follow_up and topics.is_choosable(self.topic):
            return "unsubscribed"
        return "stale" if now >= self.best_before else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one hand-over; `error` is None when the channel's server took it.

    `dropped_because`: the carrier decided not to, and why, as a code (a budget that is used up).
    """

    error: ChannelError | None = None
    response: str = ""
    dropped_because: str = ""


class Carrier(Protocol):
    """One channel's way of taking leased deliveries to their addresses."""

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        """Hand over each; the outcomes in the order of the deliveries. Never raises for one of them."""
        ...


def send_due(channel: str, carrier: Carrier, *, now: datetime, handful: int = HANDFUL) -> int:
    """Lease up to `BATCH` due deliveries of `channel`, send or drop each, note the outcomes. Returns how many.

    They go a handful at a time, each noted before the next: what dies with this process is at most one handful. Where
    the provider knows a repeat by its key, or takes many at once, `handful` may be larger.
    """
    began = time.monotonic()
    leased = _lease(channel, now=now)
    if not leased:
        return 0
    quiet_for = quiet.held(leased, now=now)
    reasons = [delivery.reason_to_drop(now) or _quiet(delivery, quiet_for) for delivery in leased]
    going = [delivery for delivery, reason in zip(leased, reasons, strict=True) if not reason]
    dropped = [
        _Settled(delivery, "dropped", reason, "", now)
        for delivery, reason in zip(leased, reasons, strict=True)
        if reason
    ]
    going, silent = _filled(going, now)
    dropped += [_Settled(one, "dropped", "ended", "", now) for one in silent]
    later = [_Settled(one, "queued", "", "", until) for one in going if (until := quiet_for.get(one.id)) is not None]
    going = [delivery for delivery in going if delivery.id not in quiet_for]
    _note_surely(channel, dropped + later, now=now, at=now)
    for first in range(0, len(going), handful):
        if time.monotonic() - began > SENDING.total_seconds():  # a slow relay, or this process stood still
            _note_surely(channel, [_given_back(one, now=now) for one in going[first:]], now=now, at=now)
            break
        together = going[first : first + handful]
        outcomes = carrier.carry(together, now=now)
        settled = [_settle(delivery, outcome, now=now) for delivery, outcome in zip(together, outcomes, strict=True)]
        _note_surely(channel, settled, now=now, at=now + timedelta(seconds=time.monotonic() - began))
    return len(leased)


def _filled(going: Sequence[Leased], now: datetime) -> tuple[list[Leased], list[Leased]]:
    """Those whose words are looked up when they are sent, filled with what may be said now; and those of which nothing
    may be said any more. All others as they are."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(going):
        if topics.is_filled(one.topic):
            places.setdefault(one.topic, []).append(place)
    if not places:
        return list(going), []
    filled: list[Leased | None] = list(going)
    for code, some in places.items():
        fill = topics.get(code).fill
        assert fill is not None  # noqa: S101 - is_filled said so
        told = fill([(going[place].account_id, going[place].data) for place in some], now)
        for place, data in zip(some, told, strict=True):
            filled[place] = replace(going[place], data=dict(data)) if data is not None else None
    kept = [one for one in filled if one is not None]
    return kept, [one for one, now_filled in zip(going, filled, strict=True) if now_filled is None]


def _quiet(delivery: Leased, quiet_for: Mapping[int, datetime | None]) -> str:
    """Its reader wants it neither now nor later."""
    return "quiet" if quiet_for.get(delivery.id, delivery) is None else ""


def drop_old(*, now: datetime) -> int:
    """Settle up to `DROPPED_AT_ONCE` deliveries that are too old for `send_due` to look at: stale. Returns how many.

    They were left when nobody sent for days. Unsettled they would count as being on their way for ever.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DROP_OLD, {"now": now, "since": _looked_at_since(now), "limit": DROPPED_AT_ONCE})
        dropped = {channel: int(number) for channel, number in cursor.fetchall()}
        tally.count({(SETTLED, channel, "dropped", "stale"): number for channel, number in dropped.items()})
    return sum(dropped.values())


def _looked_at_since(now: datetime) -> date:
    return now.date() - timedelta(days=DAYS_LOOKED_AT)


def _note_surely(channel: str, settled: Sequence["_Settled"], *, now: datetime, at: datetime) -> None:
    """Note what became of a handful at `at`, even if the database is away for a while.

    The relay has these mails. An outcome that is forgotten is a mail that every one of these families gets again.
    """
    until = time.monotonic() + NOTING_SECONDS_MAX
    while settled:
        try:
            with transaction.atomic():
                _note(settled, now=now)
                tally.count(_counted(channel, settled, at))
            return
        except (OperationalError, InterfaceError, InternalError) as error:
            if connection.in_atomic_block or time.monotonic() > until:
                raise
            log.warning("outcomes not noted yet many=%d error=%s", len(settled), type(error.__cause__).__name__)
            connection.close()
            time.sleep(NOTING_PAUSE_SECONDS)


def _counted(channel: str, settled: Sequence["_Settled"], handed_over_at: datetime) -> Counter[tally.Series]:
    """What became of the batch, and how long after their taps the mails were taken: every one as late as the last."""
    steps: Counter[tally.Series] = Counter(
        (RETRIED, channel) if one.state == "queued" else (SETTLED, channel, one.state, one.because) for one in settled
    )
    heard = [one.delivery.data[HEARD_AT] for one in settled if one.state == "sent" and HEARD_AT in one.delivery.data]
    taken = (handed_over_at - datetime.fromisoformat(at) for at in heard)
    return steps + tally.durations(TAP_TO_HANDOVER, channel, taken=taken)


@dataclass(frozen=True, slots=True)
class _Settled:
    delivery: Leased
    state: str
    because: str
    response: str
    due_at: datetime


def _given_back(delivery: Leased, *, now: datetime) -> _Settled:
    """Not tried: another may take it at once."""
    return _Settled(delivery, "queued", "", "", now)


def _settle(delivery: Leased, outcome: Outcome, *, now: datetime) -> _Settled:
    if outcome.dropped_because:
        return _Settled(delivery, "dropped", outcome.dropped_because, outcome.response[:500], now)
    if outcome.error is None:
        return _Settled(delivery, "sent", "", outcome.response[:500], now)
    response = str(outcome.error)[:500]
    if outcome.error.permanent:
        return _Settled(delivery, "failed", "refused", response, now)
    wait = outcome.error.retry_after  # nothing at all for a mail that was not tried
    again = now + (_pause(delivery.attempts) if wait is None else wait)
    if again >= delivery.best_before:
        return _Settled(delivery, "failed", "too_late", response, now)
    return _Settled(delivery, "queued", "", response, again)


def _pause(attempts: int) -> timedelta:
    doubled: timedelta = RETRY_FIRST * (1 << min(attempts - 1, 10))
    return min(doubled, RETRY_MOST)


def _lease(channel: str, *, now: datetime) -> list[Leased]:
    with connection.cursor() as cursor:
        cursor.execute(
            _LEASE,
            {
                "channel": channel,
                "now": now,
                "until": now + LEASE,
                "since": _looked_at_since(now),
                "limit": BATCH,
            },
        )
        rows = cursor.fetchall()
    return [_read(row) for row in rows]


def _read(row: tuple[Any, ...]) -> Leased:
    columns = dict(zip((column.name for column in fields(Leased)), row, strict=True))
    columns["data"] = json.loads(columns["data"])  # Django hands out jsonb as text
    return Leased(**columns)


def _note(settled: Sequence[_Settled], *, now: datetime) -> None:
    refused = [one.delivery.address_id for one in settled if one.because == "refused"]
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            {
                "ids": [one.delivery.id for one in settled],
                "dates": [one.delivery.on_date for one in settled],
                "states": [one.state for one in settled],
                "because": [one.because for one in settled],
                "responses": [one.response.replace("\0", "") for one in settled],
                "due": [one.due_at for one in settled],
                "attempts": [one.delivery.attempts for one in settled],
                "now": now,
            },
        )
        if refused:
            cursor.execute(_DISABLE, {"ids": refused, "now": now, "because": "refused"})
    for one in settled:
        if one.because:
            log.info("delivery=%d state=%s because=%s", one.delivery.id, one.state, one.because)


# The key is made of what is said to whom, not of numbers that we hand out: after a restore from a backup those begin
# again, and one number would name two mails. What is said a second time because the first was taken back (its key then
# ends in `#`, see `notices.retire`) is another mail.
_LEASE = """
WITH due AS MATERIALIZED (
    SELECT id, on_date FROM notify_delivery
    WHERE channel = %(channel)s AND state IN ('queued', 'sending') AND due_at <= %(now)s AND on_date >= %(since)s
    ORDER BY due_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), leased AS (
    UPDATE notify_delivery delivery SET state = 'sending', due_at = %(until)s, attempts = delivery.attempts + 1
    FROM due WHERE delivery.id = due.id AND delivery.on_date = due.on_date
    RETURNING delivery.*
)
SELECT leased.id, leased.on_date, leased.attempts, notice.id, notice.topic, notice.about, notice.data,
    notice.best_before, notice.follows IS NOT NULL, account.id, account.name, account.language, address.id,
    address.target, address.verified_at IS NOT NULL AND address.disabled_at IS NULL AND account.is_active,
    recipient.id IS NOT NULL,
    subscription.id IS NOT NULL OR coalesce((
        SELECT true FROM notify_rung rung
        WHERE rung.delivery_id = leased.id AND rung.on_date = leased.on_date AND rung.on_date >= %(since)s
    ), false),
    concat_ws(' ', split_part(notice.key, '#', 1), to_char(leased.on_date, 'YYYY-MM-DD'), leased.address_id, (
        SELECT count(*) FROM notify_notice before
        WHERE before.about = notice.about AND before.on_date = notice.on_date AND before.id < notice.id
          AND starts_with(before.key, split_part(notice.key, '#', 1) || '#')
    ))
FROM leased
JOIN notify_notice notice ON notice.id = leased.notice_id AND notice.on_date = leased.on_date
JOIN notify_address address ON address.id = leased.address_id
JOIN accounts_account account ON account.id = leased.account_id
LEFT JOIN notify_recipient recipient
    ON recipient.account_id = leased.account_id AND recipient.about = notice.about AND recipient.ended_at IS NULL
LEFT JOIN notify_subscription subscription ON subscription.recipient_id = recipient.id
    AND subscription.topic = notice.topic AND subscription.address_id = address.id
"""

# Only the lease that sent it may settle it: `attempts` tells a row that ran out and went to somebody else.
_SETTLE = """
UPDATE notify_delivery delivery
SET state = done.state, because = done.because, response = done.response, due_at = done.due_at,
    settled_at = CASE WHEN done.state = 'queued' THEN NULL ELSE %(now)s END
FROM unnest(%(ids)s::bigint[], %(dates)s::date[], %(states)s::text[], %(because)s::text[], %(responses)s::text[],
            %(due)s::timestamptz[], %(attempts)s::int[])
    AS done(id, on_date, state, because, response, due_at, attempts)
WHERE delivery.id = done.id AND delivery.on_date = done.on_date AND delivery.state = 'sending'
  AND delivery.attempts = done.attempts
"""

_DROP_OLD = """
WITH old AS MATERIALIZED (
    SELECT id, on_date FROM notify_delivery
    WHERE state IN ('queued', 'sending') AND due_at <= %(now)s AND on_date < %(since)s
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), dropped AS (
    UPDATE notify_delivery delivery SET state = 'dropped', because = 'stale', settled_at = %(now)s
    FROM old WHERE delivery.id = old.id AND delivery.on_date = old.on_date
    RETURNING delivery.channel
)
SELECT channel, count(*) FROM dropped GROUP BY channel
"""

_DISABLE = """
UPDATE notify_address SET disabled_at = %(now)s, disabled_because = %(because)s
WHERE id = ANY(%(ids)s) AND disabled_at IS NULL
"""
