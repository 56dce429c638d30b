"""The ladder: a safety notice goes on until somebody gives a sign of having read it.

First what its readers chose. Where no sign comes in time, or it did not arrive, their next proven address on another
channel; then the next person who may be told. A sign is a receipt, or a look at the child's line on a page. That a
server took a message is none.

A climb is a row, and what is due is a question asked of it. Nothing is kept in memory: what dies in the middle of a
rung has not made it, and the next look makes it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from gatepost.notify.climbs import without_a_sign
from gatepost.notify.models import Channel, Climb, Rung
from gatepost.notify.sender import DAYS_LOOKED_AT, SETTLED
from gatepost.watch import tally

AT_ONCE = 200
RUNGS_MOST = 12
# How sure and how quick each is to say that it arrived. LINE and mail say nothing; mail lies unread the longest.
BY_SURENESS = [Channel.PUSH.value, Channel.LINE.value, Channel.SMS.value, Channel.EMAIL.value]
MADE = "ladder_rungs"  # our counter

# Those of `abouts` about whom a notice of `topic` may go by short message now: (abouts, *, topic, on_date).
MayBySms = Callable[..., Collection[UUID]]


@dataclass(frozen=True, slots=True)
class _Due:
    """A climb that something is to be done about; it is locked."""

    notice_id: int
    on_date: date
    about: UUID
    topic: str
    rungs: int
    is_over: bool
    sent_any: bool
    waits: bool  # what was tried last is on its way, or may still be confirmed
    proven_at: datetime | None
    proven_by: UUID | None

    @property
    def because(self) -> str:
        """Why the next way is tried."""
        if self.waits:
            return Rung.Why.SILENT
        return Rung.Why.FAILED if self.sent_any else Rung.Why.UNADDRESSED


def begin(said: Collection[tuple[date, UUID, str]], *, now: datetime) -> None:
    """Let notices of safety topics climb, by day, about and key, in the transaction that posts them.

    Not those that nobody chose. Doing it again changes nothing.
    """
    days, abouts, keys = zip(*said, strict=True)
    with connection.cursor() as cursor:
        values = {"dates": list(days), "abouts": list(abouts), "keys": list(keys)}
        cursor.execute(_BEGIN, {**values, "now": now, "due": now + settings.LADDER_WAIT})


def climb(may_by_sms: MayBySms, *, now: datetime) -> int:
    """Look after up to `AT_ONCE` climbs: end those with a sign or past their time, make the next rung of the others.

    Returns how many. Several workers may do it at once.
    """
    with transaction.atomic():
        due = _due(now)
        ended = [(one, one.proven_at, Climb.End.DELIVERED) for one in due if one.proven_at is not None]
        ended += [(one, now, Climb.End.OVER) for one in due if one.proven_at is None and one.is_over]
        _end([(one.notice_id, one.on_date, at, because, one.proven_by) for one, at, because in ended], now=now)
        going = [one for one in due if one.proven_at is None and not one.is_over]
        _make([one for one in going if one.rungs < RUNGS_MOST], may_by_sms, now=now)
        _rest(going, now=now)
    return len(due)


def seen(account_id: UUID, abouts: Collection[UUID], *, on_date: date, now: datetime) -> int:
    """`account_id` has looked at the lines of `abouts`, which say what was told: a sign. Returns how many climbs end.

    For a page that shows such a line to a person who asked for it, after it was drawn.
    """
    with transaction.atomic():
        open_ones = _lock(abouts, on_date)
        _end([(pk, on_date, now, Climb.End.SEEN, account_id) for pk in open_ones], now=now)
    return len(open_ones)


def called(about: UUID, *, on_date: date, by: UUID, now: datetime) -> int:
    """`by`, of the school, has reached a guardian by telephone, of whom no message brought a sign.

    Only where no way is left (`climbs.unconfirmed`): a call made early ends no ladder. Returns how many climbs end.
    """
    with transaction.atomic():
        left = without_a_sign([about], on_date).order_by("notice_id").select_for_update()
        _end([(one.notice_id, on_date, now, Climb.End.CALLED, by) for one in left], now=now)
    return len(left)


def take_back_call(about: UUID, *, on_date: date) -> int:
    """Nobody was reached after all: whoever is to telephone reads it again. Returns how many climbs that are.

    They do not go on. Every way had been used, and the child may be there by now.
    """
    told = Climb.objects.filter(about=about, on_date=on_date, ended_because=Climb.End.CALLED)
    return told.update(ended_because=Climb.End.OVER, proven_by=None)


def stop(said: Collection[tuple[UUID, str]], *, on_date: date, now: datetime) -> None:
    """What these notices (about, key) said is no longer so: nobody else is told. In the transaction that says so."""
    keys = dict(said)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_BY_KEY, {"on_date": on_date, "abouts": list(keys), "keys": list(keys.values())})
        open_ones = [pk for (pk,) in cursor.fetchall()]
    _end([(pk, on_date, now, Climb.End.WITHDRAWN, None) for pk in open_ones], now=now)


def would_reach(channel: str, abouts: Collection[UUID], *, on_date: date) -> int:
    """How many more people could be told on `channel`, of open climbs about any of `abouts`, were it allowed."""
    with connection.cursor() as cursor:
        cursor.execute(_WOULD_REACH, {"channel": channel, "abouts": list(abouts), "on_date": on_date})
        return int(cursor.fetchone()[0])


def _due(now: datetime) -> list[_Due]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": now, "since": _since(now), "limit": AT_ONCE})
        return [_Due(*row) for row in cursor.fetchall()]


def _since(now: datetime) -> date:
    return now.date() - timedelta(days=DAYS_LOOKED_AT)


def _lock(abouts: Collection[UUID], on_date: date) -> list[int]:
    """The climbs of a day without an end but their time's, locked in one order everywhere."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"on_date": on_date, "abouts": list(abouts)})
        return [pk for (pk,) in cursor.fetchall()]


