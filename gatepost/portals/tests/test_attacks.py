"""What is tried on people who sign in, beyond the provider's own (`gatepost/sso/tests/test_attacks.py`)."""

from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.sessions.models import Session
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from gatepost.portals.tests.visits import visit
from tests import builders

PASSWORD = "a long enough one 7"
# What another site's page may send without a form of ours: services speak for themselves there with a secret or a
# token; a mail program's one-click unsubscription has a signed address; what a telephone company found is signed, and
# signs nobody in by itself; what LINE tells is signed, and so is
# the word that a phone says back; the rest only asks, or asks the person.
WITHOUT_A_TOKEN = {
    "sso-authorize",
    "sso-token",
    "sso-userinfo",
    "sso-revocation",
    "sso-introspection",
    "sso-device-authorization",
    "sso-end-session",
    "sso-end-session-slash",
    "unsubscribe",
    "reach-answer",
    "mobile-id-back",
    "line-webhook",
    "push-receipt",
    "push-renewal",
}


def test_every_form_needs_its_token_but_for_a_list_that_was_looked_at() -> None:
    assert "django.middleware.csrf.CsrfViewMiddleware" in site_settings.MIDDLEWARE
    exempt = {
        pattern.name for pattern in _all(get_resolver().url_patterns) if getattr(pattern.callback, "csrf_exempt", False)
    }
    assert exempt == WITHOUT_A_TOKEN


@pytest.mark.django_db
class TestSigningInFromElsewhere:
    """Login CSRF: a stranger's page signs somebody in as the stranger, who then reads what they type."""

    @pytest.mark.parametrize("page", ["account_login", "forgotten"])
    def test_another_sites_page_cannot(self, page: str) -> None:
        builders.an_account("stranger@example.org", password=PASSWORD)
        browser = visit(enforce_csrf_checks=True)
        form = {"login": "stranger@example.org", "password": PASSWORD, "email": "x@example.org"}
        answer = browser.post(reverse(page), form)
        assert answer.status_code == 403
        assert not Session.objects.exists()

    def test_nor_with_a_token_of_its_own(self) -> None:
        builders.an_account("stranger@example.org", password=PASSWORD)
        own = visit(enforce_csrf_checks=True)
        own.get("/sign-in/")
        token = own.get("/sign-in/").context["csrf_token"]
        form = {"login": "stranger@example.org", "password": PASSWORD, "csrfmiddlewaretoken": str(token)}
        assert visit(enforce_csrf_checks=True).post("/sign-in/", form).status_code == 403
        assert own.post("/sign-in/", form).status_code == 302, "from its own page it is a form like any other"


@pytest.mark.django_db
class TestOnePasswordForManyAccounts:
    """Guessing across accounts: each account is tried too seldom to notice, the network address is not."""

    @pytest.fixture(autouse=True)
    def few(self, settings: Any) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"login": "600/m/ip", "login_failed": "4/m/ip,5/15m/key"}

    def test_after_some_failures_an_address_waits_and_others_do_not(self) -> None:
        mother = builders.an_account("mother@example.org", password=PASSWORD)
        form = {"login": mother.email, "password": PASSWORD}
        for number in range(4):
            visit(REMOTE_ADDR="192.0.2.7").post("/sign-in/", form | {"login": f"person{number}@example.org"})
        assert visit(REMOTE_ADDR="192.0.2.7").post("/sign-in/", form).status_code == 200, "the right one waits, too"
        assert visit(REMOTE_ADDR="192.0.2.8").post("/sign-in/", form).status_code == 302

    def test_a_whole_school_behind_one_address_signs_in(self) -> None:
        for number in range(6):
            person = builders.an_account(f"family{number}@example.org", password=PASSWORD)
            answer = visit(REMOTE_ADDR="192.0.2.7").post("/sign-in/", {"login": person.email, "password": PASSWORD})
            assert answer.status_code == 302


def _all(patterns: list[Any]) -> "list[URLPattern]":
    found: list[URLPattern] = []
    for one in patterns:
        if isinstance(one, URLResolver):
            found += [] if one.namespace == "admin" else _all(one.url_patterns)
        else:
            found.append(one)
    return found
