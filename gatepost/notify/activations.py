"""Mails of the sign-in: a link or a code, made when the mail is written and known to nobody but its mailbox; and word
that something about one's sign-in was changed.

No child is named, and to a family no school: who reads it has not confirmed anything yet.
"""

import logging
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from gatepost.accounts import activation
from gatepost.accounts.activation import MailToWrite
from gatepost.accounts.models import ActivationMail
from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.connection import ready
from gatepost.channels.email.message import Envelope, MailTemplate
from gatepost.channels.email.transport import EmailTransport
from gatepost.channels.errors import ChannelError
from gatepost.notify import relay

log = logging.getLogger(__name__)

BATCH = 20
LEASE = timedelta(minutes=2)
RETRY_FIRST = timedelta(seconds=30)
ATTEMPTS_MOST = 8  # over about two hours; then the person asks for a new link


def send_due(*, now: datetime) -> int:
    """Send what is due, a batch at a time, outside any transaction. Returns how many mails it looked at."""
    mails = activation.lease_mails(most=BATCH, lease=LEASE, now=now)
    if not mails:
        return 0
    transport = EmailTransport(relay.smtp_settings())
    try:
        for mail in mails:
            _send(transport, mail, now)
    finally:
        transport.close()
    return len(mails)


def _send(transport: EmailTransport, mail: MailToWrite, now: datetime) -> None:
    try:
        message = _message(mail, now)
        transport.send_ready(ready(relay.sender_mailbox().address, mail.mailbox, message))
    except ChannelError as error:
        log.warning("activation mail not sent mail=%d permanent=%s", mail.id, error.permanent)
        if error.permanent:
            activation.settle_mail(mail.id, because="refused")
        elif mail.attempts >= ATTEMPTS_MOST:
            activation.settle_mail(mail.id, because="unreachable")
        else:
            activation.retry_mail(mail.id, at=now + RETRY_FIRST * 2 ** (mail.attempts - 1))
    else:
        activation.settle_mail(mail.id)


def _message(mail: MailToWrite, now: datetime) -> bytes:
    envelope = Envelope(
        sender=relay.sender_mailbox(),
        to=Mailbox(address=mail.mailbox, name=mail.reader.name),
        key=f"activation-{mail.id}-{mail.attempts}",
        at=now,
    )
    template, slots = _words(mail)
    message = template.fill(slots, envelope)
    sign = relay.signature()
    return sign(message) if sign else message


def _words(mail: MailToWrite) -> tuple[MailTemplate, dict[str, str]]:
    if mail.activation is None:
        slots = {"sign_in": settings.SITE_URL + reverse("account_login"), "about": mail.about}
        slots["ways"] = settings.SITE_URL + reverse("own-ways")
        slots["devices"] = settings.SITE_URL + reverse("devices")
        if mail.kind == ActivationMail.Kind.PASSWORD_LINK:
            slots["link"] = settings.SITE_URL + reverse("forgotten-link", args=[mail.secret])
        if mail.kind == ActivationMail.Kind.EMAIL_UNDO:
            slots["link"] = settings.SITE_URL + reverse("email-undo", args=[mail.secret])
        if mail.kind in ActivationMail.WITH_A_CODE:
            slots["code"] = mail.secret
        return _word_mail(mail.kind, mail.reader.language), slots
    person = mail.activation
    if mail.kind == ActivationMail.Kind.CODE:
        return _code_mail(person.language), {"code": mail.secret}
    slots = {"link": settings.SITE_URL + reverse("activation-link", args=[mail.secret]), "about": mail.about}
    known = activation.account_of(person) is not None
    by_number = not known and settings.FIRST_PASSWORD_BY_ID_NUMBER and person.first_password_digest is not None
    if by_number:
        slots["first"] = settings.SITE_URL + reverse("first-sign-in")
    template = _link_mail(person.language, known=known, by_number=by_number, invited=bool(mail.about))
    return template, slots


@cache
def _code_mail(language: str) -> MailTemplate:
    with translation.override(language):
        subject = gettext("{code} is your Gatepost code")
        headline = gettext("Your code: {code}")
        lines = gettext(
            "Type it on the page where you asked for it, within 15 minutes.\n"
            "If it was not you who asked, you need not do anything."
        )
    return _template(language, subject=subject, headline=headline, parts=[lines])