def _end(ended: Sequence[tuple[int, date, datetime | None, str, UUID | None]], *, now: datetime) -> None:
    """End these climbs, and drop rungs that did not leave yet: in a second statement, which sees the newest of them."""
    if not ended:
        return
    pks, days, at, because, by = zip(*ended, strict=True)
    keys = {"pks": list(pks), "dates": list(days)}
    with connection.cursor() as cursor:
        cursor.execute(_END, {**keys, "at": list(at), "because": list(because), "by": list(by)})
        cursor.execute(_DROP, {**keys, "now": now})
        dropped = Counter(channel for (channel,) in cursor.fetchall())
    tally.count({(SETTLED, channel, "dropped", "proven"): number for channel, number in dropped.items()})


def _make(climbs: Sequence[_Due], may_by_sms: MayBySms, *, now: datetime) -> None:
    """The next rung of each that has one."""
    if not climbs:
        return
    allowed: set[tuple[UUID, str, date]] = set()
    for topic, day in sorted({(one.topic, one.on_date) for one in climbs}):
        abouts = [one.about for one in climbs if (one.topic, one.on_date) == (topic, day)]
        allowed |= {(about, topic, day) for about in may_by_sms(abouts, topic=topic, on_date=day)}
    with connection.cursor() as cursor:
        cursor.execute(
            _MAKE,
            {
                "pks": [one.notice_id for one in climbs],
                "dates": [one.on_date for one in climbs],
                "abouts": [one.about for one in climbs],
                "topics": [one.topic for one in climbs],
                "by_sms": [(one.about, one.topic, one.on_date) in allowed for one in climbs],
                "because": [one.because for one in climbs],
                "channels": [one for one in BY_SURENESS if one in settings.CHANNELS],
                "since": _since(now),
                "now": now,
            },
        )
        made: Counter[tally.Series] = Counter((MADE, channel, because) for channel, because in cursor.fetchall())
    tally.count(made)


def _rest(climbs: Sequence[_Due], *, now: datetime) -> None:
    """Ask again after the wait; where no rung was made now, there is no other way so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REST,
            {
                "pks": [one.notice_id for one in climbs],
                "dates": [one.on_date for one in climbs],
                "now": now,
                "due": now + settings.LADDER_WAIT,
            },
        )


_BEGIN = """
INSERT INTO notify_climb (notice_id, on_date, about, due_at, until)
SELECT notice.id, notice.on_date, notice.about, %(due)s, notice.best_before
FROM unnest(%(dates)s::date[], %(abouts)s::uuid[], %(keys)s::text[]) AS said(on_date, about, key)
JOIN notify_notice notice
    ON notice.on_date = said.on_date AND notice.about = said.about AND notice.key = said.key
