from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.attendance import taiwan_calendar
from gatepost.attendance.models import SchoolDay
from gatepost.attendance.taiwan_calendar import DayKind, PlannedDay, plan_year, usual_dates
from gatepost.roster.roc_dates import school_year_days

years = st.integers(100, 130)


def on(day: date, year: int = 115) -> PlannedDay | None:
    return next((planned for planned in plan_year(year) if planned.date == day), None)


def test_the_kinds_are_those_of_the_table() -> None:
    assert {kind.value for kind in DayKind} <= set(SchoolDay.Kind.values)


@pytest.mark.parametrize(
    ("year", "opens", "closes", "opens_again", "closes_for_summer"),
    [
        (106, date(2017, 8, 30), date(2018, 1, 19), date(2018, 2, 21), date(2018, 6, 29)),
        (114, date(2025, 9, 1), date(2026, 1, 20), date(2026, 2, 23), date(2026, 6, 30)),
        (115, date(2026, 8, 31), date(2027, 1, 20), date(2027, 2, 11), date(2027, 6, 30)),
    ],
)
def test_terms_begin_and_end_as_the_ministry_announced(
    year: int, opens: date, closes: date, opens_again: date, closes_for_summer: date
) -> None:
    dates = usual_dates(year)

    assert (dates.first_opens, dates.first_closes) == (opens, closes)
    assert (dates.second_opens, dates.second_closes) == (opens_again, closes_for_summer)


def test_days_before_a_late_new_year_are_taught_right_after_term_one() -> None:
    dates = usual_dates(114)

    assert dates.taught_early == (date(2026, 1, 21), date(2026, 1, 22), date(2026, 1, 23))
    assert dates.taken_off == (date(2026, 2, 11), date(2026, 2, 12), date(2026, 2, 13))
    assert on(date(2026, 1, 21), 114) == PlannedDay(date(2026, 1, 21), DayKind.MAKE_UP, "第2學期補行上課")
    assert on(date(2026, 2, 11), 114) == PlannedDay(date(2026, 2, 11), DayKind.HOLIDAY, "調整放假")


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 9, 25), "中秋節"),
        (date(2026, 9, 28), "教師節"),
        (date(2026, 10, 9), "國慶日補假"),
        (date(2026, 10, 10), "國慶日"),
        (date(2026, 10, 26), "臺灣光復節補假"),
        (date(2027, 1, 1), "開國紀念日"),
        (date(2027, 2, 4), "小年夜"),
        (date(2027, 2, 5), "農曆除夕"),
        (date(2027, 2, 9), "春節補假"),
        (date(2027, 4, 5), "清明節"),
    ],
)
def test_a_public_holiday_has_the_name_on_the_wall_calendar(day: date, name: str) -> None:
    assert on(day) == PlannedDay(day, DayKind.HOLIDAY, name)


def test_two_holidays_on_one_day_are_both_named() -> None:
    assert taiwan_calendar.public_holidays(113)[date(2025, 4, 4)] == "兒童節、清明節"
    assert taiwan_calendar.public_holidays(113)[date(2025, 1, 27)] == "調整放假"


def test_an_ordinary_weekday_is_a_school_day_and_a_weekend_is_not_planned() -> None:
    assert on(date(2026, 9, 2)) == PlannedDay(date(2026, 9, 2), DayKind.SCHOOL)
    assert on(date(2026, 9, 5)) is None
    assert on(date(2026, 8, 20)) is None
    assert on(date(2027, 1, 25)) is None


def test_the_first_and_the_last_day_of_a_term_are_named() -> None:
    assert on(date(2026, 8, 31)) == PlannedDay(date(2026, 8, 31), DayKind.SCHOOL, "開學日")
    assert on(date(2027, 1, 20)) == PlannedDay(date(2027, 1, 20), DayKind.HALF, "休業式", leave_from=time(12))


def test_a_saturday_worked_for_a_bridge_day_is_taught_in_term_time_only() -> None:
    assert on(date(2023, 2, 18), 111) == PlannedDay(date(2023, 2, 18), DayKind.MAKE_UP, "補課日")
    assert on(date(2023, 2, 4), 111) is None


def test_days_given_by_the_caller_win_over_the_public_calendar() -> None:
    saturday, friday = date(2026, 9, 19), date(2026, 9, 25)
    planned = {day.date: day for day in plan_year(115, make_up={saturday: "補課", friday: "校慶補課"})}
    closed = {day.date: day for day in plan_year(115, make_up={saturday: "補課"}, closed={saturday: "停課"})}

    assert planned[saturday] == PlannedDay(saturday, DayKind.MAKE_UP, "補課")
    assert planned[friday] == PlannedDay(friday, DayKind.MAKE_UP, "校慶補課")
    assert closed[saturday] == PlannedDay(saturday, DayKind.HOLIDAY, "停課")


def test_a_grade_that_graduates_stops_on_its_last_day() -> None:
    last = date(2024, 6, 7)
    planned = plan_year(112, last_day=last)

    assert max(day.date for day in planned if day.kind is not DayKind.HOLIDAY) == last
    assert [day.name for day in planned if day.date > last] == ["端午節"]


@given(years)
def test_every_year_has_about_two_hundred_school_days_in_order_and_once(year: int) -> None:
    planned = plan_year(year)
    first, last = school_year_days(year)

    assert [day.date for day in planned] == sorted({day.date for day in planned})
    assert all(first <= day.date <= last for day in planned)
    assert 180 <= sum(day.kind is not DayKind.HOLIDAY for day in planned) <= 205


@given(years)
def test_no_ordinary_school_day_lies_on_a_weekend_or_a_holiday(year: int) -> None:
    free = taiwan_calendar.public_holidays(year)

    assert all(
        day.date.isoweekday() <= 5 and day.date not in free
        for day in plan_year(year)
        if day.kind in (DayKind.SCHOOL, DayKind.HALF)
    )


@given(years)
def test_every_day_moved_is_taught_once_more(year: int) -> None:
    dates = usual_dates(year)

    assert len(dates.taught_early) == len(dates.taken_off)
    assert all(dates.first_closes < day < dates.second_opens for day in dates.taught_early + dates.taken_off)
    assert dates.second_opens - dates.first_closes >= timedelta(days=21)
