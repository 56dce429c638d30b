"""The second factor: nobody whose role needs it is signed in without, however they came in."""

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from gatepost.access.models import Role
from gatepost.accounts import forgotten, second_factor
from gatepost.accounts.activation import send_word
from gatepost.accounts.models import Account, ActivationMail
from gatepost.audit.models import Entry
from gatepost.notify import activations
from gatepost.portals.moment import KEY
from gatepost.portals.tests import mails
from gatepost.portals.tests.test_doors import City, answers, city, table
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders
from tests.builders import a_code

pytestmark = pytest.mark.django_db

__all__ = ["city"]  # a fixture

PASSWORD = "gate-and-home-1"
NEEDING = ("administrator", "operator")


@pytest.fixture
def registrar() -> Account:
    """Somebody with a role that needs a second factor, who has set none up."""
    account = builders.an_account("registrar@example.org", password=PASSWORD)
    Role.objects.create(account=account, name=Role.Name.REGISTRAR, school=builders.a_school())
    return account


@pytest.fixture
def office() -> Account:
    """Somebody who has set it up."""
    return builders.an_office(builders.a_school(), account=builders.an_account("office@example.org", password=PASSWORD))


def after_password(account: Account, *, now: datetime = NOW, wanted: str = "") -> Client:
    browser = visit(now=now)
    browser.post("/sign-in/", {"login": account.email, "password": PASSWORD, "next": wanted})
    return browser


def is_signed_in(browser: Client) -> bool:
    return browser.get("/home/").headers.get("Location") != "/sign-in/?next=/home/"


def secret_on(page: str) -> str:
    found = re.search(r'<code class="num">([A-Z2-7 ]+)</code>', page)
    assert found is not None
    return found[1].replace(" ", "")


