"""What somebody tries who is not the person, or not the service. Each beside what works."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from gatepost.accounts.models import Account
from gatepost.sso.models import AccessToken, Grant
from gatepost.sso.tests.conversations import (
    BYE,
    CALLBACK,
    ISSUER,
    Rp,
    a_browser,
    a_service,
    basic,
    sent,
    where,
)
from tests import builders

pytestmark = pytest.mark.django_db

EVIL = "https://evil.example/callback"


@pytest.fixture
def rp() -> Rp:
    return a_service()


@pytest.fixture
def mother() -> Account:
    return builders.an_account("mother@example.org")


@pytest.fixture
def browser(mother: Account) -> Client:
    return a_browser(mother)


class TestOpenRedirect:
    @pytest.mark.parametrize(
        "address",
        [
            EVIL,
            CALLBACK + "/",
            CALLBACK + "?x=1",
            CALLBACK + "#x",
            CALLBACK + "/../evil",
            CALLBACK.upper(),
            "https://fees.example.org@evil.example/callback",
            "https://fees.example.org:444/callback",
            "https://fees.example.org.evil.example/callback",
            "http://fees.example.org/callback",
            "//fees.example.org/callback",
            "javascript:alert(1)",
            "",
        ],
    )
    @pytest.mark.parametrize("more", [{}, {"prompt": "none"}, {"response_type": "token"}, {"scope": "all"}])
    def test_nobody_is_sent_to_an_address_that_is_not_registered(
        self, rp: Rp, browser: Client, address: str, more: dict[str, str]
    ) -> None:
        for who in (browser, a_browser()):
            answer = rp.authorize(who, redirect_uri=address, **more)
            if not address and "evil" not in where_or_nowhere(answer):
                continue  # without an address, the one that is registered is meant
            assert answer.status_code == 400
            assert "evil" not in body_of(answer)

    @pytest.mark.parametrize("name", ["unknown", "", "a" * 300, "\0", "學"])
    def test_nor_for_a_service_that_is_none(self, rp: Rp, browser: Client, name: str) -> None:
        for who in (browser, a_browser()):
            assert rp.authorize(who, client_id=name).status_code == 400

    def test_a_stopped_service_is_none(self, rp: Rp, browser: Client) -> None:
        from gatepost.kit.clock import utc_now
        from gatepost.sso import services

        tokens = rp.tokens(browser)
        services.stop(rp.service, by=None, now=utc_now())
        assert rp.authorize(browser).status_code == 400
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.refresh(tokens["refresh_token"]).status_code == 401

    def test_errors_go_to_the_service_with_who_says_it(self, rp: Rp, browser: Client) -> None:
        for wrong, code in (
            ({"response_type": "token"}, "unauthorized_client"),
            ({"response_type": None}, "invalid_request"),
            ({"response_type": "code id_token"}, "unauthorized_client"),
            ({"scope": "openid everything"}, "invalid_scope"),
            ({"request": "x.y.z"}, "request_not_supported"),
            ({"request_uri": "https://x.example/"}, "request_uri_not_supported"),
            ({"max_age": "soon"}, "invalid_request"),
            ({"prompt": "none login"}, "invalid_request"),
        ):
            back = sent(rp.authorize(browser, **wrong))
            assert (back["error"], back["state"], back["iss"]) == (code, "s-1", ISSUER)

    @pytest.mark.parametrize("address", [EVIL, BYE + "?x", "javascript:alert(1)"])
    def test_signing_out_leads_to_no_stranger(self, rp: Rp, browser: Client, address: str) -> None:
        token = rp.tokens(browser)["id_token"]
        asked = {"id_token_hint": token, "post_logout_redirect_uri": address}
        answer = browser.get("/sso/end-session", asked)
        assert "evil" not in body_of(answer)


class TestCodes:
    def test_a_code_is_good_once_and_its_return_ends_what_it_gave(self, rp: Rp, browser: Client) -> None:
        code = rp.code(browser)
        tokens = rp.redeem(code).json()
        assert rp.userinfo(tokens["access_token"]).status_code == 200
        assert rp.redeem(code).json()["error"] == "invalid_grant"
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_another_service_cannot_redeem_it(self, rp: Rp, browser: Client) -> None:
        thief = a_service("社團報名")
        thief.verifier = rp.verifier
        code = rp.code(browser)
        assert thief.redeem(code).json()["error"] == "invalid_grant"
        assert rp.redeem(code).status_code == 200

    def test_it_is_bound_to_the_address_it_went_to(self, browser: Client) -> None:
        rp = a_service(redirect_uris=[CALLBACK, "https://fees.example.org/other"])
        code = rp.code(browser)
        assert rp.redeem(code, redirect_uri="https://fees.example.org/other").status_code == 400
        assert rp.redeem(code).status_code == 200

    def test_it_is_old_after_a_minute(self, rp: Rp, browser: Client) -> None:
        from django.utils.timezone import now

        code = rp.code(browser)
        Grant.objects.update(expires=now())
        assert rp.redeem(code).json()["error"] == "invalid_grant"

    def test_injected_into_another_browser_it_is_worth_nothing(self, rp: Rp, mother: Account) -> None:
        """The attacker's service side has a verifier of its own: the stolen code does not fit it."""
        stolen = rp.code(a_browser(mother))
        attacker = Rp(rp.service, rp.secret, rp.client)
        assert attacker.redeem(stolen).json()["error"] == "invalid_grant"

    def test_it_ends_with_the_session_it_came_from(self, rp: Rp, browser: Client) -> None:
        code = rp.code(browser)
        browser.post("/sign-out/")
        assert rp.redeem(code).json()["error"] == "invalid_grant"


