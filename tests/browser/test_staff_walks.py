"""Signing in with a second factor, in Chromium at phone size, with axe looking at every page."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Locator, Page, expect

from gatepost.access import queries
from gatepost.accounts import second_factor
from gatepost.notify import activations
from gatepost.portals.tests import mails
from tests import builders
from tests.browser.conftest import check, sign_in, step
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


def test_an_administrator_invites_a_registrar_who_begins_to_work(
    scene: Scene, open_browser: Open, settings: Any
) -> None:
    admin, registrar = open_browser(), open_browser()
    with mails.kept(settings) as relay:
        sign_in(admin, "admin@example.org", PASSWORD)
        admin.goto(f"/schools/{scene.school.code}/people/")
        check(admin)
        press(admin, admin.get_by_role("link", name="邀請人員"))
        check(admin)
        press(admin, admin.get_by_role("button", name="寄出邀請"))
        check(admin)  # what is missing is named
        admin.get_by_label("Email").focus()
        admin.keyboard.type("registrar@example.org")
        admin.get_by_label("姓名").focus()
        admin.keyboard.type("張雅文")
        admin.get_by_label("註冊組").focus()
        admin.keyboard.press("Space")
        press(admin, admin.get_by_role("button", name="寄出邀請"))
        expect(admin.get_by_role("main")).to_contain_text("尚未接受")
        check(admin)
        activations.send_due(now=NOW)
        registrar.goto(mails.link_in(relay))
    expect(registrar.get_by_role("main")).to_contain_text("雙園國小 註冊組")
    check(registrar)
    registrar.get_by_label("新密碼").focus()
    registrar.keyboard.type(PASSWORD)
    registrar.get_by_label("再輸入一次").focus()
    registrar.keyboard.type(PASSWORD)
    with registrar.expect_navigation():
        registrar.keyboard.press("Enter")
    check(registrar)
    registrar.get_by_text("無法掃描？改用輸入").focus()
    registrar.keyboard.press("Enter")
    secret = registrar.locator("code").inner_text().replace(" ", "")
    registrar.get_by_label("App 的驗證碼").focus()
    registrar.keyboard.type(second_factor.code_at(secret, step(NOW)))
    with registrar.expect_navigation():
        registrar.keyboard.press("Enter")
    press(registrar, registrar.get_by_role("button", name="我已經收好了"))
    expect(registrar.get_by_role("main")).to_contain_text("08:12:40")
    check(registrar)
    registrar.goto(f"/schools/{scene.school.code}/applications/")
    check(registrar)

    admin.reload()
    row = admin.get_by_role("row").filter(has_text="張雅文")
    press(admin, row.get_by_role("link", name="手機遺失"))
    check(admin)
    admin.go_back()
    press(admin, admin.get_by_role("row").filter(has_text="張雅文").get_by_role("link", name="結束"))
    check(admin)
    press(admin, admin.get_by_role("button", name="結束職務"))
    check(admin)
    assert not queries.in_force().filter(account__email="registrar@example.org").exists()
    registrar.reload()
    expect(registrar.get_by_role("main")).not_to_contain_text("08:12:40")


def test_the_bureau_and_the_operator_look_after_their_people(scene: Scene, open_browser: Open) -> None:
    builders.a_role("bureau_officer", account=builders.an_account("second@example.org", name="劉怡君"))
    for email, place in (("bureau@example.org", "/bureau/people/"), ("operator@example.org", "/operator/people/")):
        page = open_browser()
        sign_in(page, email, PASSWORD)
        page.goto(place)
        expect(page.get_by_role("main")).to_contain_text("劉怡君")
        check(page)
        page.goto(f"{place}new/")
        check(page)


def test_a_guardian_switches_a_second_factor_on_and_off(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "guardian@example.org", PASSWORD)
    page.goto("/second-factor/")
    check(page)
    page.get_by_text("無法掃描？改用輸入").click()
    code = second_factor.code_at(page.locator("code").inner_text().replace(" ", ""), step(NOW))
    page.get_by_label("App 的驗證碼").fill(code)
    page.get_by_label("您的密碼").fill(PASSWORD)
    press(page, page.get_by_role("button", name="開啟"))
    expect(page.locator("ol.recovery code")).to_have_count(10)
    check(page)
    press(page, page.get_by_role("link", name="我已經收好了"))
    check(page)
    press(page, page.get_by_role("main").get_by_role("link", name="關閉"))
    check(page)
    page.get_by_label("驗證碼").fill(second_factor.recovery_codes(scene.guardian)[0])
    press(page, page.get_by_role("button", name="關閉"))
    assert not second_factor.is_set_up(scene.guardian)


def press(page: Page, target: Locator) -> None:
    """With the keyboard; another page comes."""
    target.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
