from typing import Any

import pytest

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.guardians.models import Guardianship
from gatepost.kit.clock import utc_now
from gatepost.notify.models import Recipient
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    return builders.a_guardian(child)


def looks_of(child: Student, who: Account) -> str:
    return text_of(visit(who, now=utc_now()).get(f"/family/children/{child.pk}/looks/"))


class TestLeaving:
    def test_the_settings_lead_there_and_it_is_asked_first(self, child: Student, mother: Account) -> None:
        url = f"/family/children/{child.pk}/bond/end/"
        browser = visit(mother)
        assert url in text_of(browser.get("/family/settings/"))
        assert child.name in text_of(browser.get(url))
        assert queries.children(mother).exists()
        browser.post(url)
        assert not queries.children(mother).exists()
        assert not Recipient.objects.filter(account=mother, ended_at=None).exists()
        assert Guardianship.objects.get().ended_because == "guardian"

    def test_another_guardian_stays(self, child: Student, mother: Account) -> None:
        father = builders.a_guardian(child)
        visit(mother).post(f"/family/children/{child.pk}/bond/end/")
        assert queries.children(father).get() == child


class TestWhoLooked:
    """Every look of staff at a child's record is in a log that the child's guardians read."""

    def look(self, child: Student, who: Account) -> None:
        visit(who).get(f"/schools/{child.school.code}/students/{child.pk}/", follow=True)

    @pytest.mark.parametrize(("role", "word"), [("registrar", "註冊組"), ("student_affairs", "學務處")])
    def test_the_guardian_reads_role_and_school_and_no_name(
        self, child: Student, mother: Account, role: str, word: str
    ) -> None:
        self.look(child, builders.an_office(child.school, role))
        page = looks_of(child, mother)
        assert f"{child.school.short_name} {word}" in page
        assert "陳美玲" not in page

    def test_a_teachers_look_is_there_too(self, child: Student, mother: Account) -> None:
        assert child.school_class is not None
        self.look(child, builders.a_teacher(child.school_class))
        assert "導師" in looks_of(child, mother)

    def test_a_look_at_another_child_is_not(self, child: Student, mother: Account) -> None:
        neighbour = builders.a_student(child.school_class, "陳以樂")
        self.look(neighbour, builders.an_office(child.school))
        assert "學務處" not in looks_of(child, mother)

    def test_nobody_elses_child_can_be_asked_about(self, child: Student, mother: Account) -> None:
        stranger: Any = visit(builders.a_guardian(builders.a_student(child.school_class, "陳以樂")))
        assert stranger.get(f"/family/children/{child.pk}/looks/").status_code == 404

    def test_many_looks_are_paged(self, child: Student, mother: Account) -> None:
        office = builders.an_office(child.school)
        for _ in range(31):
            queries.student(office, child.school, child.pk, looked="day")
        assert looks_of(child, mother).count('role="rowheader"') == 30
        assert 'rel="next"' in looks_of(child, mother)

    @pytest.mark.parametrize("page", ["days/2026-11-23/", "leave/", "guardians/", "restrictions/new/"])
    def test_every_page_about_one_child_leaves_an_entry(self, child: Student, mother: Account, page: str) -> None:
        visit(builders.an_office(child.school)).get(f"/schools/{child.school.code}/students/{child.pk}/{page}")
        assert "學務處" in looks_of(child, mother)
