"""What was said, to whom, and what became of it."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from gatepost.notify.models import Address, Delivery, Notice, Subscription


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery as people read it. `masked` is the address without most of its letters."""

    topic: str
    channel: str
    masked: str
    account_id: UUID
    state: str
    because: str
    posted_at: datetime
    settled_at: datetime | None


def told_about(about: UUID, on_date: date, *, account_id: UUID | None = None) -> list[Told]:
    """The deliveries about `about` on a day, oldest first; only those to `account_id` if given."""
    deliveries = Delivery.objects.filter(about=about, on_date=on_date)
    if account_id is not None:
        deliveries = deliveries.filter(account_id=account_id)
    rows = list(deliveries.order_by("pk")[:500])
    notices = {n.pk: n for n in Notice.objects.filter(on_date=on_date, pk__in={row.notice_id for row in rows})}
    targets = dict(Address.objects.filter(pk__in={row.address_id for row in rows}).values_list("pk", "target"))
    return [
        Told(
            topic=notices[row.notice_id].topic,
            channel=row.channel,
            masked=mask(targets.get(row.address_id, "")),
            account_id=row.account_id,
            state=row.state,
            because=row.because,
            posted_at=notices[row.notice_id].posted_at,
            settled_at=row.settled_at,
        )
        for row in rows
    ]


def mask(target: str) -> str:
    """An address that its owner recognises and nobody else can use: `wa…@example.org`."""
    local, at, domain = target.partition("@")
    return f"{local[:2]}…{at}{domain}" if at else target[:2] + "…"


def addresses_of(account_id: UUID) -> list[Address]:
    """The addresses of an account, proven ones first."""
    return list(Address.objects.filter(account_id=account_id).order_by("channel", "pk"))


def subscribed(account_id: UUID, about: UUID) -> set[tuple[str, int]]:
    """What `account_id` wants to be told about `about`: pairs of topic and address id."""
    rows = Subscription.objects.filter(recipient__account_id=account_id, recipient__about=about)
    return set(rows.values_list("topic", "address_id"))
