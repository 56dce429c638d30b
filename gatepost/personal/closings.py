"""Closing one's own account: asked for, waits two weeks, then removed step by step.

While it waits nothing but the sessions has ended: messages about children go on, so that somebody with a borrowed phone
silences nobody. Whoever signs in meanwhile is asked first whether the account is to be kept.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from gatepost.access import queries
from gatepost.accounts import devices, email_change
from gatepost.accounts.activation import send_word
from gatepost.accounts.models import Account, ActivationMail, EmailChange
from gatepost.audit import entries
from gatepost.kit.clock import local_date
from gatepost.personal.models import Closing
from gatepost.personal.removal import STEPS
from gatepost.sso import sessions

GRACE = timedelta(days=14)
AT_ONCE = 100  # accounts


class ClosingRefused(Exception):
    """`code`: role (somebody above has to end it first), email (it was changed, and the old mailbox may undo that)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def obstacle(account: Account, *, now: datetime) -> str:
    """Why the account cannot be closed now, as a code of `ClosingRefused`; empty if it can."""
    if queries.roles(account).exists():
        return "role"
    since = now - email_change.UNDO_GOOD_FOR
    if EmailChange.objects.filter(account=account, done_at__gt=since, undone_at=None).exists():
        return "email"
    return ""


def ask(account: Account, *, now: datetime) -> Closing:
    """Close the account in two weeks; every session ends now, and those at services. Raises `ClosingRefused`."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        why = obstacle(account, now=now)
        if why:
            raise ClosingRefused(why)
        found, made = Closing.objects.get_or_create(
            account=account, kept_at=None, defaults={"asked_at": now, "due_at": now + GRACE}
        )
        if made:
            entries.record("account:closing", by=account, closing=found.pk)
            day = local_date(found.due_at, settings.TIME_ZONE)
            send_word(account, ActivationMail.Kind.ACCOUNT_CLOSING, now=now, about=f"{day:%Y/%m/%d}")
        sessions.end_all(account.pk, because="account", now=now)
        devices.end_others(account, but="")
    return found


def of(account: Account) -> Closing | None:
    """The closing that waits."""
    return Closing.objects.filter(account=account, kept_at=None, removed_at=None).first()


def keep(account: Account, *, now: datetime) -> bool:
    """Keep the account after all. Returns whether it was in time: before its removal began."""
    with transaction.atomic():
        waiting = Closing.objects.select_for_update().filter(account=account, kept_at=None, removed_at=None, done=[])
        if not waiting.update(kept_at=now):
            return False
        entries.record("account:kept", by=account)
    return True


def follow(now: datetime) -> int:
    """One step of each closing that is due, `AT_ONCE` at most. Returns how many were done.

    A step that fails keeps no other account waiting. When nothing else is to be done, what failed is raised as an
    `ExceptionGroup`.
    """
    done, failed = 0, []
    for pk in _due(now).order_by("due_at", "pk").values_list("pk", flat=True)[:AT_ONCE]:
        try:
            done += _step(pk, now)
        except Exception as error:
            failed.append(error)
    if failed and not done:
        raise ExceptionGroup(f"{len(failed)} accounts could not be removed", failed)
    return done


def _due(now: datetime) -> QuerySet[Closing]:
    return Closing.objects.filter(due_at__lte=now, kept_at=None, removed_at=None)


def _step(pk: int, now: datetime) -> int:
    """The next step, with its entry, in one transaction; 0 if the closing is in other hands or no longer due.

    Who was given a role meanwhile keeps the account: somebody counts on it.
    """
    with transaction.atomic():
        free = _due(now).filter(pk=pk).select_for_update(skip_locked=True, of=["self"])
        closing = free.select_related("account").first()
        if closing is None:
            return 0
        if not closing.done and queries.roles(closing.account).exists():
            closing.kept_at = now
            closing.save(update_fields=["kept_at"])
            entries.record("account:kept", by=None, account=str(closing.account_id), because="role")
            return 1
        name, step = next((name, step) for name, step in STEPS.items() if name not in closing.done)
        step(closing.account, now)
        closing.done = [*closing.done, name]
        closing.removed_at = now if len(closing.done) == len(STEPS) else None
        closing.save(update_fields=["done", "removed_at"])
        entries.record("account:removed", by=None, account=str(closing.account_id), step=name)
    return 1
