import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from allauth.mfa.models import Authenticator
from axe_playwright_python.sync_playwright import Axe
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from gatepost.accounts import second_factor
from gatepost.channels.email.tests.relays import Script, scripted
from gatepost.portals.moment import KEY
from gatepost.up.browser import browser_path
from tests.browser.mailbox import Mailbox
from tests.browser.scene import NOW, Scene, set_scene
from tests.builders import a_code

# Playwright keeps an event loop in the test's own thread, and Django would refuse to ask the database beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 800}
# Chromium as root in a closed network: no sandbox, and no calls of its own.
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What axe must not find, from WCAG 2.2 at level AA down.
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


class Site:
    """Gatepost on a free port, believing it is `now`."""

    running: "Site"

    def __init__(self) -> None:
        Site.running = self
        self.now: datetime = NOW
        self.server = make_server("127.0.0.1", 0, self._answer, _Server, _Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._handler = WSGIHandler()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ[KEY] = self.now
        try:
            return self._handler(environ, start_response)
        finally:
            connections.close_all()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    running = Site()
    thread = threading.Thread(target=running.server.serve_forever, daemon=True)
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join(5)


@pytest.fixture
def scene(site: Site) -> Scene:
    return set_scene()


@pytest.fixture
def mailbox(site: Site, settings: Any) -> Iterator[Mailbox]:
    """The relay that Gatepost sends its mails to, over SMTP."""
    script = Script()
    with scripted(script) as relay:
        settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_SECURITY = relay.host, relay.port, "none"
        settings.SITE_URL = site.url
        yield Mailbox(script, site)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ended with its module: while Playwright runs, its event loop is in the way of every test that needs one."""
    path = browser_path()
    assert path, "Chromium is missing: `make browser` installs it"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield running
        running.close()


@pytest.fixture
def open_browser(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Opens a new browser (a context of its own) at the site; every console error fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def new(*, size: dict[str, int] | None = None, locale: str = "zh-TW", dark: bool = False, **more: Any) -> Page:
        context = browser.new_context(
            base_url=site.url,
            viewport=size or PHONE,
            locale=locale,
            color_scheme="dark" if dark else "light",
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield new
    for context in contexts:
        context.close()
    # A refused page is a console error of its own making; everything else (CSP, scripts) is ours.
    assert not [text for text in complaints if "Failed to load resource" not in text]


def sign_in(page: Page, email: str, password: str) -> None:
    """As a person does: the keyboard, the form, Enter; and the code, where one is asked for."""
    page.goto("/sign-in/")
    page.get_by_label("Email").focus()
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/sign-in/"))
    if page.url.endswith("/sign-in/code/"):
        page.locator("input[name=code]").focus()
        page.keyboard.type(next_code(email))
        page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)


def next_code(email: str) -> str:
    """What the app of `email` shows, after it was waited for the next code if this one was used."""
    now, used = Site.running.now, Authenticator.objects.get(user__email=email, type="totp").data["last_step"]
    return next(code for nth in range(2) if (code := a_code(now=now, nth=nth)) and step(now) + nth > used)


def step(now: datetime) -> int:
    """The thirty seconds that a code is for."""
    return int(now.timestamp()) // second_factor.PERIOD_SECONDS


def check(page: Page) -> None:
    """Axe finds nothing, and nothing runs out of the side."""
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
