"""A new password for who knows the old one."""

import pytest
from django.test import Client

from gatepost.accounts.models import Account, ActivationMail
from gatepost.portals.tests.visits import text_of, visit
from gatepost.sso.models import ServiceSession
from gatepost.sso.tests.conversations import a_service
from tests import builders

pytestmark = pytest.mark.django_db

OLD, NEW = "gate-and-home-1", "river-umbrella-42"
FORM = {"current": OLD, "password": NEW, "again": NEW}


@pytest.fixture
def mother() -> Account:
    return builders.an_account("mother@example.org", password=OLD)


@pytest.fixture
def browser(mother: Account) -> Client:
    return visit(mother)


def holds(password: str) -> bool:
    return Account.objects.get().check_password(password)


def test_keeps_this_browser_ends_the_others_and_says_so_by_mail(mother: Account, browser: Client) -> None:
    elsewhere = visit(mother)
    assert browser.post("/password/", FORM).headers["Location"] == "/password/"
    assert holds(NEW)
    assert browser.get("/home/").status_code == 200
    assert elsewhere.get("/home/").status_code == 302
    assert [mail.kind for mail in ActivationMail.objects.filter(account=mother)] == ["password_changed"]


def test_who_has_shown_the_second_factor_has_still_shown_it() -> None:
    office = builders.an_office(builders.a_school())
    office.set_password(OLD)
    office.save()
    browser = visit(office)
    assert browser.post("/password/", FORM).status_code == 302
    assert browser.get("/home/").headers["Location"].endswith("/today/")


@pytest.mark.parametrize(
    "wrong",
    [{"current": "wrong"}, {"current": ""}, {"password": OLD, "again": OLD}, {"again": "x"}, {"password": "short"}],
)
def test_a_wrong_old_one_or_a_weak_new_one_changes_nothing(browser: Client, wrong: dict[str, str]) -> None:
    page = text_of(browser.post("/password/", FORM | wrong))
    assert 'aria-invalid="true"' in page
    assert holds(OLD)
    assert not ActivationMail.objects.exists()


def test_nobody_learns_here_what_the_password_is(browser: Client) -> None:
    """Who sits down at an open browser gets one answer for every new password, unless they know the old one."""
    guess = {"current": "wrong", "password": OLD, "again": OLD}
    other = {"current": "wrong", "password": NEW, "again": NEW}
    assert _alert(text_of(browser.post("/password/", guess))) == _alert(text_of(browser.post("/password/", other)))


def test_after_five_wrong_ones_even_the_right_one_waits(browser: Client) -> None:
    for _attempt in range(5):
        browser.post("/password/", FORM | {"current": "wrong"})
    assert "15" in _alert(text_of(browser.post("/password/", FORM)))
    assert holds(OLD)


def test_services_are_signed_out_too(mother: Account, browser: Client) -> None:
    service = a_service("社團報名").service
    ServiceSession.objects.create(
        service=service, account=mother, session_key="of another device", signed_in_at=mother.created_at
    )
    browser.post("/password/", FORM)
    assert ServiceSession.objects.get().ended_because == "password"


def _alert(page: str) -> str:
    return page.partition('role="alert"')[2].partition("</div>")[0]
