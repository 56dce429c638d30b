"""What was said, to whom, and what became of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Q

from gatepost.kit import questions
from gatepost.notify import topics
from gatepost.notify.climbs import Step, steps_of
from gatepost.notify.models import Address, Channel, Delivery, Notice, Recipient, Subscription
from gatepost.notify.sender import DAYS_LOOKED_AT


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery as people read it. `masked` is the address as its owner knows it, and nobody else can use it.

    `step`: why it was tried besides what was chosen. `told_each` does not say.
    """

    about: UUID
    topic: str
    channel: str
    masked: str
    account_id: UUID
    state: str
    because: str
    posted_at: datetime
    settled_at: datetime | None
    step: Step | None = None


def told_about(about: UUID, on_date: date, *, account_id: UUID | None = None) -> list[Told]:
    """The deliveries about `about` on a day, oldest first; only those to `account_id` if given."""
    deliveries = Delivery.of([about], on_date=on_date)
    if account_id is not None:
        deliveries = deliveries.filter(account_id=account_id)
    return _told(deliveries.order_by("pk")[:500])


def told_each(abouts: Collection[UUID], on_date: date, *, account_id: UUID) -> list[Told]:
    """The deliveries of a day to one account about any of `abouts`, oldest first, in one query."""
    rows = questions.ask(TOLD_EACH, {"abouts": list(abouts), "day": on_date, "account": account_id})
    return [
        Told(about, topic, channel, label or mask(target), account_id, *rest)
        for about, topic, channel, target, label, *rest in rows
    ]


TOLD_EACH = """
SELECT d.about, n.topic, d.channel, coalesce(a.target, ''), coalesce(a.label, ''), d.state, d.because,
    n.posted_at, d.settled_at
FROM notify_notice n
JOIN notify_delivery d ON d.notice_id = n.id AND d.on_date = %(day)s::date
LEFT JOIN notify_address a ON a.id = d.address_id
WHERE n.on_date = %(day)s::date AND n.about = ANY(%(abouts)s::uuid[]) AND d.account_id = %(account)s::uuid
ORDER BY d.id LIMIT 500
"""


def unreached(abouts: Collection[UUID], on_date: date) -> list[Told]:
    """Deliveries of a day that reached nobody, newest first: refused, stale, or without an address or a budget."""
    lost = Q(state=Delivery.State.FAILED) | Q(
        state=Delivery.State.DROPPED, because__in=["stale", "unreachable", "budget"]
    )
    return _told(Delivery.of(abouts, on_date=on_date).filter(lost).order_by("-pk")[:500])


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a notice would go to: `people` accounts, about `abouts` of those asked for."""

    people: int
    abouts: int


def reach(topic: str, abouts: Collection[UUID]) -> Reach:
    """How many people would be told of `topic` about any of `abouts`, were it posted now."""
    usable = Q(address__verified_at__isnull=False, address__disabled_at=None)
    found = Subscription.objects.filter(
        usable, topic=topic, recipient__about__in=abouts, recipient__ended_at=None
    ).aggregate(people=Count("recipient__account", distinct=True), abouts=Count("recipient__about", distinct=True))
    return Reach(found["people"], found["abouts"])


@dataclass(frozen=True, slots=True)
class Ways:
    """How a notice would travel, were it posted now: messages by channel, to `people` accounts, about `abouts`."""

    messages: dict[str, int]
    people: int
    abouts: int


def ways(topic: str, abouts: Collection[UUID], *, but_not: Collection[str] = ()) -> Ways:
    """How many messages of `topic` about any of `abouts` would leave on each channel that is not one of `but_not`."""
    with connection.cursor() as cursor:
        cursor.execute(_WAYS, {"topic": topic, "abouts": list(abouts), "but_not": list(but_not)})
        rows = cursor.fetchall()
    messages = {channel: number for channel, number, _people, _abouts in rows if channel}
    people, reached = next((row[2:] for row in rows if row[0] is None), (0, 0))
    return Ways(messages, people, reached)


_WAYS = """
SELECT address.channel, count(*), count(DISTINCT recipient.account_id), count(DISTINCT recipient.about)
FROM notify_recipient recipient
JOIN notify_subscription subscription ON subscription.recipient_id = recipient.id AND subscription.topic = %(topic)s
JOIN notify_address address ON address.id = subscription.address_id
    AND address.verified_at IS NOT NULL AND address.disabled_at IS NULL AND address.channel <> ALL(%(but_not)s::text[])
