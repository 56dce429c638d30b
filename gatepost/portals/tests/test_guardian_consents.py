"""What a guardian agreed to can be read and taken back, later and for oneself alone."""

from datetime import timedelta

import pytest
from django.conf import settings

from gatepost.accounts.models import Account
from gatepost.guardians.applications import approvals, consents
from gatepost.guardians.applications.models import Application, Consent, Desk
from gatepost.guardians.restrictions import restrict
from gatepost.guardians.tests.test_applications import NOW, submitted
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=3)


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school)
    return builders.a_student(builders.a_class(school))


@pytest.fixture
def parents(child: Student) -> tuple[Account, Account]:
    """Both parents of an approved application; the family agreed to everything."""
    application = submitted(child)
    for purpose in Consent.Purpose.values:
        consents.answer(application, purpose, agrees=True, version=1, language="zh-hant", text_hash=bytes(32), now=NOW)
    approvals.approve(
        Application.objects.get(), by=builders.an_office(child.school, "registrar"), ring=settings.KEY_RING, now=NOW
    )
    people = builders.an_account("mother@example.org"), builders.an_account("father@example.org", name="王大同")
    for account in people:
        approvals.take(account, account.email, now=NOW)
    return people


def take_back(account: Account, child: Student, purpose: str) -> None:
    answer = visit(account, now=LATER).post("/family/consents/", {"student": child.pk, "purpose": purpose})
    assert answer.status_code == 302


def says_no(account: Account, child: Student) -> bool:
    return consents.refusals("services", account=account.pk, student=child.pk, since=NOW).exists()


def test_each_answer_stands_there_with_its_date(child: Student, parents: tuple[Account, Account]) -> None:
    page = text_of(visit(parents[0], now=LATER).get("/family/consents/"))
    assert page.count("同意，2026/11/23") == 2


def test_taken_back_it_counts_no_more_from_that_moment(child: Student, parents: tuple[Account, Account]) -> None:
    mother, father = parents
    take_back(mother, child, "services")
    assert says_no(mother, child)
    assert "已撤回，2026/11/26" in text_of(visit(mother, now=LATER).get("/family/consents/"))
    assert not says_no(father, child)
    assert Consent.objects.filter(purpose="services", answer="agree").exists()  # what was said stays known


def test_what_is_necessary_ends_with_the_bond(child: Student, parents: tuple[Account, Account]) -> None:
    take_back(parents[0], child, "binding")
    assert not Consent.objects.filter(answer="disagree").exists()
    page = text_of(visit(parents[0], now=LATER).get("/family/consents/"))
    assert f"/family/children/{child.pk}/bond/end/" in page


def test_nobody_takes_back_what_others_said(child: Student, parents: tuple[Account, Account]) -> None:
    take_back(builders.a_guardian(builders.a_student(child.school_class, "陳以樂")), child, "services")
    assert not Consent.objects.filter(answer="disagree").exists()


def test_who_is_restricted_reads_no_name(child: Student, parents: tuple[Account, Account]) -> None:
    restrict(parents[1].pk, child, by=None, now=LATER)
    assert child.name not in text_of(visit(parents[1], now=LATER).get("/family/consents/"))


def test_a_bond_without_an_application_says_where_its_consent_is(child: Student) -> None:
    page = text_of(visit(builders.a_guardian(child), now=LATER).get("/family/consents/"))
    assert "由學校保存" in page
