import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from time import monotonic

import pytest
from django.conf import settings
from openpyxl import Workbook

from gatepost.roster.identity_numbers import invented
from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.models import GuardianRecord, School, SchoolClass, Student

Act = Callable[..., Report]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("school")]

HEADINGS = ("學號", "姓名", "班級", "座號", "身分證字號", "出生年月日", "監護人", "關係", "監護人電話", "監護人Email")
MING = ("113001", "王小明", "2年01班", "5", invented(1), "107/03/04", "王大明", "父子", "0912345678", "da@example.org")
HUA = ("113002", "李小華", "二年一班", "6", invented(2), "民國107年12月5日", "李美玉", "母女", "0987-654-321", "")


def csv_file(
    path: Path,
    *rows: Sequence[str],
    headings: Sequence[str] = HEADINGS,
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> Path:
    text = "\r\n".join(delimiter.join(row) for row in (headings, *rows)) + "\r\n"
    path.write_bytes(text.encode(encoding))
    return path


def xlsx_file(path: Path, *rows: Sequence[object], headings: Sequence[str] = HEADINGS) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (headings, *rows):
        sheet.append(list(row))
    book.save(path)
    return path


def faults(report: Report) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.column, fault.code) for fault in report.faults.in_order()]


def test_a_table_of_one_school_brings_students_classes_and_guardians(school: School, tmp_path: Path, take: Act) -> None:
    report = take(csv_file(tmp_path / "a.csv", MING, HUA), school=school)

    ming = Student.objects.select_related("school_class").get(number="113001")
    assert (ming.name, ming.birthday, ming.seat, ming.grade) == ("王小明", date(2018, 3, 4), 5, 2)
    assert ming.open_id_number(settings.KEY_RING) == invented(1)
    assert ming.school_class is not None
    assert (ming.school_class.name, ming.school_class.school_year_id) == ("2年01班", 115)
    [guardian] = GuardianRecord.objects.filter(student=ming)
    assert (guardian.name, guardian.relation, guardian.mobile, guardian.email) == (
        "王大明",
        "父子",
        "0912345678",
        "da@example.org",
    )
    assert SchoolClass.objects.count() == 1
    assert report.faults.errors == 0


def test_the_same_table_again_changes_nothing(school: School, tmp_path: Path, take: Act) -> None:
    path = csv_file(tmp_path / "a.csv", MING, HUA)
    take(path, school=school)
    report = take(path, school=school)
    assert report.counts["students"] == {"new": 0, "changed": 0, "leaving": 0, "unchanged": 2, "bad": 0}
    assert report.counts["guardians"]["unchanged"] == 2


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("cp950", "Big5 (CP950)"), ("utf-8-sig", "UTF-8 (BOM)"), ("utf-16", "UTF-16")],
)
def test_the_encoding_is_found_and_told(school: School, tmp_path: Path, take: Act, encoding: str, told: str) -> None:
    report = take(csv_file(tmp_path / "a.csv", MING, HUA, encoding=encoding), school=school)
    assert [file.encoding for file in report.files] == [told]
    assert Student.objects.filter(name="王小明").exists()


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_tabs_and_semicolons_are_understood(school: School, tmp_path: Path, take: Act, delimiter: str) -> None:
    take(csv_file(tmp_path / "a.txt", MING, HUA, delimiter=delimiter), school=school)
    assert Student.objects.count() == 2


def test_a_workbook_holds_numbers_and_dates_as_excel_keeps_them(school: School, tmp_path: Path, take: Act) -> None:
    row = (113001, "王小明", 201, 5.0, invented(1), datetime(2018, 3, 4), "王大明", "父子", 912345678, None)  # noqa: DTZ001
    take(xlsx_file(tmp_path / "a.xlsx", row), school=school)

    student = Student.objects.select_related("school_class").get(number="113001")
    assert (student.seat, student.birthday) == (5, date(2018, 3, 4))
    assert student.school_class is not None
    assert student.school_class.name == "2年01班"
    assert GuardianRecord.objects.get().mobile == "0912345678"


def test_a_title_above_the_headings_is_passed_over(school: School, tmp_path: Path, take: Act) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["試驗國小學生名冊", "", ",".join(HEADINGS), ",".join(MING)]))
    take(path, school=school)
    assert Student.objects.get().number == "113001"


