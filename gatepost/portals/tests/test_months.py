from datetime import date, timedelta

import pytest

from gatepost.attendance import entries
from gatepost.attendance.models import Day, Event, SchoolDay
from gatepost.audit.models import Entry
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

FRIDAY = MONDAY - timedelta(days=3)


@pytest.fixture
def child() -> Student:
    """Came in time today, was not seen on Friday, came late on Thursday; a holiday stands in the calendar."""
    student = builders.a_student(builders.a_class(builders.a_school()))
    for back in (0, 3, 4):
        builders.a_school_day(student.school, day=MONDAY - timedelta(days=back))
    builders.a_school_day(student.school, day=date(2026, 11, 12), kind=SchoolDay.Kind.HOLIDAY, name="校慶補假")
    builders.entered(student, Event.Side.IN, at("07:42"))
    builders.entered(student, Event.Side.IN, at("08:20", MONDAY - timedelta(days=4)))
    Day.objects.create(
        school_id=student.school_id, date=FRIDAY, student_id=student.pk, not_arrived_at=at("08:12", FRIDAY)
    )
    return student


def page_of(child: Student, month: str = "2026-11") -> str:
    return text_of(visit(builders.a_guardian(child)).get(f"/family/children/{child.pk}/months/{month}/"))


class TestMonth:
    def test_each_day_has_its_word_its_shape_and_its_hours(self, child: Student) -> None:
        page = page_of(child)
        assert "<time>07:42</time>" in page
        assert 'data-state="absent"' in page
        assert "遲到" in page
        assert "校慶補假" in page
        assert f"/family/children/{child.pk}/days/2026-11-20/" in page
        assert f"/family/children/{child.pk}/days/2026-11-24/" not in page  # has not come
        assert page.count("monthdays__today") == 1

    def test_the_month_comes_to_figures_that_add_up(self, child: Student) -> None:
        page = page_of(child)
        for said in ("目前上課 3 天", "到校 2", "遲到 1", "未到校 1"):
            assert said in page

    def test_one_turns_from_month_to_month_within_what_may_be_looked_at(self, child: Student) -> None:
        page = page_of(child)
        assert "/months/2026-10/" in page
        assert "/months/2026-12/" not in page
        assert "/terms/1151/" in page
        assert "/terms/1142/" in page_of(child, "2026-07")
        browser, here = visit(builders.a_guardian(child)), f"/family/children/{child.pk}/months"
        assert browser.get(f"{here}/2025-10/").status_code == 200
        for none in ("2026-12", "2025-09", "2026-13", "0000-01"):
            assert browser.get(f"{here}/{none}/").status_code == 404

    def test_staff_read_the_same_month_and_the_family_reads_that_they_did(self, child: Student) -> None:
        teacher = builders.a_teacher(child.school_class or builders.a_class(child.school))
        page = text_of(visit(teacher).get(f"/schools/{child.school.code}/students/{child.pk}/months/2026-11/"))
        assert "民國115年11月" in page
        assert "<time>07:42</time>" in page
        assert Entry.objects.filter(about=child.pk, facts__page="month").count() == 1
        mother = visit(builders.a_guardian(child))
        assert "整個月的出勤" in text_of(mother.get(f"/family/children/{child.pk}/looks/"))


class TestDayAsEachReads:
    def test_a_family_reads_that_the_school_took_it_back_and_the_school_reads_who(self, child: Student) -> None:
        office = builders.an_office(child.school, account=builders.an_account(name="陳美玲"))
        event = builders.entered(child, Event.Side.OUT, at("08:02"), by=office)
        entries.void(Event.objects.get(pk=event), by=office.pk, because="登錯學生", now=at("08:06"))
        mother = builders.a_guardian(child)
        family = text_of(visit(mother).get(f"/family/children/{child.pk}/"))
        assert "學校於 08:06 撤銷：登錯學生" in family
        assert "陳美玲" not in family
        school = visit(office).get(f"/schools/{child.school.code}/students/{child.pk}/days/2026-11-23/")
        assert "陳美玲於 08:06 撤銷：登錯學生" in text_of(school)

    def test_the_school_reads_to_whom_each_message_went(self, child: Student) -> None:
        builders.a_guardian(child)
        builders.entered(child, Event.Side.OUT, at("08:05"))
        office = builders.an_office(child.school)
        here = f"/schools/{child.school.code}/students/{child.pk}/days/2026-11-23/"
        assert "pe…@example.org · 母" in text_of(visit(office).get(here))

    def test_who_got_no_message_is_told_so_with_the_way_to_choose_them(self, child: Student) -> None:
        mother = builders.a_guardian(child, subscribed=[])
        page = text_of(visit(mother).get(f"/family/children/{child.pk}/"))
        assert "這一天沒有發送訊息給您" in page

    def test_what_was_received_late_says_when(self, child: Student) -> None:
        builders.entered(child, Event.Side.IN, at("07:43", FRIDAY), now=at("08:10"))
        page = text_of(visit(builders.a_guardian(child)).get(f"/family/children/{child.pk}/days/2026-11-20/"))
        assert "2026/11/23 08:10" in page
