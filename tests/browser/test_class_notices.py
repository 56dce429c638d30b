"""A class notice, from the teacher who writes it to the mother who signs it, on a phone."""

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from gatepost.circulars import posting
from tests.browser.conftest import check, sign_in
from tests.browser.scene import NOW, PASSWORD, Scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]


def test_a_class_notice_is_written_read_and_signed(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "teacher@example.org", PASSWORD)
    page.goto(f"/schools/{scene.school.code}/notices/")
    _look(page, "empty")
    page.get_by_role("link", name="撰寫班級通知").click()
    page.get_by_label("標題").fill("校外教學：動物園")
    page.get_by_label("內文").fill("星期五去動物園，請帶水壺與午餐。\n\n路線見 https://zoo.example/map 。")
    page.get_by_label("請家長簽收").check()
    _look(page, "new")
    page.get_by_role("button", name="下一步").click()
    _look(page, "confirm")
    page.get_by_role("button", name="發布").click()
    expect(page.get_by_role("status")).to_contain_text("已送出")
    posting.post_due(now=NOW)
    page.reload()
    _look(page, "answers")
    mother = open_browser()
    sign_in(mother, "guardian@example.org", PASSWORD)
    mother.goto("/family/notices/")
    _look(mother, "family")
    mother.get_by_role("link", name="校外教學").first.click()
    _look(mother, "read")
    mother.get_by_label("簡短回覆老師").fill("好，謝謝老師")
    mother.get_by_role("button", name="簽收").click()
    expect(mother.get_by_role("status")).to_contain_text("已簽收")
    _look(mother, "signed")
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("好，謝謝老師")
    _look(page, "answered")


def _look(page: Page, name: str) -> None:
    check(page)
    if folder := os.environ.get("LOOK"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
