"""Notices as push messages: one line for the lock screen, and where a touch leads."""

import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from gatepost.channels.errors import ChannelError
from gatepost.channels.push.service import PushMessage, PushSender
from gatepost.channels.push.subscription import PushSubscription
from gatepost.notify import push_keys, receivers, topics
from gatepost.notify.models import PushReceiver
from gatepost.notify.sender import Leased, Outcome
from gatepost.notify.writing import write_each

log = logging.getLogger(__name__)

TEST_GOOD_FOR = timedelta(minutes=5)


class PushCarrier:
    """Carries deliveries to browsers."""

    def __init__(self, sender: PushSender) -> None:
        self._sender = sender

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        """Send them all; one that cannot be written is an outcome like one that cannot be sent."""
        rows = PushReceiver.objects.select_related("key").filter(pk__in=[one.target for one in deliveries])
        found = {str(row.pk): row for row in rows}
        written = write_each(deliveries, lambda delivery: _message(delivery, found, now=now))
        taken = iter(self._sender.send_many([one for one in written if isinstance(one, PushMessage)], now=now))
        return [Outcome(one if isinstance(one, ChannelError) else next(taken)) for one in written]


def a_sender() -> PushSender:
    """As the settings describe it."""
    return PushSender(contact=settings.PUSH_CONTACT, private_allowed=settings.PUSH_PRIVATE)


def send_test(receiver: PushReceiver, *, language: str, now: datetime) -> None:
    """A message that proves the browser once it came. Raises `AddressRefused` (often) and `ChannelError`.

    For an edge with nobody's transaction open.
    """
    word = receivers.test_word(receiver, now=now)
    with translation.override(language):
        title, body = gettext("Messages arrive on this device"), gettext("Gatepost can reach you here.")
    text = _text(title, body, language=language, tag="test", url=reverse("family-settings"), receipt=word)
    a_sender().send(_to(receiver, text, good_for=TEST_GOOD_FOR, topic="test", now=now), now=now)


def _message(delivery: Leased, found: Mapping[str, PushReceiver], *, now: datetime) -> PushMessage:
    """The message of one delivery, in the language in force, which is the delivery's."""
    receiver = found.get(delivery.target)
    if receiver is None:
        raise ChannelError("the browser is gone", permanent=True)
    # A lock screen is read by others: the fact alone, nothing of the school, and a name only where its owner wants it.
    data = delivery.data if receiver.named_since else {**delivery.data, "student": gettext("Your child")}
    words = topics.get(delivery.topic).words(data, now)
    tag = _tag(delivery)
    text = _text(
        words.headline,
        "",
        language=delivery.language,
        tag=tag,
        url=reverse("child", args=[delivery.about]),
        receipt=receivers.delivery_word(delivery.id, delivery.on_date, receiver.pk),
    )
    return _to(receiver, text, good_for=delivery.best_before - now, topic=tag, now=now)


def _tag(delivery: Leased) -> str:
    """The same for every attempt, so that a repeat takes the place of the first; says nothing to the push service."""
    return urlsafe_b64encode(sha256(delivery.key.encode()).digest()[:18]).decode()


def _text(title: str, body: str, *, language: str, tag: str, url: str, receipt: str) -> bytes:
    said = {"title": title, "body": body, "lang": language, "tag": tag, "url": url, "receipt": receipt}
    return json.dumps(said, ensure_ascii=False).encode()


def _to(receiver: PushReceiver, text: bytes, *, good_for: timedelta, topic: str, now: datetime) -> PushMessage:
    given = PushSubscription(receiver.endpoint, bytes(receiver.p256dh), bytes(receiver.auth))
    key = push_keys.private(receiver.key)
    return PushMessage(to=given, text=text, good_for=good_for, key=key, topic=topic, urgency="high")
