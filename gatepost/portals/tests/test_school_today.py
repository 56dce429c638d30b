import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gatepost.attendance import sweep
from gatepost.attendance.models import Day, Event, Leave, Sweep
from gatepost.notify.models import Delivery
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School, SchoolClass, Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def school() -> School:
    school = builders.a_school()
    builders.a_school_day(school)
    return school


@pytest.fixture
def school_class(school: School) -> SchoolClass:
    return builders.a_class(school)


@pytest.fixture
def child(school_class: SchoolClass) -> Student:
    return builders.a_student(school_class)


def today(school: School) -> str:
    return f"/schools/{school.code}/today/"


def board(school: School) -> str:
    return f"/schools/{school.code}/today/board/"


class TestBoard:
    def test_who_is_not_in_yet_stands_on_the_list_and_goes_when_seen(self, school: School, child: Student) -> None:
        builders.a_reader(school, heard_at=NOW)
        browser = visit(builders.an_office(school))
        assert "王小明" in text_of(browser.get(today(school)))
        builders.entered(child, Event.Side.IN, at("08:12"))
        page = text_of(browser.get(today(school)))
        assert "王小明" not in page
        assert 'class="empty"' in page

    def test_a_teacher_sees_the_own_class_only(self, school: School, child: Student) -> None:
        builders.a_student(builders.a_class(school, 2, 2), "陳以樂")
        page = text_of(visit(builders.a_teacher(_class_of(child))).get(today(school)))
        assert "王小明" in page
        assert "陳以樂" not in page

    def test_a_teachers_board_does_not_show_other_classes_either(self, school: School, child: Student) -> None:
        builders.a_student(builders.a_class(school, 2, 2), "陳以樂")
        page = text_of(visit(builders.a_teacher(_class_of(child))).get(board(school)))
        assert "陳以樂" not in page

    def test_a_reader_that_is_offline_is_amber_with_its_time(self, school: School, child: Student) -> None:
        builders.a_reader(school, gate="北門", name="讀卡機", heard_at=at("07:31"))
        page = text_of(visit(builders.an_office(school)).get(today(school)))
        assert re.search(r'北門 讀卡機.*data-state="off"', page, re.DOTALL)
        assert "07:31" in page

    def test_a_day_without_school_says_so_instead_of_listing_everybody(self) -> None:
        school = builders.a_school()
        builders.a_student(builders.a_class(school))
        page = text_of(visit(builders.an_office(school)).get(today(school)))
        assert "王小明" not in page
        assert 'class="empty"' in page

    def test_a_long_list_is_cut_and_says_so(self, school: School, school_class: SchoolClass) -> None:
        for number in range(63):
            builders.a_student(school_class, f"學生{number}")
        page = text_of(visit(builders.an_office(school)).get(today(school)))
        assert page.count('scope="row"') == 60
        assert " 3 " in page

    def test_the_board_costs_the_same_for_one_student_and_for_many(
        self, school: School, school_class: SchoolClass, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for number in range(40):
            builders.a_student(school_class, f"學生{number}")
        browser = visit(builders.an_office(school))
        with django_assert_max_num_queries(20):
            browser.get(today(school))
        with django_assert_max_num_queries(20):
            browser.get(board(school))


class TestKeepingUpToDate:
    def test_nothing_new_is_only_a_new_time(self, school: School, child: Student) -> None:
        office = builders.an_office(school)
        page = text_of(visit(office).get(today(school)))
        answer = visit(office, now=NOW + timedelta(seconds=4)).get(_next(page))
        assert answer.headers["HX-Reswap"] == "none"
        assert "08:12:44" in text_of(answer)
        assert 'id="board"' not in text_of(answer)
        assert 'hx-swap-oob="true"' in text_of(answer)

    def test_what_changed_comes_whole_and_knows_its_successor(self, school: School, child: Student) -> None:
        office = builders.an_office(school)
        page = text_of(visit(office).get(today(school)))
        builders.entered(child, Event.Side.IN, at("08:12"))
        answer = visit(office, now=NOW + timedelta(seconds=4)).get(_next(page))
        assert "HX-Reswap" not in answer.headers
        assert 'id="board"' in text_of(answer)
        assert _next(text_of(answer)) != _next(page)

    def test_a_board_is_never_replaced_by_the_sign_in_page(self, school: School) -> None:
        answer = visit(headers={"HX-Request": "true"}).get(board(school))
        assert answer.status_code == 401

    def test_a_role_that_ended_ends_the_board(self, school: School) -> None:
        office = builders.an_office(school)
        browser = visit(office)
        assert browser.get(board(school)).status_code == 200
        office.roles.update(ended_at=NOW)
        assert browser.get(board(school)).status_code == 403

    def test_every_button_that_can_have_the_focus_has_a_name_to_find_it_by(
        self, school: School, child: Student
    ) -> None:
        page = text_of(visit(builders.an_office(school)).get(today(school)))
        for act in ("seen", "leave", "enter"):
            assert f'id="{act}-{child.pk}"' in page


class TestHeldAlarm:
    @pytest.fixture
    def held(self, school: School, child: Student) -> Sweep:
        """One reader is silent, so nobody has been told about the one student who is missing."""
        builders.a_reader(school, heard_at=NOW)
        builders.a_reader(school, gate="北門", name="讀卡機", heard_at=at("07:31"))
        builders.a_guardian(child)
        found = sweep.sweep_school(school.pk, now=at("08:12"))
        assert found is not None
        return found

    def test_it_explains_itself_with_names(self, school: School, held: Sweep) -> None:
        page = text_of(visit(builders.an_office(school)).get(today(school)))
        assert 'class="held"' in page
        assert "北門 讀卡機" in page
        assert "07:31" in page
        assert "<details" in page
        assert f'href="/schools/{school.code}/release/"' in page

    def test_a_teacher_reads_why_but_cannot_release(self, school: School, child: Student, held: Sweep) -> None:
        page = text_of(visit(builders.a_teacher(_class_of(child))).get(today(school)))
        assert 'class="held"' in page
        assert "/release/" not in page

    def test_the_confirmation_states_the_number_of_people_and_sends_nothing(self, school: School, held: Sweep) -> None:
        page = text_of(visit(builders.an_office(school)).get(f"/schools/{school.code}/release/"))
        assert '<span class="confirm__count">1</span>' in page
        assert "王小明" in page
        assert not Delivery.objects.exists()

    def test_who_has_seen_the_names_releases_them(self, school: School, child: Student, held: Sweep) -> None:
        office = builders.an_office(school)
        answer = visit(office).post(f"/schools/{school.code}/release/", {"seen": str(child.pk)})
        assert answer.status_code == 302
        held.refresh_from_db()
        assert held.released_by == office
        assert Delivery.objects.count() == 1
        assert Day.objects.get(student_id=child.pk).not_arrived_at == NOW

    def test_a_name_that_was_not_on_the_page_is_asked_about_again(
        self, school: School, school_class: SchoolClass, child: Student, held: Sweep
    ) -> None:
        builders.a_student(school_class, "陳以樂")
        answer = visit(builders.an_office(school)).post(f"/schools/{school.code}/release/", {"seen": str(child.pk)})
        assert answer.status_code == 200
        assert "陳以樂" in text_of(answer)
        assert not Delivery.objects.exists()

    def test_what_is_decided_is_not_released_again(self, school: School, child: Student, held: Sweep) -> None:
        browser = visit(builders.an_office(school))
        browser.post(f"/schools/{school.code}/release/", {"seen": str(child.pk)})
        assert browser.get(f"/schools/{school.code}/release/").headers["Location"] == today(school)
        assert Delivery.objects.count() == 1

    def test_the_page_then_says_who_released_it(self, school: School, child: Student, held: Sweep) -> None:
        browser = visit(builders.an_office(school))
        browser.post(f"/schools/{school.code}/release/", {"seen": str(child.pk)})
        page = text_of(browser.get(today(school)))
        assert 'class="held"' not in page
        assert "陳美玲" in page

    def test_an_unusually_long_list_says_how_long_it_is(self, school: School, school_class: SchoolClass) -> None:
        builders.a_reader(school, heard_at=NOW)
        for number in range(9):
            builders.a_student(school_class, f"學生{number}")
        sweep.sweep_school(school.pk, now=at("08:12"))
        page = text_of(visit(builders.an_office(school)).get(today(school)))
        assert 'class="held"' in page
        assert "9" in page.partition('class="held"')[2]


class TestActing:
    def test_here_is_an_event_of_the_office(self, school: School, child: Student) -> None:
        office = builders.an_office(school)
        answer = visit(office).post(f"/schools/{school.code}/students/{child.pk}/seen/")
        assert answer.headers["Location"] == today(school)
        event = Event.objects.get()
        assert (event.side, event.source, event.by_id) == ("seen", "office", office.pk)

    def test_here_from_a_teacher_is_an_event_of_the_teacher(self, school: School, child: Student) -> None:
        visit(builders.a_teacher(_class_of(child))).post(f"/schools/{school.code}/students/{child.pk}/seen/")
        assert Event.objects.get().source == "teacher"

    def test_a_teacher_cannot_vouch_for_another_class(self, school: School, child: Student) -> None:
        other = builders.a_teacher(builders.a_class(school, 2, 2))
        answer = visit(other).post(f"/schools/{school.code}/students/{child.pk}/seen/")
        assert answer.status_code == 404
        assert not Event.objects.exists()

    def test_leave_put_down_takes_the_student_off_the_list(self, school: School, child: Student) -> None:
        office = builders.an_office(school)
        form = {"kind": "sick", "first": "2026-11-23", "last": "2026-11-24"}
        answer = visit(office).post(f"/schools/{school.code}/students/{child.pk}/leave/", form)
        assert answer.headers["Location"] == today(school)
        leave = Leave.objects.get()
        assert (leave.kind, leave.first_date, leave.approved_by) == ("sick", MONDAY, office)
        assert "王小明" not in _board_of(text_of(visit(office).get(today(school))))

    def test_leave_that_ends_before_it_begins_is_refused_beside_the_field(self, school: School, child: Student) -> None:
        form = {"kind": "sick", "first": "2026-11-24", "last": "2026-11-23"}
        answer = visit(builders.an_office(school)).post(f"/schools/{school.code}/students/{child.pk}/leave/", form)
        assert answer.status_code == 200
        assert 'aria-invalid="true"' in text_of(answer)
        assert not Leave.objects.exists()


def _class_of(student: Student) -> SchoolClass:
    assert student.school_class is not None
    return student.school_class


def _next(page: str) -> str:
    """Where the page asks for its next board."""
    found = re.search(r'hx-get="([^"]+)"', page)
    assert found is not None
    return found[1]


def _board_of(page: str) -> str:
    return page.partition('id="board"')[2]


class TestCorrection:
    @pytest.fixture
    def told(self, school: School, child: Student) -> Sweep:
        """Home was told that the child has not arrived, and the mail went out."""
        builders.a_guardian(child)
        builders.a_reader(school, heard_at=at("08:11"))
        asked = sweep.sweep_school(school.pk, now=at("08:12"))
        Delivery.objects.update(state="sent", settled_at=at("08:12:10"))
        assert asked is not None
        return asked

    def test_it_states_how_many_people_and_the_board_leads_to_it(self, school: School, told: Sweep) -> None:
        browser = visit(builders.an_office(school))
        assert f'href="/schools/{school.code}/correction/"' in text_of(browser.get(today(school)))
        page = text_of(browser.get(f"/schools/{school.code}/correction/"))
        assert re.search(r'confirm__count">1<', page)

    def test_who_was_told_gets_the_correction_and_the_day_says_not_arrived_no_more(
        self, school: School, told: Sweep
    ) -> None:
        browser = visit(builders.an_office(school))
        assert browser.post(f"/schools/{school.code}/correction/").status_code == 302
        assert Delivery.objects.filter(state="queued").count() == 1
        assert not Day.objects.filter(not_arrived_at__isnull=False).exists()
        browser.post(f"/schools/{school.code}/correction/")
        assert Delivery.objects.filter(state="queued").count() == 1

    def test_a_teacher_may_not(self, school: School, child: Student, told: Sweep) -> None:
        browser = visit(builders.a_teacher(_class_of(child)))
        assert "/correction/" not in text_of(browser.get(today(school)))
        assert browser.post(f"/schools/{school.code}/correction/").status_code == 403