WHERE recipient.about = ANY(%(abouts)s::uuid[]) AND recipient.ended_at IS NULL
GROUP BY GROUPING SETS ((address.channel), ())
"""


def people_told(abouts: Collection[UUID]) -> int:
    """How many accounts may be told about any of `abouts`, whether or not they can be reached."""
    found = Recipient.objects.filter(about__in=abouts, ended_at=None)
    return int(found.aggregate(number=Count("account", distinct=True))["number"])


def states_of(key: str, abouts: Collection[UUID], on_date: date) -> dict[tuple[str, str], int]:
    """How many deliveries of the notices `key` about `abouts` are in which state, by (channel, state)."""
    notices = Notice.objects.filter(on_date=on_date, about__in=abouts, key=key).values("id")
    counted = Delivery.objects.filter(on_date=on_date, notice_id__in=notices).values_list("channel", "state")
    rows = counted.annotate(number=Count("pk")).order_by("channel", "state")
    return {(channel, state): number for channel, state, number in rows}


def told_of(keys: Collection[tuple[str, UUID, date]], *, account_id: UUID) -> dict[tuple[str, UUID], list[Told]]:
    """The deliveries to one account of each notice, given by key, whom it is about, and its day; oldest first."""
    if not keys:
        return {}
    columns: dict[str, Any] = {
        "keys": [key for key, _about, _day in keys],
        "abouts": [about for _key, about, _day in keys],
        "days": [day for _key, _about, day in keys],
        "account": account_id,
    }
    found: dict[tuple[str, UUID], list[Told]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TOLD_OF, columns)
        for key, about, topic, channel, target, label, *rest in cursor.fetchall():
            told = Told(about, topic, channel, label or mask(target), account_id, *rest)
            found.setdefault((key, about), []).append(told)
    return found


_TOLD_OF = """
SELECT n.key, n.about, n.topic, d.channel, coalesce(a.target, ''), coalesce(a.label, ''), d.state, d.because,
    n.posted_at, d.settled_at
