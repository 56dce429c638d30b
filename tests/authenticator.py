"""A device that makes and shows passkeys, for tests: software of ours, which can also do what no real one would."""

import hashlib
import html
import json
import re
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, SYNCED, KEY_INSIDE = 0x01, 0x04, 0x08, 0x40


def offered(page: str, purpose: str) -> dict[str, Any]:
    """The options that a page of ours holds for the browser."""
    found = re.search(rf'data-passkey="{purpose}"[^>]* data-options="([^"]*)"', page)
    assert found is not None, f"nothing of {purpose} on the page"
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


@dataclass
class Device:
    """With one passkey in it, once it was made. What it says of itself can be set to something else."""

    origin: str
    count: int = 0
    flags: int = PRESENT | VERIFIED
    domain: str = ""  # empty: the one that the page asks for
    cross_origin: bool = False
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    handle: bytes | None = None

    def make(self, options: dict[str, Any]) -> str:
        """The answer of `navigator.credentials.create`, as the page posts it."""
        self.handle = websafe_decode(options["user"]["id"])
        public = cbor.encode(self._public_key())
        inside = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + public
        data = self._data(self.domain or options["rp"]["id"], self.flags | KEY_INSIDE) + inside
        response = {
            "clientDataJSON": websafe_encode(self._client_data("webauthn.create", options)),
            "attestationObject": websafe_encode(cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._answer(response)

    def show(self, options: dict[str, Any], **instead: Any) -> str:
        """The answer of `navigator.credentials.get`; `instead` replaces members of its response."""
        client = self._client_data("webauthn.get", options)
        data = self._data(self.domain or options["rpId"], self.flags)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            **({"userHandle": websafe_encode(self.handle)} if self.handle is not None else {}),
        }
        return self._answer({**response, **instead})

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        }
        return json.dumps(said).encode()

    def _public_key(self) -> dict[int, Any]:
        """As COSE writes it: an elliptic curve's (2) for ES256 (-7) on P-256 (1)."""
        numbers = self.key.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}

    def _data(self, domain: str, flags: int) -> bytes:
        return hashlib.sha256(domain.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _answer(self, response: dict[str, str]) -> str:
        known_as = websafe_encode(self.credential_id)
        return json.dumps({"id": known_as, "rawId": known_as, "type": "public-key", "response": response})
