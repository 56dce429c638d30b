"""Notices as short messages. What is sent costs money, so somebody above says first what may be (`Allow`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.connection import ready
from gatepost.channels.email.message import Envelope, MailTemplate
from gatepost.channels.email.transport import EmailTransport
from gatepost.channels.errors import ChannelError
from gatepost.channels.sms import segments
from gatepost.channels.sms.gateway import Gateway, OutgoingSms, Take
from gatepost.channels.sms.gateway import Outcome as Sent
from gatepost.channels.sms.mitake import MitakeGateway, MitakeSettings
from gatepost.channels.sms.numbers import domestic
from gatepost.channels.sms.smpp import SmppGateway
from gatepost.channels.sms.smpp_link import SmppSettings
from gatepost.kit.clock import utc_now
from gatepost.notify import relay, sms_receipts, sms_reports, topics
from gatepost.notify.models import Address
from gatepost.notify.sender import Leased, Outcome
from gatepost.notify.writing import write_each


@dataclass(frozen=True, slots=True)
class Wish:
    """A delivery that is about to be handed over, and what it would cost."""

    delivery: Leased
    segments: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may go. `dropped_because`: never, and why. `wait`: not yet, ask again after this while."""

    dropped_because: str = ""
    wait: timedelta | None = None


Allow = Callable[..., Sequence[Verdict]]  # (wishes, *, now): a verdict for each; what may go is paid for by then


class SmsCarrier:
    """Carries deliveries to telephones."""

    def __init__(self, gateway: Gateway, allow: Allow) -> None:
        self._gateway = gateway
        self._allow = allow

    @property
    def is_down(self) -> bool:
        """Whether the gateway did not answer a moment ago."""
        return self._gateway.is_down

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        """As `Carrier` says. Paid for, then handed over, then what the gateway calls it is kept."""
        texts = write_each(deliveries, lambda delivery: text_of(delivery, now=now))
        outcomes: dict[int, Outcome] = {}
        wishes: dict[int, Wish] = {}
        for place, (delivery, text) in enumerate(zip(deliveries, texts, strict=True)):
            if isinstance(text, ChannelError):
                outcomes[place] = Outcome(text)
            else:
                wishes[place] = Wish(delivery, segments.count(text).number)
        verdicts = dict(zip(wishes, self._allow(list(wishes.values()), now=now), strict=True))
        outcomes |= {place: _not_sent(verdict) for place, verdict in verdicts.items() if verdict != Verdict()}
        going = [place for place, verdict in verdicts.items() if verdict == Verdict()]
        messages = [
            OutgoingSms(deliveries[place].target, str(texts[place]), _key(deliveries[place])) for place in going
        ]
        for place, sent in zip(going, self._gateway.send_many(messages) if messages else [], strict=True):
            sms_receipts.note(deliveries[place], sent.references, now=now)
            outcomes[place] = Outcome(sent.error, " ".join(sent.references))
        return [outcomes[place] for place in range(len(deliveries))]


def text_of(delivery: Leased, *, now: datetime) -> str:
    """What the telephone shows, in the language in force. No link: a safety message is read, not clicked."""
    return text_about(delivery.topic, delivery.data, now=now)


def text_about(topic: str, data: Mapping[str, Any], *, now: datetime) -> str:
    """What a telephone would show of a notice of `topic` that says `data`, in the language in force."""
    words = topics.get(topic).words(data, now)
    return words.short or words.headline


def _not_sent(verdict: Verdict) -> Outcome:
    if verdict.dropped_because:
        return Outcome(dropped_because=verdict.dropped_because)
    return Outcome(ChannelError("It waits for the school.", permanent=False, retry_after=verdict.wait))


def _key(delivery: Leased) -> str:
    """36 characters, and the same for every attempt; whoever reads them learns nothing."""
    return str(uuid5(NAMESPACE_URL, f"{settings.SITE_URL} {delivery.key}"))


def gateway() -> Gateway:
    """The gateway the settings describe."""
    match settings.SMS:
        case "smpp":
            return SmppGateway(
                SmppSettings(
                    host=settings.SMS_HOST,
                    port=settings.SMS_PORT,
                    system_id=settings.SMS_USER,
                    password=settings.SMS_PASSWORD,
                    sender=settings.SMS_SENDER,
                    tls=settings.SMS_TLS,
                    long="payload" if settings.SMS_LONG == "payload" else "udh",
                    window=settings.SMS_WINDOW,
                )
            )
        case "mitake":
            return MitakeGateway(
                MitakeSettings(
                    username=settings.SMS_USER,
                    password=settings.SMS_PASSWORD,
                    url=settings.SMS_URL,
                    callback=sms_reports.address(),
                )
            )
    return MailedGateway()


def send_code(address: Address, code: str, *, language: str, now: datetime) -> None:
    """Send `code` to a mobile number at once. Raises `ChannelError` if the gateway did not take it.

    For an edge with nobody's transaction open: it must not be kept, nor come late.
    """
    with translation.override(language):
        text = gettext("{code} is your Gatepost code, good for 15 minutes. Tell it to nobody.").format(code=code)
    via = gateway()
    try:
        key = str(uuid5(NAMESPACE_URL, f"{settings.SITE_URL} code {address.pk} {now.isoformat()}"))
        (sent,) = via.send_many([OutgoingSms(address.target, text, key)])
    finally:
        via.close()
    if sent.error is not None:
        raise sent.error


class MailedGateway:
    """For a demonstration: each message becomes a mail in its catcher, to a mailbox named after the number."""

    is_down = False

    def send_many(self, messages: Sequence[OutgoingSms]) -> list[Sent]:
        """As `Gateway` says."""
        transport = EmailTransport(relay.smtp_settings())
        try:
            return [self._mail(transport, one) for one in messages]
        finally:
            transport.close()

    def collect(self, waiting: Sequence[str], take: Take) -> int:
        """Nothing comes back."""
        return 0

    def close(self) -> None:
        """Nothing stays open."""

    def _mail(self, transport: EmailTransport, message: OutgoingSms) -> Sent:
        try:
            to = Mailbox(address=f"{domestic(message.to)}@sms.gatepost.example", name=domestic(message.to))
            envelope = Envelope(sender=relay.sender_mailbox(), to=to, key=message.key, at=utc_now())
            filled = _MAILED.fill({"text": message.text}, envelope)
            transport.send_ready(ready(relay.sender_mailbox().address, to.address, filled))
        except ChannelError as error:
            return Sent(error)
        return Sent(references=(message.key,))


_MAILED = MailTemplate(
    subject="📱 {text}", text="{text}\n", html='<!doctype html><meta charset="utf-8"><p>{text}</p>', language="zh-Hant"
)
