"""What a browser gives whoever may push to it."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from gatepost.channels.errors import ChannelError

ENDPOINT_CHARACTERS_MAX = 1_000
POINT_BYTES, AUTH_BYTES = 65, 16


@dataclass(frozen=True, slots=True)
class PushSubscription:
    """`endpoint` is where its push service takes messages; `p256dh` and `auth` are the browser's keys, as bytes."""

    endpoint: str
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @property
    def origin(self) -> str:
        """The push service: whom a VAPID token is for."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"


def read(endpoint: str, p256dh: str, auth: str, *, http_allowed: bool = False) -> PushSubscription:
    """A subscription as a browser writes it (base64url). Raises a permanent ChannelError for anything else.

    Only https, unless `http_allowed`, which is for tests. Where the address leads is looked at when it is used.
    """
    try:
        parts = urlsplit(endpoint)
        is_address = bool(parts.hostname) and parts.scheme in (("https", "http") if http_allowed else ("https",))
        keys = PushSubscription(endpoint, unpadded(p256dh), unpadded(auth))
        if not (is_address and endpoint.isascii() and endpoint.isprintable() and " " not in endpoint):
            raise _unusable()
        if len(endpoint) > ENDPOINT_CHARACTERS_MAX or parts.username is not None or len(keys.auth) != AUTH_BYTES:
            raise _unusable()
        public_key(keys.p256dh)
    except ValueError as error:
        raise _unusable() from error
    return keys


def public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """The key that an uncompressed point of P-256 stands for. Raises `ValueError` for what is none."""
    if len(point) != POINT_BYTES or point[0] != 4:
        raise ValueError("not an uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def unpadded(text: str) -> bytes:
    """What base64url without padding says. Raises `ValueError`."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error


def in_base64url(octets: bytes) -> str:
    """The same the other way round."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _unusable() -> ChannelError:
    return ChannelError("This is not a push subscription that can be used.", permanent=True)
