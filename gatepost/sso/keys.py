"""The keys that sign tokens: made here, sealed in the database, published, renewed by `gatepost signing-keys`.

A new key is published an hour before it signs, so that services which keep a copy of the list know it by then. An old
one stays published while tokens it signed may still be shown to us.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from jwcrypto import jwk, jws, jwt
from jwcrypto.common import JWException

from gatepost.audit import entries
from gatepost.kit.sealed import place
from gatepost.sso.models import SigningKey

ALGORITHM = "RS256"
BITS = 2048
AHEAD = timedelta(hours=1)
KEPT = timedelta(days=30)  # services show us an ID token when somebody signs out, however old
_LOCK = 0x55_0_5EA1  # for pg_advisory_xact_lock


class KeyUnknown(Exception):
    """No published key has this number."""


def published(now: datetime) -> QuerySet[SigningKey]:
    """The keys that services are told of, the newest first."""
    return SigningKey.objects.filter(Q(ended_at=None) | Q(ended_at__gt=now)).order_by("-signs_from", "-made_at")


def key_set(now: datetime) -> dict[str, Any]:
    """The document at `jwks_uri` (RFC 7517)."""
    _signer(now)
    return {"keys": [key.public for key in published(now)]}


def sign(claims: Mapping[str, Any], *, kind: str, now: datetime) -> str:
    """`claims` as a signed token of the type `kind` (JWT, logout+jwt)."""
    key = _signer(now)
    token = jwt.JWT(header={"typ": kind, "alg": ALGORITHM, "kid": key.kid}, claims=dict(claims))
    token.make_signed_token(_private(key))
    return str(token.serialize())


def read(token: str, *, now: datetime) -> dict[str, Any] | None:
    """The claims of a token that a published key of ours signed, however old it is; None for anything else."""
    try:
        parts = jws.JWS()
        parts.deserialize(token)
        kid = str(parts.jose_header.get("kid", ""))
        public = published(now).filter(kid=kid).values_list("public", flat=True).first() if "\0" not in kid else None
        if public is None:
            return None
        known = jwt.JWT(key=jwk.JWK(**public), jwt=token, algs=[ALGORITHM], check_claims={}, expected_type="JWS")
        claims = json.loads(known.claims)
    except (JWException, ValueError, TypeError, AttributeError):
        return None
    return claims if isinstance(claims, dict) else None


def age(now: datetime) -> timedelta | None:
    """How long the key that signs has signed; None where there is none yet. Raises `SealError` if it does not open."""
    found = _usable(now).first()
    if found is None:
        return None
    _private(found)
    return now - found.signs_from


def rotate(*, now: datetime, by: object | None = None) -> SigningKey:
    """A new key, published now and signing in an hour; the one before it stops then and stays published for a month."""
    with transaction.atomic():
        _lock()
        return _rotate(now, signs_from=now + AHEAD if _usable(now).exists() else now, by=by)


def withdraw(kid: str, *, now: datetime, by: object | None = None) -> None:
    """A key that somebody else may have: nothing it signed counts from now on. Raises `KeyUnknown`."""
    with transaction.atomic():
        _lock()
        if not published(now).filter(kid=kid).update(ended_at=now, private_sealed=None):
            raise KeyUnknown(kid)
        entries.record("signing_key:withdrawn", by=by, kid=kid)
        if not _usable(now).exists():
            _rotate(now, signs_from=now, by=by)


def _signer(now: datetime) -> SigningKey:
    """The key that signs now; the first one is made where there is none."""
    found = _usable(now).first()
    if found is None:
        with transaction.atomic():
            _lock()
            found = _usable(now).first() or _rotate(now, signs_from=now, by=None)
    return found


def _usable(now: datetime) -> QuerySet[SigningKey]:
    return published(now).filter(private_sealed__isnull=False, signs_from__lte=now)


def _rotate(now: datetime, *, signs_from: datetime, by: object | None) -> SigningKey:
    pair = new_pair()
    kid = pair.thumbprint()
    public = {**pair.export_public(as_dict=True), "kid": kid, "use": "sig", "alg": ALGORITHM}
    key = SigningKey(kid=kid, public=public, made_at=now, signs_from=signs_from)
    key.private_sealed = settings.KEY_RING.seal_bytes(
        pair.export_to_pem(private_key=True, password=None), place=_place(key)
    )
    key.save()
    older = SigningKey.objects.exclude(pk=key.pk)
    older.filter(ended_at=None).update(ended_at=signs_from + KEPT)
    signing = _usable(now).values_list("pk", flat=True)[:1]
    older.exclude(pk__in=list(signing)).update(private_sealed=None)
    entries.record("signing_key:made", by=by, kid=kid)
    return key


def new_pair() -> Any:
    """A fresh pair of keys."""
    return jwk.JWK.generate(kty="RSA", size=BITS)


def _private(key: SigningKey) -> Any:
    assert key.private_sealed is not None  # noqa: S101 - only those that sign come here
    return _opened(str(key.pk), bytes(key.private_sealed))


@lru_cache(maxsize=8)
def _opened(number: str, sealed: bytes) -> Any:
    pem = settings.KEY_RING.open_bytes(sealed, place=place(SigningKey._meta.db_table, "private_sealed", number))
    return jwk.JWK.from_pem(pem)


def _place(key: SigningKey) -> str:
    return place(SigningKey._meta.db_table, "private_sealed", key.pk)


def _lock() -> None:
    """One at a time makes or ends a key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
