"""The message, encrypted for one browser: RFC 8291 over RFC 8188 (aes128gcm), one record.

On `cryptography` directly: the step is two key derivations and one AES-GCM, held against the example of the RFC.
"""

import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatepost.channels.errors import ChannelError
from gatepost.channels.push.subscription import PushSubscription, public_key

RECORD_BYTES = 4_096  # what every push service takes (RFC 8030 section 7.2)
OVERHEAD_BYTES = 16 + 4 + 1 + 65 + 1 + 16  # salt, record size, key length, key; delimiter, tag
TEXT_BYTES_MAX = RECORD_BYTES - OVERHEAD_BYTES
_LAST_RECORD = b"\x02"


def encrypt(
    text: bytes,
    to: PushSubscription,
    *,
    salt: bytes | None = None,
    own: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """`text` as the body of a push message. Raises a ChannelError for more than `TEXT_BYTES_MAX`.

    `salt` and `own` are fresh for each message; they are given only to compare with the RFC's example.
    """
    if len(text) > TEXT_BYTES_MAX:
        raise ChannelError(f"A push message has {TEXT_BYTES_MAX} bytes at most, not {len(text)}.", permanent=False)
    salt = salt or os.urandom(16)
    own = own or ec.generate_private_key(ec.SECP256R1())
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = own.exchange(ec.ECDH(), public_key(to.p256dh))
    key_material = _derived(shared, salt=to.auth, info=b"WebPush: info\0" + to.p256dh + point, octets=32)
    key = _derived(key_material, salt=salt, info=b"Content-Encoding: aes128gcm\0", octets=16)
    nonce = _derived(key_material, salt=salt, info=b"Content-Encoding: nonce\0", octets=12)
    head = salt + struct.pack(">IB", RECORD_BYTES, len(point)) + point
    return head + AESGCM(key).encrypt(nonce, text + _LAST_RECORD, None)


def _derived(secret: bytes, *, salt: bytes, info: bytes, octets: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=octets, salt=salt, info=info).derive(secret)
