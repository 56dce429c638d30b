"""Gatepost on a phone's home screen: what it shows without a network, and what it forgets."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from gatepost.guardians.restrictions import restrict
from tests.browser.conftest import Site, check, sign_in
from tests.browser.scene import NOW, PASSWORD, Scene

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = "caches.open('kept').then((cache) => cache.keys()).then((keys) => keys.length)"


def kept_at_home(page: Page) -> None:
    """At home, with the worker in charge and the page kept."""
    page.goto("/family/")
    page.wait_for_selector("html[data-kept]", timeout=60_000)  # a browser starts a worker when it likes
    assert page.evaluate(KEPT) == 1


def test_offline_shows_what_was_known_and_forgets_it_for_anybody_else(
    open_browser: Callable[..., Page], site: Site, scene: Scene
) -> None:
    page: Page = open_browser()
    sign_in(page, scene.guardian.email, PASSWORD)
    kept_at_home(page)

    # Hours later, on the train.
    site.now = NOW + timedelta(hours=9)
    page.context.set_offline(True)
    page.goto("/family/")
    page.wait_for_selector("html[data-ready]")
    expect(page.get_by_role("heading", level=1)).to_contain_text("08:12")
    expect(page.get_by_role("heading", level=1)).to_contain_text("離線")
    expect(page.locator("main")).to_contain_text("王小明")
    expect(page.locator("main")).to_contain_text("當時已於 07:42 到校")
    assert page.locator(".day__word").count() == 0  # nothing in the words of now
    check(page)
    page.goto("/family/settings/")  # no other page is kept
    page.wait_for_selector("html[data-ready]")
    expect(page.get_by_role("heading", level=1)).to_contain_text("08:12")

    # Back: the page asks by itself.
    page.context.set_offline(False)
    page.wait_for_selector("html:not([data-ready])")

    # A child she may not see any more is gone at the next answer, whichever page it is.
    kept_at_home(page)
    restrict(scene.guardian.pk, scene.ming, by=scene.office, now=site.now)
    page.goto("/family/settings/")
    assert page.evaluate(KEPT) == 0

    kept_at_home(page)
    page.locator(".bar__in > details.menu > summary").click()
    page.get_by_role("button", name="登出").click()
    page.wait_for_url(lambda url: "/family/" not in url)
    assert page.evaluate(KEPT) == 0
    page.context.set_offline(True)
    page.goto("/family/")
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("main")).not_to_contain_text("王小")
    check(page)
