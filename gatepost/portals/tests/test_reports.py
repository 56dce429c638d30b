import csv
import io
import re
from datetime import date, timedelta
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest

from gatepost.attendance.models import Day, Event
from gatepost.audit.models import Entry
from gatepost.guardians import restrictions
from gatepost.kit.clock import utc_now
from gatepost.portals.downloads import cell, file_name
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import School, SchoolClass, Student
from gatepost.roster.terms import terms
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

FRIDAY = MONDAY - timedelta(days=3)


@pytest.fixture
def child() -> Student:
    """In time today, not arrived on Friday, late on Thursday."""
    student = builders.a_student(builders.a_class(builders.a_school()), number="=A1")
    for back in (0, 3, 4):
        builders.a_school_day(student.school, day=MONDAY - timedelta(days=back))
    builders.entered(student, Event.Side.IN, at("07:42"))
    builders.entered(student, Event.Side.IN, at("08:20", MONDAY - timedelta(days=4)))
    Day.objects.create(
        school_id=student.school_id, date=FRIDAY, student_id=student.pk, not_arrived_at=at("08:12", FRIDAY)
    )
    return student


@pytest.fixture
def mate(child: Student) -> Student:
    """In the class next door, present on one day of three and unknown on one."""
    student = builders.a_student(builders.a_class(child.school, 2, 2), "陳以樂")
    builders.entered(student, Event.Side.IN, at("07:50"))
    return student


def rows_of(answer: Any) -> list[list[str]]:
    assert answer.content.startswith(b"\xef\xbb\xbf")  # or a spreadsheet guesses Big5
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def figures_of(page: str) -> list[str]:
    """The figures of the tiles, in their order."""
    return [part.partition("<")[0] for part in page.split("<dd>")[1:]]


class TestTermOfAFamily:
    def test_the_navigation_leads_to_the_only_childs_term_and_its_figures(self, child: Student) -> None:
        browser = visit(builders.a_guardian(child))
        answer = browser.get("/family/reports/")
        assert answer.headers["Location"] == f"/family/children/{child.pk}/terms/1151/"
        page = text_of(browser.get(answer.headers["Location"]))
        assert "115學年度第1學期" in page
        assert figures_of(page) == ["3", "2", "1", "0", "0", "1", "0"]
        assert f"/family/children/{child.pk}/months/2026-11/" in page

    def test_the_charts_have_words_for_who_cannot_see_them(self, child: Student) -> None:
        page = text_of(visit(builders.a_guardian(child)).get(f"/family/children/{child.pk}/terms/1151/"))
        for drawing in page.split('<svg class="chart"')[1:]:
            svg = ElementTree.fromstring("<svg" + drawing.partition("</svg>")[0] + "</svg>")
            words = {node.get("id"): node.text for node in svg if node.tag in ("title", "desc")}
            assert all(words[name] for name in (svg.get("aria-labelledby") or "").split())
        assert page.count('class="chart__dot"') == page.count('class="chart__late"') == 1

    def test_the_file_has_a_line_for_each_school_day(self, child: Student) -> None:
        answer = visit(builders.a_guardian(child)).get(f"/family/children/{child.pk}/terms/1151/file/")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="A1-1151.csv"'
        _head, *rows = rows_of(answer)
        assert [row[0] for row in rows] == ["2026-11-19", "2026-11-20", "2026-11-23"]
        assert rows[0][2:7] == ["到校", "08:20", "", "1", "0"]
        assert rows[1][2] == "未到校"

    def test_a_term_without_days_says_so_and_one_that_is_none_has_no_page(self, child: Student) -> None:
        browser = visit(builders.a_guardian(child))
        page = text_of(browser.get(f"/family/children/{child.pk}/terms/1142/"))
        assert 'class="empty"' in page
        assert "/terms/1151/" in page
        for none in ("1152", "1131", "991", "1153"):
            assert browser.get(f"/family/children/{child.pk}/terms/{none}/").status_code == 404

    def test_the_oldest_term_leads_to_no_month_that_is_closed(self, child: Student) -> None:
        School.objects.update(opened_at=at("00:00", date(2025, 8, 1)))
        SchoolClass.objects.update(grade=3)
        Student.objects.update(grade=3)  # and in grade 2 a year ago
        builders.a_school_day(child.school, day=date(2025, 9, 15), grades=[2])
        page = text_of(visit(builders.a_guardian(child)).get(f"/family/children/{child.pk}/terms/1141/"))
        assert figures_of(page)[0] == "1"
        assert "2025年9月" in page
        assert "/months/2025-09/" not in page

    def test_a_restriction_closes_the_term_and_its_file_at_once(self, child: Student, mate: Student) -> None:
        father = builders.a_guardian(child, mate)
        browser, here = visit(father), f"/family/children/{child.pk}/terms/1151/"
        assert browser.get(here).status_code == browser.get(f"{here}file/").status_code == 200
        assert child.name in text_of(browser.get("/family/reports/"))
        restrictions.restrict(father.pk, child, by=None, now=utc_now())
        assert browser.get(here).status_code == browser.get(f"{here}file/").status_code == 404
        assert browser.get("/family/reports/").status_code == 302  # the other child's


