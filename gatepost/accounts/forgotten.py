"""A new password, by a link that only the account's mailbox gets; and what every new password does.

The link and its mail are those of `activation`: made when the mail is written, kept as a keyed digest. Nobody learns
from here whether an email has an account: every question has one answer, and costs the same.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from gatepost.accounts.activation import (
    ADDRESS_TRIES_AN_HOUR,
    MAILS_A_DAY,
    ActivationRefused,
    link_digest,
    send_word,
    wake_the_worker,
)
from gatepost.accounts.attempts import note, take
from gatepost.accounts.models import Account, ActivationMail, OldPassword
from gatepost.audit import entries

LINK_GOOD_FOR = timedelta(hours=1)
OLD_KEPT = 2  # with the one in use, the last three are not taken again
_LINK = ActivationMail.Kind.PASSWORD_LINK


def ask(email: str, *, network_address: str, now: datetime) -> None:
    """A link by mail, if `email` has an account that is open; nothing otherwise, and the caller cannot tell.

    Raises `TooOften`, which counts for any email.
    """
    take("password-mail-from", network_address, most=ADDRESS_TRIES_AN_HOUR, within=timedelta(hours=1), now=now)
    take("password-mail", email, most=MAILS_A_DAY, within=timedelta(days=1), now=now)
    with transaction.atomic():
        account = Account.objects.filter(email__iexact=email.strip(), is_active=True).first()
        waits = ActivationMail.objects.filter(account=account, kind=_LINK, due_at__isnull=False, attempts=0).exists()
        if account is None or waits:
            note("password-mail-to-nobody", email, now=now)  # one row here as there: equal work
        else:
            ActivationMail.objects.create(account=account, kind=_LINK, asked_at=now, due_at=now)
        wake_the_worker()


def find(token: str, *, now: datetime) -> ActivationMail:
    """The mail whose link is `token`, which it does not use up. Raises `ActivationRefused` (unknown, old)."""
    mail = _mails().filter(digest=link_digest(token)).first()
    if mail is None:
        raise ActivationRefused("unknown")
    return _in_time(mail, now)


def still(mail_id: int, *, now: datetime) -> Account:
    """Whose password the link of a mail that was found before sets. Raises `ActivationRefused` (unknown, old)."""
    mail = _mails().filter(pk=mail_id, digest__isnull=False).first()
    if mail is None:
        raise ActivationRefused("unknown")
    return _whose(_in_time(mail, now))


def use(mail_id: int, password: str, *, now: datetime) -> Account:
    """Set `password`, which its validators have seen, and use up every link of the account.

    Raises `ActivationRefused` (unknown: used this very moment; old).
    """
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=still(mail_id, now=now).pk)
        account = still(mail_id, now=now)
        return set_new(account, password, now=now)


def set_new(account: Account, password: str, *, now: datetime) -> Account:
    """Give `account` a `password` that its validators have seen. Its mailbox is told; no link sets another one.

    Every session of the account but the one that is given the new hash is nobody's from then on.
    """
    with transaction.atomic():
        current = Account.objects.select_for_update().get(pk=account.pk)
        if current.password:
            OldPassword.objects.create(account=current, password=current.password, until=now)
        kept = OldPassword.objects.filter(account=current).order_by("-until", "-pk").values_list("pk", flat=True)
        OldPassword.objects.filter(account=current).exclude(pk__in=list(kept[:OLD_KEPT])).delete()
        current.set_password(password)
        current.save(update_fields=["password"])
        ActivationMail.objects.filter(account=current, kind=_LINK).update(digest=None, due_at=None)
        entries.record("password:changed", by=current)
        send_word(current, ActivationMail.Kind.PASSWORD_CHANGED, now=now)
    return current


def _mails() -> QuerySet[ActivationMail]:
    return ActivationMail.objects.select_related("account").filter(kind=_LINK, account__is_active=True)


def _in_time(mail: ActivationMail, now: datetime) -> ActivationMail:
    if mail.made_at is None or now >= mail.made_at + LINK_GOOD_FOR:
        raise ActivationRefused("old")
    return mail


def _whose(mail: ActivationMail) -> Account:
    assert mail.account is not None  # noqa: S101 - a constraint of the table
    return mail.account
