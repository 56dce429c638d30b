"""Passkeys: a device signs in alone, for whom it was made, here and nowhere else, and each answer counts once."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from fido2.utils import websafe_encode

from gatepost.access.models import Role
from gatepost.accounts import passkeys, proofs, second_factor
from gatepost.accounts.models import Account, ActivationMail, Passkey
from gatepost.accounts.passkey_challenges import Asked, Purpose
from gatepost.accounts.passkeys import PasskeyRefused
from gatepost.audit.models import Entry
from gatepost.kit.passkey_home import passkey_home
from gatepost.notify import activations
from gatepost.portals.moment import KEY
from gatepost.portals.tests import mails
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School
from tests import builders
from tests.authenticator import PRESENT, SYNCED, VERIFIED, Device, offered
from tests.builders import a_code

pytestmark = pytest.mark.django_db

PASSWORD = "gate-and-home-1"
ORIGIN = "https://gatepost.example"
NEW = "/ways/passkeys/new/"


@pytest.fixture(autouse=True)
def _at_home(settings: Any) -> None:
    settings.PASSKEY_ORIGIN, settings.PASSKEY_DOMAIN = ORIGIN, "gatepost.example"


@pytest.fixture
def school() -> School:
    return builders.a_school()


@pytest.fixture
def mother(school: School) -> Account:
    account = builders.an_account("mother@example.org", password=PASSWORD, language="en")
    return builders.a_guardian(builders.a_student(builders.a_class(school)), account=account)


@pytest.fixture
def newcomer(school: School) -> Account:
    """Somebody with a role that needs a second factor, who has set none up."""
    account = builders.an_account("registrar@example.org", password=PASSWORD, language="en")
    Role.objects.create(account=account, name=Role.Name.REGISTRAR, school=school)
    return account


@pytest.fixture
def registrar(newcomer: Account) -> Account:
    """The same with an authenticator app."""
    builders.a_second_factor(newcomer)
    return newcomer


def stranger(**more: Any) -> Client:
    """A browser that speaks English, with nobody signed in."""
    return visit(HTTP_ACCEPT_LANGUAGE="en", **more)


def proved(account: Account) -> Client:
    """A browser whose person has just proved once more who they are."""
    browser = visit(account)
    session = browser.session
    session[proofs._PROVED_AT] = NOW.isoformat()
    session.save()
    return browser


def add(browser: Client, device: Device, name: str = "My phone") -> Any:
    return browser.post(NEW, {"name": name, "answer": device.make(offered(text_of(browser.get(NEW)), "add"))})


def a_passkey(account: Account, **device: Any) -> Device:
    made = Device(ORIGIN, **device)
    assert add(proved(account), made).status_code in (200, 302)
    assert passkeys.of(account).filter(credential_id=made.credential_id).exists()
    return made


def options_of(browser: Client) -> dict[str, Any]:
    return offered(text_of(browser.get("/sign-in/")), "sign-in")


def sign_in(device: Device, browser: Client | None = None, *, wanted: str = "", **instead: Any) -> Client:
    browser = browser or stranger()
    answer = device.show(options_of(browser), **instead)
    browser.post("/sign-in/passkey/", {"answer": answer, "next": wanted})
    return browser


def is_signed_in(browser: Client) -> bool:
    return browser.get("/home/").headers.get("Location") != "/sign-in/?next=/home/"


def said(browser: Client, url: str = "/sign-in/") -> str:
    return text_of(browser.get(url))


def told(account: Account, kind: str) -> int:
    return ActivationMail.objects.filter(account=account, kind=kind).count()


class TestMakingOne:
    def test_asks_for_the_password_first(self, mother: Account) -> None:
        browser = visit(mother)
        assert browser.get(NEW).headers["Location"] == f"/sign-in/again/?next={NEW.replace('/', '%2F')}"
        wrong = browser.post(f"/sign-in/again/?next={NEW}", {"password": "wrong"})
        assert wrong.status_code == 200
        assert browser.get(NEW).status_code == 302
        assert browser.post(f"/sign-in/again/?next={NEW}", {"password": PASSWORD}).headers["Location"] == NEW
        assert browser.get(NEW).status_code == 200

    def test_the_password_counts_for_a_quarter_of_an_hour(self, mother: Account) -> None:
        browser = proved(mother)
        assert browser.get(NEW, **{KEY: NOW + timedelta(minutes=14)}).status_code == 200
        assert browser.get(NEW, **{KEY: NOW + timedelta(minutes=15)}).status_code == 302

    def test_puts_it_into_the_list_under_its_name(self, mother: Account) -> None:
        browser = proved(mother)
        assert add(browser, Device(ORIGIN, flags=PRESENT | VERIFIED | SYNCED), "媽媽的手機").status_code == 302
        page = text_of(browser.get("/ways/"))
        assert "媽媽的手機" in page
        assert Passkey.objects.get().is_synced
        assert Entry.objects.filter(action="passkey:added", actor=mother).count() == 1
        assert told(mother, "passkey_added") == 1

    def test_asks_the_device_for_the_person_and_for_one_it_has_not(self, mother: Account) -> None:
        device = a_passkey(mother)
        options = offered(text_of(proved(mother).get(NEW)), "add")
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert [one["id"] for one in options["excludeCredentials"]] == [websafe_encode(device.credential_id)]
        assert "@" not in options["user"]["id"]

    @pytest.mark.parametrize(
        ("device", "sentence"),
        [
            ({"origin": "https://gatepost.example.evil.example"}, "shown to another website"),
            ({"domain": "evil.example"}, "shown to another website"),
            ({"cross_origin": True}, "shown to another website"),
            ({"flags": PRESENT}, "did not check that it is you"),
            ({"flags": VERIFIED}, "did not check that it is you"),
        ],
    )
    def test_takes_none_of_another_site_or_person(self, mother: Account, device: dict[str, Any], sentence: str) -> None:
        assert sentence in text_of(add(proved(mother), Device(**{"origin": ORIGIN, **device})))
        assert not Passkey.objects.exists()

    def test_takes_each_answer_once_and_each_key_once(self, mother: Account) -> None:
        browser, device = proved(mother), Device(ORIGIN)
        answer = device.make(offered(text_of(browser.get(NEW)), "add"))
        browser.post(NEW, {"name": "One", "answer": answer})
        assert "counts only once" in text_of(browser.post(NEW, {"name": "Two", "answer": answer}))
        assert "in your list already" in text_of(add(browser, device))
        assert passkeys.of(mother).count() == 1

    def test_takes_no_answer_meant_for_somebody_else(self, mother: Account, registrar: Account) -> None:
        options = offered(text_of(proved(registrar).get(NEW)), "add")
        proved(mother).post(NEW, {"name": "x", "answer": Device(ORIGIN).make(options)})
        assert not Passkey.objects.exists()

    @pytest.mark.parametrize("name", ["", "x" * 61])
    def test_wants_a_name_and_loses_nothing(self, mother: Account, name: str) -> None:
        browser = proved(mother)
        answer = Device(ORIGIN).make(offered(text_of(browser.get(NEW)), "add"))
        assert 'role="alert"' in text_of(browser.post(NEW, {"name": name, "answer": answer}))
        assert browser.post(NEW, {"name": "Phone", "answer": answer}).status_code == 302

    def test_ten_are_enough(self, mother: Account) -> None:
        browser = proved(mother)
        for nth in range(passkeys.MOST):
            assert add(browser, Device(ORIGIN), f"Key {nth}").status_code == 302
        assert "ten passkeys" in text_of(add(browser, Device(ORIGIN)))
        assert passkeys.of(mother).count() == passkeys.MOST

    def test_gives_a_family_no_recovery_codes_that_nothing_asks_for(self, mother: Account) -> None:
        a_passkey(mother)
        assert second_factor.recovery_codes(mother) == []

    def test_is_not_offered_where_browsers_make_none(self, mother: Account, settings: Any) -> None:
        settings.PASSKEY_ORIGIN = settings.PASSKEY_DOMAIN = ""
        assert "data-passkey" not in text_of(stranger().get("/sign-in/"))
        browser = proved(mother)
        assert NEW not in text_of(browser.get("/ways/"))
        assert browser.get(NEW).headers["Location"] == "/ways/"


class TestSigningIn:
    def test_needs_nothing_but_the_device(self, mother: Account) -> None:
        browser = sign_in(a_passkey(mother), wanted="/family/settings/")
        assert is_signed_in(browser)
        assert str(browser.session["_auth_user_id"]) == str(mother.pk)
        assert Passkey.objects.get().last_used_at == NOW

    def test_goes_where_one_wanted_but_to_no_other_site(self, mother: Account) -> None:
        device = a_passkey(mother)
        for wanted, goes in (("/family/settings/", "/family/settings/"), ("https://evil.example/", "/home/")):
            browser = stranger()
            answer = device.show(options_of(browser))
            answered = browser.post("/sign-in/passkey/", {"answer": answer, "next": wanted})
            assert answered.headers["Location"] == goes

    def test_is_two_factors_for_a_role_that_needs_them(self, registrar: Account) -> None:
        device = a_passkey(registrar)
        browser = sign_in(device)
        assert browser.get(f"/schools/{registrar.roles.get().school.code}/today/").status_code == 200

    @pytest.mark.parametrize(("flags", "key"), [(PRESENT | VERIFIED, "hwk"), (PRESENT | VERIFIED | SYNCED, "swk")])
    def test_tells_services_what_it_was(self, mother: Account, flags: int, key: str) -> None:
        request = sign_in(a_passkey(mother, flags=flags)).get("/home/").wsgi_request
        assert set(proofs.of_session(request, mother, now=NOW).methods) == {key, "user", "mfa"}

    def test_begins_a_new_session(self, mother: Account) -> None:
        device, browser = a_passkey(mother), stranger()
        browser.post("/sign-in/passkey/", {"answer": "{}"})  # a refusal has a session
        before = browser.session.session_key
        assert is_signed_in(sign_in(device, browser))
        assert browser.session.session_key != before

    def test_is_refused_without_the_secret_of_the_form(self, mother: Account) -> None:
        device, browser = a_passkey(mother), stranger(enforce_csrf_checks=True)
        answer = device.show(options_of(browser))
        assert browser.post("/sign-in/passkey/", {"answer": answer}).status_code == 403
        assert not is_signed_in(browser)

    def test_a_closed_account_stays_outside(self, mother: Account) -> None:
        device = a_passkey(mother)
        Account.objects.filter(pk=mother.pk).update(is_active=False)
        browser = sign_in(device)
        assert not is_signed_in(browser)
        assert "This account is closed" in said(browser)

    def test_of_a_key_that_was_removed_is_none(self, mother: Account) -> None:
        device = a_passkey(mother)
        passkeys.remove(Passkey.objects.get(), now=NOW)
        browser = sign_in(device)
        assert not is_signed_in(browser)
        assert "does not belong to an account here" in said(browser)

    def test_nobody_is_told_who_has_an_account(self, mother: Account) -> None:
        """The page asks for whichever passkey there is, and names none."""
        a_passkey(mother)
        assert "allowCredentials" not in options_of(stranger())

    def test_a_key_that_does_not_count_is_taken_again_and_again(self, mother: Account) -> None:
        device = a_passkey(mother)
        assert is_signed_in(sign_in(device))
        assert is_signed_in(sign_in(device))


class TestAttacks:
    """Each with the sentence that says what to do."""

    @pytest.mark.parametrize(
        ("device", "sentence"),
        [
            ({"origin": "https://gatepost.example.evil.example"}, "shown to another website"),
            ({"origin": "http://gatepost.example"}, "shown to another website"),
            ({"origin": "https://sub.gatepost.example"}, "shown to another website"),
            ({"domain": "evil.example"}, "shown to another website"),
            ({"cross_origin": True}, "shown to another website"),
            ({"flags": PRESENT}, "did not check that it is you"),
            ({"credential_id": b"another" * 4}, "does not belong to an account here"),
            ({"handle": b"x" * 16}, "does not belong to an account here"),
            ({"handle": None}, "does not belong to an account here"),
        ],
    )
    def test_what_a_device_must_say(self, mother: Account, device: dict[str, Any], sentence: str) -> None:
        made = a_passkey(mother)
        for name, value in device.items():
            setattr(made, name, value)
        browser = sign_in(made)
        assert not is_signed_in(browser)
        assert sentence in said(browser)

    def test_another_key_does_not_sign_for_it(self, mother: Account) -> None:
        made = a_passkey(mother)
        browser = sign_in(Device(ORIGIN, credential_id=made.credential_id, handle=made.handle))
        assert not is_signed_in(browser)
        assert "could not be checked" in said(browser)

    def test_an_answer_counts_once(self, mother: Account) -> None:
        """Not even for a thief who has the secret of the browser's forms, too."""
        device, browser, thief = a_passkey(mother), stranger(), stranger()
        for each in (browser, thief):
            each.cookies["gatepost-csrf"] = "s" * 32
        answer = device.show(options_of(browser))
        browser.post("/sign-in/passkey/", {"answer": answer})
        assert is_signed_in(browser)
        thief.post("/sign-in/passkey/", {"answer": answer})
        assert not is_signed_in(thief)
        assert "counts only once" in said(thief)

    def test_an_answer_that_was_refused_does_not_count_later(self, mother: Account) -> None:
        device, browser = a_passkey(mother), stranger()
        options = options_of(browser)
        browser.post("/sign-in/passkey/", {"answer": device.show(options, signature="AAAA")})
        browser.post("/sign-in/passkey/", {"answer": device.show(options)})
        assert not is_signed_in(browser)
        assert "counts only once" in said(browser)

    def test_an_answer_of_another_browser_does_not_count(self, mother: Account) -> None:
        device, thief = a_passkey(mother), stranger()
        options_of(thief)
        thief.post("/sign-in/passkey/", {"answer": device.show(options_of(stranger()))})
        assert not is_signed_in(thief)
        assert "not meant for this page" in said(thief)

    def test_an_answer_for_something_else_does_not_count(self, mother: Account) -> None:
        """Who is asked to prove themselves again does not sign somebody else in with it."""
        device, browser = a_passkey(mother), visit(mother)
        options = offered(text_of(browser.get("/sign-in/again/")), "again")
        browser.logout()
        browser.post("/sign-in/passkey/", {"answer": device.show(options)})
        assert not is_signed_in(browser)

    def test_an_answer_comes_within_the_hour(self, mother: Account) -> None:
        device = a_passkey(mother)
        for minutes, counts in ((59, True), (60, False)):
            browser = stranger()
            options, later = options_of(browser), {KEY: NOW + timedelta(minutes=minutes)}
            browser.post("/sign-in/passkey/", {"answer": device.show(options)}, **later)
            assert is_signed_in(browser) == counts
        assert "stood open for too long" in said(browser)

    @pytest.mark.parametrize("challenge", ["", "AAAA", "A" * 75, "A" * 4000])
    def test_a_challenge_that_we_did_not_make_does_not_count(self, mother: Account, challenge: str) -> None:
        device, browser = a_passkey(mother), stranger()
        answer = device.show({**options_of(browser), "challenge": challenge})
        browser.post("/sign-in/passkey/", {"answer": answer})
        assert not is_signed_in(browser)
        assert "not meant for this page" in said(browser)

    def test_a_count_that_goes_back_is_a_copy(self, mother: Account) -> None:
        device = a_passkey(mother, count=7)
        device.count = 8
        assert is_signed_in(sign_in(device))
        for count in (8, 3, 0):
            device.count = count
            browser = sign_in(device)
            assert not is_signed_in(browser)
            assert "there is a copy" in said(browser)
        assert told(mother, "passkey_copied") == 1  # once a day: whoever has the copy comes again and again
        assert Entry.objects.filter(action="passkey:copied").count() == 3
        device.count = 9
        assert is_signed_in(sign_in(device))

    def test_nonsense_is_said_to_be_unreadable(self) -> None:
        a_key = '{"rawId": "AA", "id": "AA", "type": "public-key", "response": %s}'
        for answer in ("", "null", "[]", "7", "{", "{}", "[" * 5_000, a_key % "{}", a_key % '"x"', "x" * 20_000):
            browser = stranger()
            assert browser.post("/sign-in/passkey/", {"answer": answer}).status_code == 302
            assert "could not be read" in said(browser)

    def test_nonsense_within_an_answer_signs_nobody_in(self, mother: Account) -> None:
        device = a_passkey(mother)
        for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
            for value in ("", "AA", "e30", 7, None, "%%%"):
                assert not is_signed_in(sign_in(device, **{name: value}))

    def test_nonsense_within_a_new_key_is_said_to_be_unreadable(self, mother: Account) -> None:
        browser = proved(mother)
        answer = json.loads(Device(ORIGIN).make(offered(text_of(browser.get(NEW)), "add")))
        answer["response"]["attestationObject"] = "oA"
        assert browser.post(NEW, {"name": "x", "answer": json.dumps(answer)}).status_code == 200
        assert not Passkey.objects.exists()

    def test_of_two_at_once_one_counts(self, mother: Account) -> None:
        device, asked = a_passkey(mother), Asked(Purpose.SIGN_IN, "", "browser")
        answer = device.show(passkeys.to_show(asked, now=NOW))
        assert passkeys.show(answer, asked=asked, now=NOW).account == mother
        with pytest.raises(PasskeyRefused, match="used"):
            passkeys.show(answer, asked=asked, now=NOW)


