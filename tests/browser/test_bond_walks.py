"""Restricting, leaving and reading who looked, in Chromium at phone size, with axe looking at every page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from gatepost.guardians.models import Restriction
from tests import builders
from tests.browser.conftest import check, sign_in
from tests.browser.scene import PASSWORD, Scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]


def test_a_restriction_closes_the_page_that_is_open_elsewhere(scene: Scene, open_browser: Open) -> None:
    builders.a_guardian(scene.ming, account=builders.an_account("father@example.org", name="王大明", password=PASSWORD))
    father, office = open_browser(), open_browser()
    sign_in(father, "father@example.org", PASSWORD)
    expect(father.get_by_role("main")).to_contain_text("王小明")

    sign_in(office, "office@example.org", PASSWORD)
    office.goto(f"/schools/{scene.school.code}/students/{scene.ming.pk}/")
    office.get_by_role("main").get_by_role("link", name="監護人").click()
    check(office)
    office.get_by_role("link", name="設定限制").click()
    check(office)
    office.get_by_role("button", name="看看會停止什麼").click()
    expect(office.get_by_role("alert")).to_be_visible()
    check(office)
    office.get_by_label("王大明").check()
    office.get_by_label("文號").fill("家護字第 1 號")
    office.get_by_role("button", name="看看會停止什麼").click()
    check(office)
    assert not Restriction.objects.exists()
    office.get_by_role("button", name="立即限制").click()
    expect(office.get_by_role("status")).to_be_visible()
    check(office)

    father.reload()
    expect(father.locator("body")).not_to_contain_text("王小明")

    office.goto(f"/schools/{scene.school.code}/guardians/")
    expect(office.get_by_role("table")).to_contain_text("王大明")
    check(office)
    office.get_by_role("table").get_by_role("link", name="王小明").click()
    office.get_by_role("link", name="解除").click()
    check(office)
    office.get_by_role("button", name="解除").click()
    father.goto("/family/")
    expect(father.get_by_role("main")).to_contain_text("王小明")


def test_a_guardian_reads_who_looked_and_leaves(scene: Scene, open_browser: Open) -> None:
    teacher, page = open_browser(), open_browser()
    sign_in(teacher, "teacher@example.org", PASSWORD)
    teacher.goto(f"/schools/{scene.school.code}/students/{scene.ming.pk}/")
    sign_in(page, "guardian@example.org", PASSWORD)
    page.goto(f"/family/children/{scene.ming.pk}/")
    page.get_by_role("link", name="誰看過").click()
    expect(page.get_by_role("main")).to_contain_text("雙園國小 導師")
    expect(page.get_by_role("main")).not_to_contain_text("陳美玲")
    check(page)
    page.goto("/family/settings/")
    check(page)
    record = page.locator(f"#child-{scene.ming.pk} details", has_text="學號")
    record.locator("summary").click()
    record.get_by_role("link", name="結束親子綁定").click()
    check(page)
    page.get_by_role("button", name="結束親子綁定").click()
    expect(page.get_by_role("status")).to_contain_text("王小明")
    expect(page.locator("article")).to_contain_text("王小華")