def test_headings_stand_in_any_order_and_under_other_names(school: School, tmp_path: Path, take: Act) -> None:
    headings = ("＊姓名", "學生學號", "年級", "班級", "座號", "身份證字號（或居留證）", "生日(民國)")
    row = ("王小明", "１１３００１", "2", "忠", "5", invented(1), "1070304")
    take(csv_file(tmp_path / "a.csv", row, headings=headings), school=school)

    student = Student.objects.select_related("school_class").get(number="113001")
    assert student.birthday == date(2018, 3, 4)
    assert student.open_id_number(settings.KEY_RING) == invented(1)
    assert student.school_class is not None
    assert student.school_class.name == "2年忠班"


def test_class_and_seat_may_be_one_number(school: School, tmp_path: Path, take: Act) -> None:
    take(
        csv_file(tmp_path / "a.csv", ("113001", "王小明", "20115"), headings=("學號", "姓名", "班級座號")),
        school=school,
    )
    student = Student.objects.select_related("school_class").get()
    assert student.school_class is not None
    assert (student.school_class.name, student.seat) == ("2年01班", 15)


def test_several_guardians_stand_in_columns_of_their_own(school: School, tmp_path: Path, take: Act) -> None:
    headings = (
        "學號",
        "姓名",
        "班級",
        "監護人1",
        "監護人1關係",
        "監護人1身分證字號",
        "監護人2姓名",
        "監護人2手機",
        "母親",
        "母親電子郵件",
    )
    row = (
        "113001",
        "王小明",
        "201",
        "王大明",
        "父子",
        invented(3),
        "王祖德",
        "0912345678",
        "陳美玉",
        "mei@example.org",
    )
    take(csv_file(tmp_path / "a.csv", row, headings=headings), school=school)

    records = GuardianRecord.objects.order_by("position")
    assert [(r.position, r.name, r.relation, r.mobile, r.email) for r in records] == [
        (1, "王大明", "父子", "", ""),
        (2, "王祖德", "", "0912345678", ""),
        (3, "陳美玉", "母", "", "mei@example.org"),
    ]
    assert records[0].open_id_number(settings.KEY_RING) == invented(3)


def test_columns_that_are_not_understood_are_named(school: School, tmp_path: Path, look: Act) -> None:
    headings = ("學號", "姓名", "班級", "電話", "血型")
    report = look(
        csv_file(tmp_path / "a.csv", ("113001", "王小明", "201", "0912345678", "O"), headings=headings), school=school
    )
    assert list(report.unused) == ["電話", "血型"]


def test_columns_that_are_missing_leave_what_is_known(school: School, tmp_path: Path, take: Act) -> None:
    take(csv_file(tmp_path / "a.csv", MING, HUA), school=school)
    rows = (("113001", "王小明"), ("113002", "李小華"))
    report = take(csv_file(tmp_path / "b.csv", *rows, headings=("學號", "姓名")), school=school)

    assert report.counts["students"]["unchanged"] == 2
    assert Student.objects.filter(seat=5, school_class__isnull=False, birthday=date(2018, 3, 4)).exists()
    assert GuardianRecord.objects.count() == 2


def test_every_wrong_cell_of_a_line_is_told(school: School, tmp_path: Path, look: Act) -> None:
    row = ("", "王小明", "十年百班", "abc", "Y15000001X", "107/02/30", "王大明", "", "123", "x")
    report = look(csv_file(tmp_path / "a.csv", row, HUA), school=school)

    assert faults(report) == [
        (2, "出生年月日", "date_calendar"),
        (2, "學號", "empty"),
        (2, "座號", "seat"),
        (2, "班級", "class_form"),
        (2, "身分證字號", "digits"),
        (1, "", "leaving_unsure"),
        (2, "監護人Email", "email"),
        (2, "監護人電話", "mobile_landline"),
    ]
    assert report.counts["students"]["new"] == 1


def test_nothing_of_an_id_number_is_shown_wherever_it_stands(school: School, tmp_path: Path, look: Act) -> None:
    row = ("113001", "王小明", invented(1), invented(2), "Y15000001", invented(3), "", "", invented(4), "")
    report = look(csv_file(tmp_path / "a.csv", row), school=school)
    text = repr(report)
    assert report.faults.errors
    assert "500000" not in text


