"""Whose session it is: asked anew with every page, whatever is kept of the question."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from gatepost.accounts.models import Account
from gatepost.portals.tests.visits import text_of, visit
from tests import builders

pytestmark = pytest.mark.django_db

PASSWORD = "river-umbrella-42"


@pytest.fixture
def person() -> Account:
    return builders.an_account("mother@example.org", name="林淑芬", password=PASSWORD)


@pytest.fixture
def browser(person: Account) -> Client:
    browser = visit()
    browser.post("/sign-in/", {"login": person.email, "password": PASSWORD})
    return browser


def test_a_session_opens_the_pages_of_its_account(browser: Client) -> None:
    assert "林淑芬" in text_of(browser.get("/family/"))


def test_what_the_account_is_called_now_stands_on_the_next_page(browser: Client, person: Account) -> None:
    browser.get("/family/")
    Account.objects.filter(pk=person.pk).update(name="林書芬")
    assert "林書芬" in text_of(browser.get("/family/"))


def test_one_that_has_run_out_opens_nothing(browser: Client) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert browser.get("/family/").status_code == 302


def test_one_that_was_ended_elsewhere_opens_nothing(browser: Client) -> None:
    Session.objects.all().delete()
    assert browser.get("/family/").status_code == 302


def test_an_account_that_was_switched_off_is_out_at_the_next_page(browser: Client, person: Account) -> None:
    Account.objects.filter(pk=person.pk).update(is_active=False)
    assert browser.get("/family/").status_code == 302


def test_a_new_password_ends_the_sessions_elsewhere(browser: Client, person: Account) -> None:
    person.set_password("another-umbrella-43")
    person.save()
    assert browser.get("/family/").status_code == 302
