"""Mails to applicants about their application. Written in the transaction of the step; sent by the worker after it.

An applicant has no account yet, or none with this child, so the post office cannot write to them; and nobody has
proved a bond, so a letter names no child, no school and no reason. Whoever can sign in reads those on the page.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.connection import ready
from gatepost.channels.email.message import Envelope, MailTemplate
from gatepost.channels.email.transport import EmailTransport
from gatepost.channels.errors import ChannelError
from gatepost.guardians.applications import emails
from gatepost.guardians.applications.mailbox import Letter
from gatepost.guardians.applications.models import Application
from gatepost.notify import relay

log = logging.getLogger(__name__)

GOOD_FOR = timedelta(days=3)
LEASE = timedelta(minutes=3)
BATCH = 20
RETRY_FIRST = timedelta(minutes=1)
RETRY_MOST = timedelta(hours=2)


def write(application: Application, topic: str, *, now: datetime, good_for: timedelta = GOOD_FOR) -> int:
    """A letter of `topic` to every applicant whose email is proven, in the caller's transaction. Returns how many."""
    rows = [
        Letter(
            applicant=applicant,
            topic=topic,
            target=applicant.email,
            language=application.language,
            written_at=now,
            due_at=now,
            best_before=now + good_for,
        )
        for applicant in application.applicants.exclude(email_proven_at=None)
    ]
    return len(Letter.objects.bulk_create(rows))


def send_due(*, now: datetime) -> int:
    """Send what is due, each outside any transaction, and note what became of it. Returns how many were leased.

    For the worker. A lease that ran out returns the letter: it may then leave twice, with the same Message-ID.
    """
    leased = _lease(now)
    transport = EmailTransport(relay.smtp_settings())
    try:
        for letter in leased:
            _send(letter, transport, now=now)
    finally:
        transport.close()
    return len(leased)


def _lease(now: datetime) -> Sequence[Letter]:
    with transaction.atomic():
        due = Letter.objects.select_for_update(skip_locked=True).filter(sent_at=None, failed_at=None, due_at__lte=now)
        leased = list(due.order_by("due_at")[:BATCH])
        for letter in leased:
            letter.attempts += 1
            letter.due_at = now + LEASE
        Letter.objects.bulk_update(leased, ["attempts", "due_at"])
    return leased


def _send(letter: Letter, transport: EmailTransport, *, now: datetime) -> None:
    if now >= letter.best_before:
        _note(letter, failed_at=now, because="too_late")
        return
    try:
        _hand_over(letter, transport)
    except ChannelError as error:
        if error.permanent:
            _note(letter, failed_at=now, because="refused")
            emails.refused(letter.applicant_id, letter.target, now=now)
        else:
            _note(letter, due_at=now + (error.retry_after or _pause(letter.attempts)))
    else:
        _note(letter, sent_at=now)


def _hand_over(letter: Letter, transport: EmailTransport) -> None:
    sender = relay.sender_mailbox()
    envelope = Envelope(sender=sender, to=Mailbox(letter.target), key=f"letter-{letter.pk}", at=letter.written_at)
    message = _template(letter.topic, letter.language).fill({}, envelope)
    sign = relay.signature()
    return_to = emails.return_address(letter.applicant_id, letter.target)
    transport.send_ready(ready(return_to, letter.target, sign(message) if sign else message))


def _pause(attempts: int) -> timedelta:
    return min(RETRY_FIRST * (1 << min(attempts - 1, 10)), RETRY_MOST)


def _note(letter: Letter, **outcome: object) -> None:
    """Only the lease that sent it notes: `attempts` tells one that ran out."""
    Letter.objects.filter(pk=letter.pk, attempts=letter.attempts).update(**outcome)
    log.info("letter=%s topic=%s outcome=%s", letter.pk, letter.topic, ",".join(outcome))


@cache
def _template(topic: str, language: str) -> MailTemplate:
    with translation.override(language):
        subject, *lines = _words(topic)
        ending = gettext("This mail names no child: whoever can sign in sees more there.")
        product = gettext("Gatepost")
    tag = "zh-Hant" if language == "zh-hant" else language
    html = _HTML.replace("%language%", tag).replace("%subject%", subject).replace("%lines%", "<br>".join(lines))
    return MailTemplate(
        subject=subject,
        text="\n".join([subject, "", *lines, "", "--", product, ending, ""]),
        html=html.replace("%ending%", ending).replace("%product%", product),
        language=tag,
    )


def _words(topic: str) -> tuple[str, ...]:
    """Subject and lines, in the language in force. Raises `KeyError` for a topic nobody wrote."""
    return {
        "received": (
            gettext("The school has your application"),
            gettext("The school looks at it and writes to you again."),
            gettext("To see where it stands, sign in as you did when you applied."),
        ),
        "returned": (
            gettext("Your application needs a correction"),
            gettext("The school has sent it back and says what to correct."),
            gettext("Sign in as you did when you applied, correct it and submit it again. Nothing you typed is lost."),
        ),
        "claimed": (  # the school has it only if what was typed fits, and the letter is the same
            gettext("Your application is submitted"),
            gettext("If what you typed fits a student, the school looks at it and writes to you."),
            gettext("Sign in to see where it stands, and to look at what you typed once more."),
        ),
        "approved": (
            gettext("Your application is approved"),
            gettext("Sign in: the child is on your page now."),
        ),
        "lapsed": (
            gettext("Your application has ended"),
            gettext("It was not approved within 60 days."),
            gettext("Sign in to see what you typed, and what you can do."),
        ),
        "refused": (
            gettext("Your application was not approved"),
            gettext("The school gives its reason on the page. Sign in as you did when you applied to read it."),
            gettext("If you think this is wrong, please talk to the school."),
        ),
    }[topic]


_HTML = """<!doctype html>
<html lang="%language%"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>%subject%</title></head>
<body style="margin:0;padding:24px 16px;\
font:17px/1.65 'PingFang TC','Noto Sans TC','Microsoft JhengHei',system-ui,sans-serif">
<p style="font-size:22px;font-weight:600">%subject%</p><p>%lines%</p>
<p style="font-size:14px"><b>%product%</b><br>%ending%</p>
</body></html>
"""