FROM unnest(%(keys)s::text[], %(abouts)s::uuid[], %(days)s::date[]) AS asked(key, about, day)
JOIN notify_notice n ON n.on_date = asked.day AND n.about = asked.about AND n.key = asked.key
JOIN notify_delivery d ON d.notice_id = n.id AND d.on_date = n.on_date AND d.account_id = %(account)s
LEFT JOIN notify_address a ON a.id = d.address_id
ORDER BY d.id LIMIT 500
"""


def got(topic: str, abouts: Collection[UUID], on_date: date) -> Reach:
    """How many people got (or are just getting) a notice of `topic` about any of `abouts` on a day."""
    notices = Notice.objects.filter(topic=topic, on_date=on_date, about__in=abouts).values("id")
    states = [Delivery.State.SENDING, Delivery.State.SENT, Delivery.State.DELIVERED]
    found = Delivery.objects.filter(on_date=on_date, notice_id__in=notices, state__in=states).aggregate(
        people=Count("account_id", distinct=True), abouts=Count("about", distinct=True)
    )
    return Reach(found["people"], found["abouts"])


COUNTED_MAX = 10_000
LAST_SENT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Queued:
    """What is due: how many, up to `COUNTED_MAX`, and for how many seconds the oldest has been (None: nothing is)."""

    number: int
    oldest_seconds: float | None


def queued(*, now: datetime) -> Queued:
    """The deliveries that are due and not sent. One that waits for its next attempt is not due before."""
    found = [one for channel in Channel.values for one in queued_on(channel, now=now).values()]
    ages = [one.oldest_seconds for one in found if one.oldest_seconds is not None]
    return Queued(sum(one.number for one in found), max(ages, default=None))


def queued_on(channel: str, *, now: datetime) -> dict[str, Queued]:
    """The same for one channel, by state: `queued`, and `sending` where a lease ran out."""
    since = now.date() - timedelta(days=DAYS_LOOKED_AT)
    with connection.cursor() as cursor:
        cursor.execute(_QUEUED, {"channel": channel, "now": now, "since": since, "most": COUNTED_MAX})
        rows = {state: (number, oldest) for state, number, oldest in cursor.fetchall()}
    return {
        state: Queued(number, (now - oldest).total_seconds() if oldest else None)
        for state in (Delivery.State.QUEUED.value, Delivery.State.SENDING.value)
        for number, oldest in [rows.get(state, (0, None))]
    }


# By the index of what is open, oldest first; it stops counting before it becomes work.
_QUEUED = """
SELECT state, count(*), min(due_at) FROM (
    SELECT state, due_at FROM notify_delivery
    WHERE channel = %(channel)s AND state IN ('queued', 'sending') AND due_at <= %(now)s AND on_date >= %(since)s
    ORDER BY due_at LIMIT %(most)s
) counted GROUP BY state
"""


def states_on(on_date: date) -> dict[tuple[str, str], int]:
    """How many deliveries of a day are in which state, by (channel, state)."""
    counted = Delivery.objects.filter(on_date=on_date).values_list("channel", "state").annotate(number=Count("pk"))
    return {(channel, state): number for channel, state, number in counted.order_by()}


def _told(deliveries: Iterable[Delivery]) -> list[Told]:
    rows = list(deliveries)
    days, ids = {row.on_date for row in rows}, {row.notice_id for row in rows}
    notices = {n.pk: n for n in Notice.objects.filter(on_date__in=days, pk__in=ids)}
    addresses = Address.objects.in_bulk({row.address_id for row in rows})
    climbing = [one for one in notices.values() if topics.is_safety(one.topic)]
    steps = {step.delivery_id: step for step in steps_of(climbing)} if climbing else {}
    return [
        Told(
            about=row.about,
            topic=notices[row.notice_id].topic,
            channel=row.channel,
            masked=shown(addresses[row.address_id]) if row.address_id in addresses else "…",
            account_id=row.account_id,
            state=row.state,
            because=row.because,
            posted_at=notices[row.notice_id].posted_at,
            settled_at=row.settled_at,
            step=steps.get(row.pk),
        )
        for row in rows
    ]


def shown(address: Address) -> str:
    """The address as its owner knows it, and nobody else can use it."""
    return address.label or mask(address.target)


def mask(target: str) -> str:
    """An address that its owner recognises and nobody else can use: `wa…@example.org`."""
    local, at, domain = target.partition("@")
    return f"{local[:2]}…{at}{domain}" if at else target[:2] + "…"


def addresses_of(account_id: UUID) -> list[Address]:
    """The addresses of an account, proven ones first."""
    return list(Address.objects.filter(account_id=account_id).order_by("channel", "pk"))


def last_sent(account_id: UUID, abouts: Collection[UUID], *, today: date) -> dict[int, datetime]:
    """When the last message about any of `abouts` was handed over, by address of the account; of a week."""
    days = [today - timedelta(days=number) for number in range(LAST_SENT_DAYS)]
    sent = Delivery.of(abouts, on_date__in=days).filter(account_id=account_id, state__in=["sent", "delivered"])
    return dict(sent.values_list("address_id").annotate(Max("settled_at")))


def subscribed_each(account_id: UUID, abouts: Collection[UUID]) -> dict[UUID, set[tuple[str, int]]]:
    """The same as `subscribed` for each of `abouts`, in one query."""
    found: dict[UUID, set[tuple[str, int]]] = {about: set() for about in abouts}
    rows = Subscription.objects.filter(recipient__account_id=account_id, recipient__about__in=list(abouts))
    for about, topic, address in rows.values_list("recipient__about", "topic", "address_id"):
        found[about].add((topic, address))
    return found


def subscribed(account_id: UUID, about: UUID) -> set[tuple[str, int]]:
    """What `account_id` wants to be told about `about`: pairs of topic and address id."""
    rows = Subscription.objects.filter(recipient__account_id=account_id, recipient__about=about)
    return set(rows.values_list("topic", "address_id"))
