"""A forgotten password: by mail, once, in time, and without a hint to anybody whether there is an account."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gatepost.accounts import forgotten
from gatepost.accounts.models import Account, ActivationMail, OldPassword
from gatepost.accounts.passwords import NotOneOfTheLast
from gatepost.channels.email.tests.relays import Script
from gatepost.notify import activations
from gatepost.portals.tests import mails
from gatepost.portals.tests.mails import link_in, text_in
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders

pytestmark = pytest.mark.django_db

EMAIL = "mother@example.org"
OLD, NEW = "gate-and-home-1", "river-umbrella-42"
BOTH = {"password": NEW, "again": NEW}


@pytest.fixture
def relay(settings: Any) -> Iterator[Script]:
    with mails.kept(settings) as script:
        yield script


@pytest.fixture
def mother(relay: Script) -> Account:
    return builders.an_account(EMAIL, password=OLD, language="en")


def ask(email: str = EMAIL) -> str:
    answer = visit().post("/forgotten-password/", {"email": email})
    assert answer.status_code == 200
    return text_of(answer)


@pytest.fixture
def link(mother: Account, relay: Script) -> str:
    """She asked, and the mail has come."""
    ask()
    activations.send_due(now=NOW)
    return link_in(relay)


class TestAsking:
    def test_the_sign_in_page_leads_there(self) -> None:
        assert 'href="/forgotten-password/"' in text_of(visit().get("/sign-in/"))

    def test_the_answer_is_the_same_for_everybody_and_only_an_open_account_gets_a_mail(
        self, mother: Account, relay: Script
    ) -> None:
        builders.an_account("closed@example.org")
        Account.objects.filter(email="closed@example.org").update(is_active=False)
        pages = {
            re.sub(r"csrf\S+ value=\S+", "", ask(email)).replace(email, "")
            for email in (EMAIL, "nobody@example.org", "closed@example.org")
        }
        assert len(pages) == 1
        activations.send_due(now=NOW)
        assert len(relay.mails) == 1
        assert EMAIL.encode() in relay.mails[0].message

    def test_the_work_is_the_same_too(self, mother: Account) -> None:
        counts = []
        for email in ("warm@example.org", EMAIL, "nobody@example.org"):
            with CaptureQueriesContext(connection) as asked:
                ask(email)
            counts.append(len(asked))
        assert counts[1] == counts[2]

    def test_asking_twice_before_it_left_sends_one(self, mother: Account, relay: Script) -> None:
        ask()
        ask(EMAIL.upper())
        activations.send_due(now=NOW)
        assert len(relay.mails) == 1

    def test_five_a_day_are_enough_for_any_mailbox(self, mother: Account) -> None:
        for email in (EMAIL, "nobody@example.org"):
            for _attempt in range(5):
                ask(email)
            assert 'aria-invalid="true"' in ask(email.upper())

    def test_sixty_an_hour_from_one_network_address(self) -> None:
        for number in range(60):
            ask(f"p{number}@example.org")
        assert 'aria-invalid="true"' in ask("another@example.org")
        elsewhere = visit(REMOTE_ADDR="192.0.2.9").post("/forgotten-password/", {"email": "another@example.org"})
        assert 'aria-invalid="true"' not in text_of(elsewhere)


class TestTheLink:
    def test_leads_to_a_new_password_which_then_signs_in_and_the_old_one_does_not(self, link: str) -> None:
        browser = visit()
        assert browser.get(link).headers["Location"] == "/forgotten-password/new/"
        assert EMAIL in text_of(browser.get("/forgotten-password/new/"))
        assert browser.post("/forgotten-password/new/", BOTH).headers["Location"] == "/sign-in/"
        assert browser.get("/home/").status_code == 302  # the link signs nobody in
        assert visit().post("/sign-in/", {"login": EMAIL, "password": OLD}).status_code == 200
        assert visit().post("/sign-in/", {"login": EMAIL, "password": NEW}).headers["Location"] == "/home/"

    def test_looking_at_it_does_not_use_it_up(self, link: str) -> None:
        for _look in range(3):
            assert visit().get(link).status_code == 302

    def test_works_once_and_uses_up_every_other(self, link: str, relay: Script) -> None:
        ask()
        activations.send_due(now=NOW)
        other = link_in(relay)
        first, second = visit(), visit()
        first.get(link)
        second.get(other)
        first.post("/forgotten-password/new/", BOTH)
        assert visit().get(link).status_code == visit().get(other).status_code == 404
        answer = second.post("/forgotten-password/new/", {"password": "third-umbrella-7", "again": "third-umbrella-7"})
        assert answer.status_code == 404
        assert Account.objects.get(email=EMAIL).check_password(NEW)

    def test_works_for_an_hour(self, link: str) -> None:
        assert visit(now=NOW + timedelta(minutes=59)).get(link).status_code == 302
        answer = visit(now=NOW + timedelta(hours=1)).get(link)
        assert answer.status_code == 410
        assert 'href="/forgotten-password/"' in text_of(answer)

    def test_the_form_is_good_no_longer_than_the_link(self, link: str) -> None:
        browser = visit()
        browser.get(link)
        late = visit(now=NOW + timedelta(hours=1))
        late.cookies = browser.cookies
        assert late.post("/forgotten-password/new/", BOTH).status_code == 410
        assert Account.objects.get(email=EMAIL).check_password(OLD)

    def test_without_it_there_is_no_form(self, link: str) -> None:
        assert visit().get("/forgotten-password/new/").headers["Location"] == "/forgotten-password/"

    def test_is_kept_nowhere_in_clear(self, link: str) -> None:
        assert link.split("/")[2].encode() not in bytes(ActivationMail.objects.get().digest or b"")

    def test_of_an_account_that_was_closed_since_opens_nothing(self, link: str) -> None:
        Account.objects.update(is_active=False)
        assert visit().get(link).status_code == 404

    def test_opens_no_activation(self, link: str) -> None:
        token = link.split("/")[2]
        assert visit().get(f"/activate/{token}/").status_code == 404


class TestTheNewPassword:
    def test_ends_every_session_and_says_so_by_mail(self, link: str, relay: Script, mother: Account) -> None:
        elsewhere, browser = visit(mother), visit()
        browser.get(link)
        browser.post("/forgotten-password/new/", BOTH)
        assert elsewhere.get("/home/").status_code == 302
        activations.send_due(now=NOW)
        assert "password was changed" in text_in(relay)
        assert "http" not in text_in(relay)

    def test_does_not_wait_because_others_guessed_at_the_old_one(self, link: str) -> None:
        for _attempt in range(5):
            visit().post("/sign-in/", {"login": EMAIL, "password": "wrong"})
        browser = visit()
        browser.get(link)
        browser.post("/forgotten-password/new/", BOTH)
        assert visit().post("/sign-in/", {"login": EMAIL, "password": NEW}).headers["Location"] == "/home/"

    def test_the_second_factor_is_asked_for_as_before(self, relay: Script) -> None:
        office = builders.an_office(builders.a_school())
        office.set_password(OLD)
        office.save()
        ask(office.email)
        activations.send_due(now=NOW)
        browser = visit()
        browser.get(link_in(relay))
        browser.post("/forgotten-password/new/", BOTH)
        answer = browser.post("/sign-in/", {"login": office.email, "password": NEW})
        assert answer.headers["Location"].startswith("/sign-in/code/")
        assert browser.get("/home/").status_code == 302

    @pytest.mark.parametrize("weak", ["short", "password123", EMAIL, OLD])
    def test_a_weak_one_or_the_one_there_was_is_refused(self, link: str, weak: str) -> None:
        browser = visit()
        browser.get(link)
        answer = browser.post("/forgotten-password/new/", {"password": weak, "again": weak})
        assert 'aria-invalid="true"' in text_of(answer)
        assert Account.objects.get(email=EMAIL).check_password(OLD)

    def test_is_none_of_the_last_three_and_no_more_are_kept(self, mother: Account) -> None:
        used = [f"umbrella-number-{number}" for number in range(4)]
        for number, password in enumerate(used):
            mother = forgotten.set_new(mother, password, now=NOW + timedelta(hours=number))
        for password in used[1:]:
            with pytest.raises(ValidationError):
                NotOneOfTheLast().validate(password, mother)
        NotOneOfTheLast().validate(used[0], mother)
        assert OldPassword.objects.count() == 2

    def test_does_not_tell_by_many_tries_which_passwords_there_were(self, link: str) -> None:
        browser = visit()
        browser.get(link)
        guess = {"password": OLD, "again": OLD}
        for _try in range(10):
            browser.post("/forgotten-password/new/", guess)
        answer = browser.post("/forgotten-password/new/", BOTH)
        assert answer.status_code == 200
        assert Account.objects.get(email=EMAIL).check_password(OLD)
        later = visit(now=NOW + timedelta(minutes=59))
        later.cookies = browser.cookies
        assert 'aria-invalid="true"' in text_of(later.post("/forgotten-password/new/", BOTH))
