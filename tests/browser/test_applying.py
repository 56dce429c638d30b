"""A family applies, in Chromium at phone size, by keyboard, with axe looking at every page."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from gatepost.guardians.applications.models import Applicant, Application, Desk
from gatepost.portals.binding import emails
from gatepost.roster.identity_numbers import invented
from tests import builders
from tests.browser.conftest import Site, check

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]
PICTURES = os.environ.get("SHOTS_OF_APPLYING", "")  # a folder: also take pictures


def look(page: Page, name: str) -> None:
    check(page)
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_a_family_applies_by_keyboard(site: Site, open_browser: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[str] = []
    monkeypatch.setattr(emails, "send_code_to", lambda to, code, **more: codes.append(code))
    school = builders.a_school()
    Desk.objects.create(school=school, contact="註冊組 02-2345-6789 轉 101")
    student = builders.a_student(builders.a_class(school), number="10301123")
    student.seal_id_number(invented(7), settings.KEY_RING)
    student.save()

    page = open_browser()
    page.goto("/apply/")
    look(page, "1-schools")
    page.get_by_role("link", name=re.compile("雙園")).press("Enter")
    expect(page.locator("altcha-widget input[type=checkbox]")).to_be_visible(timeout=20_000)
    look(page, "2-sign-in")
    page.get_by_label("帳號", exact=True).fill("P10301123")
    page.get_by_label("密碼", exact=True).fill(invented(7))
    page.locator("altcha-widget input[type=checkbox]").focus()
    page.keyboard.press("Space")
    expect(page.locator("input[name=human]")).to_have_value(re.compile(".{100}"), timeout=20_000)
    look(page, "3-human")
    page.get_by_role("button", name="登入", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("設定您自己的密碼")
    look(page, "4-password")
    page.get_by_label("新密碼").fill("river-umbrella-42")
    page.locator("#id_again").fill("river-umbrella-42")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("申請親子帳號")
    look(page, "5-begin")
    page.get_by_role("link", name="開始").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("確認學生資料")
    look(page, "6-data")
    page.get_by_label("資訊正確").press("Space")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("告知與同意")
    look(page, "7-consent")
    page.get_by_label("我同意").first.press("Space")
    page.get_by_label("我不同意").last.press("Space")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("由誰申請？")
    look(page, "8-kind")
    page.get_by_label("雙親為監護人，由一位申請").press("Space")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("填寫申請人")
    look(page, "9-people")
    page.get_by_label("姓名").fill("林淑芬")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("alert").first).to_be_focused()
    look(page, "9-people-wrong")
    page.get_by_label("與孩子的關係").select_option("mother_son")
    page.get_by_label("身分證").fill(invented(1, female=True))
    page.get_by_label("手機號碼").fill("0912-345-678")
    page.get_by_label("電子郵件").or_(page.get_by_label("Email")).last.fill("mother@example.org")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("驗證電子郵件")
    page.locator("button[name=send]").press("Enter")
    expect(page.locator("#id_code")).to_be_visible()
    look(page, "10-email")
    page.locator("#id_code").fill(codes[-1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("再看一次，然後送出")
    look(page, "11-summary")
    page.get_by_role("button", name="填答送出").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("學校處理中")
    look(page, "12-status")
    assert Applicant.objects.get().email_proven_at
    page.goto("/apply/withdrawal/")
    look(page, "13-withdrawal")
    assert Application.objects.get().state == "submitted"
