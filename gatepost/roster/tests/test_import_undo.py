from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection

from gatepost.roster.identity_numbers import invented
from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.undo import forget_old, undo
from gatepost.roster.models import GuardianRecord, Import, ImportChange, School, SchoolClass, Staff, Student
from gatepost.roster.tests.conftest import NOW
from gatepost.roster.tests.test_import_oneroster import small_package

Act = Callable[..., Report]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("school")]
TABLES = ("roster_student", "roster_guardianrecord", "roster_schoolclass", "roster_staff")


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows an import may write, sealed columns with them."""
    rows = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY id")
            rows[table] = cursor.fetchall()
    return rows


def later_package(tmp_path: Path) -> Path:
    """The small package after the holidays: one student new, one changed in much, one gone, one guardian gone."""
    package = small_package()
    package.homeroom("c2", "2年02班", org="org-353699")
    package.rows["classes"][0]["title"] = "二年一班"
    package.rows["users"][0].update(givenName="小名", userIds=f"{{idno:{invented(7)}}}", agentSourcedIds="g2")
    package.rows["enrollments"][0].update({"classSourcedId": "c2", "metadata.seat": "9"})
    package.rows["users"].pop(1)
    package.rows["roles"].pop(1)
    package.rows["enrollments"].pop(1)
    package.rows["demographics"].pop(1)
    package.rows["users"][1]["sms"] = "0911111111"
    package.rows["users"][3]["email"] = "new@example.org"
    package.student("s3", "113003", "李小春", org="org-353699", class_="c2", id_number=invented(8), agents="g1")
    return package.write_zip(tmp_path / "later.zip")


def applied(report: Report) -> UUID:
    assert report.import_id is not None
    return report.import_id


def refusal(import_id: UUID, **options: Any) -> ImportRefused:
    with pytest.raises(ImportRefused) as refused:
        undo(import_id, **{"by": None, "now": NOW, **options})
    return refused.value


def test_undoing_the_first_import_leaves_nothing(tmp_path: Path, take: Act) -> None:
    report = take(small_package().write_zip(tmp_path / "a.zip"))
    undo(applied(report), by=None, now=NOW)
    for model in (Student, GuardianRecord, SchoolClass, Staff):
        assert not model.objects.exists()


def test_undoing_a_later_import_brings_back_every_row_as_it_was(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "a.zip"))
    before = everything()
    report = take(later_package(tmp_path), may_leave=1)
    assert everything() != before

    undo(applied(report), by=None, now=NOW + timedelta(days=6))
    assert everything() == before
    assert Student.objects.get(number="113001").open_id_number(settings.KEY_RING) == invented(1)


def test_what_is_kept_for_undoing_holds_no_id_number_in_clear(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "a.zip"))
    take(later_package(tmp_path), may_leave=1)
    kept = [str(change.before) for change in ImportChange.objects.all()]
    assert any("id_number_sealed" in text for text in kept)
    assert not any(invented(n) in text for n in range(1, 9) for text in kept)


def test_an_undone_import_can_be_taken_again(tmp_path: Path, take: Act) -> None:
    path = small_package().write_zip(tmp_path / "a.zip")
    undo(applied(take(path)), by=None, now=NOW)
    take(path)
    assert Student.objects.count() == 2


def test_an_import_is_undone_once(tmp_path: Path, take: Act) -> None:
    import_id = applied(take(small_package().write_zip(tmp_path / "a.zip")))
    undo(import_id, by=None, now=NOW)
    assert refusal(import_id).code == "undo_done"
    assert Import.objects.get().undone_at == NOW


def test_an_import_older_than_seven_days_stays(tmp_path: Path, take: Act) -> None:
    import_id = applied(take(small_package().write_zip(tmp_path / "a.zip")))
    assert refusal(import_id, now=NOW + timedelta(days=7, seconds=1)).code == "undo_late"
    assert Student.objects.count() == 2


def test_an_import_from_before_a_restore_stays(tmp_path: Path, take: Act) -> None:
    """A restore writes every row anew, so nobody can tell any more which were changed; it takes the marks away."""
    import_id = applied(take(small_package().write_zip(tmp_path / "a.zip")))
    Import.objects.update(mark="")
    assert refusal(import_id).code == "undo_restored"
    assert Student.objects.count() == 2


def test_an_import_that_never_was_is_told(db: None) -> None:
    assert refusal(uuid4()).code == "undo_unknown"


def test_a_student_changed_since_is_named_and_nothing_is_undone(tmp_path: Path, take: Act) -> None:
    import_id = applied(take(small_package().write_zip(tmp_path / "a.zip")))
    Student.objects.filter(number="113002").update(seat=33)
    refused = refusal(import_id)
    assert (refused.code, refused.about) == ("undo_changed", "353699 113002")
    assert Student.objects.count() == 2


def test_a_guardian_changed_since_is_named(tmp_path: Path, take: Act) -> None:
    import_id = applied(take(small_package().write_zip(tmp_path / "a.zip")))
    GuardianRecord.objects.filter(name="陳美玉").update(mobile="0900000000")
    refused = refusal(import_id)
    assert (refused.code, refused.about) == ("undo_changed", "353699 113002")


def test_an_import_is_not_undone_under_a_later_one(tmp_path: Path, take: Act) -> None:
    first = applied(take(small_package().write_zip(tmp_path / "a.zip")))
    take(later_package(tmp_path), may_leave=1)
    assert refusal(first).code == "undo_changed"


def test_a_new_student_who_is_needed_elsewhere_is_not_removed(tmp_path: Path, take: Act) -> None:
    import_id = applied(take(small_package().write_zip(tmp_path / "a.zip")))
    student = Student.objects.get(number="113001")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE badge (student_id uuid REFERENCES roster_student DEFERRABLE INITIALLY DEFERRED)")
        cursor.execute("INSERT INTO badge VALUES (%s)", [student.pk])
    refused = refusal(import_id)
    assert (refused.code, refused.about) == ("undo_in_use", "badge")
    assert Student.objects.count() == 2


def test_what_stood_before_is_forgotten_after_seven_days(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "a.zip"))
    assert forget_old(now=NOW + timedelta(days=6)) == 0
    assert forget_old(now=NOW + timedelta(days=8)) > 0
    assert not ImportChange.objects.exists()
    assert Import.objects.count() == 1


def test_numbers_that_changed_hands_change_back(tmp_path: Path, take: Act, school: School) -> None:
    def table(first: str, second: str) -> Path:
        path = tmp_path / "a.csv"
        path.write_text(
            f"學號,姓名,班級,身分證字號\n{first},王小明,2年1班,{invented(1)}\n{second},李小華,2年1班,{invented(2)}\n"
        )
        return path

    take(table("113001", "113002"), school=school)
    before = everything()
    undo(applied(take(table("113002", "113001"), school=school)), by=None, now=NOW)
    assert everything() == before
