"""Signing in with a second factor, in Chromium at phone size, with axe looking at every page."""

from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from gatepost.accounts import second_factor
from tests.browser.conftest import check, step
from tests.browser.scene import NOW, PASSWORD, Scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]


def test_the_first_sign_in_sets_the_second_factor_up_by_keyboard(scene: Scene, open_browser: Open) -> None:
    Authenticator.objects.filter(user=scene.office).delete()
    page = open_browser()
    page.goto("/sign-in/")
    page.get_by_label("Email").focus()
    page.keyboard.type("office@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/second-factor/")
    check(page)
    page.get_by_text("無法掃描？改用輸入").focus()
    page.keyboard.press("Enter")
    secret = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("App 的驗證碼").focus()
    page.keyboard.type("000000")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_be_visible()
    check(page)
    page.get_by_label("App 的驗證碼").focus()
    page.keyboard.type(second_factor.code_at(secret, step(NOW)))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("ol.recovery code")).to_have_count(10)
    check(page)
    page.get_by_role("button", name="我已經收好了").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("08:12:40")


def test_a_lost_phone_is_no_lost_morning(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    page.goto("/sign-in/")
    page.get_by_label("Email").fill("office@example.org")
    page.get_by_label("密碼").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code/")
    check(page)
    page.get_by_label("驗證碼").fill(second_factor.recovery_codes(scene.office)[0])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("08:12:40")
