"""What comes back: reports about deliveries, verified, applied forward only."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction

from gatepost.channels.email.bounce import parse_bounce, parse_complaint, read_return_address
from gatepost.notify import addresses
from gatepost.notify.models import Delivery
from gatepost.notify.sender import SETTLED
from gatepost.watch import tally

log = logging.getLogger(__name__)

Reader = Callable[..., str]  # as `bounced`; "stranger" leaves the mail to the next
_readers: list[Reader] = []
UNDECIDED = (Delivery.State.SENDING, Delivery.State.SENT)


def also(reader: Reader) -> None:
    """Let an upper room read the reports about mails that it sends itself, once, at start-up."""
    _readers.append(reader)


def bounced(message: bytes, *, to: str, secret: bytes, now: datetime) -> str:
    """Apply a mail that came to a return address of ours. Returns what it was, as a code.

    `stranger`: not an address we signed; `chatter`: no report of a failure; `known`: said before, or already settled;
    `failed`: the delivery failed; `disabled`: it failed and the address will never work, so it is switched off.
    `complained`: somebody called the mail spam, so that only safety messages go there from now on. Such a report names
    the return address inside, whatever address it came to.
    """
    named = parse_complaint(message)
    if named is not None:
        return _complained((*named, to), secret=secret, now=now)
    returned = read_return_address(to, secret=secret)
    if returned is None:
        answers = (reader(message, to=to, secret=secret, now=now) for reader in _readers)
        return next((answer for answer in answers if answer != "stranger"), "stranger")
    bounce = parse_bounce(message)
    if bounce is None:
        return "chatter"
    with transaction.atomic():
        deliveries = Delivery.objects.select_for_update().filter(pk=returned.delivery_id, on_date=returned.on_date)
        delivery = deliveries.filter(state__in=UNDECIDED).first()
        if delivery is None:
            return "known"
        deliveries.update(
            state=Delivery.State.FAILED,
            because="bounced",
            response=f"{bounce.status} {bounce.diagnostic}"[:500].replace("\0", ""),
            settled_at=now,
        )
        tally.count({(SETTLED, delivery.channel, "failed", "bounced"): 1})
        log.info("delivery=%d state=failed because=bounced status=%s", delivery.pk, bounce.status)
        if not bounce.permanent:
            return "failed"
        addresses.switch_off(delivery.address_id, because="bounced", now=now)
    return "disabled"


def _complained(named: Iterable[str], *, secret: bytes, now: datetime) -> str:
    ours = (read_return_address(one, secret=secret) for one in named)
    returned = next((one for one in ours if one is not None), None)
    if returned is None:
        return "stranger"
    delivery = Delivery.objects.filter(pk=returned.delivery_id, on_date=returned.on_date).first()
    if delivery is None or not addresses.complained(delivery.address_id, now=now):
        return "known"
    log.info("delivery=%d complained", delivery.pk)
    return "complained"
