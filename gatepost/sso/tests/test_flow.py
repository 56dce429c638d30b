"""A person signs in to a service: from the first request to the last token, over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.timezone import now

from gatepost.accounts.models import Account
from gatepost.notify import addresses
from gatepost.notify.models import Address, Channel
from gatepost.sso.models import AccessToken, Consent, Grant, RefreshToken, ServiceSession
from gatepost.sso.services import Kind
from gatepost.sso.tests.conversations import CALLBACK, ISSUER, Rp, a_browser, a_service, claims_of, sent, where
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def rp() -> Rp:
    return a_service()


@pytest.fixture
def mother() -> Account:
    return builders.an_account("mother@example.org", name="林淑芬", password="a long enough one 7")


@pytest.fixture
def browser(mother: Account) -> Client:
    return a_browser(mother)


def test_discovery_names_only_what_answers() -> None:
    browser = a_browser()
    said = browser.get("/.well-known/openid-configuration").json()
    assert said["issuer"] == ISSUER
    assert said == browser.get("/.well-known/oauth-authorization-server").json()
    for name, address in said.items():
        if name.endswith(("_endpoint", "_uri")):
            assert browser.get(address.removeprefix(ISSUER)).status_code != 404, name


class TestSigningIn:
    def test_the_page_says_who_asks_for_what_and_why(self, rp: Rp, browser: Client) -> None:
        answer = rp.authorize(browser, scope="openid profile email")
        page = answer.content.decode()
        for words in ("學雜費繳款", "To greet you by name.", "To send receipts.", "出納組", "mother@example.org"):
            assert words in page
        assert "To show your school." not in page
        assert not Consent.objects.exists()

    def test_whoever_agrees_is_known_to_the_service(self, rp: Rp, browser: Client, mother: Account) -> None:
        tokens = rp.tokens(browser, scope="openid profile email")
        said = claims_of(tokens["id_token"])
        assert (said["iss"], said["aud"], said["nonce"]) == (ISSUER, rp.service.client_id, "n-1")
        assert said["sid"] == str(ServiceSession.objects.get().pk)
        info = rp.userinfo(tokens["access_token"]).json()
        assert info["sub"] == said["sub"] != str(mother.pk)
        assert (info["name"], info["email"], info["email_verified"]) == ("林淑芬", "mother@example.org", False)
        assert "name" not in said, "what may grow old is asked for at userinfo"

    def test_whoever_does_not_agree_gives_nothing(self, rp: Rp, browser: Client) -> None:
        back = sent(rp.consent(browser, answer="refuse"))
        assert (back["error"], back["state"], back["iss"]) == ("access_denied", "s-1", ISSUER)
        assert not Consent.objects.exists()
        assert not Grant.objects.exists()

    def test_what_was_given_is_not_asked_for_again(self, rp: Rp, browser: Client) -> None:
        rp.code(browser)
        assert "code" in sent(rp.authorize(browser))

    def test_more_than_was_given_is_asked_for(self, rp: Rp, browser: Client) -> None:
        rp.code(browser)
        assert rp.authorize(browser, scope="openid profile email").status_code == 200

    def test_a_service_can_have_it_asked_again(self, rp: Rp, browser: Client) -> None:
        rp.code(browser)
        assert rp.authorize(browser, prompt="consent").status_code == 200

    def test_what_was_given_to_one_service_is_not_given_to_another(self, rp: Rp, browser: Client) -> None:
        rp.code(browser)
        other = a_service("社團報名")
        assert other.authorize(browser).status_code == 200
        assert sent(other.authorize(browser, prompt="none"))["error"] == "consent_required"

    def test_each_service_knows_a_person_by_another_number(self, rp: Rp, browser: Client) -> None:
        other = a_service("社團報名")
        one, two, once_more = (claims_of(who.tokens(browser)["id_token"])["sub"] for who in (rp, other, rp))
        assert one == once_more != two

    def test_whoever_is_not_signed_in_signs_in_first_and_comes_back(self, rp: Rp, mother: Account) -> None:
        browser = a_browser()
        asked = rp.authorize(browser)
        aim = where(asked)
        assert aim.startswith("/sign-in/?next=/sso/authorize")
        form = {"login": mother.email, "password": "a long enough one 7"}
        page = browser.post(aim, form, follow=True)
        assert "學雜費繳款" in page.content.decode()

    def test_an_app_without_a_secret_proves_itself_by_pkce(self, browser: Client) -> None:
        app = a_service("校園 App", kind=Kind.APP)
        assert app.tokens(browser)["access_token"]
        assert app.redeem(app.code(browser), code_verifier="x" * 50).status_code == 400

    def test_a_secret_may_come_in_the_body(self, rp: Rp, browser: Client) -> None:
        fields = {"client_id": rp.service.client_id, "grant_type": "authorization_code", "redirect_uri": CALLBACK}
        fields |= {"code_verifier": rp.verifier}
        refused = a_browser().post("/sso/token", {**fields, "code": rp.code(browser), "client_secret": "0" * 64})
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        given = a_browser().post("/sso/token", {**fields, "code": rp.code(browser), "client_secret": rp.secret})
        assert given.status_code == 200


class TestWithoutAsking:
    def test_nobody_is_signed_in(self, rp: Rp) -> None:
        assert sent(rp.authorize(a_browser(), prompt="none"))["error"] == "login_required"

    def test_nothing_was_given_yet(self, rp: Rp, browser: Client) -> None:
        back = sent(rp.authorize(browser, prompt="none"))
        assert (back["error"], back["state"], back["iss"]) == ("consent_required", "s-1", ISSUER)

    def test_it_works_once_it_was_given(self, rp: Rp, browser: Client) -> None:
        rp.code(browser)
        assert "code" in sent(rp.authorize(browser, prompt="none"))

    def test_somebody_else_is_signed_in(self, rp: Rp, browser: Client) -> None:
        token = rp.tokens(browser)["id_token"]
        father = a_browser(builders.an_account())
        rp.code(father)
        assert "code" in sent(rp.authorize(browser, prompt="none", id_token_hint=token))
        assert sent(rp.authorize(father, prompt="none", id_token_hint=token))["error"] == "login_required"


class TestProvingItAgain:
    @pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}])
    def test_the_password_is_asked_for_once_more(self, rp: Rp, browser: Client, asked: dict[str, str]) -> None:
        rp.code(browser)
        aim = where(rp.authorize(browser, **asked))
        assert aim.startswith("/sign-in/again/?next=")
        assert browser.post(aim, {"password": "wrong"}).status_code == 200
        before = now() - timedelta(seconds=2)
        back = browser.post(aim, {"password": "a long enough one 7"})
        code = sent(browser.get(where(back)))["code"]
        said = claims_of(rp.redeem(code).json()["id_token"])
        assert said["auth_time"] >= int(before.timestamp())
        assert said["amr"] == ["pwd"]

    def test_a_fresh_sign_in_is_young_enough(self, rp: Rp, browser: Client) -> None:
        rp.code(browser)
        assert "code" in sent(rp.authorize(browser, max_age="600"))

    def test_an_old_one_is_not(self, rp: Rp, browser: Client, mother: Account) -> None:
        rp.code(browser)
        Account.objects.filter(pk=mother.pk).update(last_login=now() - timedelta(hours=2))
        assert where(rp.authorize(browser, max_age="600")).startswith("/sign-in/again/")
        assert sent(rp.authorize(browser, max_age="600", prompt="none"))["error"] == "login_required"

    def test_guessing_is_bounded(self, rp: Rp, browser: Client) -> None:
        right = {"password": "a long enough one 7"}
        assert browser.post("/sign-in/again/", right).status_code == 302
        for _try in range(4):
            browser.post("/sign-in/again/", {"password": "wrong"})
        assert browser.post("/sign-in/again/", right).status_code == 200


class TestTokens:
    def test_nothing_that_opens_stands_in_the_tables(self, rp: Rp, browser: Client) -> None:
        code = rp.code(browser)
        tokens = rp.redeem(code).json()
        kept = [*Grant.objects.values_list(), *AccessToken.objects.values_list(), *RefreshToken.objects.values_list()]
        written = repr(kept) + rp.service.client_secret
        for secret in (code, tokens["access_token"], tokens["refresh_token"], rp.secret):
            assert secret not in written

    def test_a_refresh_token_is_good_once(self, rp: Rp, browser: Client) -> None:
        first = rp.tokens(browser)
        second = rp.refresh(first["refresh_token"]).json()
        assert rp.userinfo(second["access_token"]).status_code == 200
        assert rp.userinfo(first["access_token"]).status_code == 401

    def test_a_used_refresh_token_ends_all_that_came_of_it(self, rp: Rp, browser: Client) -> None:
        first = rp.tokens(browser)
        second = rp.refresh(first["refresh_token"]).json()
        assert rp.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
        assert rp.userinfo(second["access_token"]).status_code == 401
        assert rp.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"

    def test_they_run_out(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        AccessToken.objects.update(expires=now())
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        AccessToken.objects.update(expires=now() - timedelta(days=14))
        assert rp.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_a_service_gives_back_its_own(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        assert rp.post("/sso/revocation", {"token": tokens["refresh_token"]}).status_code == 200
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.refresh(tokens["refresh_token"]).status_code == 400

    def test_introspection_says_whether_it_counts(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        said = rp.post("/sso/introspection", {"token": tokens["access_token"]}).json()
        assert (said["active"], said["scope"]) == (True, "openid profile")
        assert said["sub"] == claims_of(tokens["id_token"])["sub"]
        assert rp.post("/sso/introspection", {"token": tokens["refresh_token"]}).json() == {"active": False}
        AccessToken.objects.all().delete()
        assert rp.post("/sso/introspection", {"token": tokens["access_token"]}).json() == {"active": False}
        stranger = a_browser().post("/sso/introspection", {"token": tokens["access_token"]})
        assert stranger.status_code == 401

    def test_they_end_with_our_own_session(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        Session.objects.update(expire_date=now())
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_they_end_with_the_account(self, rp: Rp, browser: Client, mother: Account) -> None:
        tokens = rp.tokens(browser)
        Account.objects.filter(pk=mother.pk).update(is_active=False)
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_signing_out_here_ends_them_at_once(self, rp: Rp, browser: Client) -> None:
        tokens = rp.tokens(browser)
        browser.post("/sign-out/")
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert ServiceSession.objects.get().ended_because == "signed_out"

    def test_another_browser_of_the_same_person_stays(self, rp: Rp, browser: Client, mother: Account) -> None:
        phone = rp.tokens(a_browser(mother))
        rp.tokens(browser)
        browser.post("/sign-out/")
        assert rp.userinfo(phone["access_token"]).status_code == 200


@pytest.mark.parametrize("method", ["get", "post"])
def test_userinfo_answers_to_both_methods(rp: Rp, browser: Client, method: str) -> None:
    token = rp.tokens(browser)["access_token"]
    ask: Any = getattr(a_browser(), method)
    assert ask("/sso/userinfo", headers={"Authorization": f"Bearer {token}"}).json()["name"] == "林淑芬"
    assert ask("/sso/userinfo").status_code == 401
    assert a_browser().get("/sso/userinfo", {"access_token": token}).status_code == 400


class TestStaff:
    def test_role_and_school_have_the_shape_of_the_directory(self, rp: Rp) -> None:
        school = builders.a_school("353602", name="臺北市雙園國小")
        teacher = builders.a_teacher(builders.a_class(school, 2, 1))
        builders.an_office(school, "registrar", account=teacher)
        tokens = rp.tokens(a_browser(teacher), scope="openid role school")
        info = rp.userinfo(tokens["access_token"]).json()
        assert (info["role"], info["roles"]) == (["教師"], ["teacher", "registrar"])
        assert (info["o"], info["organization"], info["tutorClass"]) == (["353602"], ["臺北市雙園國小"], ["201"])
        said = claims_of(tokens["id_token"])
        assert ("mfa" in said["amr"], said["acr"]) == (True, "2")

    def test_without_the_second_factor_that_a_role_asks_for_nothing_counts(self, rp: Rp) -> None:
        school = builders.a_school()
        person = builders.an_account()
        tokens = rp.tokens(a_browser(person), scope="openid role")
        assert rp.userinfo(tokens["access_token"]).status_code == 200
        builders.an_office(school, "registrar", account=person)
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.refresh(tokens["refresh_token"]).status_code == 400

    def test_a_guardian_is_a_parent(self, rp: Rp) -> None:
        mother = builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
        info = rp.userinfo(rp.tokens(a_browser(mother), scope="openid role email")["access_token"]).json()
        assert (info["role"], info["roles"], info["email_verified"]) == (["家長"], ["guardian"], True)


@pytest.mark.parametrize(
    "more",
    [
        {"display": "popup"},
        {"ui_locales": "se zh-Hant"},
        {"claims_locales": "se"},
        {"acr_values": "1 2"},
        {"login_hint": "mother@example.org"},
        {"claims": '{"userinfo": {"name": {"essential": true}}}'},
        {"extra": "foobar"},
        {"scope": "profile openid"},
        {"resource": "https://api.example.org/"},
    ],
)
def test_what_a_service_may_add_does_no_harm(rp: Rp, browser: Client, more: dict[str, str]) -> None:
    rp.code(browser)
    tokens = rp.redeem(sent(rp.authorize(browser, **more))["code"]).json()
    assert rp.userinfo(tokens["access_token"]).json()["name"] == "林淑芬"


def test_an_access_token_may_come_in_the_body(rp: Rp, browser: Client) -> None:
    token = rp.tokens(browser)["access_token"]
    assert a_browser().post("/sso/userinfo", {"access_token": token}).json()["name"] == "林淑芬"


def test_what_ran_out_is_ended_and_forgotten(rp: Rp, browser: Client) -> None:
    from gatepost.sso import sessions

    rp.tokens(browser)
    assert sessions.follow(now()) == 0
    Session.objects.update(expire_date=now())
    assert sessions.follow(now()) == 1
    assert not AccessToken.objects.exists()
    Grant.objects.update(expires=now() - timedelta(days=15))
    assert sessions.forget(now()) == 1


def test_a_phone_number_is_given_once_it_is_proven() -> None:
    rp = a_service(reasons={"phone": "To call you when the trip comes home late."})
    mother = builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
    waiting = Address.objects.create(account=mother, channel=Channel.SMS, target="+886912345678")
    token = rp.tokens(a_browser(mother), scope="openid phone")["access_token"]
    assert "phone_number" not in rp.userinfo(token).json()
    addresses.count_as_proven(mother, waiting.target, channel=Channel.SMS, now=now())
    info = rp.userinfo(token).json()
    assert (info["phone_number"], info["phone_number_verified"]) == ("+886912345678", True)
    addresses.switch_off(waiting.pk, because="refused", now=now())
    assert "phone_number" not in rp.userinfo(token).json()
