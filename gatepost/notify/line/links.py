"""Linking: a person who is signed in and a LINE user turn out to be the same.

LINE vouches for one half (the link token belongs to this very LINE user), our sign-in for the other, and a nonce ties
them together: unguessable, good once and for a quarter of an hour, kept as a keyed digest.
https://developers.line.biz/en/docs/messaging-api/linking-accounts
"""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from gatepost.accounts import attempts
from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.kit.clock import local_date
from gatepost.notify import proofs
from gatepost.notify.models import Address, Channel, LineLink

GOOD_FOR = timedelta(minutes=15)  # a link token of LINE's is good for ten
LINKS_AN_HOUR = 10


def begin(account: Account, *, now: datetime) -> str:
    """A nonce by which LINE will name `account` to us. Raises `attempts.TooOften`."""
    attempts.take("line-link", str(account.pk), most=LINKS_AN_HOUR, within=timedelta(hours=1), now=now)
    nonce = secrets.token_urlsafe(32)
    LineLink.objects.create(account=account, nonce_digest=digest(nonce), asked_at=now)
    return nonce


def finish(nonce_digest: bytes, user_id: str, *, at: datetime, now: datetime) -> Address | None:
    """The account that was given the nonce is reached at the LINE user `user_id`, who proved it `at` that moment.

    An account has one LINE: another one takes the place of the first, with all that was chosen for it. None where
    the nonce is not ours, too old, or was used before.
    """
    with transaction.atomic():
        links = LineLink.objects.select_for_update().select_related("account")
        link = links.filter(nonce_digest=nonce_digest, used_at=None).first()
        if link is None or at > link.asked_at + GOOD_FOR or not link.account.is_active:
            return None
        link.used_at = now
        link.save(update_fields=["used_at"])
        Account.objects.select_for_update(no_key=True).get(pk=link.account_id)
        address = Address.objects.filter(account=link.account_id, channel=Channel.LINE).first()
        address = address or Address(account=link.account, channel=Channel.LINE)
        address.target, address.verified_at, address.disabled_at, address.disabled_because = user_id, at, None, ""
        proofs.put(address, by=proofs.LINE, at=at)
        address.label = f"{local_date(at, settings.TIME_ZONE):%Y/%m/%d}"
        address.save()
        entries.record("address:proven", by=link.account_id, address=address.pk)
    return address


def digest(nonce: str) -> bytes:
    """What is kept of a nonce."""
    kept: bytes = settings.KEY_RING.digest(f"line-link:{nonce}")
    return kept