def code_of(secret: str, now: datetime = NOW) -> str:
    return second_factor.code_at(secret, int(now.timestamp()) // second_factor.PERIOD_SECONDS)


@pytest.mark.parametrize("who", NEEDING)
def test_without_it_every_address_answers_as_to_nobody(city: City, who: str) -> None:
    Authenticator.objects.all().delete()
    assert answers(city, who) == {key: row["anonymous"] for key, row in table().items()}


class TestSettingItUp:
    def test_comes_before_the_first_page(self, registrar: Account) -> None:
        browser = visit()
        answer = browser.post("/sign-in/", {"login": registrar.email, "password": PASSWORD})
        assert answer.headers["Location"] == "/sign-in/second-factor/"
        assert not is_signed_in(browser)

    def test_takes_a_code_shows_recovery_codes_once_and_goes_where_one_wanted(self, registrar: Account) -> None:
        browser = after_password(registrar, wanted="/schools/")
        page = text_of(browser.get("/sign-in/second-factor/"))
        assert "<svg" in page
        answer = browser.post("/sign-in/second-factor/", {"code": code_of(secret_on(page))})
        assert answer.headers["Location"] == "/sign-in/second-factor/codes/"
        assert not is_signed_in(browser)
        shown = re.findall(r"<code>(\d{4} \d{4})</code>", text_of(browser.get("/sign-in/second-factor/codes/")))
        assert len(set(shown)) == 10
        assert browser.post("/sign-in/second-factor/codes/").headers["Location"] == "/schools/"
        assert is_signed_in(browser)
        assert shown[0] not in text_of(browser.get("/sign-in/second-factor/codes/", follow=True))

    def test_a_wrong_code_keeps_the_same_picture(self, registrar: Account) -> None:
        browser = after_password(registrar)
        secret = secret_on(text_of(browser.get("/sign-in/second-factor/")))
        page = text_of(browser.post("/sign-in/second-factor/", {"code": "000000"}))
        assert 'role="alert"' in page
        assert secret_on(page) == secret
        assert not second_factor.is_set_up(registrar)

    def test_a_code_from_a_chinese_keyboard_counts(self, registrar: Account) -> None:
        browser = after_password(registrar)
        code = code_of(secret_on(text_of(browser.get("/sign-in/second-factor/"))))
        wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
        assert browser.post("/sign-in/second-factor/", {"code": f" {wide[:3]} {wide[3:]}"}).status_code == 302

    def test_the_recovery_codes_are_nobody_elses_to_see(self, registrar: Account) -> None:
        """Somebody who knows the password waits at the set-up page while the owner sets it up."""
        thief, owner = after_password(registrar), after_password(registrar)
        owner.post(
            "/sign-in/second-factor/", {"code": code_of(secret_on(text_of(owner.get("/sign-in/second-factor/"))))}
        )
        assert thief.get("/sign-in/second-factor/codes/").headers["Location"] == "/sign-in/second-factor/"
        assert thief.post("/sign-in/second-factor/codes/").headers["Location"] == "/sign-in/second-factor/"
        secret = second_factor.new_secret()
        thief.post("/sign-in/second-factor/", {"code": code_of(secret)})
        assert not is_signed_in(thief)
        assert Authenticator.objects.filter(user=registrar, type="totp").count() == 1

    def test_is_in_the_log_of_acts(self, registrar: Account) -> None:
        builders.a_second_factor(registrar)
        assert Entry.objects.filter(action="second_factor:set_up", actor=registrar).count() == 1

    def test_the_secret_lies_nowhere_in_clear(self, registrar: Account) -> None:
        browser = after_password(registrar)
        secret = secret_on(text_of(browser.get("/sign-in/second-factor/")))
        assert secret not in str(dict(browser.session))
        browser.post("/sign-in/second-factor/", {"code": code_of(secret)})
        assert secret not in str(list(Authenticator.objects.values()))

    def test_a_teacher_and_a_guardian_need_none(self) -> None:
        school_class = builders.a_class(builders.a_school())
        account = builders.a_guardian(builders.a_student(school_class), account=builders.an_account(password=PASSWORD))
        builders.a_teacher(school_class, account=account)
        assert is_signed_in(after_password(account))


class TestEachSignIn:
    def test_asks_for_the_code_and_leads_where_one_wanted(self, office: Account) -> None:
        browser = visit()
        form = {"login": office.email, "password": PASSWORD, "next": "/schools/"}
        assert browser.post("/sign-in/", form).headers["Location"] == "/sign-in/code/"
        assert not is_signed_in(browser)
        assert browser.post("/sign-in/code/", {"code": a_code(now=NOW)}).headers["Location"] == "/schools/"
        assert is_signed_in(browser)

    def test_a_wrong_code_opens_nothing(self, office: Account) -> None:
        browser = after_password(office)
        wrong = f"{(int(a_code(now=NOW)) + 1) % 1_000_000:06d}"
        assert 'role="alert"' in text_of(browser.post("/sign-in/code/", {"code": wrong}))
        assert not is_signed_in(browser)

    def test_a_code_is_good_once(self, office: Account) -> None:
        after_password(office).post("/sign-in/code/", {"code": a_code(now=NOW)})
        second = after_password(office)
        assert second.post("/sign-in/code/", {"code": a_code(now=NOW)}).status_code == 200
        assert not is_signed_in(second)
        assert second.post("/sign-in/code/", {"code": a_code(now=NOW, nth=1)}).status_code == 302

    def test_an_earlier_code_is_none_after_a_later_one(self, office: Account) -> None:
        after_password(office).post("/sign-in/code/", {"code": a_code(now=NOW)})
        assert after_password(office).post("/sign-in/code/", {"code": a_code(now=NOW, nth=-1)}).status_code == 200

    def test_the_code_that_set_it_up_is_used_up(self, registrar: Account) -> None:
        second_factor.set_up(registrar, builders.APP_SECRET, a_code(now=NOW), now=NOW)
        assert after_password(registrar).post("/sign-in/code/", {"code": a_code(now=NOW)}).status_code == 200

    @pytest.mark.parametrize(("steps", "status"), [(-2, 200), (-1, 302), (1, 302), (2, 200)])
    def test_a_clock_may_be_off_by_half_a_minute(self, office: Account, steps: int, status: int) -> None:
        answer = after_password(office).post("/sign-in/code/", {"code": a_code(now=NOW, nth=steps)})
        assert answer.status_code == status

    def test_after_five_wrong_codes_the_right_one_waits_fifteen_minutes(self, office: Account) -> None:
        browser = after_password(office)
        for number in range(5):
            browser.post("/sign-in/code/", {"code": f"00000{number}"})
        answer = browser.post("/sign-in/code/", {"code": a_code(now=NOW)})
        assert answer.status_code == 200
        assert "15" in text_of(answer).partition('role="alert"')[2]
        assert after_password(office).post("/sign-in/code/", {"code": a_code(now=NOW)}).status_code == 200
        later = NOW + timedelta(minutes=15)
        assert after_password(office, now=later).post("/sign-in/code/", {"code": a_code(now=later)}).status_code == 302

    def test_twenty_wrong_codes_are_enough_for_a_day(self, office: Account) -> None:
        for nth in range(4):
            browser = after_password(office, now=NOW + timedelta(minutes=16 * nth))
            for number in range(5):
                browser.post("/sign-in/code/", {"code": f"00000{number}"})
        later = NOW + timedelta(hours=2)
        assert after_password(office, now=later).post("/sign-in/code/", {"code": a_code(now=later)}).status_code == 200
        assert Entry.objects.filter(action="second_factor:wrong", actor=office).count() == 20

    def test_the_page_is_nobodys_without_the_password(self, office: Account) -> None:
        assert visit().get("/sign-in/code/").headers["Location"] == "/sign-in/"
        assert visit().post("/sign-in/code/", {"code": a_code(now=NOW)}).headers["Location"] == "/sign-in/"

    def test_one_can_begin_again_as_somebody_else(self, office: Account) -> None:
        browser = after_password(office)
        browser.post("/sign-out/", {"next": "/sign-in/"})
        assert browser.get("/sign-in/").status_code == 200
        assert browser.get("/sign-in/code/").headers["Location"] == "/sign-in/"

    def test_a_guardian_who_has_one_is_asked_too(self) -> None:
        student = builders.a_student(builders.a_class(builders.a_school()))
        account = builders.a_guardian(student, account=builders.an_account(password=PASSWORD))
        builders.a_second_factor(account)
        assert not is_signed_in(after_password(account))


class TestAHalfDoneSignIn:
    """The password was right; the code is still to come, or the app to be set up."""

    def test_ends_with_the_password_that_began_it(self, office: Account) -> None:
        browser = after_password(office)
        forgotten.set_new(office, "river-umbrella-42", now=NOW)
        answer = browser.post("/sign-in/code/", {"code": a_code(now=NOW)}, follow=True)
        assert answer.redirect_chain[-1][0] == "/sign-in/"
        assert "密碼" in text_of(answer).partition("notice")[2]
        assert not is_signed_in(browser)

    def test_sets_no_factor_up_after_that(self, registrar: Account) -> None:
        browser = after_password(registrar)
        secret = secret_on(text_of(browser.get("/sign-in/second-factor/")))
        forgotten.set_new(registrar, "river-umbrella-42", now=NOW)
        browser.post("/sign-in/second-factor/", {"code": code_of(secret)})
        assert not second_factor.is_set_up(registrar)

    def test_goes_on_while_the_password_stands(self, office: Account) -> None:
        browser = after_password(office)
        browser.get("/sign-in/code/")
        browser.post("/sign-in/code/", {"code": a_code(now=NOW)})
        assert is_signed_in(browser)


class TestProvingItAgain:
    """What a sign-in asks is asked, whoever sends one there."""

    @pytest.fixture
    def browser(self, office: Account) -> Client:
        return visit(office)

    def test_takes_the_code_beside_the_password(self, browser: Client) -> None:
        assert 'name="code"' in text_of(browser.get("/sign-in/again/"))
        assert browser.post("/sign-in/again/", {"password": PASSWORD, "code": a_code(now=NOW)}).status_code == 302

    @pytest.mark.parametrize("typed", [{"password": PASSWORD}, {"password": PASSWORD, "code": "123456"}])
    def test_the_password_alone_proves_nothing(self, browser: Client, typed: dict[str, str]) -> None:
        assert browser.post("/sign-in/again/", typed).status_code == 200
        assert "account_authentication_methods" not in browser.session

    def test_a_wrong_password_uses_no_code_up(self, browser: Client) -> None:
        code = a_code(now=NOW)
        assert browser.post("/sign-in/again/", {"password": "wrong", "code": code}).status_code == 200
        assert browser.post("/sign-in/again/", {"password": PASSWORD, "code": code}).status_code == 302


class TestARecoveryCode:
    def test_signs_in_once(self, office: Account) -> None:
        code = second_factor.recovery_codes(office)[0]
        assert after_password(office).post("/sign-in/code/", {"code": f"{code[:4]} {code[4:]}"}).status_code == 302
        again = after_password(office)
        assert again.post("/sign-in/code/", {"code": code}).status_code == 200
        assert not is_signed_in(again)

    def test_says_when_few_are_left(self, office: Account) -> None:
        codes = second_factor.recovery_codes(office)
        for code in codes[:6]:
            second_factor.check(office, code, now=NOW)
        browser = after_password(office)
        answer = browser.post("/sign-in/code/", {"code": codes[6]}, follow=True)
        assert "3" in text_of(answer).partition('role="status"')[2].partition("</div>")[0]

    def test_of_somebody_else_opens_nothing(self, office: Account) -> None:
        other = builders.an_office(builders.a_school())
        code = second_factor.recovery_codes(other)[0]
        assert after_password(office).post("/sign-in/code/", {"code": code}).status_code == 200


class TestAnOpenSession:
    def test_ends_when_a_role_is_given_that_needs_more(self) -> None:
        account = builders.an_account()
        browser = visit(account)
        assert browser.get("/family/").status_code == 200
        Role.objects.create(account=account, name=Role.Name.REGISTRAR, school=builders.a_school())
        answer = browser.get("/family/", follow=True)
        assert answer.redirect_chain[0][0] == "/sign-in/?next=/family/"
        assert 'role="status"' in text_of(answer)

    def test_stays_when_a_class_is_given(self) -> None:
        account = builders.an_account()
        browser = visit(account)
        builders.a_teacher(builders.a_class(builders.a_school()), account=account)
        assert browser.get("/family/").status_code == 200

    def test_ends_when_its_factor_is_taken_away(self, office: Account) -> None:
        browser = visit(office)
        assert browser.get("/schools/").status_code == 302
        second_factor.take_away(office, by=None, now=NOW)
        assert browser.get("/schools/").headers["Location"] == "/sign-in/?next=/schools/"

    def test_the_factor_of_somebody_else_is_none(self, office: Account, registrar: Account) -> None:
        browser = visit(registrar)
        session = browser.session
        second_factor.remember(session, Authenticator.objects.filter(user=office).first().pk)
        session.save()
        assert not is_signed_in(browser)

    def test_a_part_of_a_page_gets_no_sign_in_page(self, office: Account) -> None:
        school = Role.objects.get(account=office).school
        browser = visit(office, by_password_alone=True)
        answer = browser.get(reverse("school-board", args=[school.code]), headers={"HX-Request": "true"})
        assert answer.status_code == 401

    def test_the_tables_of_the_operator_are_closed_as_well(self) -> None:
        operator = builders.a_role("operator")
        assert visit(operator).get("/operator/admin/").status_code == 200
        assert visit(operator, by_password_alone=True).get("/operator/admin/").status_code == 302


class TestOnesOwn:
    """A guardian may have one, and do without it again."""

    @pytest.fixture
    def mother(self) -> Account:
        student = builders.a_student(builders.a_class(builders.a_school()))
        return builders.a_guardian(student, account=builders.an_account(password=PASSWORD))

    def test_is_switched_on_with_the_password_and_a_code(self, mother: Account) -> None:
        browser = visit(mother)
        secret = secret_on(text_of(browser.get("/second-factor/")))
        page = text_of(browser.post("/second-factor/", {"code": code_of(secret), "password": PASSWORD}))
        assert len(re.findall(r"<code>(\d{4} \d{4})</code>", page)) == 10
        assert browser.get("/family/").status_code == 200
        assert not is_signed_in(after_password(mother))
        assert ActivationMail.objects.filter(account=mother, kind="second_factor_set_up").count() == 1

    def test_what_somebody_saw_on_a_screen_left_open_is_no_secret_of_the_next_day(self, mother: Account) -> None:
        browser = visit(mother)
        seen = secret_on(text_of(browser.get("/second-factor/")))
        assert secret_on(text_of(browser.get("/second-factor/"))) == seen  # a second look is not a second picture
        later = NOW + timedelta(minutes=15)
        assert secret_on(text_of(browser.get("/second-factor/", **{KEY: later}))) != seen
        form = {"code": code_of(seen, later), "password": PASSWORD}
        browser.post("/second-factor/", form, **{KEY: later})
        assert not second_factor.is_set_up(mother)

    @pytest.mark.parametrize("typed", [{"password": "wrong"}, {"code": "000000"}])
    def test_is_not_with_less(self, mother: Account, typed: dict[str, str]) -> None:
        browser = visit(mother)
        secret = secret_on(text_of(browser.get("/second-factor/")))
        form = {"code": code_of(secret), "password": PASSWORD} | typed
        assert 'role="alert"' in text_of(browser.post("/second-factor/", form))
        assert not second_factor.is_set_up(mother)

    def test_five_wrong_passwords_are_enough(self, mother: Account) -> None:
        browser = visit(mother)
        form = {"code": code_of(secret_on(text_of(browser.get("/second-factor/"))))}
        for _time in range(5):
            browser.post("/second-factor/", form | {"password": "wrong"})
        browser.post("/second-factor/", form | {"password": PASSWORD})
        assert not second_factor.is_set_up(mother)

    def test_is_switched_off_with_a_code_only(self, mother: Account) -> None:
        builders.a_second_factor(mother)
        browser = visit(mother)
        assert browser.post("/second-factor/off/", {"code": "000000"}).status_code == 200
        assert second_factor.is_set_up(mother)
        assert browser.post("/second-factor/off/", {"code": a_code(now=NOW)}).status_code == 302
        assert not second_factor.is_set_up(mother)
        assert is_signed_in(after_password(mother))

    def test_recovery_codes_are_made_anew_with_a_code(self, office: Account) -> None:
        old = second_factor.recovery_codes(office)
        browser = visit(office)
        assert browser.post("/second-factor/codes/", {"code": "000000"}).status_code == 200
        assert second_factor.recovery_codes(office) == old
        browser.post("/second-factor/codes/", {"code": a_code(now=NOW)})
        assert not set(second_factor.recovery_codes(office)) & set(old)
        assert is_signed_in(browser)

    def test_whose_role_needs_one_moves_to_another_phone_but_does_not_do_without(self, office: Account) -> None:
        browser = visit(office)
        browser.post("/second-factor/off/", {"code": a_code(now=NOW)})
        assert not is_signed_in(browser)
        answer = browser.post("/sign-in/", {"login": office.email, "password": PASSWORD})
        assert answer.headers["Location"] == "/sign-in/second-factor/"

    def test_each_change_is_told_by_mail(self, office: Account) -> None:
        second_factor.check(office, second_factor.recovery_codes(office)[0], now=NOW)
        visit(office).post("/second-factor/off/", {"code": a_code(now=NOW)})
        told = ActivationMail.objects.filter(account=office).order_by("pk").values_list("kind", flat=True)
        assert list(told) == ["recovery_code_used", "second_factor_off"]

    @pytest.mark.parametrize("language", ["zh-hant", "en", "vi", "id"])
    def test_in_the_language_of_the_account(self, language: str, settings: Any) -> None:
        account = builders.an_account("lan@example.org", language=language)
        with mails.kept(settings) as relay:
            kinds = set(ActivationMail.Kind) - set(ActivationMail.FOR_AN_ACTIVATION)
            for kind in kinds:
                send_word(account, kind, now=NOW)
            while activations.send_due(now=NOW):
                pass
        assert [mail.recipient for mail in relay.mails] == ["lan@example.org"] * len(kinds)


class TestADemonstration:
    def test_may_do_without(self, registrar: Account, settings: Any) -> None:
        settings.SECOND_FACTOR = "off"
        assert is_signed_in(after_password(registrar))

    def test_still_asks_who_has_set_one_up(self, office: Account, settings: Any) -> None:
        settings.SECOND_FACTOR = "off"
        assert not is_signed_in(after_password(office))

    @pytest.mark.parametrize(("demonstration", "starts"), [("true", True), ("false", False)])
    def test_alone_may_do_without(self, demonstration: str, starts: bool) -> None:
        said = {"GATEPOST_SECOND_FACTOR": "off", "GATEPOST_DEMONSTRATION": demonstration}
        command = [sys.executable, "-c", "import gatepost.config.settings"]
        tried = subprocess.run(command, env={**os.environ, **said}, capture_output=True, text=True, check=False)
        assert (tried.returncode == 0) is starts, tried.stderr
        assert ("GATEPOST_SECOND_FACTOR" in tried.stderr) is not starts
