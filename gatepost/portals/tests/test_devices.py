"""Where one is signed in: to be seen, and to be ended from another device."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gatepost.accounts import devices, second_factor
from gatepost.accounts.models import Account, ActivationMail, Device
from gatepost.notify import activations
from gatepost.portals.tests import mails
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.sso.models import ServiceSession
from gatepost.sso.tests.conversations import a_service
from tests import builders

pytestmark = pytest.mark.django_db

PASSWORD = "river-umbrella-42"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
LINE = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/140.0.0.0 Mobile Safari/537.36 Line/15.2.0/IAB"
)


@pytest.fixture
def mother() -> Account:
    return builders.an_account("mother@example.org", name="林淑芬", password=PASSWORD)


def sign_in(account: Account, *, agent: str = CHROME, address: str = "203.0.113.77", now: datetime = NOW) -> Client:
    """Through the page, in a browser that says what it is."""
    browser = visit(now=now, HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
    assert browser.post("/sign-in/", {"login": account.email, "password": PASSWORD}).status_code == 302
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/home/", follow=True).redirect_chain[-1:] != [("/sign-in/?next=/home/", 302)]


class TestTheList:
    def test_names_each_browser_as_people_call_it_and_where_it_is_used(self, mother: Account) -> None:
        sign_in(mother, agent=IPHONE, address="2001:db8:7:8::9")
        sign_in(mother, agent=LINE, address="198.51.100.4")
        page = text_of(sign_in(mother).get("/devices/", headers={"Accept-Language": "en"}))
        for words in ("Chrome", "Windows", "Safari", "iPhone", "LINE", "Android", "203.0.113.*", "2001:0db8:0007:*"):
            assert words in page
        assert page.count("<article") == 3
        assert page.count('data-state="on"') == 1

    def test_keeps_neither_the_whole_address_nor_what_the_browser_says_of_itself(self, mother: Account) -> None:
        sign_in(mother)
        row = str(Device.objects.values().get())
        assert "203.0.113.77" not in row
        assert "AppleWebKit" not in row

    def test_shows_nothing_of_anybody_else(self, mother: Account) -> None:
        sign_in(mother, agent=IPHONE)
        father = builders.an_account("father@example.org", password=PASSWORD)
        assert "iPhone" not in text_of(sign_in(father).get("/devices/"))

    def test_shows_nothing_that_has_run_out_or_was_signed_out(self, mother: Account) -> None:
        old, left = sign_in(mother, agent=IPHONE), sign_in(mother, agent=LINE)
        Session.objects.filter(session_key=old.session.session_key).update(expire_date=NOW - timedelta(seconds=1))
        left.post("/sign-out/")
        page = text_of(sign_in(mother).get("/devices/"))
        assert page.count("<article") == 1

    def test_says_who_has_shown_a_second_factor(self) -> None:
        office = builders.an_office(builders.a_school())
        page = text_of(visit(office).get("/devices/"))
        assert "第二道驗證" in page
        assert "Email 驗證碼" not in page

    def test_says_how_it_was_let_in(self, mother: Account) -> None:
        here = sign_in(mother)
        for methods, words in (
            (["otp"], "Email 驗證碼"),
            (["mca"], "以手機確認"),
            (["fed", "user"], "市府或政府的身分驗證"),
        ):
            Device.objects.update(methods=methods)
            assert words in text_of(here.get("/devices/"))

    @pytest.mark.parametrize("agent", ["", "A" * 9000, "<script>alert(1)</script>", "Mozilla/5.0 (" * 600])
    def test_takes_whatever_a_browser_says(self, mother: Account, agent: str) -> None:
        page = text_of(sign_in(mother, agent=agent).get("/devices/"))
        assert page.count("<article") == 1
        assert "alert(1)" not in page


class TestEnding:
    def test_one_ends_that_one_only(self, mother: Account) -> None:
        here, phone, line = sign_in(mother), sign_in(mother, agent=IPHONE), sign_in(mother, agent=LINE)
        lost = Device.objects.get(system="iPhone")
        assert here.post(f"/devices/{lost.pk}/end/").headers["Location"] == "/devices/"
        assert (is_in(here), is_in(phone), is_in(line)) == (True, False, True)

    def test_all_others_leaves_this_one(self, mother: Account) -> None:
        here, phone, line = sign_in(mother), sign_in(mother, agent=IPHONE), sign_in(mother, agent=LINE)
        here.post("/devices/end-others/")
        assert (is_in(here), is_in(phone), is_in(line)) == (True, False, False)

    def test_takes_what_connected_services_hold_of_it_along(self, mother: Account) -> None:
        here, phone = sign_in(mother), sign_in(mother, agent=IPHONE)
        service = a_service("社團報名").service
        for browser in (here, phone):
            key = str(browser.session.session_key)
            ServiceSession.objects.create(service=service, account=mother, session_key=key, signed_in_at=NOW)
        here.post("/devices/end-others/")
        open_ones = ServiceSession.objects.filter(ended_at=None)
        assert [one.session_key for one in open_ones] == [here.session.session_key]

    def test_is_for_ones_own_only_and_a_link_alone_ends_nothing(self, mother: Account) -> None:
        here = sign_in(mother)
        device = Device.objects.get()
        stranger = visit(builders.an_account("father@example.org"))
        assert stranger.post(f"/devices/{device.pk}/end/").status_code == 404
        stranger.post("/devices/end-others/")
        assert here.get(f"/devices/{device.pk}/end/").status_code == 405
        assert here.get("/devices/end-others/").status_code == 405
        assert is_in(here)

    def test_needs_the_token_of_our_own_page(self, mother: Account) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(mother, backend="gatepost.accounts.backend.Backend")
        assert browser.post("/devices/end-others/").status_code == 403


class TestWordOfANewBrowser:
    """By mail, to the account; known is a browser in which it signed in before."""

    @pytest.fixture(autouse=True)
    def signed_in_before(self, mother: Account) -> None:
        Account.objects.filter(pk=mother.pk).update(last_login=NOW - timedelta(days=1))

    def test_says_which_when_where_and_what_to_do(self, mother: Account, settings: Any) -> None:
        sign_in(mother, agent=IPHONE)
        with mails.kept(settings) as relay:
            activations.send_due(now=NOW)
            told = mails.text_in(relay)
        for words in ("iPhone", "11/23 08:12", "203.0.113.*", "/devices/"):
            assert words in told
        assert "203.0.113.77" not in told

    def test_is_sent_once_for_each_browser(self, mother: Account) -> None:
        browser = sign_in(mother)
        browser.post("/sign-out/")
        browser.post("/sign-in/", {"login": mother.email, "password": PASSWORD})
        assert kinds() == ["new_device"]

    def test_is_not_sent_where_two_share_a_computer(self, mother: Account) -> None:
        builders.an_account("father@example.org", password=PASSWORD)
        browser = visit()
        for email in ("mother@example.org", "father@example.org", "mother@example.org", "father@example.org"):
            browser.post("/sign-in/", {"login": email, "password": PASSWORD})
            browser.post("/sign-out/")
        assert kinds() == ["new_device"]  # the mother's; the father had never signed in anywhere

    def test_is_not_sent_for_the_first_sign_in_of_all(self, mother: Account) -> None:
        Account.objects.update(last_login=None)
        sign_in(mother)
        assert kinds() == []

    def test_is_not_sent_for_a_password_that_was_only_guessed(self, mother: Account) -> None:
        visit().post("/sign-in/", {"login": mother.email, "password": "wrong"})
        assert kinds() == []

    def test_is_not_sent_before_the_second_factor_was_shown(self) -> None:
        office = builders.an_office(builders.a_school())
        office.set_password(PASSWORD)
        office.last_login = NOW
        office.save()
        browser = visit()
        browser.post("/sign-in/", {"login": office.email, "password": PASSWORD})
        assert kinds() == []
        browser.post("/sign-in/code/", {"code": builders.a_code(now=NOW)})
        assert kinds() == ["new_device"]

    def test_does_not_fill_a_mailbox(self, mother: Account) -> None:
        for _browser in range(7):
            sign_in(mother)
        assert len(kinds()) == 5


class TestWritingDown:
    def test_the_last_use_is_written_once_in_five_minutes(self, mother: Account) -> None:
        browser = sign_in(mother)
        browser.get("/devices/", **_later(minutes=4))
        assert Device.objects.get().last_seen_at == NOW
        browser.get("/devices/", **_later(minutes=6), REMOTE_ADDR="198.51.100.9")
        assert Device.objects.get().last_seen_at == NOW + timedelta(minutes=6)
        assert Device.objects.get().network == "198.51.100.*"

    def test_costs_a_page_no_question_in_between(self, mother: Account) -> None:
        browser = sign_in(mother)
        browser.get("/home/")
        with CaptureQueriesContext(connection) as asked:
            browser.get("/home/")
        assert not [one["sql"] for one in asked if "accounts_device" in one["sql"]]

    def test_a_new_password_keeps_this_device_in_its_place(self, mother: Account) -> None:
        here, phone = sign_in(mother), sign_in(mother, agent=IPHONE)
        new = "another-umbrella-43"
        here.post("/password/", {"current": PASSWORD, "password": new, "again": new})
        assert (is_in(here), is_in(phone)) == (True, False)
        assert [(one.browser, one.opened_at) for one in Device.objects.all()] == [("Chrome", NOW)]

    def test_a_forgotten_password_leaves_no_device(self, mother: Account) -> None:
        sign_in(mother)
        devices.end_others(mother, but="")
        assert not Session.objects.filter(device__isnull=False).exists()

    def test_sessions_that_ran_out_are_forgotten(self, mother: Account) -> None:
        sign_in(mother)
        now = timezone.now()
        assert devices.forget(now) == 0
        Session.objects.update(expire_date=now - timedelta(seconds=1))
        assert devices.forget(now) == 1
        assert not Device.objects.exists()


def test_switching_a_second_factor_on_ends_the_devices_that_did_not_show_it(mother: Account) -> None:
    here, phone = sign_in(mother), sign_in(mother, agent=IPHONE)
    page = here.get("/second-factor/")
    secret = page.context["typed"].replace(" ", "")
    code = second_factor.code_at(secret, int(NOW.timestamp()) // second_factor.PERIOD_SECONDS)
    assert here.post("/second-factor/", {"code": code, "password": PASSWORD}).status_code == 200
    assert (is_in(here), is_in(phone)) == (True, False)


def kinds() -> list[str]:
    return list(ActivationMail.objects.order_by("pk").values_list("kind", flat=True))


def _later(*, minutes: int) -> dict[str, Any]:
    return {"gatepost.now": NOW + timedelta(minutes=minutes)}
