"""A code to prove an address with, sent at once. It never waits in the outbox: it must not be kept, nor come late."""

from datetime import datetime
from functools import cache

from django.utils import translation
from django.utils.translation import gettext

from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.connection import ready
from gatepost.channels.email.message import Envelope, MailTemplate
from gatepost.channels.email.transport import EmailTransport
from gatepost.notify import relay
from gatepost.notify.models import Address


def send_code(address: Address, code: str, *, language: str, name: str, now: datetime) -> None:
    """Send `code` to `address` and wait for the relay's answer. Raises `ChannelError` if it did not take it.

    For an edge with nobody's transaction open.
    """
    send_code_to(Mailbox(address=address.target, name=name), code, key=f"code-{address.pk}", language=language, now=now)


def send_code_to(to: Mailbox, code: str, *, key: str, language: str, now: datetime, return_to: str = "") -> None:
    """The same for somebody who has no account yet. `key` names the mailbox in the Message-ID.

    `return_to`: where a report goes if it comes back later; to the sender of our mails otherwise.
    """
    envelope = Envelope(sender=relay.sender_mailbox(), to=to, key=f"{key}-{now.isoformat()}", at=now)
    message = _template(language).fill({"code": code}, envelope)
    sign = relay.signature()
    transport = EmailTransport(relay.smtp_settings())
    try:
        envelope_from = return_to or relay.sender_mailbox().address
        transport.send_ready(ready(envelope_from, to.address, sign(message) if sign else message))
    finally:
        transport.close()


@cache
def _template(language: str) -> MailTemplate:
    with translation.override(language):
        subject = gettext("{code} is your Gatepost code")
        headline = gettext("Your code: {code}")
        lines = gettext(
            "Type it on the page where you asked for it, within 15 minutes.\n"
            "If it was not you who asked, you need not do anything."
        )
    tag = "zh-Hant" if language == "zh-hant" else language
    words = {"%language%": tag, "%headline%": headline, "%lines%": lines.replace("\n", "<br>")}
    html = _HTML
    for slot, text in words.items():
        html = html.replace(slot, text)
    return MailTemplate(
        subject=subject,
        text=f"{headline}\n\n{lines}\n",
        html=html,
        language=tag,
    )


_HTML = """<!doctype html>
<html lang="%language%"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{code}</title></head>
<body style="margin:0;padding:24px 16px;\
font:17px/1.65 'PingFang TC','Noto Sans TC','Microsoft JhengHei',system-ui,sans-serif">
<p style="font-size:22px;font-weight:600">%headline%</p><p>%lines%</p>
</body></html>
"""
