"""A push service and a browser of ours: the one insists on the headers of the RFCs, the other reads what it is sent.

What decrypts is `http_ece`, the library of the author of RFC 8188: it shares no line with what encrypts.
"""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatepost.channels.push.subscription import PushSubscription, in_base64url, unpadded

_VAPID = re.compile(r"vapid t=([\w.-]+), ?k=([\w-]+)", re.ASCII)
BODY_BYTES_MAX = 4_096


@dataclass
class PushedBrowser:
    """A browser with one subscription: it holds the private half of the keys."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def subscription(self) -> PushSubscription:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PushSubscription(self.endpoint, point, self.auth)

    @property
    def written(self) -> dict[str, Any]:
        """As `PushSubscription.toJSON()` writes it."""
        given = self.subscription
        keys = {"p256dh": in_base64url(given.p256dh), "auth": in_base64url(given.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """What a push message says."""
        text: bytes = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        return text


@dataclass
class Taken:
    """One message as the service got it."""

    path: str
    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any]
    key: str


class PushService:
    """At `url`. `answer` is what it says to the next ones; None: it looks at the headers and takes what is right."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.answer: tuple[int, dict[str, str]] | None = None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = service.answer or service.look_at(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def a_browser(self, name: str = "one") -> PushedBrowser:
        return PushedBrowser(f"{self.url}/push/{name}")

    def look_at(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """201 for a message as the RFCs want it, 400 to 413 for any other."""
        given = {name.lower(): value for name, value in headers.items()}
        signed = _VAPID.fullmatch(given.get("authorization", ""))
        if not given.get("ttl", "").isdigit():
            return 400, {}  # RFC 8030 5.2
        if given.get("content-encoding") != "aes128gcm" or given.get("urgency") not in ("low", "normal", "high"):
            return 400, {}
        if not re.fullmatch(r"[\w-]{1,32}", given.get("topic", "none"), re.ASCII):
            return 400, {}  # RFC 8030 5.4
        if len(body) > BODY_BYTES_MAX:
            return 413, {}
        if signed is None:
            return 401, {}
        claims = self._claims(*signed.groups())
        if claims is None or claims["aud"] != self.url or not re.match(r"mailto:|https:", claims["sub"]):
            return 403, {}  # RFC 8292 2
        self.taken.append(Taken(path, given, body, claims, signed[2]))
        return 201, {"Location": f"{self.url}/message/{len(self.taken)}"}

    def _claims(self, token: str, key: str) -> dict[str, Any] | None:
        head, payload, signature = token.split(".")
        r, s = (int.from_bytes(unpadded(signature)[at : at + 32], "big") for at in (0, 32))
        pair = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpadded(key))
        try:
            pair.verify(encode_dss_signature(r, s), f"{head}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return None
        claims: dict[str, Any] = json.loads(unpadded(payload))
        return claims if json.loads(unpadded(head)) == {"typ": "JWT", "alg": "ES256"} else None


@contextmanager
def a_push_service() -> Iterator[PushService]:
    service = PushService()
    thread = threading.Thread(target=service.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join(5)