class TestPkce:
    def test_it_cannot_be_left_out(self, rp: Rp, browser: Client) -> None:
        back = sent(rp.authorize(browser, code_challenge=None, code_challenge_method=None))
        assert back["error"] == "invalid_request"

    @pytest.mark.parametrize("method", ["plain", None, "S512"])
    def test_only_the_strong_method_counts(self, rp: Rp, browser: Client, method: str | None) -> None:
        assert sent(rp.authorize(browser, code_challenge_method=method))["error"] == "invalid_request"

    @pytest.mark.parametrize("challenge", ["short", "a" * 44, "a" * 500, "學" * 43])
    def test_a_challenge_has_its_form(self, rp: Rp, browser: Client, challenge: str) -> None:
        assert sent(rp.authorize(browser, code_challenge=challenge))["error"] == "invalid_request"

    @pytest.mark.parametrize("verifier", [None, "", "x" * 43])
    def test_a_code_needs_its_verifier(self, rp: Rp, browser: Client, verifier: str | None) -> None:
        assert rp.redeem(rp.code(browser), code_verifier=verifier).status_code == 400

    def test_a_service_that_cannot_do_it_sends_a_nonce(self, browser: Client) -> None:
        old = a_service(pkce_required=False)
        bare = {"code_challenge": None, "code_challenge_method": None}
        assert sent(old.authorize(browser, nonce=None, **bare))["error"] == "invalid_request"
        assert old.redeem(old.code(browser, **bare), code_verifier=None).status_code == 200

    def test_a_challenge_cut_out_on_the_way_is_noticed(self, browser: Client) -> None:
        old = a_service(pkce_required=False)
        code = old.code(browser, code_challenge=None, code_challenge_method=None)
        assert old.redeem(code).json()["error"] == "invalid_grant", "it came with a verifier"

    def test_who_can_do_it_is_held_to_it(self, browser: Client) -> None:
        old = a_service(pkce_required=False)
        assert old.redeem(old.code(browser), code_verifier="x" * 43).json()["error"] == "invalid_grant"


class TestMixUp:
    def test_every_answer_names_who_gives_it(self, rp: Rp, browser: Client) -> None:
        assert sent(rp.consent(browser))["iss"] == ISSUER
        assert sent(rp.consent(browser, answer="refuse", prompt="consent"))["iss"] == ISSUER

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9"])
    def test_the_name_does_not_follow_the_request(self, rp: Rp, browser: Client, host: str) -> None:
        answer = browser.get("/.well-known/openid-configuration", headers={"Host": host})
        assert answer.status_code == 400 or answer.json()["issuer"] == ISSUER