@cache
def _link_mail(language: str, *, known: bool, by_number: bool, invited: bool) -> MailTemplate:
    with translation.override(language):
        if invited:
            subject = headline = gettext("You are invited to work with Gatepost")
            lead = (
                gettext("Open the link and sign in with your account to accept:")
                if known
                else gettext("Open the link and set a password to accept:")
            )
        elif known:
            subject = headline = gettext("Please confirm with your Gatepost account")
            lead = gettext(
                "Something was approved for this email. Open the link and sign in to confirm that it is you:"
            )
        else:
            subject = headline = gettext("Open your Gatepost account")
            lead = gettext("You were approved for an account under this email. Open the link and set a password:")
        parts = [*(["{about}"] if invited else []), lead, "{link}", gettext("The link works once, and for seven days.")]
        if by_number:
            parts += [
                gettext("Or sign in for the first time with this email and the last six characters of your ID number:"),
                "{first}",
            ]
        parts.append(gettext("If you did not ask for this, you need not do anything."))
    return _template(language, subject=subject, headline=headline, parts=parts)


@cache
def _word_mail(kind: str, language: str) -> MailTemplate:
    """Raises `KeyError` for a kind that nobody wrote."""
    with translation.override(language):
        words = _password_words() | _email_words() | _way_words() | _factor_words() | _passkey_words()
        subject, *parts = words[ActivationMail.Kind(kind)]
    return _template(language, subject=subject, headline=subject, parts=parts)


def _password_words() -> dict[ActivationMail.Kind, tuple[str, ...]]:
    return {
        ActivationMail.Kind.PASSWORD_LINK: (
            gettext("Set a new password for Gatepost"),
            gettext("Open the link and choose a new password:"),
            "{link}",
            gettext("The link works once, and for one hour."),
            gettext("If you did not ask for this, you need not do anything: your password stays as it is."),
        ),
        ActivationMail.Kind.SIGN_IN_CODE: (
            gettext("{code} signs you in to Gatepost"),
            gettext("Type it on the page where you asked for it, within 10 minutes. It works in that browser only."),
            gettext("Nobody from your school or from Gatepost asks you for this code. Tell it to nobody."),
            gettext("If it was not you who asked, you need not do anything."),
        ),
        ActivationMail.Kind.PASSWORD_CHANGED: (
            gettext("Your Gatepost password was changed"),
            gettext("All other devices were signed out."),
            gettext("If it was not you, choose “Forgot your password?” on the sign-in page at once and set a new one."),
        ),
    }


def _email_words() -> dict[ActivationMail.Kind, tuple[str, ...]]:
    return {
        ActivationMail.Kind.EMAIL_CODE: (
            gettext("{code} confirms your new email for Gatepost"),
            gettext("Type this code on the page where you change your email, within 15 minutes:"),
            "{code}",
            gettext("If it was not you who asked, you need not do anything."),
        ),
        ActivationMail.Kind.EMAIL_CODE_OLD: (
            gettext("{code} allows another email for your Gatepost account"),
            gettext("Somebody signed in to your account wants to sign in with {about} from now on."),
            gettext("If that is you, type this code on the page where you change your email, within 15 minutes:"),
            "{code}",
            gettext("If it was not you, tell the code to nobody and change your password at once:"),
            "{devices}",
        ),
        ActivationMail.Kind.EMAIL_TAKEN: (
            gettext("You have a Gatepost account already"),
            gettext("Somebody wanted to use this email for another Gatepost account. It stays with yours."),
            gettext("If that was you: one email opens one account. Choose another one there."),
        ),
        ActivationMail.Kind.EMAIL_CHANGED: (
            gettext("You sign in to Gatepost with this email now"),
            gettext("Messages about children go where they went before. Change that in the message settings."),
            gettext("The email before can take this back for seven days."),
        ),
        ActivationMail.Kind.EMAIL_UNDO: (
            gettext("Your Gatepost account has another email now"),
            gettext("From now on it is signed in to with {about}, no longer with this email."),
            gettext("If it was not you, take it back within seven days:"),
            "{link}",
            gettext("Then every device is signed out, and you set a new password."),
        ),
    }


