"""`oidc-provider`, a certified provider, stands for a Taipei Pass that speaks standard OpenID Connect."""

import http.cookiejar
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest

from gatepost.accounts.models import Account
from gatepost.demo.identities.people import MOTHER_NUMBER
from gatepost.guardians import proofs
from gatepost.kit.clock import utc_now
from gatepost.portals.tests.visits import visit
from gatepost.upstream import configured
from gatepost.upstream.identity import number_digest
from tests import builders

pytestmark = pytest.mark.django_db

SCRIPT = Path(__file__).with_name("upstream.mjs")
BEGIN, BACK = "/sign-in/taipei-pass/", "/sign-in/taipei-pass/back/"
HOPS_MOST = 10


@pytest.fixture
def city(node_modules: Path, settings: Any) -> Iterator[str]:
    """The issuer, and settings that lead to it."""
    script = node_modules.parent / SCRIPT.name
    shutil.copy(SCRIPT, script)
    told = {"number": MOTHER_NUMBER, "secret": "a-secret-of-32-characters-or-more", "back": settings.SITE_URL + BACK}
    process = subprocess.Popen(
        ["node", script, json.dumps(told)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    issuer = next(line.strip() for line in process.stdout if line.startswith("http"))
    settings.DEMONSTRATION = True
    settings.TAIPEI_PASS = configured.TaipeiPass(issuer, "openid", "gatepost", told["secret"], frozenset({"2"}))
    yield issuer
    process.kill()
    process.wait()


@pytest.fixture
def mother() -> Account:
    account = builders.an_account("mother@example.org")
    proofs.keep(account, number_digest(MOTHER_NUMBER), how="review", by=None, now=utc_now())
    return account


class _Still(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Where it leads is looked at first."""


def through(address: str) -> dict[str, str]:
    """What a browser that follows `address` brings back to us."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(_Still, jar)
    for _hop in range(HOPS_MOST):
        try:
            browser.open(address, timeout=20).close()
        except urllib.error.HTTPError as answer:
            if answer.code not in (302, 303):
                raise
            address = urljoin(address, answer.headers["Location"])
        if urlsplit(address).path == BACK:
            return dict(parse_qsl(urlsplit(address).query))
    raise AssertionError(f"no way back from {address}")


def come_back(city: str, member: str) -> tuple[Any, Any]:
    urllib.request.urlopen(f"{city}/member/{member}", timeout=20).close()
    browser = visit(now=utc_now())
    return browser, browser.get(BACK, through(browser.get(BEGIN).headers["Location"]))


def test_a_gold_member_is_signed_in(city: str, mother: Account) -> None:
    browser, answer = come_back(city, "gold")
    assert answer.status_code == 302
    assert browser.session["_auth_user_id"] == str(mother.pk)


def test_a_basic_member_and_who_says_no_are_not(city: str, mother: Account) -> None:
    for member in ("basic", "nobody"):
        browser, answer = come_back(city, member)
        assert answer.status_code == 403
        assert "_auth_user_id" not in browser.session
