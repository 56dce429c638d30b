"""Who leaves, who moves, who must not be taken for somebody else."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from gatepost.roster.identity_numbers import IdentityKind, invented
from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.run import Held
from gatepost.roster.models import GuardianRecord, School, Student
from gatepost.roster.tests.conftest import NOW
from gatepost.roster.tests.packages import Package

Act = Callable[..., Report]
Table = Callable[..., Path]
pytestmark = pytest.mark.django_db

HEADINGS = "學號,姓名,班級,身分證字號,出生年月日"


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A CSV of one school from lines such as `113001,王小明,2年1班,…`; cells at the end may be missing."""

    def write(*lines: str, headings: str = HEADINGS) -> Path:
        path = tmp_path / "roster.csv"
        width = headings.count(",")
        path.write_text("\n".join([headings, *(line + "," * (width - line.count(",")) for line in lines)]))
        return path

    return write


def forty(*, without: Sequence[int] = ()) -> list[str]:
    """Forty students of one class."""
    return [f"1130{n:02d},學生{n},2年1班" for n in range(1, 41) if n not in without]


def code_of(report: Report) -> list[tuple[int, str]]:
    return [(fault.line, fault.code) for fault in report.faults.in_order()]


def test_a_student_no_longer_listed_has_left_and_is_not_deleted(school: School, take: Act, table: Table) -> None:
    take(table(*forty()), school=school)
    report = take(table(*forty(without=[7])), school=school, now=NOW + timedelta(days=3))

    student = Student.objects.get(number="113007")
    assert (student.left_on, student.study_state) == (date(2026, 9, 4), Student.StudyState.TRANSFERRED)
    assert student.school_class is not None
    assert report.counts["students"]["leaving"] == 1
    assert ("113007", "leaving") in [(change.number, change.kind) for change in report.changes]


def test_whoever_has_left_does_not_leave_again(school: School, take: Act, table: Table) -> None:
    take(table(*forty()), school=school)
    take(table(*forty(without=[7])), school=school)
    report = take(table(*forty(without=[7])), school=school, now=NOW + timedelta(days=9))
    assert report.counts["students"]["leaving"] == 0
    assert Student.objects.get(number="113007").left_on == date(2026, 9, 1)


def test_whoever_is_listed_again_is_enrolled_again(school: School, take: Act, table: Table) -> None:
    take(table(*forty()), school=school)
    take(table(*forty(without=[7])), school=school)
    report = take(table(*forty()), school=school)

    student = Student.objects.get(number="113007")
    assert (student.left_on, student.study_state) == (None, Student.StudyState.ENROLLED)
    assert [list(change.fields) for change in report.changes] == [["left_on"]]


def test_a_student_on_leave_of_absence_stays_so(school: School, take: Act, table: Table) -> None:
    take(table(*forty()), school=school)
    Student.objects.filter(number="113007").update(study_state=Student.StudyState.SUSPENDED)
    report = take(table(*forty()), school=school)
    assert Student.objects.get(number="113007").study_state == Student.StudyState.SUSPENDED
    assert report.counts["students"]["changed"] == 0


def test_the_brake_holds_when_more_than_one_in_twenty_would_leave(school: School, take: Act, table: Table) -> None:
    take(table(*forty()), school=school)
    path = table(*forty(without=[1, 2, 3]))

    with pytest.raises(Held) as held:
        take(path, school=school)
    assert (held.value.code, held.value.about) == ("brake", "3")
    [brake] = held.value.report.brakes
    assert (brake.code, brake.leaving, brake.active) == ("353699", 3, 40)
    assert Student.objects.filter(left_on=None).count() == 40


def test_the_brake_lets_two_of_forty_go(school: School, take: Act, table: Table) -> None:
    take(table(*forty()), school=school)
    take(table(*forty(without=[1, 2])), school=school)
    assert Student.objects.filter(left_on=None).count() == 38


@pytest.mark.parametrize(("confirmed", "left"), [(3, 3), (4, 0), (2, 0)])
def test_the_brake_opens_to_the_right_number_only(
    school: School, take: Act, table: Table, confirmed: int, left: int
) -> None:
    take(table(*forty()), school=school)
    path = table(*forty(without=[1, 2, 3]))
    if left:
        take(path, school=school, may_leave=confirmed)
    else:
        with pytest.raises(Held):
            take(path, school=school, may_leave=confirmed)
    assert Student.objects.filter(left_on__isnull=False).count() == left