class TestCsrf:
    def test_a_strangers_page_cannot_say_yes(self, rp: Rp, mother: Account) -> None:
        browser = a_browser(mother, enforce_csrf_checks=True)
        assert rp.consent(browser).status_code == 403
        assert not Grant.objects.exists()

    @pytest.mark.parametrize("path", ["/sso/sign-out", "/sign-in/again/"])
    def test_nor_sign_anybody_out_or_in(self, mother: Account, path: str) -> None:
        assert a_browser(mother, enforce_csrf_checks=True).post(path).status_code == 403

    def test_nor_take_back_what_was_given(self, rp: Rp, mother: Account) -> None:
        rp.code(a_browser(mother))
        browser = a_browser(mother, enforce_csrf_checks=True)
        assert browser.post(f"/family/services/{rp.service.pk}/withdrawal/").status_code == 403

    def test_a_post_to_the_authorization_endpoint_only_asks(self, rp: Rp, mother: Account) -> None:
        browser = a_browser(mother, enforce_csrf_checks=True)
        answer = browser.post("/sso/authorize", rp.query())
        assert where(answer).startswith("/sso/authorize?client_id=")
        assert browser.get(where(answer)).status_code == 200
        assert not Grant.objects.exists()

    def test_the_page_cannot_be_framed(self, rp: Rp, browser: Client) -> None:
        assert rp.authorize(browser).headers["X-Frame-Options"] == "DENY"

    def test_a_sign_out_without_the_sessions_token_is_asked_about(
        self, rp: Rp, browser: Client, mother: Account
    ) -> None:
        other = rp.tokens(a_browser(mother))["id_token"]
        for fields in ({}, {"client_id": rp.service.client_id}, {"id_token_hint": other}, {"id_token_hint": "x.y.z"}):
            browser.get("/sso/end-session", fields)
            assert browser.get("/home/").status_code == 200


