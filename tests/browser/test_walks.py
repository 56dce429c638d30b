"""The journeys, in Chromium at phone size: with the keyboard, and with axe looking at every page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from gatepost.attendance.models import Event, Leave, Sweep
from gatepost.gates.models import Reader
from tests import builders
from tests.browser.conftest import Site, check, sign_in
from tests.browser.scene import PASSWORD, Scene
from tests.builders import at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]


def test_an_account_without_a_child_is_told_what_to_do(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "stranger@example.org", PASSWORD)
    expect(page.get_by_role("main")).not_to_contain_text("王小明")
    check(page)


def test_the_board_follows_the_morning_without_a_reload(scene: Scene, site: Site, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "office@example.org", PASSWORD)
    expect(page.get_by_role("main")).to_contain_text("08:12:40")
    check(page)
    missing = page.get_by_role("main").get_by_role("row").filter(has_text="許家豪")
    expect(missing.first).to_be_visible()
    page.evaluate("window.kept = true")
    student = scene.ming.school.students.get(name="許家豪")
    builders.entered(student, Event.Side.SEEN, at("08:13"), by=scene.office)
    site.now = at("08:13:30")
    expect(page.get_by_role("main")).to_contain_text("08:13:30", timeout=12_000)
    expect(missing).to_have_count(0)
    assert page.evaluate("window.kept"), "the page was loaded anew"


def test_a_held_alarm_explains_itself_and_a_person_releases_it(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    held = Sweep.objects.get(school=scene.school)
    assert held.held_because == "brake"
    sign_in(page, "office@example.org", PASSWORD)
    main = page.get_by_role("main")
    expect(main).to_contain_text(str(held.missing))
    main.locator("a[href$='/release/']").click()
    check(page)
    expect(page.get_by_role("main")).to_contain_text(str(held.missing))
    with page.expect_navigation():
        page.get_by_role("main").locator("button").last.click()
    held.refresh_from_db()
    assert held.released_by == scene.office
    check(page)


def test_a_teacher_sees_the_class_and_marks_a_child_present(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "teacher@example.org", PASSWORD)
    main = page.get_by_role("main")
    expect(main).to_contain_text("蔡柏翰")
    expect(main).not_to_contain_text("江語晨")  # another class
    row = main.get_by_role("row").filter(has_text="蔡柏翰")
    with page.expect_navigation():
        row.get_by_role("button", name="在校").click()
    assert Event.objects.filter(side="seen").count() == 1
    check(page)


def test_an_entry_by_hand_keeps_what_was_typed_when_it_is_wrong(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "office@example.org", PASSWORD)
    page.goto(f"/schools/{scene.school.code}/entries/new/")
    check(page)
    page.get_by_role("main").locator("form").last.evaluate("form => form.noValidate = true")
    with page.expect_navigation():
        page.get_by_role("main").locator("form").last.locator("button").last.click()
    expect(page.get_by_role("alert").first).to_be_visible()
    check(page)


def test_a_new_reader_shows_its_key_once(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "admin@example.org", PASSWORD)
    for path in ("readers/", "readers/new/", "calendar/", "rules/", "deliveries/", "students/", "reports/"):
        page.goto(f"/schools/{scene.school.code}/{path}")
        check(page)
    page.goto(f"/schools/{scene.school.code}/readers/{Reader.objects.filter(school=scene.school).first().pk}/")
    check(page)


def test_the_bureau_sees_figures_and_no_names(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "bureau@example.org", PASSWORD)
    main = page.get_by_role("main")
    expect(main).to_contain_text("雙園國小")
    for name in ("王小明", "許家豪"):
        expect(main).not_to_contain_text(name)
    check(page)
    for path in ("/bureau/announcements/", "/bureau/announcements/new/", "/bureau/closures/new/"):
        page.goto(path)
        check(page)


def test_the_operator_sees_the_health_of_the_platform(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "operator@example.org", PASSWORD)
    assert "/operator/" in page.url
    check(page)


def test_pages_work_without_javascript(scene: Scene, open_browser: Open) -> None:
    page = open_browser(java_script_enabled=False)
    sign_in(page, "office@example.org", PASSWORD)
    expect(page.get_by_role("main")).to_contain_text("08:12:40")
    page.goto(f"/schools/{scene.school.code}/students/{scene.ming.pk}/")
    expect(page.get_by_role("main")).to_contain_text("07:42")


def test_leave_for_today_is_put_down_from_the_board(scene: Scene, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "office@example.org", PASSWORD)
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("link", name="請假").first.click()
    check(page)
    page.get_by_label("病假").check()
    before = Leave.objects.count()
    with page.expect_navigation():
        page.get_by_role("main").locator("form").last.locator("button").last.click()
    assert Leave.objects.count() == before + 1