def test_nobody_is_missing_when_a_line_belongs_to_nobody(school: School, take: Act, table: Table) -> None:
    take(table(*forty()), school=school)
    report = take(table(*forty(without=[7]), ",學生7,2年1班"), school=school, skip_bad_lines=True)
    assert report.counts["students"]["leaving"] == 0
    assert "leaving_unsure" in [code for _line, code in code_of(report)]


def test_a_file_of_one_school_leaves_the_others_alone(
    school: School, other_school: School, take: Act, table: Table
) -> None:
    take(table(*forty()), school=school)
    report = take(table("113001,王小明,1年1班"), school=other_school)
    assert report.counts["students"]["leaving"] == 0
    assert Student.objects.filter(school=school, left_on=None).count() == 40


def test_a_student_released_by_one_school_moves_to_the_next_with_the_same_row(
    school: School, junior_high: School, take: Act, table: Table
) -> None:
    take(table(f"113001,王小明,6年1班,{invented(1)}"), school=school)
    before = Student.objects.get()
    take(table(f"113002,李小華,6年1班,{invented(2)}"), school=school, may_leave=1)
    take(table(f"115001,王小明,1年3班,{invented(1)}"), school=junior_high)

    after = Student.objects.select_related("school_class").get(pk=before.pk)
    assert (after.school, after.number, after.grade, after.stage) == (junior_high, "115001", 7, "junior_high")
    assert (after.left_on, after.study_state) == (None, Student.StudyState.ENROLLED)
    assert after.school_class is not None
    assert after.school_class.school == junior_high
    assert after.open_id_number(settings.KEY_RING) == invented(1)


def test_a_student_still_active_elsewhere_is_refused_with_the_schools_name_only(
    school: School, other_school: School, take: Act, look: Act, table: Table
) -> None:
    take(table(f"113001,王小明,2年1班,{invented(1)},107/03/04"), school=school)
    report = look(table(f"115001,王小明,2年1班,{invented(1)}"), school=other_school)

    [fault] = report.faults.kept
    assert (fault.line, fault.column, fault.code, fault.about) == (2, "身分證字號", "active_elsewhere", "試驗國小")
    assert "113001" not in fault.message
    assert report.counts["students"]["new"] == 0


def test_a_move_within_one_package_needs_no_release(
    school: School, other_school: School, tmp_path: Path, take: Act
) -> None:
    def city(*, at: str) -> Package:
        package = Package()
        package.session()
        for code in ("353699", "353698"):
            org = package.school(code)
            for n in range(30):
                package.student(f"{code}-{n}", f"1{n:02d}", f"學生{n}", org=org, grades="02")
        package.student("s1", "113001", "王小明", org=f"org-{at}", grades="02", id_number=invented(1))
        return package

    take(city(at="353699").write_zip(tmp_path / "a.zip"))
    before = Student.objects.get(source_id="s1")
    report = take(city(at="353698").write_zip(tmp_path / "b.zip"))

    after = Student.objects.get(source_id="s1")
    assert (after.pk, after.school) == (before.pk, other_school)
    assert report.counts["students"]["changed"] == 1
    assert report.counts["students"]["leaving"] == 0


def test_a_new_id_number_of_the_same_student_is_a_change(school: School, take: Act, table: Table) -> None:
    old, new = invented(1, IdentityKind.RESIDENT_OLD), invented(1, IdentityKind.RESIDENT)
    take(table(f"113001,阮氏安,2年1班,{old},107/03/04"), school=school)
    before = Student.objects.get()
    report = take(table(f"113001,阮氏安,2年1班,{new},107/03/04"), school=school)

    after = Student.objects.get()
    assert after.pk == before.pk
    assert [list(change.fields) for change in report.changes] == [["id_number"]]
    assert after.open_id_number(settings.KEY_RING) == new
    assert bytes(after.id_number_digest or b"") == settings.KEY_RING.digest(new)


def test_a_new_student_number_is_recognised_by_the_id_number(school: School, take: Act, table: Table) -> None:
    take(table(f"113001,王小明,2年1班,{invented(1)}"), school=school)
    before = Student.objects.get()
    take(table(f"R113001,王小明,2年1班,{invented(1)}"), school=school)
    after = Student.objects.get()
    assert (after.pk, after.number) == (before.pk, "R113001")