WHERE notice.best_before > %(now)s AND EXISTS (
    SELECT FROM notify_recipient recipient
    JOIN notify_subscription subscription
        ON subscription.recipient_id = recipient.id AND subscription.topic = notice.topic
    WHERE recipient.about = notice.about AND recipient.ended_at IS NULL
)
ON CONFLICT DO NOTHING
"""

# Those that are open are few: children who are missing at this moment. Each is asked what became of what was sent.
_DUE = """
SELECT climb.notice_id, climb.on_date, climb.about, notice.topic, climb.rungs, climb.until <= %(now)s,
    known.sent_any, coalesce(known.waits, false), known.proven_at, known.proven_by
FROM notify_climb climb
JOIN notify_notice notice ON notice.id = climb.notice_id AND notice.on_date = climb.on_date
    AND notice.on_date >= %(since)s
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS sent_any,
        bool_or(sent.state IN ('queued', 'sending', 'sent')
            AND (climb.last_delivery_id IS NULL OR sent.id = climb.last_delivery_id)) AS waits,
        min(sent.settled_at) FILTER (WHERE sent.state = 'delivered') AS proven_at,
        (array_agg(sent.account_id ORDER BY sent.settled_at) FILTER (WHERE sent.state = 'delivered'))[1] AS proven_by
    FROM notify_delivery sent
    WHERE sent.notice_id = climb.notice_id AND sent.on_date = climb.on_date AND sent.on_date >= %(since)s
) known
WHERE climb.ended_at IS NULL AND climb.on_date >= %(since)s AND (
    climb.due_at <= %(now)s OR climb.until <= %(now)s OR known.proven_at IS NOT NULL
    OR known.waits IS NOT TRUE AND climb.exhausted_at IS NULL
)
ORDER BY climb.due_at LIMIT %(limit)s
FOR UPDATE OF climb SKIP LOCKED
"""

# Whoever chose the topic comes first, then whoever has been bound the longest. A channel is used once for a person,
# unless what went there did not arrive. Of several of a kind (browsers), the one that was there last.
_MAKE = """
WITH asked AS (
    SELECT * FROM unnest(%(pks)s::bigint[], %(dates)s::date[], %(abouts)s::uuid[], %(topics)s::text[],
        %(by_sms)s::boolean[], %(because)s::text[]) AS t(notice_id, on_date, about, topic, by_sms, because)
), ways AS (
    SELECT asked.notice_id, asked.on_date, asked.about, asked.because, way.*
    FROM asked CROSS JOIN LATERAL (
        SELECT address.id AS address_id, address.channel, recipient.account_id, NOT EXISTS (
            SELECT FROM notify_delivery told WHERE told.notice_id = asked.notice_id AND told.on_date = asked.on_date
                AND told.on_date >= %(since)s AND told.account_id = recipient.account_id
        ) AS to_another
        FROM notify_recipient recipient
        JOIN accounts_account account ON account.id = recipient.account_id AND account.is_active
        JOIN notify_address address ON address.account_id = recipient.account_id
            AND address.verified_at IS NOT NULL AND address.disabled_at IS NULL
        LEFT JOIN notify_pushreceiver receiver ON receiver.address_id = address.id
        WHERE recipient.about = asked.about AND recipient.ended_at IS NULL
            AND address.channel = ANY(%(channels)s::text[]) AND (address.channel <> 'sms' OR asked.by_sms)
            AND NOT EXISTS (
                SELECT FROM notify_delivery used
                WHERE used.notice_id = asked.notice_id AND used.on_date = asked.on_date AND used.on_date >= %(since)s
                    AND (used.address_id = address.id OR used.account_id = recipient.account_id
                        AND used.channel = address.channel AND used.state NOT IN ('failed', 'dropped'))
            )
        ORDER BY NOT EXISTS (
                SELECT FROM notify_subscription chosen
                WHERE chosen.recipient_id = recipient.id AND chosen.topic = asked.topic
            ), recipient.opened_at, recipient.id, array_position(%(channels)s::text[], address.channel),
            receiver.seen_at DESC NULLS LAST, address.id
        LIMIT 1
    ) way
), queued AS (
    INSERT INTO notify_delivery (notice_id, on_date, address_id, account_id, about, channel, due_at)
    SELECT notice_id, on_date, address_id, account_id, about, channel, %(now)s::timestamptz FROM ways
    RETURNING id, notice_id, on_date, account_id
), climbed AS (
    UPDATE notify_climb climb
    SET rungs = climb.rungs + 1, last_delivery_id = queued.id, exhausted_at = NULL
    FROM queued WHERE climb.notice_id = queued.notice_id AND climb.on_date = queued.on_date
    RETURNING climb.notice_id, climb.rungs
), made AS (
    INSERT INTO notify_rung (delivery_id, on_date, notice_id, number, account_id, to_another, because, made_at)
    SELECT queued.id, queued.on_date, queued.notice_id, climbed.rungs, queued.account_id, ways.to_another,
        ways.because, %(now)s
    FROM queued JOIN climbed USING (notice_id) JOIN ways USING (notice_id)
    RETURNING delivery_id
), woken AS (
    SELECT pg_notify('gatepost_deliveries', '') WHERE EXISTS (SELECT FROM made)
)
SELECT ways.channel, ways.because FROM ways LEFT JOIN woken ON true
"""

_REST = """
UPDATE notify_climb climb SET due_at = %(due)s, exhausted_at = CASE
    WHEN EXISTS (
        SELECT FROM notify_rung made WHERE made.notice_id = climb.notice_id AND made.on_date = climb.on_date
            AND made.number = climb.rungs AND made.made_at = %(now)s
    ) THEN NULL ELSE coalesce(climb.exhausted_at, %(now)s) END
