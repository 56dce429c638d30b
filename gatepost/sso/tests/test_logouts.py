"""Signing out: asked for by a service, and told to services by the worker until they confirm."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.test import Client

from gatepost.accounts.models import Account
from gatepost.kit.clock import utc_now
from gatepost.portals.tests.visits import text_of, visit
from gatepost.sso import logouts, services, sessions
from gatepost.sso.models import LogoutNotice, ServiceSession
from gatepost.sso.tests.conversations import BYE, ISSUER, Rp, a_browser, a_service, claims_of, sent, where
from tests import builders

pytestmark = pytest.mark.django_db


class Listening:
    """A service's address for logouts: `told` is what came, `status` what it answers."""

    def __init__(self) -> None:
        self.told: list[dict[str, list[str]]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.told.append(parse_qs(body.decode()))
                self.send_response(outer.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/logout"


@pytest.fixture
def listening() -> Iterator[Listening]:
    one = Listening()
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


@pytest.fixture
def mother() -> Account:
    return builders.an_account("mother@example.org")


@pytest.fixture
def browser(mother: Account) -> Client:
    return a_browser(mother)


@pytest.fixture
def rp(listening: Listening, settings: Any) -> Rp:
    settings.SERVICES_PRIVATE = True
    return a_service(backchannel_logout_uri=listening.address)


class TestAskedForByAService:
    def test_with_the_token_of_this_session_it_is_done_at_once(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "s-9"}
        assert sent(browser.get("/sso/end-session", asked)) == {"state": "s-9"}
        assert where(browser.get("/home/")).startswith("/sign-in/")
        assert rp.userinfo(tokens["access_token"]).status_code == 401

    def test_without_it_the_person_is_asked(self, rp: Rp, browser: Client) -> None:
        rp.tokens(browser)
        asked = {"client_id": rp.service.client_id, "post_logout_redirect_uri": BYE}
        page = browser.get("/sso/end-session", asked)
        assert page.status_code == 200
        assert browser.get("/home/").status_code == 200
        assert where(browser.post("/sso/sign-out", query_params=asked)) == BYE
        assert where(browser.get("/home/")).startswith("/sign-in/")

    def test_an_old_token_still_says_whose_session_it_was(self, rp: Rp, browser: Client) -> None:
        """A service keeps the ID token of the sign-in for as long as its own session."""
        token = rp.tokens(browser)["id_token"]
        rp.refresh(rp.tokens(browser)["refresh_token"])
        answer = browser.get("/sso/end-session", {"id_token_hint": token, "post_logout_redirect_uri": BYE})
        assert where(answer) == BYE

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_whoever_is_signed_out_already_is_sent_on(self, rp: Rp, slash: str) -> None:
        asked = {"client_id": rp.service.client_id, "post_logout_redirect_uri": BYE}
        assert where(a_browser().get(f"/sso/end-session{slash}", asked)) == BYE

    def test_without_a_name_it_stays_here(self) -> None:
        """Kolibri sends an address and nothing else."""
        answer = a_browser().get("/sso/end-session/", {"post_logout_redirect_uri": BYE})
        assert answer.status_code == 200
        assert "http-equiv" not in text_of(answer)


class TestToldByTheWorker:
    def test_a_service_is_told_which_session_ended(self, rp: Rp, listening: Listening, browser: Client) -> None:
        tokens = rp.tokens(browser)
        browser.post("/sign-out/")
        assert listening.told == [], "never from the request"
        assert logouts.send_due(utc_now()) == 1
        said = claims_of(listening.told[0]["logout_token"][0])
        id_token = claims_of(tokens["id_token"])
        assert {name: said[name] for name in ("iss", "aud", "sub", "sid")} == {
            "iss": ISSUER,
            "aud": rp.service.client_id,
            "sub": id_token["sub"],
            "sid": id_token["sid"],
        }
        assert said["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
        assert "nonce" not in said
        assert LogoutNotice.objects.get().confirmed_at is not None
        assert logouts.send_due(utc_now() + timedelta(hours=1)) == 0

    def test_taking_back_a_consent_tells_it_too(
        self, rp: Rp, listening: Listening, browser: Client, mother: Account
    ) -> None:
        rp.tokens(browser)
        rp.tokens(a_browser(mother))
        browser.post(f"/family/services/{rp.service.pk}/withdrawal/")
        assert logouts.send_due(utc_now()) == 2, "both browsers"
        assert len(listening.told) == 2

    def test_a_service_without_such_an_address_is_not_told(self, browser: Client) -> None:
        a_service().tokens(browser)
        browser.post("/sign-out/")
        assert not LogoutNotice.objects.exists()

    @pytest.mark.parametrize("status", [400, 500, 302])
    def test_what_is_not_confirmed_is_told_again_and_in_the_end_given_up(
        self, rp: Rp, listening: Listening, browser: Client, status: int
    ) -> None:
        rp.tokens(browser)
        browser.post("/sign-out/")
        listening.status, now = status, utc_now()
        for tries in range(1, logouts.TRIES_MOST + 1):
            assert logouts.send_due(now) == 1
            notice = LogoutNotice.objects.get()
            assert (notice.tries, notice.because) == (tries, f"answer {status}")
            assert logouts.send_due(now) == 0
            now += timedelta(hours=2)
        assert notice.due_at is None
        assert logouts.send_due(now + timedelta(days=9)) == 0
        assert len(listening.told) == logouts.TRIES_MOST

    def test_one_that_comes_back_confirms(self, rp: Rp, listening: Listening, browser: Client) -> None:
        rp.tokens(browser)
        browser.post("/sign-out/")
        listening.status = 503
        logouts.send_due(utc_now())
        listening.status = 200
        assert logouts.send_due(utc_now() + timedelta(seconds=11)) == 1
        assert LogoutNotice.objects.get().confirmed_at is not None

    def test_nothing_inside_our_network_is_spoken_to(
        self, rp: Rp, listening: Listening, browser: Client, settings: Any
    ) -> None:
        rp.tokens(browser)
        browser.post("/sign-out/")
        settings.SERVICES_PRIVATE = False
        logouts.send_due(utc_now())
        assert listening.told == []
        assert LogoutNotice.objects.get().because == "address"

    def test_the_bureau_sees_who_did_not_confirm(self, rp: Rp, listening: Listening, browser: Client) -> None:
        rp.tokens(browser)
        browser.post("/sign-out/")
        listening.status = 500
        logouts.send_due(utc_now())
        bureau = visit(builders.a_role("bureau_officer"))
        page = text_of(bureau.get(f"/bureau/services/{rp.service.pk}/"))
        assert "500" in page
        LogoutNotice.objects.update(confirmed_at=utc_now(), due_at=None)
        assert "500" not in text_of(bureau.get(f"/bureau/services/{rp.service.pk}/"))

    def test_a_stopped_service_is_not_told(self, rp: Rp, listening: Listening, browser: Client) -> None:
        rp.tokens(browser)
        services.stop(rp.service, by=None, now=utc_now())
        browser.post("/sign-out/")
        assert ServiceSession.objects.get().ended_because == "service"
        assert listening.told == []
        assert not LogoutNotice.objects.exists()

    def test_stopping_a_large_service_takes_it_a_batch_at_a_time_and_the_worker_the_rest(
        self, rp: Rp, mother: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sessions, "SERVICE_BATCH", 2)
        monkeypatch.setattr(sessions, "SERVICE_BATCHES", 1)
        tokens = [rp.tokens(a_browser(mother))["access_token"] for _browser in range(3)]
        services.stop(rp.service, by=None, now=utc_now())
        assert [rp.userinfo(one).status_code for one in tokens] == [401] * 3, "at once"
        assert ServiceSession.objects.filter(ended_at=None).count() == 1
        assert sessions.follow(utc_now()) == 1
        assert {one.ended_because for one in ServiceSession.objects.all()} == {"service"}
