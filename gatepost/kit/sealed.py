"""Sealed values: authenticated encryption for what must never be read from a stolen database.

AES-256-GCM. A sealed value is one byte of version, four bytes of key id, twelve bytes of nonce, then
the ciphertext with its tag. The place it is stored in (`table.column:primary key`) is authenticated with it,
so that a value copied to another row does not open. Values are found again by a keyed digest whose key is
its own. Both keys live in the environment, never in the database or its backups.
"""

import base64
import hashlib
import hmac
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_HEAD = struct.Struct(">BI")
_NONCE_BYTES = 12


class SealError(Exception):
    """A sealed value did not open: wrong place, unknown key, or changed bytes."""


@dataclass(frozen=True)
class KeyRing:
    """The keys in use. New values are sealed with the highest key id; older ids still open."""

    keys: Mapping[int, bytes] = field(repr=False)
    digest_key: bytes = field(repr=False)

    @classmethod
    def parse(cls, seal_keys: str, digest_key: str) -> "KeyRing":
        """Read `1:<base64>,2:<base64>` and a base64 digest key; each key must be 32 bytes.

        Raises `ValueError` with a sentence that names the fault and never the key.
        """
        keys: dict[int, bytes] = {}
        for part in seal_keys.split(","):
            number, _, encoded = part.strip().partition(":")
            if not number.isdigit() or not encoded:
                raise ValueError("seal keys are written 1:<base64>,2:<base64>")
            keys[int(number)] = _key(encoded, f"seal key {number}")
        return cls(keys=keys, digest_key=_key(digest_key, "the digest key"))

    def seal(self, text: str, *, place: str) -> bytes:
        """`text` encrypted for `place`, with the newest key."""
        return self.seal_bytes(text.encode(), place=place)

    def seal_bytes(self, data: bytes, *, place: str) -> bytes:
        """The same for bytes, such as a document's."""
        key_id = max(self.keys)
        nonce = os.urandom(_NONCE_BYTES)
        head = _HEAD.pack(_VERSION, key_id)
        return head + nonce + _cipher(self.keys[key_id]).encrypt(nonce, data, head + place.encode())

    def open(self, sealed: bytes | memoryview, *, place: str) -> str:
        """The text sealed at `place`. Raises `SealError` if this ring or this place is not the right one."""
        return self.open_bytes(sealed, place=place).decode()

    def open_bytes(self, sealed: bytes | memoryview, *, place: str) -> bytes:
        """The same for bytes."""
        sealed = bytes(sealed)
        if len(sealed) < _HEAD.size + _NONCE_BYTES:
            raise SealError("too short to be a sealed value")
        head, rest = sealed[: _HEAD.size], sealed[_HEAD.size :]
        version, key_id = _HEAD.unpack(head)
        if version != _VERSION or key_id not in self.keys:
            raise SealError(f"no key {key_id} of version {version} on this ring")
        try:
            return _cipher(self.keys[key_id]).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + place.encode())
        except InvalidTag as error:
            raise SealError("the value does not belong here or was changed") from error

    def digest(self, text: str) -> bytes:
        """A keyed digest (HMAC-SHA-256, 32 bytes) by which equal texts are found without opening any."""
        return hmac.digest(self.digest_key, text.encode(), hashlib.sha256)

    def is_stale(self, sealed: bytes) -> bool:
        """Whether `sealed` was made with an older key than the newest on the ring."""
        return bool(_HEAD.unpack(bytes(sealed[: _HEAD.size]))[1] != max(self.keys))


def place(table: str, column: str, key: object) -> str:
    """The name of the one place a sealed value may stand: table, column and primary key."""
    return f"{table}.{column}:{key}"


def _key(encoded: str, name: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ValueError(f"{name} is not base64") from error
    if len(key) != 32:
        raise ValueError(f"{name} has {len(key)} bytes, 32 are needed")
    return key


@cache
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
