"""A teacher prints a letter, a camera reads it, and the family begins with it: in Chromium, by keyboard."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import Page, expect

from gatepost.guardians.applications.models import Desk
from tests.browser.conftest import Site, check, sign_in
from tests.browser.scene import PASSWORD, Scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]


def test_a_letter_from_the_teachers_printer_to_the_familys_password(
    site: Site, scene: Scene, open_browser: Open
) -> None:
    Desk.objects.create(school=scene.school, contact="註冊組 02-2345-6789 轉 101")
    teacher = open_browser()
    sign_in(teacher, "teacher@example.org", PASSWORD)
    teacher.goto(f"/schools/{scene.school.code}/students/")
    check(teacher)
    teacher.get_by_role("link", name="綁定通知單").press("Enter")
    expect(teacher.get_by_role("heading", level=1)).to_have_text("2年01班的綁定通知單")
    check(teacher)
    teacher.get_by_role("link", name="列印 李安安").press("Enter")
    expect(teacher.get_by_role("heading", level=1)).to_have_text("列印 1 張通知單")
    check(teacher)
    with teacher.expect_download() as download:
        teacher.get_by_role("button", name="產生 PDF").press("Enter")
    picture = pypdfium2.PdfDocument(download.value.path().read_bytes())[0].render(scale=1).to_pil().convert("L")
    (square,) = zxingcpp.read_barcodes(picture)

    family = open_browser(java_script_enabled=False)
    family.goto(urlsplit(square.text).path)
    expect(family.get_by_role("heading", level=1)).to_have_text("您的通知單有效")
    assert "李安安" not in family.content()
    family.get_by_role("button", name="開始").press("Enter")
    expect(family.get_by_role("heading", level=1)).to_have_text("設定您自己的密碼")
    family.get_by_label("新密碼").fill("river-umbrella-42")
    family.locator("#id_again").fill("river-umbrella-42")
    family.keyboard.press("Enter")
    expect(family.get_by_role("heading", level=1)).to_have_text("申請親子帳號")

    late = open_browser()
    late.goto(urlsplit(square.text).path)
    expect(late.get_by_text("已經用過")).to_be_visible()
    check(late)
    late.get_by_role("link", name="輸入代碼").press("Enter")
    late.get_by_label("通知單代碼").fill("0000-0000-0000")
    late.keyboard.press("Enter")
    expect(late.get_by_role("alert").first).to_be_focused()
    check(late)
    teacher.goto(f"/schools/{scene.school.code}/letters/")
    expect(teacher.get_by_role("row", name=re.compile("李安安"))).to_contain_text("使用")
