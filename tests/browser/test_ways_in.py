"""Ways to sign in and out, in Chromium at phone size, with axe looking at every page."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from gatepost.accounts import phone_approvals
from gatepost.notify import activations
from gatepost.portals.tests import mails
from tests.browser.conftest import DESK, check, sign_in
from tests.browser.scene import NOW, PASSWORD, Scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]
NEW = "river-umbrella-42"


def test_a_forgotten_password_is_set_anew_from_the_mailbox(scene: Scene, open_browser: Open, settings: Any) -> None:
    page = open_browser()
    with mails.kept(settings) as relay:
        page.goto("/sign-in/")
        check(page)
        page.get_by_role("link", name="忘記密碼？").click()
        check(page)
        page.get_by_label("Email").fill("guardian@example.org")
        page.get_by_role("button", name="寄出連結").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("請查看您的信箱")
        check(page)
        activations.send_due(now=NOW)
        link = mails.link_in(relay)
    page.goto(link)
    check(page)
    page.locator("#id_password").fill("short")
    page.locator("#id_again").fill("short")
    page.get_by_role("button", name="設定新密碼").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    check(page)
    page.locator("#id_password").fill(NEW)
    page.locator("#id_again").fill(NEW)
    page.get_by_role("button", name="設定新密碼").click()
    page.wait_for_url("**/sign-in/")
    page.goto(link)
    check(page)
    page.goto("/sign-in/")
    page.get_by_label("Email").fill("guardian@example.org")
    page.get_by_label("密碼").fill(NEW)
    page.keyboard.press("Enter")
    page.wait_for_url("**/family/")


def test_a_password_is_changed_by_who_knows_it(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "guardian@example.org", PASSWORD)
    page.goto("/password/")
    check(page)
    page.get_by_role("button", name="變更密碼").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    check(page)
    page.locator("#id_current").fill(PASSWORD)
    page.locator("#id_password").fill(NEW)
    page.locator("#id_again").fill(NEW)
    page.get_by_role("button", name="變更密碼").click()
    expect(page.get_by_role("main")).to_contain_text("密碼已變更")
    check(page)
    page.goto("/devices/")
    expect(page.get_by_role("article")).to_contain_text("這個裝置")
    check(page)


def test_a_phone_that_is_signed_in_lets_a_computer_in(
    scene: Scene, open_browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_approvals, "FRESH_FOR", timedelta(0))  # so the phone always proves itself again
    phone, desk = open_browser(), open_browser(size=DESK)
    sign_in(phone, "guardian@example.org", PASSWORD)
    desk.goto("/sign-in/?next=/family/settings/")
    desk.get_by_role("link", name="用手機登入").click()
    expect(desk.get_by_role("img", name="給手機掃描的 QR Code")).to_be_visible()
    check(desk)
    phone.goto(_scanned(desk))
    phone.get_by_label("密碼").fill(PASSWORD)
    phone.get_by_role("button", name="繼續").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("要在另一台裝置登入嗎？")
    check(phone)
    expect(desk.get_by_role("status")).to_have_text("手機已開啟，請在手機上回答。")  # by itself
    phone.get_by_label(desk.locator(".match").inner_text(), exact=True).check()
    phone.get_by_role("button", name="是，在那裡登入").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("請回到電腦繼續")
    check(phone)
    expect(desk.get_by_role("heading", level=1)).to_have_text("以「林淑芬」登入？")
    check(desk)
    desk.get_by_role("button", name="登入", exact=True).click()
    desk.wait_for_url("**/family/settings/")


def _scanned(desk: Page) -> str:
    """The path that a camera reads off the screen."""
    picture = Image.open(io.BytesIO(desk.locator(".qr").screenshot()))
    [code] = zxingcpp.read_barcodes(picture)
    return urlsplit(code.text).path