class TestAfterThePassword:
    def test_a_familys_passkey_makes_no_demand_on_the_password(self, mother: Account) -> None:
        """Who loses the phone with the only passkey signs in as before."""
        a_passkey(mother)
        browser = stranger()
        browser.post("/sign-in/", {"login": mother.email, "password": PASSWORD})
        assert is_signed_in(browser)

    def test_it_is_taken_in_place_of_a_code(self, registrar: Account) -> None:
        device, browser = a_passkey(registrar), self._after_password(registrar)
        options = offered(text_of(browser.get("/sign-in/code/")), "second-factor")
        assert [one["id"] for one in options["allowCredentials"]] == [websafe_encode(device.credential_id)]
        assert not is_signed_in(browser)
        browser.post("/sign-in/code/passkey/", {"answer": device.show(options)})
        assert is_signed_in(browser)

    def test_a_code_is_taken_beside_it(self, registrar: Account) -> None:
        a_passkey(registrar)
        browser = self._after_password(registrar)
        browser.post("/sign-in/code/", {"code": a_code(now=NOW)})
        assert is_signed_in(browser)

    def test_anothers_is_not_taken(self, registrar: Account, mother: Account) -> None:
        a_passkey(registrar)
        device, browser = a_passkey(mother), self._after_password(registrar)
        options = offered(text_of(browser.get("/sign-in/code/")), "second-factor")
        browser.post("/sign-in/code/passkey/", {"answer": device.show(options)})
        assert not is_signed_in(browser)
        assert "does not belong" in said(browser, "/sign-in/code/")

    def test_nobody_comes_there_without_the_password(self, registrar: Account) -> None:
        device, browser = a_passkey(registrar), stranger()
        options = options_of(browser)
        browser.post("/sign-in/code/passkey/", {"answer": device.show(options)})
        assert not is_signed_in(browser)

    def _after_password(self, account: Account) -> Client:
        browser = stranger()
        browser.post("/sign-in/", {"login": account.email, "password": PASSWORD})
        return browser


