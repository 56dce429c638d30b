"""Somebody signed in adds a child, in Chromium at phone size, by keyboard, with axe looking at every page."""

import os
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from gatepost.accounts.models import Account
from gatepost.guardians import proofs
from gatepost.guardians.applications.claims import Named
from gatepost.guardians.applications.models import Application, Desk
from gatepost.guardians.tests.test_claims import submitted
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import GuardianRecord, Student
from tests import builders
from tests.browser.conftest import Site, check, sign_in
from tests.browser.scene import NOW, PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]
PICTURES = os.environ.get("SHOTS_OF_ADDING", "")  # a folder: also take pictures
MINE = invented(1, female=True)


def look(page: Page, name: str) -> None:
    check(page)
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.fixture
def child(transactional_db: None) -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school, contact="註冊組 02-2345-6789 轉 101")
    student = builders.a_student(builders.a_class(school), number="113021")
    student.birthday = date(2018, 3, 15)
    student.seal_id_number(invented(7), settings.KEY_RING)
    student.save()
    return student


def to_the_consent(page: Page) -> None:
    """From the home page of somebody without a child to the notice."""
    page.get_by_role("main").get_by_role("link", name="加入學生").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("加入學生")
    look(page, "2-schools")
    page.get_by_role("link", name=re.compile("雙園")).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("哪一個孩子？")
    expect(page.locator("altcha-widget input[type=checkbox]")).to_be_visible(timeout=20_000)
    look(page, "3-child")
    page.get_by_label("學號").fill("113021")
    page.get_by_label("學生姓名").fill("王小明")
    page.get_by_label("學生身分證").fill("A123456788")
    page.get_by_label("出生年月日").fill("107/13/15")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_be_focused()
    look(page, "4-child-wrong")
    page.get_by_label("學生身分證").fill(invented(7))
    page.get_by_label("出生年月日").fill("107/03/15")
    page.locator("altcha-widget input[type=checkbox]").focus()
    page.keyboard.press("Space")
    expect(page.locator("input[name=human]")).to_have_value(re.compile(".{100}"), timeout=20_000)
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("告知與同意")
    look(page, "5-consent")
    page.get_by_label("我同意").first.press("Space")
    page.get_by_label("我不同意").last.press("Space")


def test_who_has_a_proven_number_in_the_record_sees_the_child_at_once(
    site: Site, open_browser: Open, child: Student
) -> None:
    record = GuardianRecord(student=child, name="林淑芬", relation="母子")
    record.seal_id_number(MINE, settings.KEY_RING)
    record.save()
    mother = builders.an_account("mother@example.org", name="林淑芬", password=PASSWORD)
    proofs.keep(mother, settings.KEY_RING.digest(MINE), how="review", by=None, now=NOW)
    page = open_browser()
    sign_in(page, "mother@example.org", PASSWORD)
    page.goto("/family/")
    to_the_consent(page)
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("王小明")
    expect(page.get_by_role("main")).to_contain_text("王小明")
    look(page, "20-at-once")


def test_everybody_else_waits_for_the_school(site: Site, open_browser: Open, child: Student) -> None:
    builders.an_account("aunt@example.org", name="王小姑", password=PASSWORD)
    page = open_browser()
    sign_in(page, "aunt@example.org", PASSWORD)
    look(page, "0-no-place")
    page.goto("/family/")
    look(page, "1-home")
    to_the_consent(page)
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("您是誰？")
    look(page, "6-person")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("alert").first).to_be_focused()
    look(page, "7-person-wrong")
    page.get_by_label("與孩子的關係").select_option("uncle_aunt")
    page.get_by_label("您自己的身分證").fill(invented(60, female=True))
    page.get_by_label("手機號碼").fill("0912-345-678")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("證明文件")
    look(page, "8-documents")
    page.goto(page.url.replace("documents", "person"))
    page.get_by_label("與孩子的關係").select_option("mother_son")
    page.get_by_role("button", name="下一步").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("再看一次，然後送出")
    look(page, "9-summary")
    page.get_by_role("button", name="填答送出").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("已送出，等候學校")
    look(page, "10-status")
    page.goto(f"{page.url}withdrawal/")
    look(page, "11-withdrawal")
    page.goto("/family/")
    look(page, "12-home-waiting")

    registrar = builders.an_account("registrar@example.org", name="陳美玲", password=PASSWORD)
    builders.an_office(child.school, "registrar", account=registrar)
    office = open_browser()
    sign_in(office, "registrar@example.org", PASSWORD)
    office.goto(f"/schools/{child.school.code}/applications/{Application.objects.get().pk}/")
    look(office, "30-application")
    office.get_by_role("link", name="擱置不答覆").press("Enter")
    expect(office.get_by_role("heading", level=1)).to_contain_text("擱置")
    look(office, "31-aside")
    office.go_back()
    office.get_by_role("link", name="退回").press("Enter")
    expect(office.get_by_role("heading", level=1)).to_contain_text("退回")
    look(office, "32-return")
    office.go_back()
    office.get_by_role("button", name="核准").press("Enter")
    expect(office.get_by_role("status")).to_contain_text("王小明")
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("王小明")
    look(page, "13-home-approved")


def test_the_pages_read_well_in_the_other_languages(site: Site, open_browser: Open, child: Student) -> None:
    aunt = builders.an_account("aunt@example.org", name="Siti Aminah", password=PASSWORD)
    waiting = submitted(aunt, Named(child.school, "113021", "王小明", invented(7), date(2018, 3, 15)))
    page = open_browser()
    sign_in(page, "aunt@example.org", PASSWORD)
    site.now = NOW + timedelta(days=6)
    addresses = {
        "home": "/family/",
        "child": f"/family/children/new/{child.school.code}/",
        "status": f"/family/claims/{waiting.pk}/",
    }
    for language in ("en", "vi", "id"):
        Account.objects.update(language=language)
        for name, address in addresses.items():
            page.goto(address)
            expect(page.locator("html")).to_have_attribute("lang", language)
            look(page, f"{language}-{name}")
