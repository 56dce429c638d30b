"""From sending somebody away to their coming back: one row, one answer, one browser."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from gatepost.accounts.models import Account
from gatepost.upstream.identity import UpstreamRefused
from gatepost.upstream.models import Asking

GOOD_FOR = timedelta(minutes=10)
FORGOTTEN_AFTER = timedelta(days=1)
FORGET_MOST = 200

Kept = dict[str, str]


def new_state() -> str:
    """A word that the other side gives back."""
    return secrets.token_urlsafe(32)


def begin(
    provider: str, state: str, kept: Mapping[str, str], *, account: Account | None, aim: str, now: datetime
) -> Asking:
    """Remember what the answer to `state` is compared with. What is a day old is forgotten, in bounded portions."""
    old = Asking.objects.filter(until__lt=now - FORGOTTEN_AFTER).values_list("pk", flat=True)[:FORGET_MOST]
    Asking.objects.filter(pk__in=list(old)).delete()
    asking = Asking(
        provider=provider, state_digest=_digest(state), account=account, aim=aim, asked_at=now, until=now + GOOD_FOR
    )
    asking.kept_sealed = _sealed(asking.pk, kept)
    asking.save(force_insert=True)
    return asking


def of_state(provider: str, state: str) -> Asking:
    """The asking that `state` belongs to. Raises `UpstreamRefused` (forged)."""
    found = Asking.objects.filter(provider=provider, state_digest=_digest(state)).first()
    if found is None:
        raise UpstreamRefused("forged")
    return found


def of_id(provider: str, key: str | None) -> Asking:
    """The asking that a browser remembers. Raises `UpstreamRefused` (forged)."""
    found = Asking.objects.filter(provider=provider, pk=key).first() if key else None
    if found is None:
        raise UpstreamRefused("forged")
    return found


def kept(asking: Asking) -> Kept:
    """What was remembered with it."""
    opened: Kept = json.loads(settings.KEY_RING.open(asking.kept_sealed, place=_place(asking.pk)))
    return opened


def keep(asking: Asking, more: Mapping[str, str]) -> None:
    """Remember more of an asking that nobody has used yet."""
    Asking.objects.filter(pk=asking.pk, used_at=None).update(kept_sealed=_sealed(asking.pk, {**kept(asking), **more}))


def require_open(asking: Asking, *, now: datetime) -> None:
    """Raises `UpstreamRefused` (late, replayed)."""
    if asking.used_at is not None:
        raise UpstreamRefused("replayed")
    if now >= asking.until:
        raise UpstreamRefused("late")


def use(asking: Asking, *, now: datetime) -> None:
    """Its answer is being looked at, and no other one will be. Raises `UpstreamRefused` (late, replayed)."""
    require_open(asking, now=now)
    if not Asking.objects.filter(pk=asking.pk, used_at=None).update(used_at=now):
        raise UpstreamRefused("replayed")


def may_poll(asking: Asking, *, every: timedelta, now: datetime) -> bool:
    """Whether the other side may be asked again, by one browser window of several; if so that is noted."""
    with transaction.atomic():
        current = Asking.objects.select_for_update().get(pk=asking.pk)
        if current.polled_at is not None and now < current.polled_at + every:
            return False
        Asking.objects.filter(pk=asking.pk).update(polled_at=now)
    return True


def _sealed(key: UUID, kept: Mapping[str, str]) -> bytes:
    sealed: bytes = settings.KEY_RING.seal(json.dumps(dict(kept)), place=_place(key))
    return sealed


def _place(key: UUID) -> str:
    return f"upstream_asking.kept_sealed:{key}"


def _digest(state: str) -> bytes:
    digest: bytes = settings.KEY_RING.digest(f"upstream-state:{state}")
    return digest
