"""A guardian stops a card in Chromium, takes it back, and reports it lost: on a phone, by keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from gatepost.cards.models import Card
from tests import builders
from tests.browser.conftest import check, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a long enough one 7"


def test_a_card_is_frozen_taken_back_and_reported_lost(open_browser: Callable[..., Page]) -> None:
    child = builders.a_student(builders.a_class(builders.a_school()))
    card = builders.a_card(child)
    mother = builders.a_guardian(child, account=builders.an_account("mother@example.org", password=PASSWORD))
    page = open_browser()
    sign_in(page, mother.email, PASSWORD)

    page.goto("/family/cards/")
    check(page)
    press(page, "暫停使用")
    page.get_by_role("button", name="恢復使用").wait_for()
    check(page)
    press(page, "恢復使用")
    page.get_by_role("button", name="暫停使用").wait_for()
    page.get_by_role("link", name="掛失").press("Enter")
    page.get_by_role("heading", name="掛失").wait_for()
    press(page, "確定掛失")  # not read yet
    page.get_by_role("alert").wait_for()
    check(page)
    assert Card.objects.get(pk=card.pk).state == "active"
    page.get_by_role("checkbox").press("Space")
    press(page, "確定掛失")
    page.get_by_text("已掛失", exact=True).wait_for()
    check(page)
    assert Card.objects.get(pk=card.pk).state == "lost"


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button).press("Enter")
