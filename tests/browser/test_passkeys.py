"""A guardian makes a passkey, signs out, and comes back with it: to her pages, and from a service."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page

from gatepost.accounts.models import Passkey
from gatepost.sso.models import ServiceSession
from gatepost.sso.tests.conversations import Rp, a_service
from tests import builders
from tests.browser.conftest import Site, check

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a long enough one 7"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


@pytest.fixture
def home(site: Site, settings: Any) -> str:
    """The same site by a name: browsers make no passkeys for an IP address."""
    settings.PASSKEY_DOMAIN = "localhost"
    settings.PASSKEY_ORIGIN = f"http://localhost:{site.server.server_port}"
    return str(settings.PASSKEY_ORIGIN)


@pytest.fixture
def rp(site: Site, settings: Any) -> Rp:
    """A service whose callback is another name of the same server: what counts is where the browser is sent."""
    settings.SERVICES_PRIVATE = True
    return a_service(redirect_uris=[f"{site.url}/healthz"], start_url=f"{site.url}/healthz")


def a_device(page: Page) -> Callable[[bool], None]:
    """Chromium's own virtual authenticator; the answer says whether somebody touches it."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})

    def touch(enabled: bool) -> None:
        said = {"authenticatorId": made["authenticatorId"], "enabled": enabled}
        cdp.send("WebAuthn.setAutomaticPresenceSimulation", said)

    touch(False)
    return touch


def test_a_passkey_is_made_signs_in_and_answers_a_service(home: str, rp: Rp, open_browser: Callable[..., Page]) -> None:
    child = builders.a_student(builders.a_class(builders.a_school()))
    mother = builders.a_guardian(child, account=builders.an_account("mother@example.org", password=PASSWORD))
    page = open_browser()
    touch = a_device(page)

    page.goto(f"{home}/sign-in/?next=/ways/")
    check(page)
    page.locator("input[name=login]").fill(mother.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/ways/")
    check(page)
    page.get_by_role("link", name="新增通行密鑰").click()
    check(page)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/ways/passkeys/new/")
    check(page)
    touch(True)
    page.get_by_label("通行密鑰的名稱").fill("媽媽的手機")
    page.get_by_role("button", name="建立通行密鑰").click()
    page.wait_for_url(f"{home}/ways/")
    page.get_by_text("媽媽的手機").first.wait_for()
    check(page)
    touch(False)

    sign_out(page, home)
    touch(True)  # the field of the email offers it by itself
    page.goto(f"{home}/sign-in/?next=/family/settings/", wait_until="commit")
    page.wait_for_url(f"{home}/family/settings/")
    touch(False)
    assert Passkey.objects.get().last_used_at is not None

    sign_out(page, home)
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
    touch(True)
    callback = rp.service.redirect_uris
    page.goto(f"{home}/sso/authorize?{urlencode(rp.query(redirect_uri=callback, scope='openid', prompt='login'))}")
    page.get_by_role("button", name="用通行密鑰登入").click()
    page.locator("h1", has_text="學雜費繳款").wait_for()
    page.locator("button[value=give]").click()
    page.wait_for_url(f"{callback}?*")
    assert parse_qs(urlsplit(page.url).query)["state"] == ["s-1"]
    assert "mfa" in ServiceSession.objects.get().methods


def sign_out(page: Page, home: str) -> None:
    page.goto(f"{home}/sign-out/")
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "/sign-out/" not in url)