FROM unnest(%(pks)s::bigint[], %(dates)s::date[]) AS t(notice_id, on_date)
WHERE climb.notice_id = t.notice_id AND climb.on_date = t.on_date
"""

# Open, or over: a person may still be about to telephone, and need not when the child is there or a guardian looked.
_OPEN = """
SELECT notice_id FROM notify_climb
WHERE on_date = %(on_date)s AND about = ANY(%(abouts)s::uuid[]) AND (ended_at IS NULL OR ended_because = 'over')
ORDER BY notice_id FOR UPDATE
"""

_OPEN_BY_KEY = """
SELECT climb.notice_id FROM unnest(%(abouts)s::uuid[], %(keys)s::text[]) AS said(about, key)
JOIN notify_notice notice ON notice.on_date = %(on_date)s AND notice.about = said.about AND notice.key = said.key
JOIN notify_climb climb ON climb.notice_id = notice.id AND climb.on_date = notice.on_date
WHERE climb.ended_at IS NULL OR climb.ended_because = 'over'
ORDER BY climb.notice_id FOR UPDATE OF climb
"""

_END = """
UPDATE notify_climb climb SET ended_at = t.at, ended_because = t.because, proven_by = t.by
FROM unnest(%(pks)s::bigint[], %(dates)s::date[], %(at)s::timestamptz[], %(because)s::text[], %(by)s::uuid[])
    AS t(notice_id, on_date, at, because, by)
WHERE climb.notice_id = t.notice_id AND climb.on_date = t.on_date
"""

_DROP = """
UPDATE notify_delivery delivery SET state = 'dropped', because = 'proven', settled_at = %(now)s
FROM unnest(%(pks)s::bigint[], %(dates)s::date[]) AS t(notice_id, on_date)
JOIN notify_rung rung ON rung.notice_id = t.notice_id AND rung.on_date = t.on_date
WHERE delivery.id = rung.delivery_id AND delivery.on_date = rung.on_date AND delivery.state = 'queued'
RETURNING delivery.channel
"""

_WOULD_REACH = """
SELECT count(DISTINCT (climb.notice_id, address.account_id)) FROM notify_climb climb
JOIN notify_recipient recipient ON recipient.about = climb.about AND recipient.ended_at IS NULL
JOIN notify_address address ON address.account_id = recipient.account_id AND address.channel = %(channel)s
    AND address.verified_at IS NOT NULL AND address.disabled_at IS NULL
WHERE climb.on_date = %(on_date)s AND climb.about = ANY(%(abouts)s::uuid[]) AND climb.ended_at IS NULL
    AND NOT EXISTS (
        SELECT FROM notify_delivery used WHERE used.notice_id = climb.notice_id AND used.on_date = climb.on_date
            AND used.account_id = recipient.account_id AND used.channel = address.channel
    )
"""
