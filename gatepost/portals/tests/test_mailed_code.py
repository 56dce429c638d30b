"""A code by mail: once, in time, in the browser that asked for it, and without a hint whether there is an account."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gatepost.accounts import mailed_codes, proofs
from gatepost.accounts.models import Account, ActivationMail
from gatepost.channels.email.tests.relays import Script
from gatepost.notify import activations
from gatepost.portals.tests import mails
from gatepost.portals.tests.mails import text_in
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders
from tests.builders import a_code

pytestmark = pytest.mark.django_db

EMAIL, PASSWORD = "mother@example.org", "gate-and-home-1"
ASK, TYPE = "/sign-in/mail/", "/sign-in/mail/code/"


@pytest.fixture
def relay(settings: Any) -> Iterator[Script]:
    with mails.kept(settings) as script:
        yield script


@pytest.fixture
def mother(relay: Script) -> Account:
    account = builders.an_account(EMAIL, password=PASSWORD, language="en")
    return builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())), account=account)


def asking(email: str = EMAIL, **more: Any) -> Client:
    """A browser that has asked for a code."""
    browser = visit(HTTP_ACCEPT_LANGUAGE="en", **more)
    assert browser.post(ASK, {"email": email}).headers["Location"] == TYPE
    return browser


def code_in(relay: Script) -> str:
    activations.send_due(now=NOW)
    found = re.search(r"\b\d{6}\b", text_in(relay))
    assert found is not None
    return found[0]


def later(browser: Client, after: timedelta) -> Client:
    """The same browser at another time."""
    moved = visit(now=NOW + after, HTTP_ACCEPT_LANGUAGE="en")
    moved.cookies = browser.cookies
    return moved


def said(browser: Client, code: str) -> str:
    """What is said to a code that is not taken."""
    answer = browser.post(TYPE, {"code": code})
    assert answer.status_code == 200
    return text_of(answer).partition('role="alert"')[2].partition("</div>")[0]


@pytest.mark.parametrize("aim", ["a b", "home", "https://evil.example/", "//evil.example", ".", "x:y"])
def test_who_is_signed_in_is_led_home_where_no_page_of_ours_is_named(mother: Account, aim: str) -> None:
    for page in (ASK, "/sign-in/phone/"):
        assert visit(mother).get(page, {"next": aim}).headers["Location"] == "/home/"
        assert visit(mother).get(page, {"next": "/family/settings/"}).headers["Location"] == "/family/settings/"


def is_signed_in(browser: Client) -> bool:
    return browser.get("/home/").headers.get("Location") != "/sign-in/?next=/home/"


class TestTheCode:
    def test_signs_in_and_leads_to_the_page_that_was_wanted(self, mother: Account, relay: Script) -> None:
        browser = visit()
        page = text_of(browser.get("/sign-in/?next=/family/settings/"))
        assert f'href="{ASK}?next=%2Ffamily%2Fsettings%2F"' in page
        browser.post(ASK, {"email": EMAIL.upper(), "next": "/family/settings/"})
        answer = browser.post(TYPE, {"code": code_in(relay)})
        assert answer.headers["Location"] == "/family/settings/"
        assert browser.get("/family/settings/").status_code == 200

    def test_leads_to_no_other_house(self, mother: Account, relay: Script) -> None:
        browser = visit()
        browser.post(ASK, {"email": EMAIL, "next": "https://evil.example/"})
        assert browser.post(TYPE, {"code": code_in(relay)}).headers["Location"] == "/home/"

    def test_is_told_to_connected_services_as_a_one_time_code(self, mother: Account, relay: Script) -> None:
        browser = asking()
        browser.post(TYPE, {"code": code_in(relay)})
        request = browser.get("/home/").wsgi_request
        assert proofs.of_session(request, mother, now=NOW).methods == ("otp",)

    def test_the_mail_says_where_it_counts_and_to_tell_it_to_nobody(self, mother: Account, relay: Script) -> None:
        asking()
        code = code_in(relay)
        assert "that browser only" in text_in(relay)
        assert "Tell it to nobody" in text_in(relay)
        mail = ActivationMail.objects.get()
        assert code.encode() not in bytes(mail.digest or b"")

    def test_is_good_for_ten_minutes(self, mother: Account, relay: Script) -> None:
        browser = asking()
        code = code_in(relay)
        assert "older than ten minutes" in said(later(browser, timedelta(minutes=10)), code)
        in_time = later(browser, timedelta(minutes=9, seconds=59)).post(TYPE, {"code": code})
        assert in_time.headers["Location"] == "/home/"

    def test_is_not_taken_by_a_clock_that_is_far_off(self, mother: Account, relay: Script) -> None:
        browser = asking()
        code = code_in(relay)
        assert "Have a new one sent" in said(later(browser, -timedelta(minutes=2)), code)
        assert later(browser, -timedelta(seconds=30)).post(TYPE, {"code": code}).status_code == 302

    def test_is_good_once(self, relay: Script) -> None:
        office = builders.an_account("office@example.org", language="en")
        builders.an_office(builders.a_school(), account=office)  # after the code, a second factor is asked for
        browser = asking(office.email)
        code = code_in(relay)
        assert browser.post(TYPE, {"code": code}).headers["Location"] == "/sign-in/code/"
        assert "used already" in said(browser, code)

    def test_is_good_in_the_browser_that_asked_and_in_no_other(self, mother: Account, relay: Script) -> None:
        hers, his = asking(), visit(HTTP_ACCEPT_LANGUAGE="en")
        code = code_in(relay)
        elsewhere = his.post(TYPE, {"code": code}, follow=True)
        assert "only in the browser that asked" in text_of(elsewhere)
        his.post(ASK, {"email": EMAIL})
        assert "not the code that this browser asked for" in said(his, code)
        assert not is_signed_in(his)
        assert hers.post(TYPE, {"code": code}).status_code == 302

    def test_of_another_account_opens_nothing(self, mother: Account, relay: Script) -> None:
        builders.an_account("father@example.org", language="en")
        hers = asking()
        code_in(relay)
        asking("father@example.org")
        assert "not the code" in said(hers, code_in(relay))

    def test_after_five_wrong_ones_the_right_one_opens_nothing(self, mother: Account, relay: Script) -> None:
        browser = asking()
        code = code_in(relay)
        wrong = "000000" if code != "000000" else "111111"
        for _try in range(5):
            assert "not the code" in said(browser, wrong)
        assert "opens nothing any more" in said(browser, code)
        browser.post(ASK, {"email": EMAIL})
        assert browser.post(TYPE, {"code": code_in(relay)}).status_code == 302

    @pytest.mark.parametrize("typed", ["", "12345", "abcdef", "1234567"])
    def test_what_is_no_code_costs_no_try(self, mother: Account, relay: Script, typed: str) -> None:
        browser = asking()
        for _try in range(6):
            assert "six digits" in said(browser, typed)
        assert browser.post(TYPE, {"code": code_in(relay)}).status_code == 302

    def test_that_could_not_be_sent_in_time_is_not_sent(self, mother: Account, relay: Script) -> None:
        asking()
        activations.send_due(now=NOW + timedelta(minutes=10))
        assert not relay.mails
        assert ActivationMail.objects.get().because == "late"


class TestNobodyLearns:
    def test_whether_an_email_has_an_account_that_is_open(self, mother: Account, relay: Script) -> None:
        builders.an_account("closed@example.org")
        Account.objects.filter(email="closed@example.org").update(is_active=False)
        pages = set()
        for email in (EMAIL, "nobody@example.org", "closed@example.org"):
            browser = asking(email)
            shown = text_of(browser.get(TYPE)) + said(browser, "000000")
            pages.add(re.sub(r"csrf\S+ value=\S+", "", shown).replace(email, ""))
        assert len(pages) == 1
        activations.send_due(now=NOW)
        assert len(relay.mails) == 1

    def test_by_the_work_either(self, mother: Account) -> None:
        counts = []
        for email in ("warm@example.org", EMAIL, "nobody@example.org"):
            with CaptureQueriesContext(connection) as asked:
                browser = asking(email)
                browser.post(TYPE, {"code": "000000"})
            counts.append(len(asked))
        assert counts[1] == counts[2]

    def test_that_an_account_was_closed_meanwhile(self, mother: Account, relay: Script) -> None:
        browser = asking()
        code = code_in(relay)
        Account.objects.update(is_active=False)
        assert "not the code" in said(browser, code)


class TestOneFactor:
    def test_a_role_that_needs_a_second_one_is_asked_for_it(self, relay: Script) -> None:
        office = builders.an_account("office@example.org", language="en")
        builders.an_office(builders.a_school(), account=office)
        browser = asking(office.email)
        assert browser.post(TYPE, {"code": code_in(relay)}).headers["Location"] == "/sign-in/code/"
        assert not is_signed_in(browser)
        assert browser.post("/sign-in/code/", {"code": a_code(now=NOW)}).headers["Location"] == "/home/"
        assert is_signed_in(browser)

    def test_who_has_none_yet_sets_one_up(self, relay: Script) -> None:
        officer = builders.a_role("bureau_officer", account=builders.an_account("officer@example.org", language="en"))
        Authenticator.objects.filter(user=officer).delete()
        browser = asking(officer.email)
        assert browser.post(TYPE, {"code": code_in(relay)}).headers["Location"] == "/sign-in/second-factor/"
        assert not is_signed_in(browser)


class TestHowOften:
    def test_one_place_fills_nobodys_mailbox(self, mother: Account, relay: Script) -> None:
        for _time in range(mailed_codes.TO_ONE_MAILBOX_FROM_ONE_NETWORK_AN_HOUR):
            asking(REMOTE_ADDR="192.0.2.1")
        answer = visit(REMOTE_ADDR="192.0.2.1").post(ASK, {"email": EMAIL})
        assert answer.status_code == 200
        assert 'role="alert"' in text_of(answer)

    def test_a_stranger_does_not_keep_the_owner_from_a_code(self, mother: Account, relay: Script) -> None:
        hers = visit(REMOTE_ADDR="192.0.2.9")
        hers.post("/sign-in/", {"login": EMAIL, "password": PASSWORD})
        hers.post("/sign-out/")
        for nth in range(mailed_codes.TO_ONE_MAILBOX_AN_HOUR):
            asking(REMOTE_ADDR=f"192.0.2.{nth // 5 + 1}")
        assert visit(REMOTE_ADDR="192.0.2.8").post(ASK, {"email": EMAIL}).status_code == 200
        assert hers.post(ASK, {"email": EMAIL}).status_code == 302  # a browser that the account knows
        assert ask_at(NOW + timedelta(hours=1)).status_code == 302  # and any other, in an hour at the latest

    def test_a_whole_school_behind_one_address_signs_in(self, relay: Script) -> None:
        for nth in range(60):
            mailed_codes.ask(f"p{nth}@example.org", network_address="192.0.2.1", is_known=False, now=NOW)

    def test_who_asks_for_everybody_is_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mailed_codes, "FROM_ONE_NETWORK_AN_HOUR", 2)
        for nth in range(2):
            asking(f"p{nth}@example.org", REMOTE_ADDR="192.0.2.1")
        assert visit(REMOTE_ADDR="192.0.2.1").post(ASK, {"email": EMAIL}).status_code == 200


def test_a_form_of_another_site_asks_for_nothing(mother: Account) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(ASK, {"email": EMAIL}).status_code == 403
    assert browser.post(TYPE, {"code": "000000"}).status_code == 403
    assert not ActivationMail.objects.exists()


def test_a_session_that_was_put_into_the_browser_is_not_the_one_that_is_signed_in(
    mother: Account, relay: Script
) -> None:
    browser = asking()
    planted = browser.session.session_key
    browser.post(TYPE, {"code": code_in(relay)})
    assert is_signed_in(browser)
    assert browser.session.session_key != planted
    other = visit()
    other.cookies["gatepost"] = planted or ""
    assert not is_signed_in(other)


def ask_at(now: datetime) -> Any:
    return visit(now=now, REMOTE_ADDR="192.0.2.8").post(ASK, {"email": EMAIL})
