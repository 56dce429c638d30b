"""The whole of the binding in Chromium at phone size, by keyboard, with axe looking at every page and mails over SMTP.

Two parents apply, the school returns it, they correct it, the school approves, each opens an account from the own
mail and sees the child; then a restriction stops one of them at once.
"""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Locator, Page, expect

from gatepost.attendance import arrivals
from gatepost.attendance.tests.taps import tapped
from gatepost.guardians.applications.models import Desk
from gatepost.guardians.tests.test_applications import FATHER, MOTHER, known
from gatepost.notify.models import Address, Delivery, Notice
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import Student
from tests import builders
from tests.browser.conftest import Site, check, sign_in
from tests.browser.mailbox import Mailbox
from tests.builders import at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOW = at("20:00")
FAMILY, STAFF, HOME = "river-umbrella-42", "the-gate-opens-at-7", "gate-and-home-{}"
Open = Callable[..., Page]


@pytest.fixture
def child(site: Site) -> Student:
    """A child whose mother the school wrote down, and whose father."""
    site.now = NOW
    school = builders.a_school()
    Desk.objects.create(school=school, contact="註冊組 02-2345-6789 轉 101")
    student = builders.a_student(builders.a_class(school), number="10301123")
    student.seal_id_number(invented(7), settings.KEY_RING)
    student.save()
    known(student, MOTHER)
    known(student, FATHER, relation="父子", mobile="0987654321")
    builders.an_office(school, "registrar", account=builders.an_account("registrar@example.org", password=STAFF))
    return student


def test_two_parents_come_to_see_their_child_and_a_restriction_stops_one(
    child: Student, site: Site, mailbox: Mailbox, open_browser: Open
) -> None:
    phone = open_browser()
    come_in_by_the_id_number(phone)
    fill_in(phone, mailbox, mother="林叔芬")
    assert "學校已收到您的申請" in mailbox.subjects("mother@example.org")[-1]

    site.now += timedelta(hours=14)
    office = open_browser()
    sign_in(office, "registrar@example.org", STAFF)
    return_it(office, child, "媽媽的名字與身分證不同，請再確認。")
    mailbox.deliver()
    assert mailbox.subjects("father@example.org")[-1] == mailbox.subjects("mother@example.org")[-1]

    site.now += timedelta(hours=1)
    other_device = open_browser()
    come_in_by_password(other_device)
    correct(other_device, "媽媽的名字與身分證不同，請再確認。", mother="林淑芬")

    site.now += timedelta(hours=1)
    approve(office, child)
    mailbox.deliver()
    mother, father = open_browser(), open_browser()
    for page, name in ((mother, "mother"), (father, "father")):
        open_account(page, mailbox.newest(f"{name}@example.org", r"(http://\S+/activate/\S+)"), HOME.format(name))
        expect(page.get_by_role("main")).to_contain_text(child.name)
        expect(page.locator("body")).to_contain_text(f"從現在起會寄信告訴您{child.name}的到校、離校、未到校")
        check(page)

    tap(child, site)
    restrict(office, child, "王大同")
    father.reload()
    expect(father.locator("body")).not_to_contain_text(child.name)
    check(father)
    mother.reload()
    expect(mother.get_by_role("main")).to_contain_text(child.name)
    mailbox.deliver()
    assert f"{child.name} 12:00 到校" in mailbox.subjects("mother@example.org")
    assert not [subject for subject in mailbox.subjects("father@example.org") if child.name in subject]


def come_in_by_the_id_number(page: Page) -> None:
    """District, school, the student's numbers and the human check; then a password of the family's own."""
    page.goto("/apply/")
    press(page.get_by_role("link", name=re.compile("雙園")))
    type_into(page.get_by_label("帳號", exact=True), "P10301123")
    type_into(page.get_by_label("密碼", exact=True), invented(7))
    prove_human(page)
    press(page.get_by_role("button", name="登入", exact=True))
    heading(page, "設定您自己的密碼")
    type_into(page.get_by_label("新密碼"), FAMILY)
    type_into(page.locator("#id_again"), FAMILY)
    page.keyboard.press("Enter")
    heading(page, "申請親子帳號")


def come_in_by_password(page: Page) -> None:
    page.goto("/apply/")
    press(page.get_by_role("link", name=re.compile("雙園")))
    type_into(page.get_by_label("帳號", exact=True), "P10301123")
    type_into(page.get_by_label("密碼", exact=True), FAMILY)
    prove_human(page)
    press(page.get_by_role("button", name="登入", exact=True))


