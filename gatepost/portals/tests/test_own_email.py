"""Another email to sign in with: proven on both sides, taken back from the old one."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from gatepost.accounts.models import Account, ActivationMail
from gatepost.channels.email.tests.relays import Script
from gatepost.notify import activations
from gatepost.notify.models import Address
from gatepost.portals.tests import mails
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders

pytestmark = pytest.mark.django_db

PASSWORD = "river-umbrella-42"
AGAIN = "/sign-in/again/?next=%2Femail%2F"
OLD, NEW = "mother@example.org", "mother@new.example"


@pytest.fixture
def mother() -> Account:
    return builders.an_account(OLD, name="林淑芬", password=PASSWORD, language="en")


@pytest.fixture
def browser(mother: Account) -> Client:
    """Of somebody who has just shown who they are."""
    signed_in = visit(mother)
    signed_in.post("/sign-in/again/", {"password": PASSWORD})
    return signed_in


@pytest.fixture
def relay(settings: Any) -> Iterator[Script]:
    with mails.kept(settings) as kept:
        yield kept


def sent(relay: Script) -> dict[str, str]:
    """The words of the newest mail to each mailbox."""
    activations.send_due(now=NOW)
    return {mail.recipient: mails.text_in(relay, nth) for nth, mail in enumerate(relay.mails)}


def code_in(text: str) -> str:
    found = re.search(r"\b\d{6}\b", text)
    return found[0] if found else ""


def asked(browser: Client, relay: Script, email: str = NEW) -> dict[str, str]:
    """The codes, as they are typed."""
    assert browser.post("/email/", {"email": email}).headers["Location"] == "/email/codes/"
    told = sent(relay)
    return {"code": code_in(told.get(email, "")), "old_code": code_in(told[OLD])}


def changed(browser: Client, relay: Script) -> str:
    """The path of the link that undoes it."""
    assert browser.post("/email/codes/", asked(browser, relay)).status_code == 302
    found = re.search(r"(/email/undo/\S+)", sent(relay)[OLD])
    assert found is not None
    return found[1]


def email_of(account: Account) -> str:
    return Account.objects.get(pk=account.pk).email


class TestChanging:
    def test_takes_a_code_from_both_mailboxes(self, browser: Client, mother: Account, relay: Script) -> None:
        codes = asked(browser, relay)
        assert codes["code"] != codes["old_code"]
        assert browser.post("/email/codes/", codes).headers["Location"] == "/devices/"
        assert email_of(mother) == NEW
        assert visit().post("/sign-in/", {"login": NEW, "password": PASSWORD}).status_code == 302
        assert visit().post("/sign-in/", {"login": OLD, "password": PASSWORD}).status_code == 200

    @pytest.mark.parametrize("lacking", ["code", "old_code"])
    def test_one_of_the_two_is_not_enough(self, browser: Client, mother: Account, relay: Script, lacking: str) -> None:
        codes = asked(browser, relay)
        page = text_of(browser.post("/email/codes/", codes | {lacking: "000000"}))
        assert 'aria-invalid="true"' in page
        assert email_of(mother) == OLD

    def test_the_codes_cannot_be_guessed(self, browser: Client, mother: Account, relay: Script) -> None:
        codes = asked(browser, relay)
        for _try in range(5):
            browser.post("/email/codes/", codes | {"code": "000000"})
        browser.post("/email/codes/", codes)
        assert email_of(mother) == OLD

    def test_they_are_good_for_a_quarter_of_an_hour_and_the_newest_only(
        self, browser: Client, mother: Account, relay: Script
    ) -> None:
        first = asked(browser, relay)
        second = asked(browser, relay)
        browser.post("/email/codes/", first)
        assert email_of(mother) == OLD
        later = {"gatepost.now": NOW + timedelta(minutes=15)}
        assert browser.post("/email/codes/", second, **later).headers["Location"] == "/email/"
        assert email_of(mother) == OLD

    def test_signs_the_other_devices_out(self, browser: Client, mother: Account, relay: Script) -> None:
        elsewhere = visit(mother)
        changed(browser, relay)
        assert browser.get("/home/").status_code == 200
        assert elsewhere.get("/home/").status_code == 302

    def test_leaves_messages_where_they_go(self, browser: Client, mother: Account, relay: Script) -> None:
        builders.an_address(mother, OLD)
        changed(browser, relay)
        assert [address.target for address in Address.objects.filter(account=mother)] == [OLD]

    def test_a_link_for_a_password_that_the_old_mailbox_has_is_good_for_nothing(
        self, browser: Client, relay: Script
    ) -> None:
        visit().post("/forgotten-password/", {"email": OLD})
        activations.send_due(now=NOW)
        link = mails.link_in(relay)
        changed(browser, relay)
        assert visit().get(link).status_code == 404

    def test_needs_somebody_who_has_just_shown_who_they_are(self, mother: Account) -> None:
        browser = visit(mother)
        assert browser.get("/email/").headers["Location"] == AGAIN
        assert browser.post("/email/", {"email": NEW}).headers["Location"] == AGAIN
        assert browser.post(AGAIN, {"password": PASSWORD}).headers["Location"] == "/email/"
        assert browser.get("/email/").status_code == 200
        later = {"gatepost.now": NOW + timedelta(minutes=15)}
        assert browser.get("/email/", **later).headers["Location"] == AGAIN

    def test_does_not_fill_mailboxes(self, browser: Client) -> None:
        for number in range(5):
            browser.post("/email/", {"email": f"m{number}@new.example"})
        assert 'aria-invalid="true"' in text_of(browser.post("/email/", {"email": NEW}))
        assert ActivationMail.objects.count() == 10


class TestAnEmailThatHasAnAccount:
    def test_gets_the_same_page_and_its_owner_word_instead_of_a_code(
        self, browser: Client, mother: Account, relay: Script
    ) -> None:
        builders.an_account("father@new.example", language="en")
        taken = asked(browser, relay, "Father@new.example".lower())
        page = text_of(browser.get("/email/codes/"))
        asked(browser, relay)
        free = text_of(browser.get("/email/codes/"))
        hide = re.compile(r'father@new\.example|mother@new\.example|value="[^"]*"')
        assert hide.sub("", page) == hide.sub("", free)
        assert taken["code"] == ""
        assert "You have a Gatepost account already" in sent(relay)["father@new.example"]

    def test_is_never_taken_over(self, browser: Client, mother: Account, relay: Script) -> None:
        builders.an_account(NEW, language="en")
        codes = asked(browser, relay)
        for guess in ("000000", "123456"):
            browser.post("/email/codes/", codes | {"code": guess})
        assert email_of(mother) == OLD

    def test_of_which_the_account_was_opened_meanwhile_stays_with_it(
        self, browser: Client, mother: Account, relay: Script
    ) -> None:
        codes = asked(browser, relay)
        builders.an_account(NEW.upper())
        page = text_of(browser.post("/email/codes/", codes))
        assert "has an account of its own" in page
        assert email_of(mother) == OLD


class TestTakingItBack:
    def test_gives_the_old_email_back_ends_every_device_and_the_password(
        self, browser: Client, mother: Account, relay: Script
    ) -> None:
        link = changed(browser, relay)
        assert visit().post(link).status_code == 200
        assert email_of(mother) == OLD
        assert browser.get("/home/").status_code == 302
        assert visit().post("/sign-in/", {"login": OLD, "password": PASSWORD}).status_code == 200
        assert "/forgotten-password/" in sent(relay)[OLD]

    def test_looking_at_the_link_changes_nothing(self, browser: Client, mother: Account, relay: Script) -> None:
        link = changed(browser, relay)
        assert NEW in text_of(visit().get(link))
        assert email_of(mother) == NEW

    def test_works_once_and_for_seven_days(self, browser: Client, relay: Script) -> None:
        link = changed(browser, relay)
        assert visit(now=NOW + timedelta(days=7)).post(link).status_code == 410
        assert visit(now=NOW + timedelta(days=6)).post(link).status_code == 200
        assert visit().post(link).status_code == 404

    def test_is_not_for_a_link_that_nobody_sent(self) -> None:
        assert visit().get("/email/undo/abc/").status_code == 404
