"""Who sends: a token for one push service, signed with the key that the browser was given (RFC 8292)."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatepost.channels.push.subscription import in_base64url

GOOD_FOR = timedelta(hours=12)  # 24 are the most that a service takes; clocks differ


def authorization(key: ec.EllipticCurvePrivateKey, *, origin: str, contact: str, now: datetime) -> str:
    """The value of `Authorization` for the push service at `origin`; `contact` is whom it asks in trouble."""
    head = {"typ": "JWT", "alg": "ES256"}
    claims = {"aud": origin, "exp": int((now + GOOD_FOR).timestamp()), "sub": contact}
    signed = f"{_part(head)}.{_part(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = in_base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={application_server_key(key)}"


def application_server_key(key: ec.EllipticCurvePrivateKey) -> str:
    """The public half, as browsers want it."""
    return in_base64url(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _part(value: Mapping[str, object]) -> str:
    return in_base64url(json.dumps(value, separators=(",", ":")).encode())
