"""Taipei Pass as a standard OpenID Connect provider: what its answer has to be. `make interop` runs a certified one."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jwcrypto import jwk, jws

from gatepost.demo.identities.people import MOTHER_NUMBER
from gatepost.kit.outward import Answer
from gatepost.upstream import configured, taipei_pass
from gatepost.upstream.identity import UpstreamRefused, number_digest
from tests.builders import at

pytestmark = pytest.mark.django_db  # the metadata lie in the shared cache

ISSUER, BACK, NOW = "https://id.example.org", "https://gatepost.example.org/back/", at("08:00")
KEY = jwk.JWK.generate(kty="EC", crv="P-256", kid="1")


class City:
    """A provider; a test changes its claims, its key, or what an address answers."""

    def __init__(self) -> None:
        self.key = KEY
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {"sub": "s-1", "idNo": MOTHER_NUMBER, "verifyLevel": "2"}
        self.metadata = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/me",
            "jwks_uri": f"{ISSUER}/jwks",
        }
        self.asked: dict[str, list[str]] = {}
        self.header: dict[str, Any] = {"alg": "ES256", "kid": "1"}

    def begin(self) -> tuple[str, dict[str, str]]:
        address, kept = taipei_pass.begin("a-state", BACK)
        self.asked = parse_qs(urlsplit(address).query)
        moment = int(NOW.timestamp())
        usual = {"iss": ISSUER, "aud": "gatepost", "sub": "s-1", "iat": moment, "exp": moment + 300}
        self.claims = {**usual, "nonce": kept["nonce"], **self.claims}
        return address, kept

    def answer(self, method: str, url: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        what: dict[str, Callable[[], Any]] = {
            "/.well-known/openid-configuration": lambda: self.metadata,
            "/jwks": lambda: {"keys": [json.loads(KEY.export_public())]},
            "/token": lambda: self.token(parse_qs(body.decode()), headers or {}),
            "/me": lambda: self.userinfo,
        }
        return Answer(200, json.dumps(what[urlsplit(url).path]()).encode())

    def token(self, form: dict[str, list[str]], headers: dict[str, str]) -> dict[str, str]:
        known = headers["Authorization"] == "Basic " + base64.b64encode(b"gatepost:s%2Fecret").decode()
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not known or [challenge] != self.asked["code_challenge"] or form["redirect_uri"] != [BACK]:
            return {"error": "invalid_grant"}
        signed = jws.JWS(json.dumps(self.claims).encode())
        signed.allowed_algs = ["ES256", "HS256"]
        signed.add_signature(self.key, protected=json.dumps(self.header))
        return {"access_token": "t", "id_token": signed.serialize(compact=True)}


@pytest.fixture
def city(settings: Any, monkeypatch: pytest.MonkeyPatch) -> City:
    one = City()
    settings.TAIPEI_PASS = configured.TaipeiPass(ISSUER, "openid", "gatepost", "s/ecret", frozenset({"2"}))
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    monkeypatch.setattr(taipei_pass, "ask", one.answer)
    return one


def finish(city: City, **answer: str) -> Any:
    _address, kept = city.begin()
    return taipei_pass.finish({"code": "c", **answer}, kept, BACK, now=NOW)


def why(city: City, **answer: str) -> str:
    with pytest.raises(UpstreamRefused) as refused:
        finish(city, **answer)
    return refused.value.code


def test_a_gold_member_is_known_by_the_number(city: City) -> None:
    found = finish(city, iss=ISSUER)
    assert found.number == number_digest(MOTHER_NUMBER)
    assert {"state", "nonce", "code_challenge", "redirect_uri", "scope"} <= set(city.asked)
    assert city.asked["code_challenge_method"] == ["S256"]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "another"}, "forged"),
        ({"iss": "https://evil.example"}, "forged"),
        ({"sub": "somebody-else"}, "forged"),
        ({"exp": None}, "forged"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["gatepost", "another"]}, "audience"),
        ({"aud": ["gatepost", "another"], "azp": "another"}, "audience"),
        ({"exp": int(NOW.timestamp()) - 61}, "clock"),
        ({"iat": int(NOW.timestamp()) + 61}, "clock"),
        ({"verifyLevel": "0"}, "basic"),
        ({"idNo": "A123456788"}, "number"),
    ],
)
def test_a_token_that_is_not_for_us_now_is_refused(city: City, claims: dict[str, Any], code: str) -> None:
    city.claims = claims
    assert why(city) == code


def test_a_clock_may_be_off_by_a_minute(city: City) -> None:
    city.claims = {"exp": int(NOW.timestamp()) - 59, "iat": int(NOW.timestamp()) + 59}
    assert finish(city)


def test_a_forged_signature_is_refused(city: City) -> None:
    city.key = jwk.JWK.generate(kty="EC", crv="P-256", kid="1")
    assert why(city) == "forged"


def test_a_public_key_is_no_secret_to_sign_with(city: City) -> None:
    """The old trick: HS256 with what everybody can read."""
    city.key = jwk.JWK(kty="oct", k=base64.urlsafe_b64encode(KEY.export_public().encode()).decode().rstrip("="))
    city.header = {"alg": "HS256", "kid": "1"}
    assert why(city) == "forged"


def test_the_answer_of_another_provider_is_refused(city: City) -> None:
    assert why(city, iss="https://evil.example") == "forged"
    city.metadata["issuer"] = "https://evil.example"
    assert why(city) == "forged"


def test_userinfo_of_somebody_else_is_refused(city: City) -> None:
    city.userinfo["sub"] = "s-2"
    assert why(city) == "forged"


def test_what_is_signed_goes_before_what_is_not(city: City) -> None:
    city.claims = {"verifyLevel": "0"}
    city.userinfo["verifyLevel"] = "2"
    assert why(city) == "basic"
