"""Which account an identity opens.

One that its owner, signed in, has connected; else the one account that has proven the same ID number. Never by email or
name, and never a new account: those come from a school.
"""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from gatepost.accounts.activation import send_word
from gatepost.accounts.models import Account, ActivationMail
from gatepost.audit import entries
from gatepost.guardians import proofs
from gatepost.upstream.identity import Identity, UpstreamRefused
from gatepost.upstream.models import Link, Provider


def standing(account_id: UUID) -> QuerySet[Link]:
    """What signs `account_id` in, the oldest first."""
    return Link.objects.filter(account_id=account_id, ended_at=None).order_by("linked_at", "pk")


def account_of(identity: Identity, *, now: datetime) -> Account:
    """Who signs in with `identity`; it is connected where a proven number leads to the account, which is told by mail.

    Raises `UpstreamRefused`: unknown (no account has proven the number), several (more than one has), other (the
    account is connected with somebody else at this provider).
    """
    link = _link_of(identity)
    if link is not None:
        return link.account
    found = proofs.accounts_of(identity.number)[:2]
    if not found:
        raise UpstreamRefused("unknown")
    if len(found) > 1:
        raise UpstreamRefused("several")
    account = Account.objects.get(pk=found[0])
    if account.is_active:  # a closed one is told so and nothing else
        _connect(account, identity, by_number=True, now=now)
    return account


def connect(account: Account, identity: Identity, *, now: datetime) -> None:
    """`account`, signed in, is the person of `identity`: it signs them in from now on, and proves its ID number.

    Raises `UpstreamRefused`: taken (it opens another account), other (this account is connected with somebody else
    there), mismatch (this account has proven another number).
    """
    link = _link_of(identity)
    if link is not None and link.account_id != account.pk:
        raise UpstreamRefused("taken")
    if link is None:
        _connect(account, identity, by_number=False, now=now)


def disconnect(account: Account, provider: str, *, now: datetime) -> bool:
    """It signs nobody in any more, and no longer vouches for the number. Returns whether there was one."""
    with transaction.atomic():
        if not standing(account.pk).filter(provider=provider).update(ended_at=now):
            return False
        proofs.disconnect(account.pk, how=provider, now=now)
        entries.record("upstream:disconnected", by=account, provider=provider)
        send_word(account, ActivationMail.Kind.WAY_DISCONNECTED, about=Provider(provider).label, now=now)
    return True


def _link_of(identity: Identity) -> Link | None:
    found = Link.objects.select_related("account").filter(
        provider=identity.provider, subject_digest=identity.subject, ended_at=None
    )
    return found.first()


def _connect(account: Account, identity: Identity, *, by_number: bool, now: datetime) -> None:
    try:
        with transaction.atomic():
            Account.objects.select_for_update(no_key=True).only("pk").get(pk=account.pk)
            if standing(account.pk).filter(provider=identity.provider).exists():
                raise UpstreamRefused("other")
            if not proofs.keep(account, identity.number, how=identity.provider, by=None, now=now):
                raise UpstreamRefused("mismatch")
            Link.objects.create(
                account=account,
                provider=identity.provider,
                subject_digest=identity.subject,
                by_number=by_number,
                linked_at=now,
            )
            entries.record("upstream:connected", by=account, provider=identity.provider, by_number=by_number)
            send_word(account, ActivationMail.Kind.WAY_CONNECTED, about=Provider(identity.provider).label, now=now)
    except IntegrityError as error:  # to another account, this very moment
        raise UpstreamRefused("taken") from error
