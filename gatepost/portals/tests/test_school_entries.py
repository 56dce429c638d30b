from typing import Any

import pytest

from gatepost.attendance.models import Event
from gatepost.audit.models import Entry
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
def child(school: School) -> Student:
    return builders.a_student(builders.a_class(school), number="113045")


def form(**changes: str) -> dict[str, str]:
    usual = {"who": "113045", "side": "in", "day": "2026-11-23", "at": "07:42", "note": "", "school_class": ""}
    return usual | changes


def post(school: School, data: dict[str, str], account: Any = None) -> Any:
    return visit(account or builders.an_office(school)).post(f"/schools/{school.code}/entries/new/", data)


class TestManualEntry:
    def test_it_is_an_event_and_home_hears_of_it(self, school: School, child: Student) -> None:
        builders.a_guardian(child)
        answer = post(school, form(note="忘記帶卡"))
        assert answer.status_code == 302
        event = Event.objects.get()
        assert (event.student_id, event.at, event.note) == (child.pk, at("07:42"), "忘記帶卡")
        assert Delivery.objects.count() == 1

    def test_full_width_digits_and_a_name_do_as_well(self, school: School, child: Student) -> None:
        assert post(school, form(who="１１３０４５")).status_code == 302
        assert post(school, form(who="王小明", side="out", at="08:00")).status_code == 302
        assert Event.objects.count() == 2

    def test_two_of_one_name_are_told_apart_by_class_or_number(self, school: School, child: Student) -> None:
        other = builders.a_class(school, 2, 2)
        builders.a_student(other, "王小明", number="113099")
        answer = post(school, form(who="王小明"))
        assert answer.status_code == 200
        assert "113099" in text_of(answer)
        assert not Event.objects.exists()
        assert post(school, form(who="王小明", school_class=str(other.pk))).status_code == 302

    @pytest.mark.parametrize(
        "wrong",
        [
            {"who": "999999"},
            {"who": ""},
            {"side": ""},
            {"at": "25:00"},
            {"at": "09:00"},
            {"day": "2026-11-01"},
            {"day": "x"},
            {"day": "0001-01-01"},
            {"day": "9999-12-31"},
        ],
    )
    def test_a_mistake_is_said_beside_its_field_and_nothing_typed_is_lost(
        self, school: School, child: Student, wrong: dict[str, str]
    ) -> None:
        answer = post(school, form(note="看牙醫") | wrong)
        page = text_of(answer)
        assert answer.status_code == 200
        assert 'aria-invalid="true"' in page
        assert 'role="alert"' in page
        assert 'value="看牙醫"' in page
        assert not Event.objects.exists()

    def test_the_form_stands_ready_for_the_next_of_the_same_class(self, school: School, child: Student) -> None:
        data = form(school_class=str(child.school_class_id), side="out", at="08:00")
        answer = post(school, data)
        page = text_of(visit(builders.an_office(school)).get(answer.headers["Location"]))
        assert f'value="{child.school_class_id}" selected' in page
        assert 'value="113045"' not in page

    def test_a_teacher_enters_for_the_own_class_only(self, school: School, child: Student) -> None:
        assert post(school, form(), builders.a_teacher(_class_of(child))).status_code == 302
        stranger = builders.a_teacher(builders.a_class(school, 2, 2))
        assert post(school, form(side="out", at="08:00"), stranger).status_code == 200
        assert Event.objects.count() == 1

    def test_a_student_of_another_school_cannot_be_found(self, school: School) -> None:
        builders.a_student(builders.a_class(builders.a_school()), "別校生", number="113045")
        assert post(school, form()).status_code == 200
        assert not Event.objects.exists()

    def test_the_link_from_the_board_fills_in_who(self, school: School, child: Student) -> None:
        url = f"/schools/{school.code}/entries/new/?student={child.pk}"
        assert 'value="113045"' in text_of(visit(builders.an_office(school)).get(url))

    @pytest.mark.parametrize("nonsense", ["x", "06debdff-0a40-4f7e-a571-43d5e405bee0", "'"])
    def test_a_link_with_nonsense_opens_an_empty_form(self, school: School, nonsense: str) -> None:
        url = f"/schools/{school.code}/entries/new/?student={nonsense}"
        assert visit(builders.an_office(school)).get(url).status_code == 200


