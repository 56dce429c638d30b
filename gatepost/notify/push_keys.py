"""The pair by which push services know us: made at the first use, sealed in the database, renewed by a command.

A browser that was given the older key is spoken to with that one until its next visit, when it is given the newest.
"""

from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from django.conf import settings
from django.db import connection, transaction

from gatepost.audit import entries
from gatepost.channels.push.vapid import application_server_key
from gatepost.kit.sealed import place
from gatepost.notify.models import PushKey

_LOCK = 0x55_0_9054  # for pg_advisory_xact_lock


def current(now: datetime) -> PushKey:
    """The newest key; the first is made where there is none."""
    found = PushKey.objects.order_by("-made_at", "-pk").first()
    if found is not None:
        return found
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        return PushKey.objects.order_by("-made_at", "-pk").first() or make(now=now)


def make(*, now: datetime) -> PushKey:
    """A new key, given to each browser at its next visit."""
    pair = ec.generate_private_key(ec.SECP256R1())
    public = application_server_key(pair)
    octets = pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sealed = settings.KEY_RING.seal_bytes(octets, place=_place(public))
    key = PushKey.objects.create(public=public, private_sealed=sealed, made_at=now)
    entries.record("push_key:made", by=None, key=key.pk)
    return key


def private(key: PushKey) -> ec.EllipticCurvePrivateKey:
    """Its private half. Raises `SealError` if it does not open."""
    return _opened(key.public, bytes(key.private_sealed))


@lru_cache(maxsize=8)
def _opened(public: str, sealed: bytes) -> ec.EllipticCurvePrivateKey:
    found = load_der_private_key(settings.KEY_RING.open_bytes(sealed, place=_place(public)), password=None)
    assert isinstance(found, ec.EllipticCurvePrivateKey)  # noqa: S101 - we made it
    return found


def _place(public: str) -> str:
    return place(PushKey._meta.db_table, "private_sealed", public)