class TestTheFirstSignInOfWhoNeedsAFactor:
    PAGE, POST = "/sign-in/second-factor/", "/sign-in/second-factor/passkey/"

    def test_a_passkey_will_do_with_codes_for_the_day_it_is_lost(self, newcomer: Account) -> None:
        browser, device = self._after_password(newcomer), Device(ORIGIN)
        answer = device.make(offered(text_of(browser.get(self.PAGE)), "add"))
        assert browser.post(self.POST, {"answer": answer}).headers["Location"] == "/sign-in/second-factor/codes/"
        assert not is_signed_in(browser)
        codes = second_factor.recovery_codes(newcomer)
        assert f"{codes[0][:4]} {codes[0][4:]}" in text_of(browser.get("/sign-in/second-factor/codes/"))
        browser.post("/sign-in/second-factor/codes/")
        assert is_signed_in(browser)
        assert is_signed_in(sign_in(device))

        lost = self._after_password(newcomer)
        assert lost.post("/sign-in/code/", {"code": codes[0]}).status_code == 302
        assert is_signed_in(lost)

    def test_who_knows_the_password_adds_none_beside_the_owners(self, newcomer: Account) -> None:
        thief = self._after_password(newcomer)
        options = offered(text_of(thief.get(self.PAGE)), "add")
        builders.a_second_factor(newcomer)
        thief.post(self.POST, {"answer": Device(ORIGIN).make(options)})
        assert not Passkey.objects.exists()
        assert not is_signed_in(thief)

    def test_nobody_comes_there_without_the_password(self) -> None:
        assert stranger().post(self.POST, {"answer": "{}"}).headers["Location"] == "/sign-in/"

    def _after_password(self, account: Account) -> Client:
        browser = stranger()
        browser.post("/sign-in/", {"login": account.email, "password": PASSWORD})
        return browser


