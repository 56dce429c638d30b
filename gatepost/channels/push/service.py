"""Handing a message to a push service (RFC 8030), and what its answers mean."""

import http.client
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec

from gatepost.channels.errors import ChannelError
from gatepost.channels.push import vapid
from gatepost.channels.push.encryption import encrypt
from gatepost.channels.push.subscription import PushSubscription
from gatepost.kit import outward

ANSWER_SECONDS = 10.0
AT_ONCE = 16
TTL_MOST = timedelta(days=28)
TOPIC_CHARACTERS_MAX = 32
RETRY_AFTER_MOST = timedelta(hours=1)

Urgency = Literal["very-low", "low", "normal", "high"]


@dataclass(frozen=True, slots=True)
class PushMessage:
    """`text` is what the browser gets. `good_for`: a phone that is off for longer never gets it.

    `topic`: a later message with the same one takes the place of this one where it has not been delivered yet.
    `key` is the one that the browser was given when it subscribed.
    """

    to: PushSubscription
    text: bytes = field(repr=False)
    good_for: timedelta
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    topic: str = ""
    urgency: Urgency = "normal"


class PushSender:
    """Hands messages over, some at once. `contact` (mailto: or https:) is whom a push service asks in trouble.

    `private_allowed`: also to http addresses and to this machine, which is for tests.
    """

    def __init__(self, *, contact: str, private_allowed: bool = False, seconds: float = ANSWER_SECONDS) -> None:
        self._contact = contact
        self._private_allowed = private_allowed
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="push")

    def send_many(self, messages: Sequence[PushMessage], *, now: datetime) -> list[ChannelError | None]:
        """None for each that its push service took, in the order of the messages."""
        return list(self._threads.map(lambda message: self._try(message, now=now), messages))

    def send(self, message: PushMessage, *, now: datetime) -> None:
        """Hand one over. ChannelError: permanent where the subscription is gone for good."""
        try:
            answer = outward.ask(
                "POST",
                message.to.endpoint,
                encrypt(message.text, message.to),
                headers=self._headers(message, now),
                seconds=self._seconds,
                private_allowed=self._private_allowed,
            )
        except outward.Unreachable as error:
            # A name not found today may be found tomorrow. One that leads into our own network is no push service.
            raise ChannelError(f"push service: {error.code}", permanent=error.code in ("address", "private")) from error
        if answer.status not in (http.client.OK, http.client.CREATED, http.client.ACCEPTED):
            raise refusal(answer.status, answer.retry_after, now=now)

    def _try(self, message: PushMessage, *, now: datetime) -> ChannelError | None:
        try:
            self.send(message, now=now)
        except ChannelError as error:
            return error
        return None

    def _headers(self, message: PushMessage, now: datetime) -> dict[str, str]:
        seconds = int(min(max(message.good_for, timedelta()), TTL_MOST).total_seconds())
        signed = vapid.authorization(message.key, origin=message.to.origin, contact=self._contact, now=now)
        headers = {
            "TTL": str(seconds),
            "Urgency": message.urgency,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Authorization": signed,
        }
        return {**headers, "Topic": message.topic[:TOPIC_CHARACTERS_MAX]} if message.topic else headers


def refusal(status: int, retry_after: str, *, now: datetime) -> ChannelError:
    """What an answer other than a success means. 404 and 410: the browser took its subscription back (RFC 8030 7.3).

    Everything else says nothing about the subscription: too much at once, a service in trouble, a fault of ours.
    """
    gone = status in (http.client.NOT_FOUND, http.client.GONE)
    return ChannelError(
        f"push service: {status}", permanent=gone, retry_after=None if gone else waiting(retry_after, now=now)
    )


def waiting(retry_after: str, *, now: datetime) -> timedelta | None:
    """What `Retry-After` asks for, in seconds or as a date (RFC 9110 10.2.3); None for anything else."""
    written = retry_after.strip()
    if written.isascii() and written.isdigit() and len(written) <= 9:
        return min(timedelta(seconds=int(written)), RETRY_AFTER_MOST)
    try:
        until = parsedate_to_datetime(written)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta()), RETRY_AFTER_MOST)
