"""What became of short messages: the gateway's receipts, kept first and applied forward only."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from gatepost.channels.errors import ChannelError
from gatepost.channels.sms.gateway import Gateway, Receipt
from gatepost.notify import addresses, proofs
from gatepost.notify.models import Address, Delivery, SmsPart
from gatepost.notify.receipts import UNDECIDED
from gatepost.notify.sender import SETTLED, Leased
from gatepost.watch import tally

log = logging.getLogger(__name__)

ASKED_AT_ONCE = 500
ASKED_EVERY = timedelta(minutes=1)
ASKED_FOR = timedelta(hours=25)  # carriers give up after a day
KEPT_FOR = timedelta(days=60)
FORGOTTEN_AT_ONCE = 5_000


def note(delivery: Leased, references: Sequence[str], *, now: datetime) -> None:
    """The gateway took `delivery` and calls its parts so. A receipt that was quicker is applied now."""
    if not references:
        return
    with transaction.atomic():
        for reference in references:
            _name(reference, delivery, now=now)
        _settle(delivery.id, now=now)


def _name(reference: str, delivery: Leased, *, now: datetime) -> None:
    named = {"delivery_id": delivery.id, "on_date": delivery.on_date}
    part, is_new = SmsPart.objects.select_for_update().get_or_create(
        reference=reference, defaults={**named, "noted_at": now, "asked_at": now}
    )
    if is_new:
        return
    if part.delivery_id not in (None, delivery.id):  # it began its numbers again: that end was another message's
        part.delivered_at, part.failed_at, part.permanent, part.said = None, None, False, ""
        part.noted_at, part.asked_at = now, now
    part.delivery_id, part.on_date = delivery.id, delivery.on_date
    part.save()


def take(receipt: Receipt, *, now: datetime) -> None:
    """Keep what a gateway says of a message. Saying it again, or something else afterwards, changes nothing."""
    if receipt.delivered is None:
        return
    with transaction.atomic():
        SmsPart.objects.get_or_create(reference=receipt.reference, defaults={"noted_at": now, "asked_at": now})
        part = SmsPart.objects.select_for_update().get(reference=receipt.reference)
        if part.delivered_at or part.failed_at:
            return
        part.delivered_at, part.failed_at = (now, None) if receipt.delivered else (None, now)
        part.permanent, part.said = receipt.permanent, receipt.said.replace("\0", "")
        part.save(update_fields=["delivered_at", "failed_at", "permanent", "said"])
        if part.delivery_id is not None:
            _settle(part.delivery_id, now=now)


def collect(gateway: Gateway, *, now: datetime) -> int:
    """Ask the gateway what is known by now. Returns how many receipts it had."""
    with transaction.atomic():
        waiting = SmsPart.objects.select_for_update(skip_locked=True).filter(
            delivered_at=None,
            failed_at=None,
            delivery_id__isnull=False,
            asked_at__lte=now - ASKED_EVERY,
            noted_at__gt=now - ASKED_FOR,
        )
        parts = list(waiting.order_by("asked_at")[:ASKED_AT_ONCE])
        SmsPart.objects.filter(pk__in=[part.pk for part in parts]).update(asked_at=now)
    try:
        return gateway.collect([part.reference for part in parts], lambda receipt: take(receipt, now=now))
    except ChannelError as error:
        log.warning("receipts of short messages not collected because=%s", error)
        return 0


def forget(*, now: datetime) -> int:
    """Delete what is past its use. Returns how many."""
    old = SmsPart.objects.filter(noted_at__lt=now - KEPT_FOR).values("pk")[:FORGOTTEN_AT_ONCE]
    return SmsPart.objects.filter(pk__in=old).delete()[0]


def _settle(delivery_id: int, *, now: datetime) -> None:
    """A delivery is delivered when all its parts are, and failed with the first that is."""
    parts = list(SmsPart.objects.filter(delivery_id=delivery_id).order_by("pk"))
    lost = next((part for part in parts if part.failed_at), None)
    if lost is None and not all(part.delivered_at for part in parts):
        return
    days = [part.on_date for part in parts if part.on_date]
    rows = Delivery.objects.filter(pk=delivery_id, on_date__in=days, state__in=UNDECIDED)
    delivery = rows.select_for_update().first()
    if delivery is None:
        return
    if lost is None:
        rows.update(state=Delivery.State.DELIVERED, settled_at=now)
        proofs.note(Address.objects.filter(pk=delivery.address_id), by=proofs.MESSAGE, now=now)
        tally.count({(SETTLED, delivery.channel, "delivered", ""): 1})
        return
    rows.update(state=Delivery.State.FAILED, because="undelivered", response=lost.said, settled_at=now)
    tally.count({(SETTLED, delivery.channel, "failed", "undelivered"): 1})
    log.info("delivery=%d state=failed because=undelivered", delivery_id)
    if lost.permanent:
        addresses.switch_off(delivery.address_id, because="undelivered", now=now)
