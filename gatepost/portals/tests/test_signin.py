import html
from typing import Any

import pytest
from django.urls import reverse

from gatepost.accounts.models import Account
from gatepost.portals.signin import ways
from gatepost.portals.tests.visits import text_of, visit
from tests import builders

pytestmark = pytest.mark.django_db

PASSWORD = "gate-and-home-1"


@pytest.fixture
def mother() -> Account:
    account = builders.an_account("mother@example.org", password=PASSWORD)
    student = builders.a_student(builders.a_class(builders.a_school()))
    return builders.a_guardian(student, account=account)


class TestSigningIn:
    def test_email_and_password_lead_home(self, mother: Account) -> None:
        browser = visit()
        answer = browser.post("/sign-in/", {"login": "Mother@example.org", "password": PASSWORD})
        assert answer.headers["Location"] == "/home/"
        assert browser.get("/home/").headers["Location"] == "/family/"

    def test_a_wrong_password_keeps_what_was_typed_and_says_what_to_do(self, mother: Account) -> None:
        answer = visit().post("/sign-in/", {"login": "mother@example.org", "password": "wrong"})
        page = text_of(answer)
        assert answer.status_code == 200
        assert 'value="mother@example.org"' in page
        assert "wrong" not in page
        assert 'role="alert"' in page

    def test_an_unknown_email_gets_the_same_words_as_a_wrong_password(self, mother: Account) -> None:
        wrong = text_of(visit().post("/sign-in/", {"login": "mother@example.org", "password": "x"}))
        unknown = text_of(visit().post("/sign-in/", {"login": "father@example.org", "password": "x"}))
        assert _errors(wrong) == _errors(unknown)

    def test_after_five_wrong_passwords_even_the_right_one_waits(self, mother: Account) -> None:
        for _attempt in range(5):
            visit().post("/sign-in/", {"login": "mother@example.org", "password": "wrong"})
        answer = visit().post("/sign-in/", {"login": "mother@example.org", "password": PASSWORD})
        assert answer.status_code == 200
        assert "15" in _errors(text_of(answer))

    def test_a_stranger_who_guesses_does_not_lock_the_browsers_that_the_account_used(self, mother: Account) -> None:
        form = {"login": "mother@example.org", "password": PASSWORD}
        used, signed_in, stranger = visit(), visit(mother), visit()
        used.post("/sign-in/", form)
        used.post("/sign-out/")
        for _attempt in range(5):
            stranger.post("/sign-in/", form | {"password": "wrong"})
        assert "15" in _errors(text_of(stranger.post("/sign-in/", form)))
        assert signed_in.get("/family/").status_code == 200
        assert used.post("/sign-in/", form).headers["Location"] == "/home/"

    def test_who_guesses_in_a_browser_of_the_account_waits_too(self, mother: Account) -> None:
        form = {"login": "mother@example.org", "password": PASSWORD}
        used = visit()
        used.post("/sign-in/", form)
        used.post("/sign-out/")
        for _attempt in range(5):
            used.post("/sign-in/", form | {"password": "wrong"})
        assert "15" in _errors(text_of(used.post("/sign-in/", form)))

    def test_a_browser_that_one_account_used_is_nobody_to_another(self, mother: Account) -> None:
        builders.an_account("father@example.org", password=PASSWORD)
        used = visit()
        used.post("/sign-in/", {"login": "father@example.org", "password": PASSWORD})
        used.post("/sign-out/")
        for _attempt in range(5):
            visit().post("/sign-in/", {"login": "mother@example.org", "password": "wrong"})
        answer = used.post("/sign-in/", {"login": "mother@example.org", "password": PASSWORD})
        assert "15" in _errors(text_of(answer))

    def test_the_page_one_wanted_comes_after_the_sign_in(self, mother: Account) -> None:
        browser = visit()
        wanted = browser.get("/family/settings/")
        assert wanted.headers["Location"] == "/sign-in/?next=/family/settings/"
        form = {"login": "mother@example.org", "password": PASSWORD, "next": "/family/settings/"}
        assert browser.post("/sign-in/", form).headers["Location"] == "/family/settings/"

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
    def test_a_sign_in_never_leads_out_of_the_house(self, mother: Account, elsewhere: str) -> None:
        form = {"login": "mother@example.org", "password": PASSWORD, "next": elsewhere}
        assert visit().post("/sign-in/", form).headers["Location"] == "/home/"

    def test_a_closed_account_is_told_whom_to_ask(self, mother: Account) -> None:
        mother.is_active = False
        mother.save()
        browser = visit()
        answer = browser.post("/sign-in/", {"login": "mother@example.org", "password": PASSWORD}, follow=True)
        assert answer.redirect_chain[-1][0] == "/sign-in/"
        assert browser.get("/home/").status_code == 302

    def test_nobody_registers_by_themselves(self) -> None:
        assert visit().get("/sign-up/").status_code == 404
        assert visit().get("/accounts/signup/").status_code == 404