class TestFiguresOfASchool:
    def test_the_office_sees_each_class_and_goes_on_to_its_students(self, child: Student, mate: Student) -> None:
        browser, here = visit(builders.an_office(child.school)), f"/schools/{child.school.code}/reports/"
        page = text_of(browser.get(here))
        assert "2年01班" in page
        assert "75.0 %" in page  # three days present of the four that are known
        assert child.name not in page
        page = text_of(browser.get(here, {"school_class": child.school_class_id}))
        assert child.name in page
        assert mate.name not in page
        assert f"/schools/{child.school.code}/students/{child.pk}/terms/1151/" in page

    def test_a_column_sorts_the_most_first_and_the_least_when_asked_again(self, child: Student, mate: Student) -> None:
        browser, here = visit(builders.an_office(child.school)), f"/schools/{child.school.code}/reports/"
        page = text_of(browser.get(here, {"by": "student", "sort": "-late"}))
        assert page.index(child.name) < page.index(mate.name)
        assert 'aria-sort="descending"' in page
        page = text_of(browser.get(here, {"by": "student", "sort": "late"}))
        assert page.index(mate.name) < page.index(child.name)

    def test_a_teacher_sees_the_class_only(self, child: Student, mate: Student) -> None:
        browser = visit(builders.a_teacher(child.school_class or builders.a_class(child.school)))
        for path in ("reports/", "reports/file/"):
            answer = browser.get(f"/schools/{child.school.code}/{path}", {"school_class": mate.school_class_id})
            assert child.name in text_of(answer)
            assert mate.name not in text_of(answer)

    def test_the_file_holds_every_line_no_formula_and_the_log_that_it_was_taken(self, child: Student) -> None:
        office, query = builders.an_office(child.school), {"by": "student", "first": "2026-11-20", "last": "2026-11-23"}
        answer = visit(office).get(f"/schools/{child.school.code}/reports/file/", query)
        assert f"{child.school.code}-2026-11-20-2026-11-23.csv" in answer.headers["Content-Disposition"]
        _head, row = rows_of(answer)
        assert row[2:] == ["'=A1", "2", "1", "0", "0", "0", "1", "0", "50.0"]
        assert Entry.objects.filter(action="report:taken", actor_id=office.pk).count() == 1

    @pytest.mark.parametrize(
        ("first", "last", "said"),
        [
            ("2026-11-20", "2026-11-19", "結束日期不能早於開始日期"),
            ("2026-07-01", "2026-11-19", "同一個學年度"),
            ("2020-09-01", "2020-09-02", "太久以前"),
            ("soon", "2026-11-19", "2026-11-23"),
        ],
    )
    def test_days_that_cannot_be_counted_are_explained_and_kept(
        self, child: Student, first: str, last: str, said: str
    ) -> None:
        browser = visit(builders.an_office(child.school))
        for path in ("reports/", "reports/file/"):
            page = text_of(browser.get(f"/schools/{child.school.code}/{path}", {"first": first, "last": last}))
            assert said in page
            assert f'value="{last}"' in page

    def test_every_term_of_the_list_can_be_counted(self, child: Student) -> None:
        browser, here = visit(builders.an_office(child.school)), f"/schools/{child.school.code}/reports/"
        links = re.findall(r'href="(\?first=[^"]+)"', text_of(browser.get(here)))
        assert len(links) == 3
        for link in links:
            page = text_of(browser.get(here + unescape(link)))
            assert 'aria-invalid="true"' not in page
            assert "2年01班" in page

    def test_a_students_term_is_the_familys_and_the_look_is_in_the_log(self, child: Student) -> None:
        browser = visit(builders.an_office(child.school))
        here = f"/schools/{child.school.code}/students/{child.pk}/terms/1151/"
        assert figures_of(text_of(browser.get(here))) == ["3", "2", "1", "0", "0", "1", "0"]
        assert len(rows_of(browser.get(f"{here}file/"))) == 4
        assert Entry.objects.filter(about=child.pk, facts__page="report").count() == 2


def test_no_cell_is_a_formula_and_no_name_breaks_a_header() -> None:
    assert [cell(one) for one in ("=1+1", "@x", "-2", -2, None, "王小明")] == [
        "'=1+1",
        "'@x",
        "'-2",
        "'-2",
        "",
        "王小明",
    ]
    assert [file_name(one) for one in ('a"\r\nb', "../王", "S-1")] == ["a-b", "王", "S-1"]


def test_terms_are_the_rosters_or_else_the_laws() -> None:
    spans = terms(date(2026, 1, 31), date(2026, 8, 1))
    assert [(one.key, one.first, one.last) for one in spans] == [
        ("1151", date(2026, 8, 1), date(2027, 1, 31)),
        ("1142", date(2026, 2, 1), date(2026, 7, 31)),
        ("1141", date(2025, 8, 1), date(2026, 1, 31)),
    ]
