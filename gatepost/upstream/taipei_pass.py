"""Taipei Pass 台北通: the city's own account, of which a gold member 金質會員 has shown who they are.

Certain, from programs that the city has published: the authorization code flow of `CityShape`, its three addresses, its
fields, and that `verifyLevel` "0" is somebody whose identity nobody looked at. **Not certain, for no specification is
public:** which other values mean gold (so they are a setting, without a default), whether `state` comes back to a
citizen's application as it does to an employee's (we refuse what comes without), and whether there is PKCE (we send
none). `OpenIdShape` is for a city that offers standard OpenID Connect; the claims keep the names of the other shape.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import constant_time_compare
from jwcrypto import jwk, jws
from jwcrypto.common import JWException

from gatepost.kit.outward import FORM, Answer
from gatepost.upstream.askings import Kept
from gatepost.upstream.configured import TaipeiPass
from gatepost.upstream.identity import Identity, UpstreamRefused, ask, identity
from gatepost.upstream.models import Provider

SKEW_SECONDS = 60
METADATA_KEPT_SECONDS = 600
ALGORITHMS = ["RS256", "PS256", "ES256"]
_DISCOVERY = "/.well-known/openid-configuration"
_FORM = {"Content-Type": FORM, "Accept": "application/json"}


@dataclass(frozen=True)
class Person:
    """What the other side says of somebody, before anything of it is believed."""

    subject: str
    number: str
    level: str


class Shape(Protocol):
    """How one kind of Taipei Pass is spoken to."""

    def begin(self, state: str, back: str) -> tuple[str, Kept]:
        """Where to send the browser, and what to keep for the answer."""

    def person(self, answer: dict[str, str], kept: Kept, back: str, now: datetime) -> Person:
        """Who came back. Raises `UpstreamRefused`."""


def begin(state: str, back: str) -> tuple[str, Kept]:
    """Where to send a browser that shall come back to `back`, and what to keep meanwhile. Raises `UpstreamRefused`."""
    return _shape().begin(state, back)


def finish(answer: dict[str, str], kept: Kept, back: str, *, now: datetime) -> Identity:
    """Who came back with `answer`, the parameters of the address. Raises `UpstreamRefused`."""
    if answer.get("error"):
        raise UpstreamRefused("denied" if answer["error"] == "access_denied" else "settings")
    if not answer.get("code"):
        raise UpstreamRefused("forged")
    found = _shape().person(answer, kept, back, now)
    if found.level not in _configured().levels:
        raise UpstreamRefused("basic")
    return identity(Provider.TAIPEI_PASS, found.subject, found.number)


class CityShape:
    """The API of the city's own applications. The address to come back to is agreed beforehand, so it is not sent."""

    def __init__(self, configured: TaipeiPass) -> None:
        self._set = configured

    def begin(self, state: str, back: str) -> tuple[str, Kept]:
        """As `Shape` says."""
        asked = {"response_type": "code", "client_id": self._set.client_id, "scope": "user", "state": state}
        return f"{self._set.url}/oauth2/authorize?{urlencode(asked)}", {}

    def person(self, answer: dict[str, str], kept: Kept, back: str, now: datetime) -> Person:
        """As `Shape` says."""
        fields = {
            "grant_type": "authorization_code",
            "client_id": self._set.client_id,
            "client_secret": self._set.client_secret,
            "code": answer["code"],
        }
        told = _tokens(ask("POST", f"{self._set.url}/oauth/token", body=urlencode(fields).encode(), headers=_FORM))
        bearer = {"Authorization": f"Bearer {told['access_token']}", "Accept": "application/json"}
        found = _object(ask("GET", f"{self._set.url}/api/v1.0.9/user/my", headers=bearer)).get("data")
        if not isinstance(found, dict):
            raise UpstreamRefused("forged")
        return Person(_text(found, "id"), _text(found, "idNo"), _text(found, "verifyLevel"))