class TestProvingOneselfAgain:
    def test_goes_with_a_passkey(self, mother: Account) -> None:
        device, browser = a_passkey(mother), visit(mother)
        options = offered(text_of(browser.get(f"/sign-in/again/?next={NEW}")), "again")
        answered = browser.post("/sign-in/again/passkey/", {"answer": device.show(options), "next": NEW})
        assert answered.headers["Location"] == NEW
        assert browser.get(NEW).status_code == 200

    def test_does_not_go_with_anothers(self, mother: Account, registrar: Account) -> None:
        a_passkey(mother)
        device, browser = a_passkey(registrar), visit(mother)
        options = offered(text_of(browser.get("/sign-in/again/")), "again")
        browser.post("/sign-in/again/passkey/", {"answer": device.show(options), "next": NEW})
        assert browser.get(NEW).status_code == 302


class TestOnesOwn:
    def test_gets_another_name(self, mother: Account) -> None:
        a_passkey(mother)
        browser, passkey = proved(mother), Passkey.objects.get()
        assert browser.post(f"/ways/passkeys/{passkey.pk}/name/", {"name": ""}).status_code == 200
        browser.post(f"/ways/passkeys/{passkey.pk}/name/", {"name": " Old\nphone "})
        assert Passkey.objects.get().name == "Old phone"
        assert told(mother, "passkey_renamed") == 1

    def test_is_removed_and_signs_in_no_more(self, mother: Account) -> None:
        device = a_passkey(mother)
        browser, url = proved(mother), f"/ways/passkeys/{Passkey.objects.get().pk}/remove/"
        assert browser.get(url).status_code == 200
        browser.post(url)
        assert not Passkey.objects.exists()
        assert not second_factor.is_set_up(mother)
        assert told(mother, "passkey_removed") == 1
        assert not is_signed_in(sign_in(device))

    def test_ends_other_devices_when_removed(self, mother: Account) -> None:
        """One of them may be the phone that was lost."""
        lost, browser = sign_in(a_passkey(mother)), proved(mother)
        assert is_signed_in(lost)
        browser.post(f"/ways/passkeys/{Passkey.objects.get().pk}/remove/")
        assert not is_signed_in(lost)
        assert is_signed_in(browser)

    def test_is_nobody_elses(self, mother: Account, registrar: Account) -> None:
        a_passkey(mother)
        other, passkey = proved(registrar), Passkey.objects.get()
        for act in ("name", "remove"):
            assert other.post(f"/ways/passkeys/{passkey.pk}/{act}/", {"name": "x"}).status_code == 404
        assert Passkey.objects.get().name == "My phone"

    def test_is_changed_by_who_has_just_proved_to_be_the_owner(self, mother: Account) -> None:
        a_passkey(mother)
        passkey = Passkey.objects.get()
        for act in ("name", "remove"):
            answer = visit(mother).post(f"/ways/passkeys/{passkey.pk}/{act}/", {"name": "x"})
            assert answer.headers["Location"].startswith("/sign-in/again/")
        assert Passkey.objects.get().name == "My phone"

    def test_the_last_factor_of_a_role_that_needs_one_stays(self, registrar: Account) -> None:
        a_passkey(registrar)
        second_factor.take_app_away(registrar, keep_codes=True, now=NOW)
        browser, passkey = proved(registrar), Passkey.objects.get()
        url = f"/ways/passkeys/{passkey.pk}/remove/"
        assert "this is your only one" in text_of(browser.post(url))
        assert Passkey.objects.exists()
        second = Device(ORIGIN)
        add(browser, second)
        assert browser.post(url).status_code == 302
        assert Passkey.objects.get().credential_id == second.credential_id

    def test_sessions_that_stood_on_it_fall_with_it(self, registrar: Account) -> None:
        browser = sign_in(a_passkey(registrar))
        assert is_signed_in(browser)
        passkeys.remove(Passkey.objects.get(), now=NOW)
        assert not is_signed_in(browser)

    def test_the_app_goes_and_the_passkey_stays(self, registrar: Account) -> None:
        device, codes = a_passkey(registrar), second_factor.recovery_codes(registrar)
        visit(registrar).post("/second-factor/off/", {"code": a_code(now=NOW)})
        assert not second_factor.has_app(registrar)
        assert second_factor.recovery_codes(registrar) == codes
        assert is_signed_in(sign_in(device))

    def test_recovery_codes_are_made_anew_without_an_app(self, registrar: Account) -> None:
        a_passkey(registrar)
        old = second_factor.recovery_codes(registrar)
        second_factor.take_app_away(registrar, keep_codes=True, now=NOW)
        assert visit(registrar).post("/second-factor/codes/").status_code == 302
        assert second_factor.recovery_codes(registrar) == old
        proved(registrar).post("/second-factor/codes/")
        assert not set(second_factor.recovery_codes(registrar)) & set(old)

    def test_a_lost_device_takes_all_factors_with_it(self, registrar: Account) -> None:
        device = a_passkey(registrar)
        second_factor.take_away(registrar, by=None, now=NOW)
        assert not Passkey.objects.exists()
        assert not is_signed_in(sign_in(device))

    def test_each_change_is_told_by_mail_with_its_name(self, mother: Account, settings: Any) -> None:
        a_passkey(mother)
        passkeys.rename(Passkey.objects.get(), "<b>手機</b>", now=NOW)
        with mails.kept(settings) as relay:
            activations.send_due(now=NOW)
        assert "<b>手機</b>" in mails.text_in(relay)
        assert b"<b>" not in relay.mails[-1].message.split(b"text/html")[1]