class TestTheSignInPage:
    def test_each_way_says_whom_it_suits_and_leads_to_the_page_that_was_wanted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = ways.Way(title="Another way", suits="For those with another thing.", url_name="forgotten")
        monkeypatch.setattr(ways, "WAYS", (*ways.WAYS, link))
        page = text_of(visit().get("/sign-in/?next=/family/settings/"))
        assert 'href="/forgotten-password/?next=%2Ffamily%2Fsettings%2F"' in page
        assert all(str(way.suits) in html.unescape(page) for way in ways.WAYS if way.is_open())

    def test_a_way_that_the_installation_does_not_offer_is_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        off = ways.Way(title="Another way", suits="For nobody.", url_name="forgotten", is_open=lambda: False)
        monkeypatch.setattr(ways, "WAYS", (*ways.WAYS, off))
        assert "Another way" not in text_of(visit().get("/sign-in/"))

    def test_no_way_is_given_the_address_of_another_house(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ways, "WAYS", (ways.Way(title="A", suits="B", url_name="forgotten"),))
        assert 'href="/forgotten-password/"' in text_of(visit().get("/sign-in/?next=https://evil.example/"))

    def test_who_has_no_account_sees_where_to_begin(self) -> None:
        page = text_of(visit().get("/sign-in/"))
        assert all(f'href="{begin}"' in page for begin in ("/apply/", "/activate/again/", "/first-sign-in/"))

    def test_the_first_sign_in_with_an_id_number_is_offered_only_where_it_is_allowed(self, settings: Any) -> None:
        settings.FIRST_PASSWORD_BY_ID_NUMBER = False
        assert "/first-sign-in/" not in text_of(visit().get("/sign-in/"))


class TestSigningOut:
    def test_a_link_alone_signs_nobody_out(self, mother: Account) -> None:
        browser = visit(mother)
        assert browser.get("/sign-out/").status_code == 200
        assert browser.get("/family/").status_code == 200

    def test_the_button_does(self, mother: Account) -> None:
        browser = visit(mother)
        assert browser.post("/sign-out/").headers["Location"] == "/"
        assert browser.get("/family/").status_code == 302


class TestHome:
    def test_each_role_has_its_place(self) -> None:
        school = builders.a_school()
        for account, place in (
            (builders.an_office(school), f"/schools/{school.code}/today/"),
            (builders.a_teacher(builders.a_class(school)), f"/schools/{school.code}/today/"),
            (builders.a_role("bureau_officer"), "/bureau/today/"),
            (builders.a_role("operator"), "/operator/"),
        ):
            assert visit(account).get("/home/").headers["Location"] == place

    def test_a_teacher_who_is_a_parent_chooses(self) -> None:
        school_class = builders.a_class(builders.a_school())
        account = builders.a_guardian(builders.a_student(school_class))
        builders.a_teacher(school_class, account=account)
        page = text_of(visit(account).get("/home/"))
        assert 'href="/family/"' in page
        assert f'href="/schools/{school_class.school.code}/today/"' in page

    def test_somebody_without_any_role_is_told_what_to_do(self) -> None:
        answer = visit(builders.an_account()).get("/home/")
        assert answer.status_code == 200
        assert 'class="empty"' in text_of(answer)

    def test_several_schools_are_listed(self) -> None:
        first, second = builders.a_school(short_name="甲國小"), builders.a_school(short_name="乙國小")
        account = builders.an_office(first)
        builders.an_office(second, account=account)
        page = text_of(visit(account).get(reverse("schools")))
        assert "甲國小" in page
        assert "乙國小" in page


class TestLanguage:
    def test_the_pages_speak_the_language_of_the_account(self) -> None:
        answer = visit(builders.an_account(language="vi")).get("/home/")
        assert answer.headers["Content-Language"] == "vi"

    def test_choosing_a_language_changes_pages_and_account(self) -> None:
        account = builders.an_account(language="zh-hant")
        browser = visit(account)
        answer = browser.post("/language/", {"language": "id", "next": "/family/settings/"})
        assert answer.headers["Location"] == "/family/settings/"
        account.refresh_from_db()
        assert account.language == "id"

    def test_without_an_account_the_browser_remembers(self) -> None:
        browser = visit()
        browser.post("/language/", {"language": "en", "next": "/"})
        assert browser.get("/").headers["Content-Language"] == "en"

    def test_an_unknown_language_changes_nothing(self) -> None:
        account = builders.an_account(language="zh-hant")
        visit(account).post("/language/", {"language": "xx"})
        account.refresh_from_db()
        assert account.language == "zh-hant"


def _errors(page: str) -> str:
    return page.partition('role="alert"')[2].partition("</div>")[0]
