"""Another email for an account: proven on both sides, told on both, and undone from the old one for some days.

A code goes to the new mailbox and another one to the old; both are typed by who is signed in. If the new address has an
account already, its owner is told so instead of being sent a code, and whoever asked sees the same page as always.
"""

import hmac
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from gatepost.accounts.activation import code_digest, link_digest, send_word
from gatepost.accounts.attempts import TooOften, take
from gatepost.accounts.models import Account, ActivationMail, EmailChange
from gatepost.audit import entries

CODES_GOOD_FOR = timedelta(minutes=15)
UNDO_GOOD_FOR = timedelta(days=7)
TRIES_MOST = 5
CHANGES_A_DAY = 5  # asked for by one account, and to one mailbox
_DAY = timedelta(days=1)
Kind = ActivationMail.Kind


class EmailChangeRefused(Exception):
    """`code`: same (it is the account's already), wrong, old, spent (codes), taken (since); unknown, late (links)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def ask(account: Account, email: str, *, now: datetime) -> EmailChange:
    """Have codes sent to `email` and to the mailbox of `account`; the newest change asked for is the one that counts.

    Raises `EmailChangeRefused` (same), `TooOften`.
    """
    email = Account.objects.normalize_email(email.strip())
    if email.lower() == account.email.lower():
        raise EmailChangeRefused("same")
    take("email-change", str(account.pk), most=CHANGES_A_DAY, within=_DAY, now=now)
    take("email-change-to", email, most=CHANGES_A_DAY, within=_DAY, now=now)
    with transaction.atomic():
        EmailChange.objects.filter(account=account, done_at=None).delete()
        other = Account.objects.filter(email__iexact=email).first()
        if other is None:
            to_new = send_word(account, Kind.EMAIL_CODE, now=now, to=email)
        else:
            to_new = send_word(other, Kind.EMAIL_TAKEN, now=now)
        to_old = send_word(account, Kind.EMAIL_CODE_OLD, now=now, about=email)
        return EmailChange.objects.create(
            account=account, old=account.email, new=email, asked_at=now, to_new=to_new, to_old=to_old
        )


def waiting(account: Account, *, now: datetime) -> EmailChange | None:
    """The change that waits for its codes."""
    return EmailChange.objects.filter(account=account, done_at=None, asked_at__gt=now - CODES_GOOD_FOR).first()


def count_try(change: EmailChange, *, now: datetime) -> None:
    """One more try of codes for `change`; not for a transaction that a wrong one undoes.

    Raises `EmailChangeRefused` (spent).
    """
    try:
        take("email-change-codes", str(change.pk), most=TRIES_MOST, within=timedelta(hours=1), now=now)
    except TooOften as often:
        raise EmailChangeRefused("spent") from often


def finish(change: EmailChange, new_code: str, old_code: str, *, now: datetime) -> Account:
    """The account has the new email from now on, if both codes are right. The old mailbox gets a link that undoes it.

    Raises `EmailChangeRefused` (old, wrong, taken).
    """
    try:
        with transaction.atomic():
            return _finish(change, new_code, old_code, now)
    except IntegrityError as error:  # somebody opened an account under it this very moment
        raise EmailChangeRefused("taken") from error


def find(token: str, *, now: datetime) -> EmailChange:
    """The change that a link of the old mailbox undoes. Raises `EmailChangeRefused` (unknown, late)."""
    found = (
        EmailChange.objects.select_related("account").filter(undo__digest=link_digest(token), undone_at=None).first()
    )
    if found is None or found.done_at is None:
        raise EmailChangeRefused("unknown")
    if now >= found.done_at + UNDO_GOOD_FOR:
        raise EmailChangeRefused("late")
    return found


def undo(change: EmailChange, *, now: datetime) -> Account:
    """The account has its old email again, and no password: a link for a new one goes to the old mailbox.

    For the caller's transaction, in which every session ends. Raises `EmailChangeRefused` (unknown: undone already;
    taken: the old email is another account's by now).
    """
    account = Account.objects.select_for_update().get(pk=change.account_id)
    if EmailChange.objects.select_for_update().get(pk=change.pk).undone_at is not None:
        raise EmailChangeRefused("unknown")
    if Account.objects.filter(email__iexact=change.old).exclude(pk=account.pk).exists():
        raise EmailChangeRefused("taken")
    account.email = change.old
    account.set_unusable_password()
    account.save(update_fields=["email", "password"])
    EmailChange.objects.filter(account=account, done_at__gte=change.done_at).update(undone_at=now)
    _void_links(account)
    entries.record("email:change_undone", by=account)
    send_word(account, Kind.PASSWORD_LINK, now=now)
    return account


def _finish(change: EmailChange, new_code: str, old_code: str, now: datetime) -> Account:
    account = Account.objects.select_for_update().get(pk=change.account_id)
    current = EmailChange.objects.select_related("to_new", "to_old").filter(pk=change.pk, done_at=None).first()
    if current is None or now >= current.asked_at + CODES_GOOD_FOR or account.email != current.old:
        raise EmailChangeRefused("old")
    if not (_is_right(current.to_new, new_code) & _is_right(current.to_old, old_code)):
        raise EmailChangeRefused("wrong")
    account.email = current.new
    account.save(update_fields=["email"])
    _void_links(account)
    current.done_at = now
    current.undo = send_word(account, Kind.EMAIL_UNDO, now=now, to=current.old, about=current.new)
    current.save(update_fields=["done_at", "undo"])
    send_word(account, Kind.EMAIL_CHANGED, now=now)
    entries.record("email:changed", by=account)
    return account


def _void_links(account: Account) -> None:
    """What the mailbox before was sent to sign in with is good for nothing."""
    kinds = (Kind.PASSWORD_LINK, Kind.SIGN_IN_CODE, Kind.EMAIL_CODE, Kind.EMAIL_CODE_OLD)
    ActivationMail.objects.filter(account=account, kind__in=kinds).update(digest=None, due_at=None)


def _is_right(mail: ActivationMail, code: str) -> bool:
    known = bytes(mail.digest or b"") if mail.kind in (Kind.EMAIL_CODE, Kind.EMAIL_CODE_OLD) else b""
    return hmac.compare_digest(code_digest(f"mail-{mail.pk}", code), known)
