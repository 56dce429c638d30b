from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.roster import roc_dates
from gatepost.roster.roc_dates import DateWordingError


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("113/09/01", date(2024, 9, 1)),
        ("113-9-1", date(2024, 9, 1)),
        ("113.09.01", date(2024, 9, 1)),
        ("1130901", date(2024, 9, 1)),
        ("民國113年9月1日", date(2024, 9, 1)),
        ("中華民國 113 年 9 月 1 日", date(2024, 9, 1)),
        ("１１３／０９／０１", date(2024, 9, 1)),
        ("113年9月1日", date(2024, 9, 1)),
        ("0970315", date(2008, 3, 15)),
        ("970315", date(2008, 3, 15)),
        ("97/3/15", date(2008, 3, 15)),
        ("2008/3/15", date(2008, 3, 15)),
        ("2008-03-15", date(2008, 3, 15)),
        ("20080315", date(2008, 3, 15)),
        ("西元2008年3月15日", date(2008, 3, 15)),
        ("2008-03-15 00:00:00", date(2008, 3, 15)),
        ("2008-03-15T00:00:00.000", date(2008, 3, 15)),
        ("101/02/29", date(2012, 2, 29)),
    ],
)
def test_a_date_is_understood_however_it_is_written(text: str, day: date) -> None:
    assert roc_dates.parse_date(text) == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "date_empty"),
        ("九月一日", "date_form"),
        ("113/09", "date_form"),
        ("39508", "date_form"),
        ("2008-03-15 07:30", "date_form"),
        ("15/3/2008", "date_year"),
        ("113/02/30", "date_calendar"),
        ("113/13/01", "date_calendar"),
        ("0000101", "date_range"),
        ("1130/09/01", "date_range"),
    ],
)
def test_what_is_no_date_says_why(text: str, code: str) -> None:
    with pytest.raises(DateWordingError) as caught:
        roc_dates.parse_date(text)

    assert caught.value.code == code
    assert str(caught.value)


def test_a_date_outside_its_bounds_is_refused_and_one_on_them_is_not() -> None:
    first, last = date(2008, 1, 1), date(2008, 12, 31)

    assert roc_dates.parse_date("97/12/31", earliest=first, latest=last) == last
    for outside in ("96/12/31", "98/1/1"):
        with pytest.raises(DateWordingError) as caught:
            roc_dates.parse_date(outside, earliest=first, latest=last)
        assert caught.value.code == "date_range"


@given(st.text(alphabet=st.characters() | st.sampled_from("0123456789/.-年月日民國T: ")))
def test_no_text_makes_anything_but_a_date_error(text: str) -> None:
    try:
        roc_dates.parse_date(text)
    except DateWordingError as error:
        assert error.code in error.MESSAGES  # noqa: PT017 — any text may be refused, none may fail otherwise


@given(st.dates(min_value=date(1912, 1, 1), max_value=date(2910, 12, 31)))
def test_a_shown_date_is_read_back(day: date) -> None:
    assert roc_dates.parse_date(roc_dates.roc_date(day)) == day
    assert roc_dates.parse_date(roc_dates.roc_slashed(day)) == day
    assert roc_dates.parse_date(day.isoformat()) == day


def test_dates_are_shown_in_roc_years() -> None:
    assert roc_dates.roc_date(date(2026, 9, 1)) == "民國115年9月1日"
    assert roc_dates.roc_date(date(1911, 10, 10)) == "民國前1年10月10日"
    assert roc_dates.roc_slashed(date(2026, 9, 1)) == "115/09/01"


@pytest.mark.parametrize(
    ("day", "year", "term"),
    [
        (date(2026, 7, 31), 114, 2),
        (date(2026, 8, 1), 115, 1),
        (date(2027, 1, 31), 115, 1),
        (date(2027, 2, 1), 115, 2),
        (date(2027, 7, 31), 115, 2),
    ],
)
def test_a_day_lies_in_its_school_year_and_term(day: date, year: int, term: int) -> None:
    assert roc_dates.school_year_of(day) == year
    assert roc_dates.term_of(day) == (year, term)
    first, last = roc_dates.school_year_days(year)
    assert first <= day <= last


def test_school_years_and_terms_have_names_and_keys() -> None:
    assert roc_dates.school_year_name(115) == "115學年度"
    assert roc_dates.term_name(113, 1) == "113學年度第1學期"
    assert roc_dates.term_key(113, 1) == "1131"
    assert roc_dates.parse_term_key(" 1131 ") == (113, 1)
    with pytest.raises(DateWordingError):
        roc_dates.parse_term_key("1133")