def test_an_id_number_that_comes_later_is_added(school: School, take: Act, table: Table) -> None:
    take(table("113001,王小明,2年1班"), school=school)
    take(table(f"113001,王小明,2年1班,{invented(1)}"), school=school)
    assert Student.objects.get().open_id_number(settings.KEY_RING) == invented(1)


def test_slipped_lines_do_not_give_one_child_the_number_of_another(
    school: School, take: Act, look: Act, table: Table
) -> None:
    take(table(f"113001,王小明,2年1班,{invented(1)},107/03/04", "113002,李小華,2年1班,,107/05/06"), school=school)
    report = look(
        table(f"113001,張小春,2年1班,{invented(3)},107/07/08", "113002,王小雨,2年1班,,107/03/09"), school=school
    )
    assert code_of(report) == [(2, "other_person"), (3, "other_person")]


def test_two_students_may_change_numbers_with_each_other(school: School, take: Act, table: Table) -> None:
    take(table(f"113001,王小明,2年1班,{invented(1)}", f"113002,李小華,2年1班,{invented(2)}"), school=school)
    take(table(f"113002,王小明,2年1班,{invented(1)}", f"113001,李小華,2年1班,{invented(2)}"), school=school)
    assert dict(Student.objects.values_list("name", "number")) == {"王小明": "113002", "李小華": "113001"}


def test_two_students_may_change_id_numbers_with_each_other(school: School, tmp_path: Path, take: Act) -> None:
    def package(first: str, second: str) -> Path:
        package = Package()
        org = package.school("353699")
        for n, number in ((1, first), (2, second)):
            package.student(
                f"s{n}", f"11300{n}", f"學生{n}", org=org, grades="02", birthday="2018-03-04", id_number=number
            )
        return package.write_zip(tmp_path / "school.zip")

    take(package(invented(1), invented(2)))
    take(package(invented(2), invented(1)))
    assert {student.name: student.open_id_number(settings.KEY_RING) for student in Student.objects.all()} == {
        "學生1": invented(2),
        "學生2": invented(1),
    }


def test_the_number_of_a_student_who_left_is_not_given_to_another(
    school: School, take: Act, look: Act, table: Table
) -> None:
    take(table(f"113001,王小明,2年1班,{invented(1)},107/03/04", "113002,李小華,2年1班"), school=school)
    take(table("113002,李小華,2年1班"), school=school, may_leave=1)
    report = look(table(f"113001,張小春,2年1班,{invented(3)},107/07/08", "113002,李小華,2年1班"), school=school)
    assert code_of(report) == [(2, "other_person")]


def test_a_number_somebody_keeps_is_taken(school: School, take: Act, look: Act, table: Table) -> None:
    take(table(f"113001,王小明,2年1班,{invented(1)}", f"113002,李小華,2年1班,{invented(2)}"), school=school)
    # 113002 is read wrong and stays who it is; 113001 wants its number.
    report = look(table(f"113002,王小明,2年1班,{invented(1)}", "113002,李小華,2年1班,Y123"), school=school)
    assert "number_twice" in [code for _line, code in code_of(report)]
    assert report.counts["students"]["changed"] == 0


def test_a_student_recorded_as_deceased_is_not_brought_back(school: School, take: Act, look: Act, table: Table) -> None:
    take(table("113001,王小明,2年1班"), school=school)
    Student.objects.update(study_state=Student.StudyState.DECEASED, left_on=date(2026, 8, 1))
    assert code_of(look(table("113001,王小明,2年1班"), school=school)) == [(2, "deceased")]


def test_two_lines_that_are_one_student_are_both_set_aside(school: School, take: Act, look: Act, table: Table) -> None:
    take(table(f"113001,王小明,2年1班,{invented(1)}"), school=school)
    report = look(table("113001,王小明,2年1班", f"113009,王小明,2年1班,{invented(1)}"), school=school)
    assert code_of(report) == [(2, "student_twice"), (3, "student_twice")]


def test_guardians_follow_a_student_who_moves(school: School, other_school: School, take: Act, table: Table) -> None:
    headings = "學號,姓名,班級,身分證字號,監護人,監護人電話"
    take(table(f"113001,王小明,2年1班,{invented(1)},王大明,0912345678", headings=headings), school=school)
    take(table("113002,李小華,2年1班", headings=headings), school=school, may_leave=1)
    take(table(f"115001,王小明,2年1班,{invented(1)},王大明,0987654321", headings=headings), school=other_school)
    record = GuardianRecord.objects.get()
    assert (record.student.school, record.mobile) == (other_school, "0987654321")
