from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from gatepost.notify import topics
from gatepost.notify.models import Address, Channel, Delivery, Recipient, Subscription
from gatepost.notify.sender import DAYS_LOOKED_AT, SETTLED
from gatepost.watch import tally


def open_for(account_id: UUID, about: UUID) -> Recipient:
    """From now on `account_id` may be told about `about`. For the room that proved it, in its transaction."""
    recipient, _ = Recipient.objects.update_or_create(account_id=account_id, about=about, defaults={"ended_at": None})
    return recipient


def end_for(account_id: UUID, about: UUID, *, now: datetime) -> None:
    """From now on nothing about `about` leaves for `account_id`: subscriptions go, what is queued is dropped.

    A message being sent at this very moment cannot be called back; the sender looks again before each batch.
    """
    with transaction.atomic():
        Recipient.objects.filter(account_id=account_id, about=about, ended_at=None).update(ended_at=now)
        Subscription.objects.filter(recipient__account_id=account_id, recipient__about=about).delete()
        news = now.date() - timedelta(days=DAYS_LOOKED_AT)  # what is older does not leave anyway
        queued = Delivery.of([about], on_date__gte=news).filter(account_id=account_id, state=Delivery.State.QUEUED)
        channels = Counter(queued.select_for_update().values_list("channel", flat=True))
        queued.update(state=Delivery.State.DROPPED, because="ended", settled_at=now)
        tally.count({(SETTLED, channel, "dropped", "ended"): number for channel, number in channels.items()})


def subscribe_to_everything(account_id: UUID, about: UUID) -> int:
    """What a new recipient starts with: every topic there is, at the first proven email, until they choose otherwise.

    For the transaction that opened it. Returns how many subscriptions that makes: none for who may not be told, or has
    no proven email yet.
    """
    recipient = Recipient.objects.filter(account_id=account_id, about=about, ended_at=None).first()
    proven = Address.objects.filter(account_id=account_id, channel=Channel.EMAIL, verified_at__isnull=False)
    address = proven.filter(disabled_at=None).order_by("pk").first()
    if recipient is None or address is None:
        return 0
    replaced = _replaced(account_id)
    choices = [(one.code, address) for one in topics.choosable() if (one.code, address.pk) not in replaced]
    return subscribe(account_id, about, choices=choices)[0]


def _replaced(account_id: UUID) -> set[tuple[str, int]]:
    """What cannot be chosen because something else stands in its place: topics, each at an address."""
    standing = Subscription.objects.filter(recipient__account_id=account_id, recipient__about=account_id)
    stand_in = {topic.code: topic.instead_of for topic in topics.personal()}
    rows = standing.filter(topic__in=stand_in).values_list("topic", "address_id")
    return {(code, address_id) for topic, address_id in rows for code in stand_in[topic]}


class SubscriptionRefused(Exception):
    """A choice that could not be kept; `code`: unproven (no proven address on that channel), stranger (no bond),
    replaced (a summary stands in its place)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def subscribe(account_id: UUID, about: UUID, *, choices: Iterable[tuple[str, Address]]) -> tuple[int, int]:
    """Make the subscriptions of `account_id` about `about` exactly `choices` (topic, address).

    What stands for an address that is switched off stays, silent until the address is proven again. Returns how many
    were added and removed. Raises `SubscriptionRefused` and changes nothing if an address is not the account's own or
    not proven, a summary goes there instead, or the account may not be told about `about`.
    """
    wanted: set[tuple[str, int]] = set()
    for topic, address in choices:
        wanted.add((topic, address.pk))
        if address.account_id != account_id or not address.is_usable:
            raise SubscriptionRefused("unproven")
    if wanted & _replaced(account_id):
        raise SubscriptionRefused("replaced")
    with transaction.atomic():
        recipient = (
            Recipient.objects.select_for_update().filter(account_id=account_id, about=about, ended_at=None).first()
        )
        if recipient is None:
            raise SubscriptionRefused("stranger")
        rows = recipient.subscriptions.select_related("address")
        standing = {(row.topic, row.address_id): row for row in rows}
        gone = [row.pk for key, row in standing.items() if key not in wanted and row.address.is_usable]
        new = [
            Subscription(recipient=recipient, topic=topic, address_id=address)
            for topic, address in sorted(wanted - standing.keys())
        ]
        Subscription.objects.filter(pk__in=gone).delete()
        Subscription.objects.bulk_create(new)
        chosen_again = Address.objects.filter(pk__in={row.address_id for row in new}, complained_at__isnull=False)
        chosen_again.update(complained_at=None)
    return len(new), len(gone)


def unsubscribe(account_id: UUID, about: UUID, *, topic: str, address_id: int) -> int:
    """Stop `topic` about `about` at one address of `account_id`. Returns how many subscriptions went.

    Doing it again changes nothing. What is queued already is looked at when it is sent, and not sent.
    """
    gone, _ = Subscription.objects.filter(
        recipient__account_id=account_id, recipient__about=about, topic=topic, address_id=address_id
    ).delete()
    return gone
