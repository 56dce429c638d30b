"""From the registrar's queue to the family's first page, in Chromium at phone size, with axe looking at every page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from gatepost.accounts import activation
from gatepost.accounts.models import Account
from gatepost.guardians.applications.models import Application, Desk
from gatepost.guardians.tests.test_applications import FATHER, MOTHER, known, submitted
from gatepost.guardians.tests.test_applications import NOW as SUBMITTED
from gatepost.roster.models import Student
from tests import builders
from tests.browser.conftest import Site, check, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOW = SUBMITTED + timedelta(days=6)
PASSWORD = "gate-and-home-1"
Open = Callable[..., Page]


@pytest.fixture
def child(site: Site) -> Student:
    """A child with an application that differs from the roster; a neighbour's that does not."""
    site.now = NOW
    school = builders.a_school()
    Desk.objects.create(school=school)
    school_class = builders.a_class(school)
    child, neighbour = builders.a_student(school_class), builders.a_student(school_class, "陳以樂")
    known(child, MOTHER, name="林淑芳")
    known(child, FATHER, relation="父子")
    known(neighbour, replace(FATHER, position=1), relation="父子")
    submitted(child)
    submitted(neighbour, replace(FATHER, position=1, email="neighbour@example.org"), kind="parent")
    builders.an_office(school, "registrar", account=an_account("registrar@example.org"))
    return child


def an_account(email: str) -> Account:
    return builders.an_account(email, name="陳美玲", password=PASSWORD)


def link_for(email: str) -> str:
    """The path of the link that was mailed to `email`."""
    mails = activation.lease_mails(most=9, lease=timedelta(minutes=1), now=NOW)
    return next(f"/activate/{one.secret}/" for one in mails if one.activation.email == email)


def test_a_registrar_reviews_and_the_family_gets_in(child: Student, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "registrar@example.org", PASSWORD)
    check(page)
    with page.expect_navigation():
        page.get_by_role("link", name="2 件申請已超過").click()
    check(page)
    with page.expect_navigation():
        page.get_by_role("link", name="王小明").click()
    expect(page.get_by_role("main")).to_contain_text("林淑芳")
    check(page)
    with page.expect_navigation():
        page.get_by_role("link", name="退回家長…").click()
    check(page)
    with page.expect_navigation():
        page.get_by_role("button", name="退回").click()
    check(page)  # the summary of what is missing
    page.go_back()
    page.go_back()
    with page.expect_navigation():
        page.get_by_role("button", name="核准", exact=True).click()
    expect(page.get_by_role("main").or_(page.get_by_role("status"))).to_contain_text(["王小明"])
    page.goto(page.url.partition("?")[0] + "exact/")
    expect(page.get_by_role("main")).to_contain_text("陳以樂")
    check(page)
    with page.expect_navigation():
        page.get_by_role("button", name="核准勾選的申請").click()
    check(page)
    assert Application.objects.filter(decision="approved").count() == 2

    family = open_browser()
    family.goto(link_for("mother@example.org"))
    check(family)
    family.get_by_label("新密碼").fill("1234567890")
    family.get_by_label("再輸入一次").fill("1234567890")
    with family.expect_navigation():
        family.keyboard.press("Enter")
    check(family)
    family.get_by_label("新密碼").fill(PASSWORD)
    family.get_by_label("再輸入一次").fill(PASSWORD)
    with family.expect_navigation():
        family.keyboard.press("Enter")
    expect(family.get_by_role("main")).to_contain_text("王小明")
    check(family)


def test_the_other_ways_to_an_account(child: Student, open_browser: Open) -> None:
    page = open_browser()
    page.goto("/sign-in/")
    check(page)
    with page.expect_navigation():
        page.get_by_role("link", name="用身分證字號首次登入").click()
    check(page)
    page.get_by_label("Email").fill("nobody@example.org")
    page.get_by_label("末 6 碼").fill("123456")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("nobody@example.org")
    check(page)
    page.goto("/activate/no-such-link/")
    check(page)
    with page.expect_navigation():
        page.get_by_role("link", name="寄新的連結").click()
    check(page)
    page.get_by_label("Email").fill("nobody@example.org")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("信箱")
    check(page)