class TestOtherServices:
    def test_one_cannot_renew_anothers_token(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        assert a_service("社團報名").refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        assert rp.refresh(tokens["refresh_token"]).status_code == 200

    def test_nor_end_anothers_by_showing_a_used_one(self, rp: Rp, browser: Client) -> None:
        first = rp.tokens(browser)
        second = rp.refresh(first["refresh_token"]).json()
        a_service("社團報名").refresh(first["refresh_token"])
        assert rp.userinfo(second["access_token"]).status_code == 200

    def test_nor_revoke_it(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        thief = a_service("社團報名")
        for token in (tokens["access_token"], tokens["refresh_token"]):
            assert thief.post("/sso/revocation", {"token": token}).status_code == 200
        assert rp.userinfo(tokens["access_token"]).status_code == 200

    def test_nor_look_into_it(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        thief = a_service("社團報名")
        assert thief.post("/sso/introspection", {"token": tokens["access_token"]}).json() == {"active": False}

    def test_nor_sign_its_people_out_with_its_own_name(self, rp: Rp, browser: Client) -> None:
        token = rp.tokens(browser)["id_token"]
        other = a_service("社團報名")
        browser.get("/sso/end-session", {"id_token_hint": token, "client_id": other.service.client_id})
        assert browser.get("/home/").status_code == 200


class TestEnumeration:
    def test_unknown_services_and_wrong_secrets_are_answered_alike(self, rp: Rp, browser: Client) -> None:
        code = rp.code(browser)
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": rp.verifier,
        }
        answers = [
            a_browser().post("/sso/token", fields, headers={"Authorization": basic(name, secret)})
            for name, secret in (
                (rp.service.client_id, "0" * 64),
                ("unknown", "0" * 64),
                (rp.service.client_id, ""),
                ("\0", "x"),
            )
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(401, b'{"error": "invalid_client"}')}

    def test_the_page_says_the_same_of_unknown_services_and_wrong_addresses(self, rp: Rp, browser: Client) -> None:
        one = body_of(rp.authorize(browser, client_id="unknown"))
        assert one == body_of(rp.authorize(browser, redirect_uri=EVIL))

    def test_tokens_that_are_none_are_revoked_all_the_same(self, rp: Rp) -> None:
        assert rp.post("/sso/revocation", {"token": "none"}).status_code == 200


NONSENSE: list[dict[str, Any]] = [
    {},
    {"grant_type": ""},
    {"grant_type": "password", "username": "a", "password": "b"},
    {"grant_type": "client_credentials"},
    {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
    {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "x"},
    {"grant_type": "authorization_code"},
    {"grant_type": "authorization_code", "code": "\0"},
    {"grant_type": "authorization_code", "code": "學" * 500},
    {"grant_type": "authorization_code", "code": "x", "session": "1", "grant": "2", "refresh_token_instance": "3"},
    {"grant_type": "refresh_token"},
    {"grant_type": "refresh_token", "refresh_token": "x" * 5000},
    {"grant_type": "refresh_token", "refresh_token": "x", "scope": "everything"},
    {"token": "\0"},
]


@pytest.mark.parametrize("path", ["/sso/token", "/sso/revocation", "/sso/introspection"])
@pytest.mark.parametrize("fields", NONSENSE)
def test_nonsense_gets_an_answer(rp: Rp, path: str, fields: dict[str, Any]) -> None:
    assert rp.post(path, fields).status_code in (200, 400, 401)
    assert a_browser().post(path, fields).status_code in (200, 400, 401)


@pytest.mark.parametrize(
    "path", ["/sso/authorize", "/sso/consent", "/sso/end-session", "/sso/end-session/", "/sso/userinfo"]
)
@pytest.mark.parametrize(
    "query",
    [
        "%",
        "a",
        "a&b",
        "%00=1",
        "client_id=%00",
        "client_id=a&client_id=b",
        "id_token_hint=a.b.c",
        "id_token_hint=%FF",
        "=",
        "a=" + "b" * 9000,
    ],
)
def test_nonsense_in_the_address_gets_an_answer(browser: Client, path: str, query: str) -> None:
    for who in (browser, a_browser()):
        assert who.get(f"{path}?{query}").status_code < 500


def test_a_parameter_of_the_librarys_own_names_changes_nothing(rp: Rp, browser: Client) -> None:
    tokens = rp.tokens(browser)
    code = rp.code(browser)
    answer = rp.redeem(code, refresh_token_instance="x", session="y", user="z", scopes="openid email")
    assert answer.status_code == 200
    assert answer.json()["scope"] == tokens["scope"]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer \u00ff", "Basic x", "Bearer a b", "Bearer " + "x" * 9000]
)
def test_tokens_that_are_none_open_nothing(header: str) -> None:
    assert a_browser().get("/sso/userinfo", headers={"Authorization": header}).status_code == 401


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    """Several processes redeem at once: rows are locked, so one wins."""

    def at_once(self, number: int, act: Any) -> list[int]:
        answers: list[int] = []
        start = threading.Barrier(number)

        def run() -> None:
            start.wait()
            try:
                answers.append(act().status_code)
            finally:
                connection.close()

        threads = [threading.Thread(target=run) for _number in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(answers)

    def test_a_code_is_redeemed_once(self, rp: Rp, mother: Account) -> None:
        code = rp.code(a_browser(mother))
        assert (
            self.at_once(6, lambda: Rp(rp.service, rp.secret, a_browser(), rp.verifier).redeem(code))
            == [200] + [400] * 5
        )
        assert not AccessToken.objects.exists(), "the others showed that the code was stolen"

    def test_a_refresh_token_is_used_once(self, rp: Rp, mother: Account) -> None:
        token = rp.tokens(a_browser(mother))["refresh_token"]
        assert self.at_once(6, lambda: Rp(rp.service, rp.secret, a_browser()).refresh(token)) == [200] + [400] * 5
        assert not AccessToken.objects.exists()


def body_of(answer: Any) -> str:
    """What a page says, without the frame, whose forms know the address they stand at."""
    assert "Location" not in answer.headers
    page: str = answer.content.decode()
    assert "http-equiv" not in page
    return page.partition("<main")[2].partition("</main>")[0]


def where_or_nowhere(answer: Any) -> str:
    return str(answer.headers.get("Location", ""))
