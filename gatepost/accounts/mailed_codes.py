"""Signing in with a code that comes by mail: six digits, once, within ten minutes, in the browser that asked for it.

A code that somebody is talked into reading out is of no use elsewhere: what a browser asked for is kept with that
browser's session, and a code is only looked at beside it. Nobody learns from here whether an email has an account that
is open: every question has one answer, and costs the same.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from gatepost.accounts.activation import SIGN_IN_CODE_GOOD_FOR, code_digest, wake_the_worker
from gatepost.accounts.attempts import TooOften, note, take
from gatepost.accounts.models import Account, ActivationMail

TRIES_MOST = 5  # of one code
CLOCKS_DIFFER = timedelta(minutes=1)  # between the processes that ask and check
# Mails. A school behind one address signs in on one morning; a stranger fills nobody's mailbox, and keeps nobody from a
# code for long: a browser that the account knows is counted apart, and no limit that strangers share lasts a day.
FROM_ONE_NETWORK_AN_HOUR = 300
TO_ONE_MAILBOX_FROM_ONE_NETWORK_AN_HOUR = 5
TO_ONE_MAILBOX_AN_HOUR = 12
TO_A_KNOWN_BROWSER_AN_HOUR = 5
_HOUR = timedelta(hours=1)
_KIND = ActivationMail.Kind.SIGN_IN_CODE


class CodeRefused(Exception):
    """The code signs nobody in. `code`: wrong, old, used, spent (tried too often)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asked for. `mail` is 0 where nobody gets one. To be kept on our side, with the session."""

    email: str
    mail: int
    number: str  # of this question, for counting its tries
    at: datetime

    def as_text(self) -> dict[str, Any]:
        """In a form that a session can hold."""
        return {"email": self.email, "mail": self.mail, "number": self.number, "at": self.at.isoformat()}

    @classmethod
    def from_text(cls, kept: dict[str, Any]) -> "Asked":
        """What `as_text` put away."""
        return cls(kept["email"], kept["mail"], kept["number"], datetime.fromisoformat(kept["at"]))


def ask(email: str, *, network_address: str, is_known: bool, now: datetime) -> Asked:
    """Have a code sent to `email`, if it has an account that is open; the caller cannot tell.

    `is_known`: the account signed in before in the browser that asks. Raises `TooOften`, which counts for any email.
    """
    take("code-mail-from", network_address, most=FROM_ONE_NETWORK_AN_HOUR, within=_HOUR, now=now)
    if is_known:
        take("code-mail-known", email, most=TO_A_KNOWN_BROWSER_AN_HOUR, within=_HOUR, now=now)
    else:
        pair = f"{network_address} {email}"
        take("code-mail-pair", pair, most=TO_ONE_MAILBOX_FROM_ONE_NETWORK_AN_HOUR, within=_HOUR, now=now)
        take("code-mail", email, most=TO_ONE_MAILBOX_AN_HOUR, within=_HOUR, now=now)
    number = secrets.token_urlsafe(16)
    with transaction.atomic():
        account = Account.objects.filter(email__iexact=email.strip(), is_active=True).first()
        if account is None:
            note("code-mail-to-nobody", email, now=now)  # one row here as there: equal work
            mail = 0
        else:
            mail = ActivationMail.objects.create(account=account, kind=_KIND, asked_at=now, due_at=now).pk
        wake_the_worker()
    return Asked(email, mail, number, now)


def check(asked: Asked, typed: str, *, now: datetime) -> Account:
    """Whose account `typed` opens, in the browser that `asked`. Uses the code up. Raises `CodeRefused`."""
    if not -CLOCKS_DIFFER <= now - asked.at < SIGN_IN_CODE_GOOD_FOR:
        raise CodeRefused("old")
    try:
        take("code-typed", asked.number, most=TRIES_MOST, within=_HOUR, now=now)
    except TooOften as often:
        raise CodeRefused("spent") from often
    with transaction.atomic():
        mail = ActivationMail.objects.select_for_update().filter(pk=asked.mail, kind=_KIND).first()
        known = bytes(mail.digest or b"") if mail else b""
        right = hmac.compare_digest(code_digest(f"mail-{asked.mail}", typed), known)
        if mail is not None and mail.made_at is not None and mail.digest is None:
            raise CodeRefused("used")
        if mail is None or not right:
            raise CodeRefused("wrong")
        account = mail.account
        if account is None or not account.is_active:  # closed since
            raise CodeRefused("wrong")
        mail.digest, mail.due_at = None, None
        mail.save(update_fields=["digest", "due_at"])
    return account