@pytest.mark.parametrize(
    ("url", "domain", "home"),
    [
        ("https://gatepost.example", "", ("https://gatepost.example", "gatepost.example")),
        ("https://gate.city.example:8443", "", ("https://gate.city.example:8443", "gate.city.example")),
        ("https://Gate.city.example:443/", "city.example", ("https://gate.city.example", "city.example")),
        ("http://localhost:8000", "", ("http://localhost:8000", "localhost")),
        ("http://gatepost.example", "", ("", "")),
        ("http://127.0.0.1:8000", "", ("", "")),
        ("https://[::1]:8000", "", ("", "")),
    ],
)
def test_a_site_has_passkeys_where_browsers_make_them(url: str, domain: str, home: tuple[str, str]) -> None:
    wrong: list[str] = []
    assert passkey_home(url, domain, lambda name, why: wrong.append(why)) == home
    assert wrong == []


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://gate.city.example", "example"),
        ("https://gate.city.example", "ate.city.example"),
        ("https://gate.city.example", "other.example"),
        ("https://gate.city.example", "https://gate.city.example"),
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://gatepost.example", "gatepost.example"),
    ],
)
def test_a_domain_that_no_browser_would_take_stops_the_start(url: str, domain: str) -> None:
    wrong: list[str] = []
    assert passkey_home(url, domain, lambda name, why: wrong.append(name)) == ("", "")
    assert wrong == ["GATEPOST_PASSKEY_DOMAIN"]
