from datetime import date, time
from typing import Any

import pytest

from gatepost.attendance.models import Rules, SchoolDay, Timetable
from gatepost.audit.models import Entry
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import School
from tests import builders
from tests.builders import MONDAY

pytestmark = pytest.mark.django_db

RULES = {
    "late_after": "07:50",
    "cutoff": "08:20",
    "not_arrived_until": "10:30",
    "leave_from": "15:50",
    "half_day_leave_from": "12:00",
    "quiet_gap_seconds": "120",
    "brake_percent": "10",
    "brake_times_usual": "3",
    "brake_at_least": "5",
}


@pytest.fixture
def school() -> School:
    school = builders.a_school()
    builders.a_class(school, 1)
    builders.a_class(school, 6)
    return school


@pytest.fixture
def administrator(school: School) -> Any:
    return visit(builders.an_office(school, "school_administrator"))


class TestMonth:
    def test_a_day_that_is_special_has_its_word(self, school: School) -> None:
        builders.a_school_day(school, day=date(2026, 11, 25), kind=SchoolDay.Kind.HALF, name="段考")
        page = text_of(visit(builders.an_office(school)).get(f"/schools/{school.code}/calendar/"))
        assert "段考" in page

    def test_other_months_are_a_link_away(self, school: School) -> None:
        builders.a_school_day(school, day=date(2026, 12, 25), kind=SchoolDay.Kind.HOLIDAY, name="行憲紀念日")
        browser = visit(builders.an_office(school))
        assert "month=2026-12" in text_of(browser.get(f"/schools/{school.code}/calendar/"))
        assert "行憲紀念日" in text_of(browser.get(f"/schools/{school.code}/calendar/?month=2026-12"))

    @pytest.mark.parametrize("nonsense", ["", "x", "2026-13", "2026-12-01", "9999-12", "0001-01", "%00"])
    def test_nonsense_shows_this_month(self, school: School, nonsense: str) -> None:
        answer = visit(builders.an_office(school)).get(f"/schools/{school.code}/calendar/?month={nonsense}")
        assert answer.status_code == 200

    def test_only_the_administrator_gets_links_to_change_days(self, school: School, administrator: Any) -> None:
        link = f'href="/schools/{school.code}/calendar/2026-11-24/"'
        assert link in text_of(administrator.get(f"/schools/{school.code}/calendar/"))
        assert link not in text_of(visit(builders.an_office(school)).get(f"/schools/{school.code}/calendar/"))


class TestChangingADay:
    def test_it_holds_for_the_grades_chosen(self, school: School, administrator: Any) -> None:
        builders.a_school_day(school)
        form = {"kind": "half", "name": "畢業考", "grades": ["6"], "leave_from": "11:30"}
        answer = administrator.post(f"/schools/{school.code}/calendar/{MONDAY}/", form)
        assert answer.headers["Location"].endswith("?month=2026-11")
        kinds = dict(SchoolDay.objects.filter(school=school, date=MONDAY).values_list("grade", "kind"))
        assert kinds[6] == "half"
        assert kinds[1] == "school"
        assert SchoolDay.objects.get(school=school, date=MONDAY, grade=6).leave_from == time(11, 30)
        assert Entry.objects.filter(action="calendar:changed").exists()

    @pytest.mark.parametrize("wrong", [{"kind": "party"}, {"grades": []}, {"grades": ["9"]}, {"leave_from": "noon"}])
    def test_a_mistake_changes_nothing(self, school: School, administrator: Any, wrong: dict[str, Any]) -> None:
        form = {"kind": "half", "name": "", "grades": ["6"], "leave_from": ""} | wrong
        answer = administrator.post(f"/schools/{school.code}/calendar/{MONDAY}/", form)
        assert answer.status_code == 200
        assert not SchoolDay.objects.exists()

    @pytest.mark.parametrize("far", ["0001-01-01", "9999-12-31"])
    def test_a_day_that_nobody_plans_has_no_page(self, school: School, administrator: Any, far: str) -> None:
        assert administrator.get(f"/schools/{school.code}/calendar/{far}/").status_code == 404

    def test_another_schools_calendar_is_not_there(self, administrator: Any) -> None:
        other = builders.a_school()
        assert administrator.get(f"/schools/{other.code}/calendar/{MONDAY}/").status_code == 404


class TestRules:
    def test_times_limits_and_timetable_are_kept_together(self, school: School, administrator: Any) -> None:
        answer = administrator.post(f"/schools/{school.code}/rules/", RULES | {"grade1-day3": "12:40"})
        assert answer.status_code == 302
        rules = Rules.objects.get()
        assert (rules.cutoff, rules.quiet_gap_seconds) == (time(8, 20), 120)
        hours = Timetable.objects.get()
        assert (hours.grade, hours.weekday, hours.leave_from) == (1, 3, time(12, 40))

    def test_an_hour_that_was_emptied_is_the_usual_one_again(self, school: School, administrator: Any) -> None:
        url = f"/schools/{school.code}/rules/"
        administrator.post(url, RULES | {"grade1-day3": "12:40"})
        assert 'value="12:40"' in text_of(administrator.get(url))
        administrator.post(url, RULES)
        assert not Timetable.objects.exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"cutoff": "07:00"},
            {"not_arrived_until": "08:00"},
            {"leave_from": "08:00"},
            {"cutoff": "8 o'clock"},
            {"brake_percent": "0"},
            {"quiet_gap_seconds": "-1"},
            {"grade1-day3": "late"},
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(
        self, school: School, administrator: Any, wrong: dict[str, str]
    ) -> None:
        answer = administrator.post(f"/schools/{school.code}/rules/", RULES | wrong)
        assert answer.status_code == 200
        assert 'aria-invalid="true"' in text_of(answer)
        assert not Rules.objects.exists()
