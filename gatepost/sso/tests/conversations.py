"""A service and a browser that speak with the provider over HTTP, as tests need them."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client
from jwcrypto import jwk, jwt

from gatepost.accounts.models import Account
from gatepost.kit.clock import utc_now
from gatepost.portals.tests.visits import visit
from gatepost.sso import services
from gatepost.sso.models import Service

CALLBACK = "https://fees.example.org/callback"
BYE = "https://fees.example.org/bye"
REASONS = {
    "profile": "To greet you by name.",
    "email": "To send receipts.",
    "role": "To show what is for you.",
    "school": "To show your school.",
    "children": "To show the fees of your child.",
}
ISSUER = "http://127.0.0.1:8000"


def a_service(name: str = "學雜費繳款", *, kind: services.Kind = services.Kind.SERVER, **changes: Any) -> "Rp":
    """A registered service that may ask for everything, and its secret."""
    facts: dict[str, Any] = {
        "name": name,
        "about": "繳學費與雜費。",
        "reasons": REASONS,
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [BYE],
        "answers_name": "出納組",
        "answers_email": "fees@example.org",
        **changes,
    }
    if kind in (services.Kind.DEVICE, services.Kind.MACHINE):
        facts |= {"redirect_uris": [], "post_logout_redirect_uris": []}
    service, secret = services.register(services.Facts(**facts), by=None, kind=kind)
    return Rp(service, secret, a_browser())


@dataclass
class Rp:
    """What a relying party does, by hand: `client` speaks for the service, another one is the browser."""

    service: Service
    secret: str
    client: Client
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(40))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")

    def query(self, **changes: str | None) -> dict[str, str]:
        usual: dict[str, str | None] = {
            "client_id": self.service.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile",
            "state": "s-1",
            "nonce": "n-1",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def authorize(self, browser: Client, **changes: str | None) -> Any:
        return browser.get("/sso/authorize", self.query(**changes))

    def consent(self, browser: Client, *, children: Any = (), answer: str = "give", **changes: str | None) -> Any:
        url = f"/sso/consent?{urlencode(self.query(**changes))}"
        return browser.post(url, {"answer": answer, "child": [str(one.pk) for one in children]})

    def code(self, browser: Client, *, children: Any = (), **changes: str | None) -> str:
        """A code, with the person's consent if it is asked for."""
        answer = self.authorize(browser, **changes)
        if answer.status_code == 200:
            answer = self.consent(browser, children=children, **changes)
        return sent(answer)["code"]

    def redeem(self, code: str, **changes: str | None) -> Any:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        return self.post("/sso/token", {**fields, **changes})

    def tokens(self, browser: Client, **changes: Any) -> dict[str, Any]:
        answer = self.redeem(self.code(browser, **changes))
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def refresh(self, token: str) -> Any:
        return self.post("/sso/token", {"grant_type": "refresh_token", "refresh_token": token})

    def post(self, path: str, fields: dict[str, Any]) -> Any:
        given = {name: value for name, value in fields.items() if value is not None}
        if not self.secret:
            return self.client.post(path, {"client_id": self.service.client_id, **given})
        return self.client.post(path, given, headers={"Authorization": basic(self.service.client_id, self.secret)})

    def userinfo(self, token: str) -> Any:
        return self.client.get("/sso/userinfo", headers={"Authorization": f"Bearer {token}"})


def a_device(name: str = "公布欄看板") -> Rp:
    """A board at a school: it has no keyboard, and no secret."""
    return a_service(name, kind=services.Kind.DEVICE)


def a_machine(name: str = "教室預約系統") -> Rp:
    """A system that speaks for itself, and may know which schools and classes there are."""
    return a_service(name, kind=services.Kind.MACHINE, reasons={"schools": "To offer the rooms of each school."})


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def a_browser(account: Account | None = None, **more: Any) -> Client:
    """A browser at this very moment: the library looks at the clock itself."""
    return visit(account, now=utc_now(), **more)


def where(answer: Any) -> str:
    """Where an answer sends the browser, by redirection or by the page that leads on."""
    if answer.status_code == 302:
        return str(answer.headers["Location"])
    found = re.search(r'content="0; url=([^"]+)"', answer.content.decode())
    assert found, (answer.status_code, answer.content.decode()[:2000])
    return found[1].replace("&amp;", "&")


def sent(answer: Any) -> dict[str, str]:
    """The parameters with which an answer sends the browser back to the service."""
    address = where(answer)
    assert address.startswith((CALLBACK, BYE)), address
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def claims_of(token: str, client: Client | None = None) -> dict[str, Any]:
    """What a token says, its signature checked with the published keys."""
    known = jwk.JWKSet.from_json((client or a_browser()).get("/sso/keys").content.decode())
    return dict(json.loads(jwt.JWT(jwt=token, key=known, algs=["RS256"]).claims))
