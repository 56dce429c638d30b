"""Notices as mails: one quiet frame in each language, filled with a topic's words."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from django.core import signing
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.bounce import return_address
from gatepost.channels.email.message import Envelope, MailTemplate
from gatepost.channels.email.pool import Outcome as Taken
from gatepost.channels.email.pool import OutgoingMail, SmtpPool
from gatepost.channels.errors import ChannelError
from gatepost.notify import topics
from gatepost.notify.sender import Leased, Outcome
from gatepost.notify.writing import write_each

UNSUBSCRIBE_SALT = "gatepost.notify.unsubscribe"


class MailCarrier:
    """Carries deliveries to mailboxes over a pool of SMTP connections."""

    def __init__(
        self, pool: SmtpPool, *, sender: Mailbox, site_url: str, bounce_domain: str, bounce_secret: bytes
    ) -> None:
        self._pool = pool
        self._sender = sender
        self._site_url = site_url
        self._bounce_domain = bounce_domain
        self._bounce_secret = bounce_secret

    @property
    def is_down(self) -> bool:
        """Whether the relay did not answer a moment ago. Leasing mails only to give them back would be of no use."""
        return self._pool.is_down

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        """Send them all; a mail that cannot be written is an outcome like one that cannot be sent."""
        written = write_each(deliveries, lambda delivery: self._mail(delivery, now=now))
        taken = iter(self._pool.send_many([mail for mail in written if isinstance(mail, OutgoingMail)]))
        sent = [Taken(mail) if isinstance(mail, ChannelError) else next(taken) for mail in written]
        return [Outcome(one.error, one.reply) for one in sent]

    def _mail(self, delivery: Leased, *, now: datetime) -> OutgoingMail:
        """The mail of one delivery, in the language in force, which is the delivery's."""
        topic = topics.get(delivery.topic)
        optional = topic.optional and not delivery.is_follow_up
        words = topic.words(delivery.data, now)
        slots = {"subject": words.subject, "headline": words.headline, "lines": "\n".join(words.lines)}
        if words.link:
            slots["link"] = words.link
        envelope = Envelope(
            sender=self._sender,
            to=Mailbox(address=delivery.target, name=delivery.account_name),
            key=delivery.key,
            at=now,
            unsubscribe_url=self._unsubscribe_url(delivery) if optional else None,
        )
        return OutgoingMail(
            envelope_from=return_address(
                delivery.id, delivery.on_date, secret=self._bounce_secret, domain=self._bounce_domain
            ),
            to=delivery.target,
            message=frame(delivery.language, optional=optional, linked=bool(words.link)).fill(slots, envelope),
        )

    def _unsubscribe_url(self, delivery: Leased) -> str:
        named = [str(delivery.account_id), str(delivery.about), delivery.topic, delivery.address_id]
        return self._site_url + _unsubscribe_path().replace(_TOKEN, _unsubscriptions().sign_object(named))


_TOKEN = "TOKEN"  # noqa: S105 - where the token goes


@cache
def _unsubscribe_path() -> str:
    return reverse("unsubscribe", args=[_TOKEN])


@cache
def _unsubscriptions() -> signing.TimestampSigner:
    """Signs what `signing.loads` with the same salt reads."""
    return signing.TimestampSigner(salt=UNSUBSCRIBE_SALT)


@cache
def frame(language: str, *, optional: bool, linked: bool = False) -> MailTemplate:
    """The mail around the words. No picture, and a link in few of them: a safety message is read, not clicked."""
    with translation.override(language):
        reasons = [gettext("You receive this because of the messages you chose in Gatepost.")]
        if optional:
            reasons.append(gettext("Your mail program can unsubscribe you from this kind of message."))
        footer = [reason.replace("{", "{{").replace("}", "}}") for reason in reasons]
        product = gettext("Gatepost").replace("{", "{{").replace("}", "}}")
    foot_text, foot_html = "\n".join(footer), "<br>".join(footer)
    pressed = "{link}\n\n" if linked else ""
    tag = "zh-Hant" if language == "zh-hant" else language
    return MailTemplate(
        subject="{subject}",
        text=f"{{headline}}\n\n{{lines}}\n\n{pressed}--\n{product}\n{foot_text}\n",
        html=_HTML.replace("%link%", _LINK if linked else "")
        .replace("%language%", tag)
        .replace("%product%", product)
        .replace("%footer%", foot_html),
        language=tag,
    )


_LINK = '<p style="margin:16px 0 0"><a href="{link}" style="word-break:break-all">{link}</a></p>'

_HTML = """<!doctype html>
<html lang="%language%"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{subject}</title></head>
<body style="margin:0;padding:24px 16px;background:#fbfaf6;color:#1d2126;\
font:17px/1.65 'PingFang TC','Noto Sans TC','Microsoft JhengHei',system-ui,sans-serif">
<div style="max-width:520px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #e3dfd4;border-radius:14px">
<p style="margin:0 0 12px;font-size:22px;line-height:1.4;font-weight:600">{headline}</p>
<p style="margin:0;color:#3d444c;white-space:pre-line">{lines}</p>%link%</div>
<p style="max-width:520px;margin:16px auto 0;color:#5d646d;font-size:14px"><b>%product%</b><br>%footer%</p>
</body></html>
"""