def fill_in(page: Page, mailbox: Mailbox, *, mother: str) -> None:
    """All steps for both parents, with the mother's name as typed; both emails are proven by the code they got."""
    press(page.get_by_role("link", name="開始"))
    heading(page, "確認學生資料")
    choose(page.get_by_label("資訊正確"))
    press(page.get_by_role("button", name="下一步"))
    heading(page, "告知與同意")
    choose(page.get_by_label("我同意").first)
    choose(page.get_by_label("我不同意").last)
    press(page.get_by_role("button", name="下一步"))
    heading(page, "由誰申請？")
    choose(page.get_by_label("雙親為監護人，二位都申請"))
    press(page.get_by_role("button", name="下一步"))
    heading(page, "填寫申請人")
    for position, one in enumerate((MOTHER, FATHER), start=1):
        type_into(page.locator(f"#id_p{position}-name"), mother if position == 1 else one.name)
        step_to(page.locator(f"#id_p{position}-relation"), one.relation)
        type_into(page.locator(f"#id_p{position}-id_number"), one.id_number or "")
        type_into(page.locator(f"#id_p{position}-mobile"), one.mobile)
        type_into(page.locator(f"#id_p{position}-email"), one.email)
    press(page.get_by_role("button", name="下一步"))
    for one in (MOTHER, FATHER):
        page.wait_for_url(f"**/email/{one.position}/")
        heading(page, "驗證電子郵件")
        press(page.locator("button[name=send]"))
        expect(page.locator("#id_code")).to_be_visible()
        type_into(page.locator("#id_code"), mailbox.newest(one.email, r"\b(\d{6})\b"))
        page.keyboard.press("Enter")
    heading(page, "再看一次，然後送出")
    press(page.get_by_role("button", name="填答送出"))
    heading(page, "學校處理中")
    mailbox.deliver()


def return_it(page: Page, child: Student, reason: str) -> None:
    """The registrar sees the difference and sends the application back."""
    page.goto(f"/schools/{child.school.code}/applications/")
    press(page.get_by_role("link", name=child.name))
    expect(page.get_by_role("main")).to_contain_text("林叔芬")
    expect(page.get_by_role("main")).to_contain_text("林淑芬")
    press(page.get_by_role("link", name="退回家長…"))
    type_into(page.locator("textarea"), reason)
    press(page.get_by_role("button", name="退回"))
    expect(page.get_by_role("status")).to_contain_text(child.name)


def correct(page: Page, reason: str, *, mother: str) -> None:
    """The family reads why, mends the one word and submits again. Nothing else has to be typed or proven anew."""
    expect(page.get_by_role("main")).to_contain_text(reason)
    press(page.locator("main a.button").first)
    check(page)
    page.goto("/apply/people/")
    type_into(page.locator("#id_p1-name"), mother)
    press(page.get_by_role("button", name="下一步"))
    heading(page, "再看一次，然後送出")
    press(page.get_by_role("button", name="填答送出"))
    heading(page, "學校處理中")


def approve(page: Page, child: Student) -> None:
    page.goto(f"/schools/{child.school.code}/applications/")
    press(page.get_by_role("link", name=child.name))
    press(page.get_by_role("button", name="核准", exact=True))
    expect(page.get_by_role("status")).to_contain_text(child.name)


def open_account(page: Page, link: str, password: str) -> None:
    page.goto(link)
    type_into(page.get_by_label("新密碼"), password)
    type_into(page.get_by_label("再輸入一次"), password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def restrict(page: Page, child: Student, name: str) -> None:
    """One act of the office, with the number of the order."""
    page.goto(f"/schools/{child.school.code}/students/{child.pk}/")
    press(page.get_by_role("main").get_by_role("link", name="監護人"))
    press(page.get_by_role("link", name="設定限制"))
    choose(page.get_by_label(name))
    type_into(page.get_by_label("文號"), "家護字第 1 號")
    press(page.get_by_role("button", name="看看會停止什麼"))
    press(page.get_by_role("button", name="立即限制"))
    expect(page.get_by_role("status")).to_be_visible()


def tap(child: Student, site: Site) -> None:
    """The child's card at the gate: a mail waits for both parents, though neither has chosen anything."""
    reader, _ = builders.a_reader(child.school)
    tapped(reader, builders.a_card(child).uid, site.now)
    arrivals.follow_taps(now=site.now)
    arrived = Notice.objects.get(topic="arrived")
    waiting = Delivery.objects.filter(notice_id=arrived.pk, state="queued").values("address_id")
    told = Address.objects.filter(pk__in=waiting).values_list("target", flat=True)
    assert set(told) == {"mother@example.org", "father@example.org"}


def prove_human(page: Page) -> None:
    box = page.locator("altcha-widget input[type=checkbox]")
    expect(box).to_be_visible(timeout=20_000)
    choose(box)
    expect(page.locator("input[name=human]")).to_have_value(re.compile(".{100}"), timeout=20_000)


def heading(page: Page, text: str) -> None:
    """The page that should come is there, and axe finds nothing on it."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    check(page)


def press(what: Locator) -> None:
    """As a keyboard does."""
    what.press("Enter")


def choose(what: Locator) -> None:
    what.focus()
    what.press("Space")
    expect(what).to_be_checked()


def step_to(what: Locator, value: str) -> None:
    """To one of a list's lines, line by line."""
    what.focus()
    for _line in range(what.locator("option").count()):
        if what.input_value() == value:
            break
        what.press("ArrowDown")
    expect(what).to_have_value(value)


def type_into(what: Locator, text: str) -> None:
    what.focus()
    what.press("Control+a")
    what.press_sequentially(text)