class TestTakingBack:
    @pytest.fixture
    def event(self, child: Student) -> Event:
        return Event.objects.get(pk=builders.entered(child, Event.Side.IN, at("07:42")))

    def url(self, child: Student, event: Event) -> str:
        day = f"/schools/{child.school.code}/students/{child.pk}/days/2026-11-23"
        return f"{day}/events/{event.pk}/void/"

    def test_it_needs_a_reason(self, child: Student, event: Event) -> None:
        answer = visit(builders.an_office(child.school)).post(self.url(child, event), {"because": " "})
        assert answer.status_code == 200
        event.refresh_from_db()
        assert event.voided_at is None

    def test_with_a_reason_the_event_is_struck_and_stays(self, child: Student, event: Event) -> None:
        office = builders.an_office(child.school)
        answer = visit(office).post(self.url(child, event), {"because": "登錯學生"})
        assert "登錯學生" in text_of(visit(office).get(answer.headers["Location"]))
        event.refresh_from_db()
        assert event.voided_by_id == office.pk

    def test_once_is_enough(self, child: Student, event: Event) -> None:
        browser = visit(builders.an_office(child.school))
        browser.post(self.url(child, event), {"because": "登錯學生"})
        assert browser.post(self.url(child, event), {"because": "再一次"}).status_code == 404

    def test_an_event_of_another_student_is_not_reached_through_this_one(self, child: Student, event: Event) -> None:
        other = builders.a_student(_class_of(child), "陳以樂")
        answer = visit(builders.an_office(child.school)).post(self.url(other, event), {"because": "x"})
        assert answer.status_code == 404


class TestStudents:
    def test_the_office_sees_classes_and_a_class_its_students_today(self, school: School, child: Student) -> None:
        builders.a_student(builders.a_class(school, 2, 2), "陳以樂")
        builders.entered(child, Event.Side.IN, at("07:42"))
        browser = visit(builders.an_office(school))
        assert "2年01班" in text_of(browser.get(f"/schools/{school.code}/students/"))
        page = text_of(browser.get(f"/schools/{school.code}/students/?class={child.school_class_id}"))
        assert "王小明" in page
        assert "07:42" in page
        assert "陳以樂" not in page

    def test_a_teacher_comes_to_the_own_class_at_once(self, school: School, child: Student) -> None:
        page = text_of(visit(builders.a_teacher(_class_of(child))).get(f"/schools/{school.code}/students/"))
        assert "王小明" in page

    def test_a_search_finds_by_part_of_the_name_or_number(self, school: School, child: Student) -> None:
        browser = visit(builders.an_office(school))
        for wanted in ("小明", "1130"):
            assert "王小明" in text_of(browser.get(f"/schools/{school.code}/students/?q={wanted}"))
        assert 'class="empty"' in text_of(browser.get(f"/schools/{school.code}/students/?q=nobody"))

    @pytest.mark.parametrize("nonsense", ["q=%00", "class=x", "class=99999999999999999999", "q=%25", "class=%C2%B2"])
    def test_nonsense_in_the_address_breaks_nothing(self, school: School, child: Student, nonsense: str) -> None:
        assert visit(builders.an_office(school)).get(f"/schools/{school.code}/students/?{nonsense}").status_code == 200

    def test_a_teacher_finds_nobody_of_another_class(self, school: School, child: Student) -> None:
        stranger = builders.a_teacher(builders.a_class(school, 2, 2))
        builders.a_student(stranger.roles.get().school_class, "陳以樂")
        page = text_of(visit(stranger).get(f"/schools/{school.code}/students/?q=小明"))
        assert "王小明" not in page

    def test_looking_at_a_day_is_in_the_log(self, school: School, child: Student) -> None:
        office = builders.an_office(school)
        visit(office).get(f"/schools/{school.code}/students/{child.pk}/days/2026-11-23/")
        entry = Entry.objects.get(action="student:looked")
        assert (entry.actor_id, entry.about, entry.facts) == (
            office.pk,
            child.pk,
            {"page": "day", "role": "student_affairs"},
        )

    def test_a_day_shows_the_messages_of_all_guardians_masked(self, school: School, child: Student) -> None:
        builders.a_guardian(child, account=builders.an_account("mother@example.org"))
        builders.a_guardian(child, account=builders.an_account("father@example.org"))
        builders.entered(child, Event.Side.IN, at("07:42"))
        url = f"/schools/{school.code}/students/{child.pk}/days/2026-11-23/"
        page = text_of(visit(builders.an_office(school)).get(url))
        assert "mo…@example.org" in page
        assert "fa…@example.org" in page
        assert "mother@example.org" not in page


class TestNotReached:
    def test_failed_and_stale_messages_are_listed_with_their_reason(self, school: School, child: Student) -> None:
        builders.a_guardian(child, account=builders.an_account("mother@example.org"))
        builders.entered(child, Event.Side.IN, at("07:42"))
        browser = visit(builders.an_office(school))
        url = f"/schools/{school.code}/deliveries/"
        assert "王小明" not in text_of(browser.get(url))
        Delivery.objects.filter(on_date=MONDAY).update(state="failed", because="refused", settled_at=NOW)
        page = text_of(browser.get(url))
        assert "王小明" in page
        assert "mo…@example.org" in page
        assert 'data-state="failed"' in page

    def test_what_a_family_switched_off_is_no_failure(self, school: School, child: Student) -> None:
        builders.a_guardian(child)
        builders.entered(child, Event.Side.IN, at("07:42"))
        Delivery.objects.filter(on_date=MONDAY).update(state="dropped", because="unsubscribed", settled_at=NOW)
        assert "王小明" not in text_of(visit(builders.an_office(school)).get(f"/schools/{school.code}/deliveries/"))


def _class_of(student: Student) -> SchoolClass:
    assert student.school_class is not None
    return student.school_class
