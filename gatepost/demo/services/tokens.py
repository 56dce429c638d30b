"""Tokens that Gatepost signed (RS256), checked with its published keys. Enough for a demonstration, and no more."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

# SHA-256 as PKCS #1 v1.5 writes it (RFC 8017 9.2, note 1).
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


class TokenRefused(Exception):
    """The token was not signed by any of these keys, or cannot be read."""


def read(token: str, keys: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The head and the claims of `token`. Raises `TokenRefused`."""
    try:
        signed, _, signature = token.rpartition(".")
        head, claims = (json.loads(_octets(part)) for part in signed.split("."))
        key = next(key for key in keys if key["kid"] == head["kid"] and head["alg"] == "RS256")
        is_good = _is_signed(signed.encode(), _octets(signature), _number(key["n"]), _number(key["e"]))
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise TokenRefused from error
    if not is_good:
        raise TokenRefused
    return head, claims


def _is_signed(text: bytes, signature: bytes, modulus: int, exponent: int) -> bool:
    size = (modulus.bit_length() + 7) // 8
    end = _SHA256 + hashlib.sha256(text).digest()
    expected = b"\0\1" + b"\xff" * (size - len(end) - 3) + b"\0" + end
    found = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    return len(signature) == size and hmac.compare_digest(found, expected)


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_octets(text), "big")
