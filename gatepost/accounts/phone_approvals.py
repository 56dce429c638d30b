"""Letting a browser in from a phone that is signed in: the browser shows a QR code, the phone says yes or no.

Whoever shows somebody else *their* QR code wants to be let in by them. So nothing is approved by opening the address:
the phone says where the browser is, asks for the two digits that it shows, and for the password if the last proof is
old. A code is good for two minutes, for one account, for one answer, and its yes only in the browser that showed it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from gatepost.accounts.attempts import take
from gatepost.accounts.devices import Seen
from gatepost.accounts.models import Account, PhoneApproval
from gatepost.audit import entries

GOOD_FOR = timedelta(minutes=2)
REDEEM_WITHIN = timedelta(minutes=1)  # after the yes
FRESH_FOR = timedelta(minutes=10)  # the proof of the phone's session; older: the password once more
CHOICES = 3
STARTS_AN_HOUR = 600  # from one network address: a whole school sits behind one
KEPT_FOR = timedelta(days=1)
SERVICE_CHARACTERS = 100


class ApprovalRefused(Exception):
    """`code`: unknown, old, answered, match (not the digits that the browser shows)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Shown:
    """A new one, with its two secrets in clear: `link` for the QR code, `browser` for the session that waits."""

    approval: PhoneApproval
    link: str
    browser: str


def begin(seen: Seen, *, service: str, network_address: str, now: datetime) -> Shown:
    """The browser `seen` waits to be let in; what is older than a day is forgotten. Raises `TooOften`."""
    take("phone-approval", network_address, most=STARTS_AN_HOUR, within=timedelta(hours=1), now=now)
    PhoneApproval.objects.filter(made_at__lt=now - KEPT_FOR).delete()
    link, browser = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    choices = [f"{number:02d}" for number in secrets.SystemRandom().sample(range(100), CHOICES)]
    made = PhoneApproval.objects.create(
        link_digest=_digest(link),
        browser_digest=_digest(browser),
        match=secrets.choice(choices),
        choices=choices,
        browser=seen.browser,
        system=seen.system,
        network=seen.network,
        service=service[:SERVICE_CHARACTERS],
        made_at=now,
    )
    return Shown(made, link, browser)


def waiting(approval_id: int, browser: str) -> PhoneApproval | None:
    """The one that this browser waits for, in whatever state."""
    mine = PhoneApproval.objects.filter(pk=approval_id, browser_digest=_digest(browser))
    return mine.select_related("account").first()


def is_over(approval: PhoneApproval, *, now: datetime) -> bool:
    """Whether nothing can come of it any more: refused, redeemed, or its time is over."""
    if approval.refused_at or approval.redeemed_at:
        return True
    if approval.approved_at:
        return not _within(approval.approved_at, REDEEM_WITHIN, now)
    return not _within(approval.made_at, GOOD_FOR, now)


def look(link: str, account: Account, *, now: datetime) -> PhoneApproval:
    """What `account` is asked on its phone. From then on nobody else can answer. Raises `ApprovalRefused`."""
    with transaction.atomic():
        found = _open(link, account, now)
        if found.seen_at is None:
            found.seen_at, found.account = now, account
            found.save(update_fields=["seen_at", "account"])
    return found


def approve(link: str, account: Account, match: str, *, now: datetime) -> PhoneApproval:
    """Let that browser in as `account`. Wrong digits are a no for good. Raises `ApprovalRefused`."""
    with transaction.atomic():
        found = _open(link, account, now)
        right = found.account_id == account.pk and match == found.match
        if right:
            found.approved_at = now
        else:
            found.seen_at, found.account, found.refused_at = found.seen_at or now, account, now
        found.save()
        entries.record("phone_approval:approved" if right else "phone_approval:mismatch", by=account)
    if not right:
        raise ApprovalRefused("match")
    return found


def refuse(link: str, account: Account, *, now: datetime) -> None:
    """Keep that browser out. Raises `ApprovalRefused`."""
    with transaction.atomic():
        found = _open(link, account, now)
        found.seen_at, found.account, found.refused_at = found.seen_at or now, account, now
        found.save()
        entries.record("phone_approval:refused", by=account)


def redeem(approval_id: int, browser: str, *, now: datetime) -> Account:
    """Whom the waiting browser is let in as. Once. Raises `ApprovalRefused` (unknown, old)."""
    with transaction.atomic():
        found = (
            PhoneApproval.objects.select_for_update(of=["self"])
            .select_related("account")
            .filter(pk=approval_id, browser_digest=_digest(browser), approved_at__isnull=False, redeemed_at=None)
            .first()
        )
        if found is None or found.account is None or not found.account.is_active:
            raise ApprovalRefused("unknown")
        if is_over(found, now=now):
            raise ApprovalRefused("old")
        found.redeemed_at = now
        found.save(update_fields=["redeemed_at"])
        entries.record("phone_approval:redeemed", by=found.account)
    return found.account


def _open(link: str, account: Account, now: datetime) -> PhoneApproval:
    """The one behind `link`, which `account` may still answer. Locked."""
    found = PhoneApproval.objects.select_for_update().filter(link_digest=_digest(link)).first()
    if found is None or (found.account_id is not None and found.account_id != account.pk):
        raise ApprovalRefused("unknown")
    if found.approved_at or found.refused_at:
        raise ApprovalRefused("answered")
    if is_over(found, now=now):
        raise ApprovalRefused("old")
    return found


def _within(since: datetime, time: timedelta, now: datetime) -> bool:
    """Neither too late, nor by a clock that is far off the one that wrote it down."""
    return timedelta(minutes=-1) <= now - since < time


def _digest(secret: str) -> bytes:
    digest: bytes = settings.KEY_RING.digest(f"phone-approval:{secret}")
    return digest
