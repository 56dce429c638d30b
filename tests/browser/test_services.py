"""A guardian signs in to a service in Chromium: through the sign-in, the consent, and back with a code."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page

from gatepost.sso.models import Consent
from gatepost.sso.tests.conversations import Rp, a_service
from tests import builders
from tests.browser.conftest import check

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a long enough one 7"


class Callback(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write("<!doctype html><title>學雜費</title><p>到了".encode())

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def rp(settings: Any) -> Iterator[Rp]:
    """A service on a port of its own: another site for the browser, as all services are."""
    settings.SERVICES_PRIVATE = True
    server = HTTPServer(("127.0.0.1", 0), Callback)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    here = f"http://localhost:{server.server_port}"
    yield a_service(redirect_uris=[f"{here}/callback"], start_url=f"{here}/start")
    server.shutdown()
    thread.join()
    server.server_close()


def test_from_the_service_through_the_sign_in_and_the_consent_and_back(
    rp: Rp, open_browser: Callable[..., Page]
) -> None:
    child = builders.a_student(builders.a_class(builders.a_school()))
    mother = builders.a_guardian(child, account=builders.an_account("mother@example.org", password=PASSWORD))
    callback = rp.service.redirect_uris
    asked = f"/sso/authorize?{urlencode(rp.query(redirect_uri=callback, scope='openid profile children'))}"
    page = open_browser()

    page.goto(asked)
    page.locator("input[name=login]").fill(mother.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("h1", has_text="學雜費繳款").wait_for()
    check(page)
    page.get_by_label("王小明").check()
    page.locator("button[value=give]").click()
    page.wait_for_url(f"{callback}?*")
    assert parse_qs(urlsplit(page.url).query)["state"] == ["s-1"]
    assert Consent.objects.get().children.get().student == child

    page.goto("/family/services/")
    check(page)
    page.get_by_role("link", name="學雜費繳款").last.click()
    page.locator("h1", has_text="學雜費繳款").wait_for()
    check(page)
    page.get_by_label("王小明").uncheck()
    page.locator("main form button").click()
    page.get_by_role("status").wait_for()
    assert not Consent.objects.get().children.filter(withdrawn_at=None).exists()


def test_what_was_given_before_leads_on_right_after_the_sign_in(rp: Rp, open_browser: Callable[..., Page]) -> None:
    """The browser applies our policy for forms to the whole chain of redirections behind one."""
    mother = builders.an_account("mother@example.org", password=PASSWORD)
    callback = rp.service.redirect_uris
    Consent.objects.create(service=rp.service, account=mother, scopes=["openid"], given_at=builders.at("07:00"))
    page = open_browser()
    page.goto(f"/sso/authorize?{urlencode(rp.query(redirect_uri=callback, scope='openid'))}")
    page.locator("input[name=login]").fill(mother.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{callback}?*")
    assert "code" in parse_qs(urlsplit(page.url).query)
