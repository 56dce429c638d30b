from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings

from gatepost.roster.identity_numbers import invented
from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.models import GuardianRecord, School, SchoolClass, Staff, Student
from gatepost.roster.tests.packages import Package
from gatepost.roster.tests.test_import_oneroster import small_package

Act = Callable[..., Report]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("school")]
ORG = "org-353699"


@pytest.fixture
def bulk(school: School, tmp_path: Path, take: Act) -> None:
    """The small package has been taken over."""
    take(small_package().write_zip(tmp_path / "bulk.zip"))


@pytest.fixture
def delta() -> Package:
    """An empty delta package: what it does not hold, it says to be absent."""
    package = Package(mode="delta")
    package.absent = set(package.rows)
    return package


def write(package: Package, tmp_path: Path) -> Path:
    package.absent -= {name for name, rows in package.rows.items() if rows} | {"users"}
    return package.write_zip(tmp_path / "delta.zip")


@pytest.mark.usefixtures("bulk")
def test_whoever_a_delta_does_not_name_stays(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.student("s1", "113001", "王小名", org=ORG, id_number=invented(1), agents="g1")
    report = take(write(delta, tmp_path))

    student = Student.objects.get(number="113001")
    assert (student.name, student.seat, student.birthday) == ("王小名", 5, date(2018, 3, 4))
    assert student.school_class is not None
    assert report.counts["students"] == {"new": 0, "changed": 1, "leaving": 0, "unchanged": 0, "bad": 0}
    assert Student.objects.filter(left_on=None).count() == 2
    assert GuardianRecord.objects.count() == 3


@pytest.mark.usefixtures("bulk")
def test_a_student_to_be_deleted_has_left(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.student("s2", "113002", "王小華", org=ORG, status="tobedeleted")
    report = take(write(delta, tmp_path), may_leave=1)
    assert Student.objects.get(number="113002").left_on == date(2026, 9, 1)
    assert report.counts["students"]["leaving"] == 1


@pytest.mark.usefixtures("bulk")
def test_a_role_as_student_to_be_deleted_is_leaving_too(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.add("roles", status="tobedeleted", userSourcedId="s2", roleType="primary", role="student", orgSourcedId=ORG)
    take(write(delta, tmp_path), may_leave=1)
    assert Student.objects.get(number="113002").left_on == date(2026, 9, 1)


@pytest.mark.usefixtures("bulk")
def test_the_brake_holds_deltas_too(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.student("s2", "113002", "王小華", org=ORG, status="tobedeleted")
    with pytest.raises(ImportRefused) as refused:
        take(write(delta, tmp_path))
    assert refused.value.code == "brake"


@pytest.mark.usefixtures("bulk")
def test_a_new_student_comes_with_class_and_guardian(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.student("s3", "113003", "李小春", org=ORG, class_="c1", seat="7", id_number=invented(8), agents="g9")
    delta.user("g9", "李大春", role="guardian", org=ORG, sms="0922222222")
    take(write(delta, tmp_path))

    student = Student.objects.select_related("school_class").get(number="113003")
    assert student.school_class is not None
    assert (student.school_class.name, student.seat) == ("2年01班", 7)
    assert [record.name for record in student.guardian_records.all()] == ["李大春"]


@pytest.mark.usefixtures("bulk")
def test_a_student_moves_to_another_class_without_being_listed(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.session()
    delta.homeroom("c2", "2年02班", org=ORG)
    delta.enrol("s1", "c1", status="tobedeleted")
    delta.enrol("s1", "c2", seat="12")
    take(write(delta, tmp_path))

    student = Student.objects.select_related("school_class").get(number="113001")
    assert student.school_class is not None
    assert (student.school_class.name, student.seat, student.name) == ("2年02班", 12, "王小明")


@pytest.mark.usefixtures("bulk")
def test_an_enrolment_to_be_deleted_takes_the_student_out_of_that_class(
    tmp_path: Path, delta: Package, take: Act
) -> None:
    delta.enrol("s1", "c1", status="tobedeleted")
    take(write(delta, tmp_path))
    assert Student.objects.get(number="113001").school_class is None


@pytest.mark.usefixtures("bulk")
def test_a_birthday_alone_is_changed(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.add("demographics", sourcedId="s1", birthDate="2018-03-14")
    report = take(write(delta, tmp_path))
    assert Student.objects.get(number="113001").birthday == date(2018, 3, 14)
    assert [list(change.fields) for change in report.changes] == [["birthday"]]


@pytest.mark.usefixtures("bulk")
def test_a_guardian_alone_is_changed_with_all_children(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.user("g1", "王大明", role="guardian", org=ORG, sms="0933333333", userIds=f"{{idno:{invented(3)}}}")
    report = take(write(delta, tmp_path))
    assert GuardianRecord.objects.filter(source_id="g1", mobile="0933333333").count() == 2
    assert report.counts["guardians"]["changed"] == 2
    assert report.counts["guardians"]["leaving"] == 0


@pytest.mark.usefixtures("bulk")
def test_a_guardian_known_without_a_role_row_keeps_the_relation(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.add("users", sourcedId="g1", enabledUser="true", username="g1", familyName="王", givenName="大名")
    take(write(delta, tmp_path))
    assert set(GuardianRecord.objects.filter(source_id="g1").values_list("name", "relation")) == {("王大名", "父子")}


@pytest.mark.usefixtures("bulk")
def test_a_guardian_to_be_deleted_is_removed(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.user("g2", "陳美玉", role="parent", org=ORG, status="tobedeleted")
    take(write(delta, tmp_path))
    assert not GuardianRecord.objects.filter(source_id="g2").exists()
    assert GuardianRecord.objects.count() == 2


@pytest.mark.usefixtures("bulk")
def test_a_guardian_named_but_not_listed_stays_as_they_are(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.student("s2", "113002", "王小華", org=ORG, agents="g2")
    take(write(delta, tmp_path))
    [record] = GuardianRecord.objects.filter(student__number="113002")
    assert (record.name, record.email) == ("陳美玉", "mei@example.org")


@pytest.mark.usefixtures("bulk")
def test_a_teacher_alone_is_changed(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.add(
        "users", sourcedId="t1", enabledUser="true", username="t1", familyName="林", givenName="春嬌", email="n@x.tw"
    )
    take(write(delta, tmp_path))
    assert Staff.objects.get().email == "n@x.tw"
    assert SchoolClass.objects.get().homeroom_teacher is not None


@pytest.mark.usefixtures("bulk")
def test_the_id_number_stays_when_a_delta_does_not_say(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.student("s1", "113001", "王小名", org=ORG, agents="g1")
    take(write(delta, tmp_path))
    assert Student.objects.get(number="113001").open_id_number(settings.KEY_RING) == invented(1)


@pytest.mark.usefixtures("bulk")
def test_a_status_must_be_filled(tmp_path: Path, delta: Package, look: Act) -> None:
    delta.student("s1", "113001", "王小名", org=ORG, status="")
    report = look(write(delta, tmp_path))
    assert ("users.csv", 2, "status", "status") in [
        (fault.file, fault.line, fault.column, fault.code) for fault in report.faults.kept
    ]


@pytest.mark.usefixtures("bulk")
def test_a_delta_that_repeats_itself_changes_nothing(tmp_path: Path, delta: Package, take: Act) -> None:
    delta.student("s1", "113001", "王小名", org=ORG, agents="g1")
    delta.user("g1", "王大明", role="guardian", org=ORG, sms="0933333333", metadata__relation="父子")
    path = write(delta, tmp_path)
    take(path)
    report = take(path)
    assert all(count["changed"] == count["new"] == count["leaving"] == 0 for count in report.counts.values())


def test_a_delta_without_a_bulk_import_before_it_is_refused(tmp_path: Path, delta: Package, look: Act) -> None:
    delta.student("s1", "113001", "王小明", org=ORG)
    with pytest.raises(ImportRefused) as refused:
        look(write(delta, tmp_path))
    assert refused.value.code == "delta_first"


def test_bulk_and_delta_do_not_mix(tmp_path: Path, look: Act) -> None:
    package = small_package()
    modes = {"users": "bulk", "roles": "delta"}
    package.manifest = [{"propertyName": f"file.{name}", "value": mode} for name, mode in modes.items()]
    with pytest.raises(ImportRefused) as refused:
        look(package.write_zip(tmp_path / "a.zip"))
    assert refused.value.code == "delta_mixed"
