"""Apps in a browser at their own address: they may read what we answer them, from where they are registered alone."""

from typing import Any

import pytest
from django.test import Client

from gatepost.kit.clock import utc_now
from gatepost.sso import services
from gatepost.sso.services import Kind
from gatepost.sso.tests.conversations import CALLBACK, Rp, a_browser, a_service
from tests import builders

pytestmark = pytest.mark.django_db

HERE = "https://fees.example.org"
ALLOWED = "Access-Control-Allow-Origin"
CROSSED = ("/sso/token", "/sso/userinfo", "/sso/revocation")


@pytest.fixture
def app() -> Rp:
    return a_service("校園 App", kind=Kind.APP)


def preflight(path: str, origin: str) -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    return Client().options(path, headers=asked)


@pytest.mark.parametrize("path", CROSSED)
def test_it_may_ask_from_where_it_is_registered(app: Rp, path: str) -> None:
    answer = preflight(path, HERE)
    assert (answer.status_code, answer.headers[ALLOWED]) == (204, HERE)
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", CROSSED)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://fees.example.org.evil.example",
        "https://evil.example/https://fees.example.org",
        "https://fees.example.or_",
        "https://fees.example.org:444",
        "http://fees.example.org",
        "https://FEES.example.org",
        "https:",
        "https://fees.example.org/callback",
        "null",
        "%",
        "",
    ],
)
def test_nobody_else_may(app: Rp, path: str, origin: str) -> None:
    answer = preflight(path, origin)
    assert ALLOWED not in answer.headers
    assert answer.status_code in (401, 405)


def test_nor_for_a_service_that_keeps_a_secret_or_is_stopped(app: Rp) -> None:
    a_service("學雜費繳款", redirect_uris=["https://server.example.org/callback"])
    assert ALLOWED not in preflight("/sso/token", "https://server.example.org").headers
    services.stop(app.service, by=None, now=utc_now())
    assert ALLOWED not in preflight("/sso/token", HERE).headers


def test_it_reads_tokens_claims_and_errors(app: Rp) -> None:
    code = app.code(a_browser(builders.an_account()))
    fields = {
        "grant_type": "authorization_code",
        "client_id": app.service.client_id,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": app.verifier,
    }
    from_there = {"Origin": HERE}
    given = app.client.post("/sso/token", fields, headers=from_there)
    again = app.client.post("/sso/token", fields, headers=from_there)
    claims = app.client.get("/sso/userinfo", headers=from_there)
    assert [one.status_code for one in (given, again, claims)] == [200, 400, 401]
    assert {one.headers[ALLOWED] for one in (given, again, claims)} == {HERE}
    assert ALLOWED not in app.client.post("/sso/token", fields, headers={"Origin": "https://evil.example"}).headers


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/sso/keys"])
def test_what_everybody_may_read_everybody_may(path: str) -> None:
    assert a_browser().get(path, headers={"Origin": "https://anybody.example"}).headers[ALLOWED] == "*"


@pytest.mark.parametrize("path", ["/sso/authorize", "/sso/introspection", "/sso/end-session", "/device/", "/home/"])
def test_nothing_else_is_opened(app: Rp, path: str) -> None:
    assert ALLOWED not in a_browser(builders.an_account()).get(path, headers={"Origin": HERE}).headers