def test_the_same_number_on_two_lines_is_told(school: School, tmp_path: Path, look: Act) -> None:
    report = look(csv_file(tmp_path / "a.csv", MING, ("113001", *HUA[1:])), school=school)
    assert faults(report) == [(2, "學號", "number_twice"), (3, "學號", "number_twice")]


def test_a_grade_the_school_does_not_teach_is_told(school: School, tmp_path: Path, look: Act) -> None:
    report = look(csv_file(tmp_path / "a.csv", ("113001", "王小明", "8年1班"), headings=HEADINGS[:3]), school=school)
    assert faults(report) == [(2, "班級", "class_grade")]


def test_a_spreadsheet_without_a_school_is_refused(tmp_path: Path, db: None, look: Act) -> None:
    with pytest.raises(ImportRefused) as refused:
        look(csv_file(tmp_path / "a.csv", MING))
    assert refused.value.code == "school_needed"


def test_a_table_without_the_headings_is_refused(school: School, tmp_path: Path, look: Act) -> None:
    with pytest.raises(ImportRefused) as refused:
        look(csv_file(tmp_path / "a.csv", MING, headings=("a", "b")), school=school)
    assert refused.value.code == "no_table"


def test_a_heading_that_stands_twice_is_refused(school: School, tmp_path: Path, look: Act) -> None:
    with pytest.raises(ImportRefused) as refused:
        look(csv_file(tmp_path / "a.csv", headings=("學號", "姓名", "學生姓名")), school=school)
    assert refused.value.code == "header"


def test_an_old_or_protected_workbook_is_refused_with_what_to_do(school: School, tmp_path: Path, look: Act) -> None:
    (tmp_path / "a.xls").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512))
    with pytest.raises(ImportRefused) as refused:
        look(tmp_path / "a.xls", school=school)
    assert refused.value.code == "old_excel"


def test_a_workbook_that_is_damaged_is_refused(school: School, tmp_path: Path, look: Act) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types")
    with pytest.raises(ImportRefused) as refused:
        look(tmp_path / "a.xlsx", school=school)
    assert refused.value.code == "sheet"


def test_a_workbook_that_would_unpack_to_gigabytes_is_refused(school: School, tmp_path: Path, look: Act) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (64 << 20))
    with pytest.raises(ImportRefused) as refused:
        look(tmp_path / "a.xlsx", school=school)
    assert refused.value.code == "zip_bomb"


def test_the_sheet_with_the_students_is_found_among_others(school: School, tmp_path: Path, take: Act) -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.append(["說明"])
    second = book.create_sheet("名冊")
    second.append(list(HEADINGS))
    second.append(list(MING))
    book.save(tmp_path / "a.xlsx")
    take(tmp_path / "a.xlsx", school=school)
    assert Student.objects.get().number == "113001"


def test_simplified_chinese_is_not_taken_for_big5(school: School, tmp_path: Path, look: Act) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("学号,姓名,班级\n113001,王晓明,二年一班\n113002,李晓华,二年一班\n".encode("gb18030"))
    with pytest.raises(ImportRefused) as refused:
        look(path, school=school)
    assert refused.value.code in {"encoding", "no_table"}


def test_ten_thousand_lines_of_one_student_are_told_in_seconds(school: School, tmp_path: Path, look: Act) -> None:
    began = monotonic()
    report = look(csv_file(tmp_path / "a.csv", *[MING] * 5_000), school=school)
    assert monotonic() - began < 20  # by pairs it was a minute and more
    told = {(fault.line, fault.code): fault.about for fault in report.faults.kept if fault.code == "number_twice"}
    assert told[2, "number_twice"] == "3"
    assert told[3, "number_twice"] == "2"
    assert report.faults.errors >= 5_000


def test_an_email_of_a_hundred_thousand_signs_is_told_at_once(school: School, tmp_path: Path, look: Act) -> None:
    began = monotonic()
    report = look(csv_file(tmp_path / "a.csv", (*MING[:-1], "-" * 100_000), HUA), school=school)
    assert monotonic() - began < 10
    assert "email" in {fault.code for fault in report.faults.kept}