def _way_words() -> dict[ActivationMail.Kind, tuple[str, ...]]:
    return {
        ActivationMail.Kind.ACCOUNT_CLOSING: (
            gettext("Your Gatepost account will be closed on {about}"),
            gettext("You were signed out everywhere. Messages about children go on until that day, and stop then."),
            gettext("To keep the account, sign in before that day and choose “Keep my account”:"),
            "{sign_in}",
            gettext("If it was not you who asked, do that now and change your password."),
        ),
        ActivationMail.Kind.COPY_MADE: (
            gettext("A copy of your data was made"),
            gettext("Somebody signed in to your account asked for a copy of what Gatepost keeps about you."),
            gettext("It can be fetched for 24 hours, by who is signed in and shows once more who they are."),
            gettext("If it was not you, sign that device out and change your password at once:"),
            "{devices}",
        ),
        ActivationMail.Kind.NEW_DEVICE: (
            gettext("Your Gatepost account was signed in to in a new browser"),
            "{about}",
            gettext("If it was you, you need not do anything."),
            gettext("If it was not you, sign that device out and change your password at once:"),
            "{devices}",
        ),
        ActivationMail.Kind.WAY_CONNECTED: (
            gettext("A way to sign in was connected to your account"),
            gettext("From now on this signs you in, too: {about}"),
            gettext("If it was not you, change your password, disconnect it and tell your school at once."),
        ),
        ActivationMail.Kind.WAY_DISCONNECTED: (
            gettext("A way to sign in was disconnected from your account"),
            gettext("This no longer signs you in: {about}"),
            gettext("If it was not you, change your password and tell your school at once."),
        ),
    }


def _factor_words() -> dict[ActivationMail.Kind, tuple[str, ...]]:
    return {
        ActivationMail.Kind.SECOND_FACTOR_SET_UP: (
            gettext("A second factor was set up for your account"),
            gettext("From now on your sign-in also asks for a code of your authenticator app."),
            gettext("If it was not you, tell your school at once: somebody knows your password."),
        ),
        ActivationMail.Kind.SECOND_FACTOR_OFF: (
            gettext("The second factor of your account is switched off"),
            gettext("It was switched off in your account, with a code of your app or a recovery code."),
            gettext("If it was not you, tell your school at once: somebody knows your password."),
        ),
        ActivationMail.Kind.RECOVERY_CODE_USED: (
            gettext("A recovery code was used for your account"),
            gettext("Somebody showed one of your recovery codes instead of your app. Each is good once."),
            gettext("If it was not you, tell your school at once: somebody knows your password."),
        ),
        ActivationMail.Kind.SECOND_FACTOR_TAKEN_OFF: (
            gettext("The second factor was taken off your account"),
            gettext("Somebody who may do so took it off, because your device is lost."),
            gettext("At your next sign-in you set up a new one, if your role asks for it:"),
            "{sign_in}",
            gettext("If you did not ask for this, tell your school’s administrator or the education bureau at once."),
        ),
    }


def _passkey_words() -> dict[ActivationMail.Kind, tuple[str, ...]]:
    name = gettext("The passkey: {about}")
    mend = gettext("If it was not you, change your password at once and look at your ways to sign in:")
    kinds = ActivationMail.Kind
    return {
        kinds.PASSKEY_ADDED: (gettext("A passkey was added to your account"), name, mend, "{ways}"),
        kinds.PASSKEY_RENAMED: (gettext("A passkey of your account has a new name"), name, mend, "{ways}"),
        kinds.PASSKEY_REMOVED: (gettext("A passkey was removed from your account"), name, mend, "{ways}"),
        kinds.PASSKEY_COPIED: (
            gettext("A passkey of your account was refused"),
            name,
            gettext("It seems that there is a copy of it. Remove it and make a new one:"),
            "{ways}",
        ),
    }


def _template(language: str, *, subject: str, headline: str, parts: list[str]) -> MailTemplate:
    tag = "zh-Hant" if language == "zh-hant" else language
    html = "".join(f"<p>{_html(part)}</p>" for part in parts)
    words = {"%language%": tag, "%title%": subject, "%headline%": headline, "%lines%": html}
    page = _HTML
    for slot, text in words.items():
        page = page.replace(slot, text)
    text = "\n\n".join([headline, *parts])
    return MailTemplate(subject=subject, text=f"{text}\n", html=page, language=tag)


def _html(part: str) -> str:
    if part in ("{link}", "{first}", "{sign_in}", "{ways}", "{devices}"):
        return f'<a href="{part}">{part}</a>'
    return part.replace("\n", "<br>")


_HTML = """<!doctype html>
<html lang="%language%"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>%title%</title></head>
<body style="margin:0;padding:24px 16px;overflow-wrap:anywhere;\
font:17px/1.65 'PingFang TC','Noto Sans TC','Microsoft JhengHei',system-ui,sans-serif">
<p style="font-size:22px;font-weight:600">%headline%</p>%lines%
</body></html>
"""
