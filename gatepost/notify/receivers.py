"""Browsers that take push messages: put down, proven by a message that came, ended with the session.

A browser counts after its worker said back the word that was in a test message: only it could read the message.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_delete

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.channels.push.subscription import PushSubscription
from gatepost.kit.clock import utc_now
from gatepost.notify import addresses, proofs, push_keys, topics
from gatepost.notify.addresses import AddressRefused
from gatepost.notify.models import Address, Channel, Delivery, PushKey, PushReceiver, Recipient, Subscription
from gatepost.notify.sender import SETTLED
from gatepost.watch import tally

RECEIVERS_MOST = 10
TEST_GOOD_FOR = timedelta(minutes=15)
BETWEEN_TESTS = timedelta(seconds=10)
SIGNED_OUT = "signed_out"
_SALT = "gatepost.notify.receivers"
_TEST, _DELIVERY = "test", "delivery"


def put_down(
    account: Account, given: PushSubscription, *, key: str, label: str, session_key: str, now: datetime
) -> PushReceiver:
    """This browser takes messages for `account`, and for nobody else any more. `key` is the one it was given.

    Raises `AddressRefused` (many; unusable for a key that is not ours).
    """
    found = _put_down(account, given, key=key, label=label, session_key=session_key, now=now)
    assert found is not None  # noqa: S101 - with a label, it is made
    return found


def seen_again(account: Account, given: PushSubscription, *, key: str, session_key: str, now: datetime) -> bool:
    """As `put_down`, said at a visit: what changed is kept, and an address that only a sign-out switched off counts.

    Whether `account` has this browser: one that it removed, or never asked for, does not come back by a visit.
    """
    return _put_down(account, given, key=key, label=None, session_key=session_key, now=now) is not None


def renew(
    former_endpoint: str, former_auth: bytes, given: PushSubscription, *, key: str, now: datetime
) -> PushReceiver | None:
    """The browser that had one subscription has another. None where it never had it.

    It proves itself by the secret of the former one, which was told to us alone. What its owner chose stays. Where the
    former one was found dead meanwhile, the address waits for a test message. `key` is any of ours.
    """
    with transaction.atomic():
        rows = PushReceiver.objects.select_related("address").select_for_update(of=("self",))
        found = rows.filter(endpoint=former_endpoint).first()
        ours = PushKey.objects.filter(public=key).first()
        if found is None or ours is None or not hmac.compare_digest(bytes(found.auth), former_auth):
            return None
        if PushReceiver.objects.filter(endpoint=given.endpoint).exclude(pk=found.pk).exists():
            return None
        found.endpoint, found.p256dh, found.auth, found.key = given.endpoint, given.p256dh, given.auth, ours
        found.seen_at = now
        found.save(update_fields=["endpoint", "p256dh", "auth", "key", "seen_at"])
    return found


def name_people(receiver: PushReceiver, *, wanted: bool, now: datetime) -> None:
    """Whether that browser's lock screen says whom a message is about."""
    PushReceiver.objects.filter(pk=receiver.pk).update(named_since=now if wanted else None)


def _put_down(
    account: Account, given: PushSubscription, *, key: str, label: str | None, session_key: str, now: datetime
) -> PushReceiver | None:
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        ours = push_keys.current(now)
        if key != ours.public:
            raise AddressRefused("unusable")
        others = PushReceiver.objects.filter(endpoint=given.endpoint).exclude(address__account=account)
        Address.objects.filter(receiver__in=others).delete()
        found = PushReceiver.objects.select_related("address").filter(endpoint=given.endpoint).first()
        if found is None and label is None:
            return None
        if found is None:
            found = _new(account, label or "")
        found.endpoint, found.p256dh, found.auth = given.endpoint, given.p256dh, given.auth
        found.key, found.session_key, found.seen_at = ours, session_key, now
        found.save()
        Address.objects.filter(pk=found.address_id, disabled_because=SIGNED_OUT).update(
            disabled_at=None, disabled_because=""
        )
        found.address.refresh_from_db()
    return found


def test_word(receiver: PushReceiver, *, now: datetime) -> str:
    """What a test message carries and the browser says back. Raises `AddressRefused` (often, signed_out)."""
    if receiver.address.disabled_because == SIGNED_OUT:
        raise AddressRefused("signed_out")
    if receiver.tested_at is not None and now < receiver.tested_at + BETWEEN_TESTS:
        raise AddressRefused("often")
    word = secrets.token_urlsafe(16)
    receiver.test_digest, receiver.tested_at = _digest(receiver, word), now
    receiver.save(update_fields=["test_digest", "tested_at"])
    return signing.dumps([_TEST, str(receiver.pk), word], salt=_SALT)