class OpenIdShape:
    """OpenID Connect Core: code flow with PKCE, state, nonce, a signed ID token, and userinfo for what it lacks."""

    def __init__(self, configured: TaipeiPass) -> None:
        self._set = configured

    def begin(self, state: str, back: str) -> tuple[str, Kept]:
        """As `Shape` says."""
        kept = {"nonce": secrets.token_urlsafe(24), "verifier": secrets.token_urlsafe(48)}
        digest = hashlib.sha256(kept["verifier"].encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._set.client_id,
            "redirect_uri": back,
            "scope": "openid profile",
            "state": state,
            "nonce": kept["nonce"],
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._metadata()['authorization_endpoint']}?{urlencode(asked)}", kept

    def person(self, answer: dict[str, str], kept: Kept, back: str, now: datetime) -> Person:
        """As `Shape` says."""
        if "iss" in answer and answer["iss"] != self._set.url:  # RFC 9207: another provider's answer
            raise UpstreamRefused("forged")
        fields = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": back,
            "code_verifier": kept["verifier"],
        }
        name, secret = quote(self._set.client_id, safe=""), quote(self._set.client_secret, safe="")
        basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
        headers = _FORM | {"Authorization": f"Basic {basic}"}
        metadata = self._metadata()
        told = _tokens(ask("POST", metadata["token_endpoint"], body=urlencode(fields).encode(), headers=headers))
        claims = self._claims(_text(told, "id_token"), metadata, kept["nonce"], now)
        bearer = {"Authorization": f"Bearer {told['access_token']}", "Accept": "application/json"}
        more = _object(ask("GET", metadata["userinfo_endpoint"], headers=bearer))
        if _text(more, "sub") != _text(claims, "sub"):
            raise UpstreamRefused("forged")
        known = more | claims  # what is signed goes first
        return Person(_text(claims, "sub"), _text(known, "idNo"), _text(known, "verifyLevel"))

    def _metadata(self) -> dict[str, Any]:
        key = f"upstream:{hashlib.sha256(self._set.url.encode()).hexdigest()}"
        found: dict[str, Any] | None = cache.get(key)
        if found is None:
            found = _object(ask("GET", self._set.url + _DISCOVERY))
            needed = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
            if found.get("issuer") != self._set.url or not all(_text(found, name) for name in needed):
                raise UpstreamRefused("forged")
            cache.set(key, found, METADATA_KEPT_SECONDS)
        return found

    def _claims(self, token: str, metadata: dict[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
        """The claims of an ID token that is theirs, for us, of this moment and of this question."""
        answer = ask("GET", metadata["jwks_uri"])
        try:
            signed = jws.JWS()
            signed.allowed_algs = ALGORITHMS
            signed.deserialize(token)
            signed.verify(jwk.JWKSet.from_json(answer.body.decode()))
            claims: dict[str, Any] = json.loads(signed.payload)
        except (JWException, ValueError) as error:
            raise UpstreamRefused("forged") from error
        if claims.get("iss") != self._set.url or not constant_time_compare(_text(claims, "nonce"), nonce):
            raise UpstreamRefused("forged")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        meant = claims.get("azp", self._set.client_id if len(audiences) == 1 else None)
        if self._set.client_id not in audiences or meant != self._set.client_id:
            raise UpstreamRefused("audience")
        moment = now.timestamp()
        made, over = claims.get("iat"), claims.get("exp")
        if not isinstance(made, int | float) or not isinstance(over, int | float):
            raise UpstreamRefused("forged")
        if made > moment + SKEW_SECONDS or over < moment - SKEW_SECONDS:
            raise UpstreamRefused("clock")
        return claims


def _shape() -> Shape:
    configured = _configured()
    return CityShape(configured) if configured.shape == "city" else OpenIdShape(configured)


def _configured() -> TaipeiPass:
    found: TaipeiPass | None = settings.TAIPEI_PASS
    assert found is not None  # noqa: S101 - its pages are not there otherwise
    return found


def _tokens(answer: Answer) -> dict[str, Any]:
    """What the token address says, also in its way of saying no."""
    told = _object(answer)
    if told.get("error") == "invalid_grant":
        raise UpstreamRefused("replayed")  # the code was used, is too old, or was made for another browser
    if told.get("error") or answer.status != 200:
        raise UpstreamRefused("settings")
    if not _text(told, "access_token"):
        raise UpstreamRefused("forged")
    return told


def _object(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError as error:  # a page in front of a service that is down
        raise UpstreamRefused("down") from error
    if not isinstance(told, dict):
        raise UpstreamRefused("forged")
    return told


def _text(told: dict[str, Any], name: str) -> str:
    """A field as text; a number counts as what it is written as, anything else as missing."""
    value = told.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
