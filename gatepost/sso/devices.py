"""Signing in to a device without a keyboard (RFC 8628): it shows a code, a person types it at a page of ours.

The answer gives the device what a code gives a web service, on the session of the browser that answered: signing out
there ends it at the device too.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from gatepost.accounts import attempts
from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.sso.models import DeviceRequest, Service, ServiceSession

GRANT = Service.GRANT_DEVICE_CODE
LIVES = timedelta(minutes=10)
INTERVAL_SECONDS = 5
INTERVAL_SECONDS_MAX = 60
OPEN_MOST = 1_000  # of one service at once; so that guessing finds nothing (RFC 8628 5.1)
# Consonants that are not taken for one another, and make no words.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8
ASKED_MOST = 60  # by one network address while a code lives: a school's boards stand behind one
TYPED_MOST = 30  # by one account in that time: three for each device it signs in to


class Unanswered(Exception):
    """The device gets nothing (yet). `code`: pending, slow_down, refused, expired, unknown."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def ask(service: Service, scopes: Iterable[str], *, network_address: str, now: datetime) -> tuple[str, str]:
    """A request of `service`: the code it keeps, and the one it shows. Raises `TooOften`."""
    attempts.take("device-asks", network_address, most=ASKED_MOST, within=LIVES, now=now)
    if DeviceRequest.objects.filter(service=service, expires_at__gt=now).count() >= OPEN_MOST:
        raise attempts.TooOften(LIVES)
    device_code = secrets.token_urlsafe(32)
    shown = "".join(secrets.choice(LETTERS) for _place in range(_LENGTH))
    DeviceRequest.objects.create(
        service=service,
        device_code=device_code,
        user_code=shown,
        scopes=list(scopes),
        asked_at=now,
        expires_at=now + LIVES,
        interval=INTERVAL_SECONDS,
    )
    return device_code, written(shown)


def find(typed: str, account: Account, *, now: datetime) -> DeviceRequest | None:
    """The request that shows this code and is not answered. Every look counts; raises `TooOften` after some."""
    attempts.take("device-code", str(account.pk), most=TYPED_MOST, within=LIVES, now=now)
    return _open(now).filter(user_code=plain(typed)).select_related("service").first()


def allow(request: DeviceRequest, session: ServiceSession, *, now: datetime) -> bool:
    """The person gave it. Whether there was still something to answer."""
    done = _open(now).filter(pk=request.pk).update(allowed_at=now, session=session)
    if done:
        entries.record("service:device_signed_in", by=session.account, service=str(request.service_id))
    return bool(done)


def refuse(request: DeviceRequest, *, now: datetime) -> None:
    """The person said no."""
    _open(now).filter(pk=request.pk).update(refused_at=now)


def redeem(device_code: str, service: Service, *, now: datetime) -> DeviceRequest:
    """The answered request, used up by this. Call it in a transaction; raises `Unanswered`.

    A device that asks sooner than it was told waits five seconds more from then on (RFC 8628 3.5).
    """
    found = DeviceRequest.objects.select_for_update(of=("self",)).select_related("session__account")
    one = found.filter(device_code=device_code, service=service).first()
    if one is None or one.used_at is not None:
        raise Unanswered("unknown")
    if one.refused_at is not None:
        raise Unanswered("refused")
    if one.expires_at <= now:
        raise Unanswered("expired")
    if one.allowed_at is None:
        raise Unanswered(_polled(one, now))
    DeviceRequest.objects.filter(pk=one.pk).update(used_at=now)
    return one


def written(user_code: str) -> str:
    """The code as it is shown: WDJB-MJHT."""
    return f"{user_code[:4]}-{user_code[4:]}"


def _polled(one: DeviceRequest, now: datetime) -> str:
    too_soon = one.polled_at is not None and now < one.polled_at + timedelta(seconds=one.interval)
    interval = min(one.interval + INTERVAL_SECONDS, INTERVAL_SECONDS_MAX) if too_soon else one.interval
    DeviceRequest.objects.filter(pk=one.pk).update(polled_at=now, interval=interval)
    return "slow_down" if too_soon else "pending"


def _open(now: datetime) -> QuerySet[DeviceRequest]:
    return DeviceRequest.objects.filter(expires_at__gt=now, allowed_at=None, refused_at=None, service__stopped_at=None)


def plain(typed: str) -> str:
    """Without what people put between, in capitals."""
    return "".join(letter for letter in typed.upper() if letter in LETTERS)[: _LENGTH + 1]