def delivery_word(delivery_id: int, on_date: Any, receiver_id: UUID) -> str:
    """The same in a message about a child: whoever says it back has read it."""
    return signing.dumps([_DELIVERY, delivery_id, on_date.isoformat(), str(receiver_id)], salt=_SALT)


def came(word: str, *, now: datetime) -> str:
    """A browser says that a message came. Returns what that was: proven, delivered, known or stranger.

    A word counts once; saying it again changes nothing.
    """
    try:
        kind, *rest = signing.loads(word, salt=_SALT, max_age=timedelta(days=2))
        return _proven(*rest, now=now) if kind == _TEST else _delivered(*rest, now=now)
    except (signing.BadSignature, ValueError, TypeError):
        return "stranger"


def follow_sessions() -> None:
    """From now on, a session that is ended takes its browser's messages with it."""
    pre_delete.connect(_session_ended, sender=Session, dispatch_uid="gatepost.notify.receivers")


def _new(account: Account, label: str) -> PushReceiver:
    if Address.objects.filter(account=account, channel=Channel.PUSH).count() >= RECEIVERS_MOST:
        raise AddressRefused("many")
    receiver = PushReceiver()
    receiver.address = Address.objects.create(
        account=account, channel=Channel.PUSH, target=str(receiver.pk), label=label
    )
    entries.record("address:added", by=account, address=receiver.address.pk)
    return receiver


def _proven(receiver_id: str, word: str, *, now: datetime) -> str:
    with transaction.atomic():
        receiver = PushReceiver.objects.select_for_update().filter(pk=receiver_id).first()
        if receiver is None or receiver.test_digest is None or receiver.tested_at is None:
            return "known"
        is_right = hmac.compare_digest(bytes(receiver.test_digest), _digest(receiver, word))
        if not is_right or now >= receiver.tested_at + TEST_GOOD_FOR:
            return "stranger"
        receiver.test_digest, receiver.confirmed_at = None, now
        receiver.save(update_fields=["test_digest", "confirmed_at"])
        address = Address.objects.select_related("account").get(pk=receiver.address_id)
        if address.disabled_because == SIGNED_OUT:
            return "stranger"  # nobody is signed in there: no message that came says whose hands it is in
        is_first = address.verified_at is None
        addresses.count_as_proven(address.account, address.target, now=now, channel=Channel.PUSH, by=proofs.MESSAGE)
        if is_first:
            _subscribe(address)
    return "proven"


def _subscribe(address: Address) -> None:
    """Who asked for messages on this phone gets all there are, about every child, until they choose otherwise."""
    Subscription.objects.bulk_create(
        [
            Subscription(recipient=recipient, topic=topic.code, address=address)
            for recipient in _told_about_others(address)
            for topic in topics.choosable()
        ],
        ignore_conflicts=True,
    )


def _told_about_others(address: Address) -> QuerySet[Recipient]:
    mine = Recipient.objects.filter(account=address.account_id, ended_at=None)
    return mine.exclude(about=address.account_id)


def _delivered(delivery_id: int, on_date: str, receiver_id: str, *, now: datetime) -> str:
    with transaction.atomic():
        PushReceiver.objects.filter(pk=receiver_id).update(confirmed_at=now)
        proofs.note(Address.objects.filter(receiver__pk=receiver_id), by=proofs.MESSAGE, now=now)
        undecided = Delivery.objects.filter(
            pk=delivery_id,
            on_date=on_date,
            channel=Channel.PUSH,
            state__in=[Delivery.State.SENDING, Delivery.State.SENT],
        )
        if not undecided.update(state=Delivery.State.DELIVERED, because="", settled_at=now):
            return "known"
        tally.count({(SETTLED, Channel.PUSH.value, "delivered", ""): 1})
    return "delivered"


def _session_ended(sender: Any, instance: Session, **_more: Any) -> None:
    """Signed out, here or from another device. One that only ran out says nothing: nobody asked for silence."""
    now = utc_now()
    if instance.expire_date <= now:
        return
    Address.objects.filter(receiver__session_key=instance.session_key, disabled_at=None).update(
        disabled_at=now, disabled_because=SIGNED_OUT
    )


def _digest(receiver: PushReceiver, word: str) -> bytes:
    digest: bytes = settings.KEY_RING.digest(f"push-test:{receiver.pk}:{word}")
    return digest
