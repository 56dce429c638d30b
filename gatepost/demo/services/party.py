"""What a service does to sign people in: send them to Gatepost, take the code back, ask who they are, and forget them.

Nothing outlives the process. Everything that is kept has a most.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from gatepost.demo.services import tokens
from gatepost.demo.services.offers import Offer

KEPT_MOST = 1_000
SECONDS_MAX = 10
FRESH_SECONDS = 5
CLOCK_SECONDS = 60
ANSWER_BYTES_MAX = 200_000
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


class Failed(Exception):
    """Signing in did not work; the text is for whoever tries it out."""


@dataclass
class Visit:
    """Somebody signed in here."""

    tokens: dict[str, Any]
    sid: str
    claims: dict[str, Any] = field(default_factory=dict)
    asked_at: float = 0.0


class Party:
    """One service as Gatepost's relying party."""

    def __init__(self, offer: Offer, *, port: int, issuer: str) -> None:
        self.offer, self.port, self.issuer = offer, port, issuer
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, tuple[str, str]] = OrderedDict()  # state: verifier, nonce
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._found: dict[str, Any] = {}

    def begin(self) -> tuple[str, str]:
        """Where to send a browser to sign in, and the state its cookie must bring back."""
        state, verifier, nonce = (secrets.token_urlsafe(32) for _time in range(3))
        self._keep(self._begun, state, (verifier, nonce))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": self.offer.client_id,
            "redirect_uri": self.offer.address(self.port, "callback"),
            "response_type": "code",
            "scope": self.offer.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._discovered('authorization_endpoint')}?{urlencode(query)}", state

    def finish(self, answer: Mapping[str, str], *, state: str) -> str:
        """The key of a new visit, for the answer that a browser brought with the cookie `state`. Raises `Failed`."""
        with self._lock:
            begun = self._begun.pop(state, None)
        if begun is None or answer.get("state") != state or answer.get("iss") != self.issuer:
            raise Failed("這個登入不是從這裡開始的。")
        if "code" not in answer:
            raise Failed("您沒有登入，這個服務沒有取得任何資料。")
        verifier, nonce = begun
        given = self._tokens(
            {
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": self.offer.address(self.port, "callback"),
                "code_verifier": verifier,
            }
        )
        claims = self._read(given.get("id_token", ""))[1]
        if claims.get("nonce") != nonce or claims.get("exp", 0) < time.time() - CLOCK_SECONDS:
            raise Failed("登入資訊不符。")
        visit = Visit(given, claims.get("sid", ""))
        self._ask(visit)
        key = secrets.token_urlsafe(32)
        self._keep(self._visits, key, visit)
        return key

    def visit(self, key: str) -> Visit | None:
        """Who is signed in under `key`, as Gatepost tells it now; None once Gatepost tells nothing any more."""
        with self._lock:
            found = self._visits.get(key)
        if found is None or time.monotonic() - found.asked_at < FRESH_SECONDS:
            return found
        try:
            self._ask(found)
        except Failed:
            try:
                renewed = {"grant_type": "refresh_token", "refresh_token": found.tokens.get("refresh_token", "")}
                found.tokens |= self._tokens(renewed)
                self._ask(found)
            except Failed:
                self.forget(key)
                return None
        return found

    def forget(self, key: str) -> Visit | None:
        """Sign out here."""
        with self._lock:
            return self._visits.pop(key, None)

    def sign_out_address(self, visit: Visit) -> str:
        """Where to send a browser to sign out everywhere."""
        bye = self.offer.address(self.port, "bye")
        query = {"id_token_hint": visit.tokens["id_token"], "post_logout_redirect_uri": bye}
        return f"{self._discovered('end_session_endpoint')}?{urlencode(query)}"

    def told(self, logout_token: str) -> int:
        """Gatepost tells that a session ended (back-channel): how many visits end. Raises `Failed`."""
        head, claims = self._read(logout_token)
        if head.get("typ") != "logout+jwt" or LOGOUT not in claims.get("events", {}) or "nonce" in claims:
            raise Failed("no logout token")
        if claims.get("exp", 0) < time.time() - CLOCK_SECONDS:
            raise Failed("too old")
        with self._lock:
            ended = [key for key, visit in self._visits.items() if visit.sid and visit.sid == claims.get("sid")]
            for key in ended:
                del self._visits[key]
        return len(ended)

    def _keep(self, store: "OrderedDict[str, Any]", key: str, value: Any) -> None:
        with self._lock:
            store[key] = value
            while len(store) > KEPT_MOST:
                store.popitem(last=False)

    def _ask(self, visit: Visit) -> None:
        bearer = {"Authorization": f"Bearer {visit.tokens.get('access_token', '')}"}
        visit.claims = self._fetch(self._discovered("userinfo_endpoint"), headers=bearer)
        visit.asked_at = time.monotonic()

    def _tokens(self, fields: dict[str, str]) -> dict[str, Any]:
        return self._fetch(self._discovered("token_endpoint"), {"client_id": self.offer.client_id, **fields})

    def _read(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            head, claims = tokens.read(token, self._fetch(self._discovered("jwks_uri"))["keys"])
        except (tokens.TokenRefused, KeyError) as error:
            raise Failed("not signed by Gatepost") from error
        if claims.get("iss") != self.issuer or claims.get("aud") != self.offer.client_id:
            raise Failed("not for this service")
        return head, claims

    def _discovered(self, name: str) -> str:
        if not self._found:
            self._found = self._fetch(f"{self.issuer}/.well-known/openid-configuration")
        return str(self._found[name])

    def _fetch(
        self, url: str, fields: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        body = urlencode(fields).encode() if fields is not None else None
        request = urllib.request.Request(url, body, dict(headers or {}))  # noqa: S310 - addresses of Gatepost's own
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:  # noqa: S310
                return dict(json.loads(answer.read(ANSWER_BYTES_MAX)))
        except (OSError, ValueError) as error:
            raise Failed("Gatepost 目前沒有回應，或不再提供資料。") from error
