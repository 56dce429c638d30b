"""DKIM signatures (RFC 6376), relaxed/relaxed, with an RSA or an Ed25519 key (RFC 8463).

dkimpy computes RSA in plain Python, 14 ms a mail; signed through `cryptography` it is under one, outside the
interpreter's lock. Only what our own mails need is here: our headers, no length limit, no third-party signatures. The
tests verify every signature with dkimpy.

Receivers such as Gmail verify RSA only; Ed25519 is for those who publish both.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

RSA_BITS_MIN = 2048  # RFC 8301 section 3.2: signers should use at least this

# Fields signed when present, in this order. RFC 8058 section 4 requires both List-Unsubscribe fields to be covered.
_SIGNED = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"reply-to",
    b"mime-version",
    b"content-type",
    b"content-language",
    b"auto-submitted",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
# Named once more than they occur, so that nobody on the way can add a second one that a mail program shows instead
# (RFC 6376 section 8.15).
_OVERSIGNED = (b"from", b"to", b"subject", b"date", b"reply-to")

_LABELS = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*")
_FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
_BLANKS = re.compile(rb"[ \t]+")
_BLANKS_AT_LINE_END = re.compile(rb"[ \t]+\r\n")


class DkimSigner:
    """Signs for one domain with one key. Safe to share between threads.

    ValueError when the domain or selector is not a name for DNS, or the PEM holds no RSA key of 2,048 bits or more and
    no Ed25519 key.
    """

    def __init__(self, *, domain: str, selector: str, pem: bytes) -> None:
        self._algorithm, self._sign = _signing(pem)
        for name in (domain, selector):
            if not _LABELS.fullmatch(name.lower()):
                raise ValueError(f"{name!r} is not a name for DNS.")
        self._domain, self._selector = domain.lower().encode(), selector.lower().encode()

    def sign(self, message: bytes, *, at: datetime) -> bytes:
        """The message with a DKIM-Signature in front of it. Its lines end in CRLF, the last one too."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields = {name.lower(): value for name, value in _FIELD.findall(head + b"\r\n")}
        present = [name for name in _SIGNED if name in fields]
        unsigned = b"v=1; a=%b; c=relaxed/relaxed; d=%b; s=%b; t=%d;\r\n h=%b;\r\n bh=%b;\r\n b=" % (
            self._algorithm,
            self._domain,
            self._selector,
            int(at.timestamp()),
            b":\r\n ".join(present + list(_OVERSIGNED)),
            b64encode(sha256(_relaxed_body(body)).digest()),
        )
        hashed = b"".join(_relaxed_field(name, fields[name]) for name in present)
        signature = b64encode(self._sign(hashed + _relaxed_field(b"dkim-signature", unsigned).removesuffix(b"\r\n")))
        folded = b"\r\n ".join([signature[start : start + 72] for start in range(0, len(signature), 72)])
        return b"DKIM-Signature: %b%b\r\n%b" % (unsigned, folded, message)


def _signing(pem: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    key = load_pem_private_key(pem, password=None)
    if isinstance(key, Ed25519PrivateKey):
        ed25519 = key
        return b"ed25519-sha256", lambda octets: ed25519.sign(sha256(octets).digest())
    if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_MIN:
        rsa = key
        return b"rsa-sha256", lambda octets: rsa.sign(octets, PKCS1v15(), hashes.SHA256())
    raise ValueError(f"A DKIM key is RSA of at least {RSA_BITS_MIN} bits, or Ed25519.")


def _relaxed_field(name: bytes, value: bytes) -> bytes:
    """RFC 6376 section 3.4.2."""
    return b"%b:%b\r\n" % (name, _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" "))


def _relaxed_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4. An empty body stays empty."""
    if b"  " in body or b"\t" in body or b" \r\n" in body:
        body = _BLANKS.sub(b" ", _BLANKS_AT_LINE_END.sub(b"\r\n", body))
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""
