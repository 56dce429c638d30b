"""The satisfaction survey: voluntary, changeable until its end, and nobody to be recognised in its results."""

from datetime import timedelta
from typing import Any

import pytest

from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import Student
from gatepost.surveys import results, satisfaction
from gatepost.surveys.models import Answer, Reply, Survey
from tests import builders

pytestmark = pytest.mark.django_db

PAGE, BUREAU = "/family/survey/", "/bureau/survey/"
AFTER = NOW + timedelta(days=8)


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def asked() -> Survey:
    """Open for a week from today on."""
    by = builders.an_account()
    closes = NOW + timedelta(days=7)
    return satisfaction.set_period(builders.MONDAY, opens_at=NOW, closes_at=closes, by=by, now=NOW)


def test_a_family_answers_changes_it_and_takes_it_back(child: Student, asked: Survey) -> None:
    mother = builders.a_guardian(child)
    before = Entry.objects.count()
    browser = visit(mother)
    assert browser.post(PAGE, {"messages": "5", "overall": "4", "text": "字大一點"}).status_code == 302
    shown = text_of(browser.get(PAGE))
    assert "字大一點" in shown
    browser.post(PAGE, {"overall": "2"})
    assert list(Answer.objects.values_list("question", "value")) == [("overall", 2)]
    assert Reply.objects.get().text == ""
    refused = browser.post(PAGE, {"text": " "})
    assert refused.status_code == 422
    assert Answer.objects.count() == 1
    browser.post(PAGE, {"take-back": "1"})
    assert not Reply.objects.exists()
    assert Entry.objects.count() == before  # nobody is to know who answered
    late = visit(mother, now=AFTER)
    late.post(PAGE, {"overall": "5"})
    assert not Reply.objects.exists()
    assert "目前沒有調查" in text_of(late.get(PAGE))


def test_the_bureau_sees_counts_when_it_is_over_and_cannot_open_it_again(child: Student, asked: Survey) -> None:
    for number, text in enumerate(["甲", "", "乙", "", "", ""]):
        visit(builders.a_guardian(child, name=f"周嵐{number}")).post(PAGE, {"overall": "4", "text": text})
    officer = builders.a_role("bureau_officer")
    running = text_of(visit(officer).get(BUREAU))
    assert "6 份填答" in running
    assert "甲" not in running
    assert "<table" not in running
    after = visit(officer, now=AFTER)
    shown = text_of(after.get(BUREAU))
    assert shown.index("乙") < shown.index("甲")
    assert "<table" in shown
    assert "周嵐" not in shown
    period = {"opens_at": "2026-11-23T08:00", "closes_at": "2026-12-24T08:00"}
    assert after.post(BUREAU, period).status_code == 422
    assert Survey.objects.get().closes_at == asked.closes_at
    operator = visit(builders.a_role("operator"), now=AFTER)
    assert text_of(operator.get(BUREAU)).count("<form") < shown.count("<form")
    assert operator.post(BUREAU, period).status_code == 403


@pytest.mark.parametrize(
    ("languages", "groups"),
    [
        (["zh-hant"] * 4, None),  # fewer than five: nothing at all
        (["zh-hant"] * 6, []),
        (["zh-hant"] * 6 + ["vi"] * 5, [("zh-hant", 6), ("vi", 5)]),
        (["zh-hant"] * 6 + ["vi"] * 3 + ["id"] * 2, [("zh-hant", 6), ("", 5)]),
        (["zh-hant"] * 7 + ["vi"] * 5 + ["id"], [("zh-hant", 7), ("", 6)]),  # one is not to be found by subtraction
        (["zh-hant"] * 9 + ["id"], []),
    ],
)
def test_no_group_of_fewer_than_five_can_be_worked_out(asked: Survey, languages: list[str], groups: Any) -> None:
    accounts = Account.objects.bulk_create(
        Account(email=f"{number}@example.org", password="!", language=language)
        for number, language in enumerate(languages)
    )
    for account in accounts:
        satisfaction.reply(asked, account, {"overall": 3}, "x", district=None, now=NOW)
    found = results.of(asked, now=AFTER)
    if groups is None:
        assert found == results.Results(True, 0)
    else:
        assert [(one.name, one.replies) for one in found.by_language] == groups
        assert found.counts["overall"][3] == len(languages)
