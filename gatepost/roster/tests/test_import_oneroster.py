from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from uuid import RFC_4122

import pytest
from django.conf import settings
from django.db import connection

from gatepost.roster.identity_numbers import IdentityKind, invented
from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.run import Held
from gatepost.roster.models import GuardianRecord, School, SchoolClass, SchoolYear, Staff, Student
from gatepost.roster.tests.packages import Package

Act = Callable[..., Report]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("school")]


def small_package(code: str = "353699") -> Package:
    """One class of two students, siblings, with their father, one mother and a teacher."""
    package = Package()
    org = package.school(code)
    package.session()
    package.homeroom("c1", "2年01班", org=org, grades="02")
    package.student(
        "s1",
        "113001",
        "王小明",
        org=org,
        class_="c1",
        seat="5",
        birthday="2018-03-04",
        id_number=invented(1),
        agents="g1",
    )
    package.student(
        "s2",
        "113002",
        "王小華",
        org=org,
        class_="c1",
        seat="6",
        birthday="2019-01-05",
        id_number=invented(2),
        agents="g1,g2",
    )
    package.user(
        "g1", "王大明", role="guardian", org=org, sms="0912-345-678", userIds=f"{{idno:{invented(3)}}}",
        metadata__relation="父子",
    )  # fmt: skip
    package.user("g2", "陳美玉", role="parent", org=org, email="mei@example.org")
    package.user("t1", "林春嬌", role="teacher", org=org, email="lin@example.org")
    package.enrol("t1", "c1", role="teacher", primary="true")
    return package


def codes(report: Report) -> list[tuple[str, int, str, str]]:
    """Where the faults are, and what."""
    return [(fault.file, fault.line, fault.column, fault.code) for fault in report.faults.in_order()]


def versions() -> list[tuple[str, str, str]]:
    """The version of each row an import may write: changes with every write."""
    tables = ("roster_student", "roster_guardianrecord", "roster_schoolclass", "roster_staff")
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{table}', id::text, xmin::text || ctid::text FROM {table}" for table in tables)
        )
        return sorted(cursor.fetchall())


def test_ids_of_new_students_follow_each_other_school_by_school_and_say_when_they_came(
    school: School, other_school: School, tmp_path: Path, take: Act, now: datetime
) -> None:
    package = Package()
    package.session()
    orgs = [package.school(one.code) for one in (other_school, school)]
    for nth in range(4200):  # more than a counter of twelve bits holds
        package.student(f"s{nth}", f"{100_000 + nth}", "王小明", org=orgs[nth % 2], grades="01")

    take(package.write_zip(tmp_path / "city.zip"))

    stood = Student.objects.order_by("school_id", "number").values_list("id", flat=True)
    assert list(stood) == sorted(stood)
    assert {(one.version, one.variant) for one in stood} == {(7, RFC_4122)}
    assert {one.int >> 80 for one in stood} == {int(now.timestamp() * 1000) + more for more in (0, 1)}
    assert len({one.int & (1 << 62) - 1 for one in stood}) == 4200


def test_the_first_import_brings_students_with_class_seat_and_birthday(
    school: School, tmp_path: Path, take: Act
) -> None:
    report = take(small_package().write_zip(tmp_path / "city.zip"))

    student = Student.objects.get(number="113001")
    assert (student.name, student.school, student.birthday) == ("王小明", school, date(2018, 3, 4))
    assert (student.grade, student.stage, student.seat, student.source_id) == (2, "elementary", 5, "s1")
    assert student.school_class is not None
    assert student.school_class.name == "2年01班"
    assert student.study_state == Student.StudyState.ENROLLED
    assert report.counts["students"] == {"new": 2, "changed": 0, "leaving": 0, "unchanged": 0, "bad": 0}


def test_the_id_number_opens_only_with_the_key_ring_and_at_its_place(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))

    student = Student.objects.get(number="113001")
    assert student.open_id_number(settings.KEY_RING) == invented(1)
    assert bytes(student.id_number_digest or b"") == settings.KEY_RING.digest(invented(1))
    for record in GuardianRecord.objects.filter(name="王大明"):
        assert record.open_id_number(settings.KEY_RING) == invented(3)


def test_guardians_stand_with_each_of_their_children(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))

    records = GuardianRecord.objects.filter(student__number="113002").order_by("position")
    assert [(r.position, r.name, r.relation, r.mobile, r.email) for r in records] == [
        (1, "王大明", "父子", "0912345678", ""),
        (2, "陳美玉", "家長", "", "mei@example.org"),
    ]
    assert GuardianRecord.objects.filter(source_id="g1").count() == 2


def test_the_teacher_of_the_homeroom_class_leads_it(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.user("t2", "張志豪", role="teacher", org="org-353699")
    package.enrol("t2", "c1", role="teacher")
    take(package.write_zip(tmp_path / "city.zip"))

    teacher = SchoolClass.objects.get().homeroom_teacher
    assert teacher is not None
    assert (teacher.name, teacher.email) == ("林春嬌", "lin@example.org")
    assert Staff.objects.count() == 2


def test_the_school_year_is_the_one_before_the_western_year_it_ends_in(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))

    assert SchoolClass.objects.get().school_year_id == 115
    year = SchoolYear.objects.get()
    assert (year.starts_on, year.ends_on) == (date(2026, 8, 1), date(2027, 7, 31))


def test_looking_through_changes_nothing(tmp_path: Path, look: Act) -> None:
    report = look(small_package().write_zip(tmp_path / "city.zip"))

    assert report.counts["students"]["new"] == 2
    assert report.import_id is None
    assert not Student.objects.exists()
    assert not SchoolYear.objects.exists()


def test_the_same_package_again_touches_no_row(tmp_path: Path, take: Act) -> None:
    path = small_package().write_zip(tmp_path / "city.zip")
    take(path)
    before = versions()
    report = take(path)

    assert versions() == before
    for count in report.counts.values():
        assert (count["new"], count["changed"], count["leaving"], count["bad"]) == (0, 0, 0, 0)


def test_a_folder_is_as_good_as_a_zip(tmp_path: Path, take: Act) -> None:
    take(small_package().write_folder(tmp_path / "city"))
    assert Student.objects.count() == 2


def test_files_may_stand_in_a_folder_of_the_zip(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip", folder="export 2026/"))
    assert Student.objects.count() == 2


def test_what_changed_is_told_field_by_field(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.rows["users"][0]["givenName"] = "小名"
    package.rows["enrollments"][0]["metadata.seat"] = "15"
    report = take(package.write_zip(tmp_path / "later.zip"))

    assert [(change.number, change.kind, list(change.fields)) for change in report.changes] == [
        ("113001", "changed", ["name", "seat"])
    ]
    student = Student.objects.get(number="113001")
    assert (student.name, student.seat) == ("王小名", 15)


def test_a_change_keeps_what_the_file_does_not_say(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.absent |= {"demographics"}
    package.rows["users"][0].update(givenName="小名", userIds="")
    take(package.write_zip(tmp_path / "later.zip"))

    student = Student.objects.get(number="113001")
    assert (student.name, student.birthday) == ("王小名", date(2018, 3, 4))
    assert student.open_id_number(settings.KEY_RING) == invented(1)


def test_a_student_without_a_homeroom_class_has_none(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.student("s3", "113003", "李小春", org="org-353699", grades="03")
    take(package.write_zip(tmp_path / "city.zip"))

    student = Student.objects.get(number="113003")
    assert (student.school_class, student.grade) == (None, 3)


def test_other_classes_than_homerooms_do_not_matter(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.homeroom("maths", "數學 A", org="org-353699", classType="scheduled")
    package.enrol("s1", "maths")
    report = take(package.write_zip(tmp_path / "city.zip"))

    assert SchoolClass.objects.count() == 1
    assert report.faults.errors == 0


def test_an_enrolment_that_has_ended_does_not_count(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.homeroom("c2", "2年02班", org="org-353699")
    package.enrol("s1", "c2", endDate="2026-08-15")
    take(package.write_zip(tmp_path / "city.zip"))

    student = Student.objects.select_related("school_class").get(number="113001")
    assert student.school_class is not None
    assert student.school_class.name == "2年01班"


def test_a_student_in_two_homeroom_classes_is_told_and_stays_where_they_are(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.homeroom("c2", "2年02班", org="org-353699")
    package.enrol("s1", "c2")
    report = take(package.write_zip(tmp_path / "later.zip"), skip_bad_lines=True)

    assert ("enrollments.csv", 5, "classSourcedId", "class_second") in codes(report)
    student = Student.objects.select_related("school_class").get(number="113001")
    assert student.school_class is not None
    assert student.school_class.name == "2年01班"


def test_1年2班_of_a_junior_high_is_grade_seven(junior_high: School, tmp_path: Path, take: Act) -> None:
    package = Package()
    org = package.school("353599")
    package.session()
    package.homeroom("c1", "1年2班", org=org)
    package.student("s1", "115001", "王小明", org=org, class_="c1")
    take(package.write_zip(tmp_path / "school.zip"))

    student = Student.objects.get()
    assert (student.grade, student.stage) == (7, "junior_high")


def test_a_class_whose_title_says_nothing_is_known_by_its_code(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.rows["classes"][0].update(title="向日葵", classCode="201")
    take(package.write_zip(tmp_path / "city.zip"))
    assert SchoolClass.objects.get().name == "2年01班"


def test_a_class_that_is_not_understood_is_named_by_line(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.rows["classes"][0]["title"] = "Homeroom 2A"
    report = look(package.write_zip(tmp_path / "city.zip"))
    assert ("classes.csv", 2, "title", "class_form") in codes(report)


def test_latin_names_are_written_given_name_first(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.rows["users"][0].update(givenName="Thi An", familyName="Nguyen")
    take(package.write_zip(tmp_path / "city.zip"))
    assert Student.objects.filter(name="Thi An Nguyen").exists()


def test_full_width_digits_and_padded_names_are_written_plainly(tmp_path: Path, take: Act) -> None:
    package = small_package()
    wide = invented(1).translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    package.rows["users"][0].update(identifier="１１３００１", givenName="　明", userIds=f"{{idno:{wide}}}")
    take(package.write_zip(tmp_path / "city.zip"))

    student = Student.objects.get(number="113001")
    assert student.name == "王明"
    assert student.open_id_number(settings.KEY_RING) == invented(1)


@pytest.mark.parametrize("kind", list(IdentityKind))
def test_every_kind_of_id_number_is_taken(tmp_path: Path, take: Act, kind: IdentityKind) -> None:
    package = small_package()
    package.rows["users"][0]["userIds"] = f"{{LDAP:abc}},{{nationalId:{invented(9, kind)}}}"
    take(package.write_zip(tmp_path / "city.zip"))
    assert Student.objects.get(number="113001").open_id_number(settings.KEY_RING) == invented(9, kind)


def test_a_malformed_id_number_is_told_by_line_and_column_and_never_shown(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.rows["users"][0]["userIds"] = "{idno:Y15000001A}"
    report = look(package.write_zip(tmp_path / "city.zip"))

    [fault] = [fault for fault in report.faults.kept if not fault.is_note]
    assert (fault.file, fault.line, fault.column, fault.code) == ("users.csv", 2, "userIds", "digits")
    assert "50000" not in fault.found


def test_bad_lines_hold_the_import_unless_they_may_be_skipped(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.rows["users"][0]["userIds"] = "{idno:A123}"
    path = package.write_zip(tmp_path / "city.zip")

    with pytest.raises(Held) as held:
        take(path)
    assert held.value.code == "bad_lines"
    assert not Student.objects.exists()

    report = take(path, skip_bad_lines=True)
    assert [student.number for student in Student.objects.all()] == ["113002"]
    assert report.counts["students"]["bad"] == 1


def test_a_line_set_aside_leaves_its_student_as_they_are(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.rows["users"][0].update(userIds="{idno:A123}", givenName="別人")
    take(package.write_zip(tmp_path / "later.zip"), skip_bad_lines=True)

    student = Student.objects.get(number="113001")
    assert (student.name, student.left_on) == ("王小明", None)
    assert student.guardian_records.count() == 1


def test_the_same_student_number_twice_sets_both_lines_aside(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.rows["users"][1]["identifier"] = "113001"
    report = look(package.write_zip(tmp_path / "city.zip"))

    faults = [fault for fault in report.faults.kept if fault.code == "number_twice"]
    assert [(fault.line, fault.about) for fault in sorted(faults)] == [(2, "3"), (3, "2")]
    assert report.counts["students"]["new"] == 0


def test_the_same_id_number_twice_sets_both_lines_aside(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.rows["users"][1]["userIds"] = f"{{idno:{invented(1)}}}"
    report = look(package.write_zip(tmp_path / "city.zip"))
    assert [fault[1:] for fault in codes(report)] == [
        (2, "userIds", "identity_twice"),
        (3, "userIds", "identity_twice"),
    ]


def test_the_same_sourced_id_twice_sets_both_lines_aside(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.rows["users"].append({**package.rows["users"][0], "identifier": "113009"})
    report = take(package.write_zip(tmp_path / "city.zip"), skip_bad_lines=True)

    assert ("users.csv", 7, "sourcedId", "sourced_twice") in codes(report)
    assert [student.number for student in Student.objects.all()] == ["113002"]


def test_a_school_that_is_not_known_is_refused_with_every_line_of_its_people(tmp_path: Path, look: Act) -> None:
    report = look(small_package("999999").write_zip(tmp_path / "city.zip"))

    assert ("orgs.csv", 2, "identifier", "school_unknown") in codes(report)
    assert ("users.csv", 2, "orgSourcedId", "school_refused") in codes(report)
    assert report.counts["students"]["new"] == 0
    assert not School.objects.filter(code="999999").exists()


def test_one_school_can_be_taken_from_a_package_of_the_city(
    school: School, other_school: School, tmp_path: Path, take: Act
) -> None:
    package = small_package()
    org = package.school("353698")
    package.student("s9", "113009", "趙小雨", org=org, grades="01")
    report = take(package.write_zip(tmp_path / "city.zip"), school=other_school)

    assert [student.number for student in Student.objects.all()] == ["113009"]
    assert report.faults.errors == 0


def test_a_user_without_a_role_is_told(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.add("users", sourcedId="x", enabledUser="true", username="x", familyName="某", givenName="人")
    assert ("users.csv", 7, "sourcedId", "role_missing") in codes(look(package.write_zip(tmp_path / "city.zip")))


def test_an_unknown_role_is_told_and_nobody_is_missed(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.rows["roles"][0]["role"] = "pupil"
    report = take(package.write_zip(tmp_path / "later.zip"), skip_bad_lines=True)

    assert ("roles.csv", 2, "role", "role") in codes(report)
    assert Student.objects.filter(left_on=None).count() == 2


def test_a_guardian_who_is_not_in_the_file_is_a_note(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.rows["users"][0]["agentSourcedIds"] = "g1,nobody"
    report = take(package.write_zip(tmp_path / "city.zip"))

    assert codes(report) == [("users.csv", 2, "agentSourcedIds", "agent_unknown")]
    assert Student.objects.count() == 2


def test_a_mobile_or_email_that_is_none_is_left_out_with_a_note(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.rows["users"][2].update(sms="02-2345-6789", email="not an address")
    report = take(package.write_zip(tmp_path / "city.zip"))

    assert {(column, code) for _file, _line, column, code in codes(report)} == {
        ("email", "email"),
        ("sms", "mobile_landline"),
    }
    assert GuardianRecord.objects.filter(name="王大明", mobile="", email="").count() == 2


def test_a_guardian_no_longer_named_is_removed_from_the_record(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.rows["users"][1]["agentSourcedIds"] = "g2"
    report = take(package.write_zip(tmp_path / "later.zip"))

    assert report.counts["guardians"]["leaving"] == 1
    assert [record.name for record in GuardianRecord.objects.filter(student__number="113002")] == ["陳美玉"]


def test_the_order_of_guardians_is_no_change(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.rows["users"][1]["agentSourcedIds"] = "g2, g1"
    before = versions()
    take(package.write_zip(tmp_path / "later.zip"))
    assert versions() == before


def test_a_teacher_no_longer_listed_has_left(tmp_path: Path, take: Act) -> None:
    take(small_package().write_zip(tmp_path / "city.zip"))
    package = small_package()
    package.rows["users"].pop()
    package.rows["roles"].pop()
    package.rows["enrollments"].pop()
    take(package.write_zip(tmp_path / "later.zip"))

    assert Staff.objects.get().left_on == date(2026, 9, 1)
    assert SchoolClass.objects.get().homeroom_teacher is None


def test_files_of_1_1_carry_the_role_with_the_user(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.absent |= {"roles"}
    package.manifest = []
    roles = {row["userSourcedId"]: row for row in package.rows["roles"]}
    package.headers["users"] += ["role", "orgSourcedIds"]
    for row in package.rows["users"]:
        row |= {"role": roles[row["sourcedId"]]["role"], "orgSourcedIds": roles[row["sourcedId"]]["orgSourcedId"]}
    report = take(package.write_zip(tmp_path / "city.zip"))

    assert Student.objects.count() == 2
    assert GuardianRecord.objects.count() == 3
    assert codes(report) == [("manifest.csv", 1, "", "manifest_missing")]


def test_the_order_and_case_of_the_header_do_not_matter(tmp_path: Path, take: Act) -> None:
    package = small_package()
    texts = package.texts()
    package.headers["users"].reverse()
    folder = package.write_folder(tmp_path / "city")
    (folder / "users.csv").write_text(package.texts()["users.csv"].replace("sourcedId", "SOURCEDID", 1))
    assert texts != package.texts()
    take(folder)
    assert Student.objects.count() == 2


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8-sig", "UTF-8 (BOM)"), ("cp950", "Big5 (CP950)"), ("utf-8", "UTF-8")]
)
def test_the_encoding_of_each_file_is_found_and_told(tmp_path: Path, take: Act, encoding: str, name: str) -> None:
    report = take(small_package().write_zip(tmp_path / "city.zip", encoding=encoding))

    assert Student.objects.filter(name="王小明").exists()
    assert {file.encoding for file in report.files if file.name == "users.csv"} == {name}


def test_a_manifest_that_promises_a_missing_file_is_refused(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.manifest = [{"propertyName": "file.roles", "value": "bulk"}]
    package.absent |= {"roles"}
    with pytest.raises(ImportRefused) as refused:
        look(package.write_zip(tmp_path / "city.zip"))
    assert (refused.value.code, refused.value.about) == ("file_missing", "roles.csv")


def test_a_file_the_manifest_calls_absent_is_not_read(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.manifest = [{"propertyName": "file.demographics", "value": "absent"}]
    report = take(package.write_zip(tmp_path / "city.zip"))

    assert ("demographics.csv", 1, "", "file_unwanted") in codes(report)
    assert Student.objects.filter(birthday=None).count() == 2


def test_another_version_of_oneroster_is_refused(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.manifest = [{"propertyName": "oneroster.version", "value": "2.0"}]
    with pytest.raises(ImportRefused) as refused:
        look(package.write_zip(tmp_path / "city.zip"))
    assert refused.value.code == "version"


def test_a_header_without_a_needed_column_is_refused_by_name(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.headers["roles"].remove("userSourcedId")
    with pytest.raises(ImportRefused) as refused:
        look(package.write_zip(tmp_path / "city.zip"))
    assert refused.value.about == "roles.csv (userSourcedId)"


def test_classes_of_another_year_are_passed_over(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.session("2026", id_="y114")
    package.homeroom("old", "1年01班", org="org-353699", termSourcedIds="y114")
    package.enrol("s1", "old")
    report = take(package.write_zip(tmp_path / "city.zip"))

    assert [one.name for one in SchoolClass.objects.all()] == ["2年01班"]
    assert report.faults.errors == 0


USERS_OF_1_0 = "sourcedId,enabledUser,orgSourcedIds,role,username,userId,givenName,familyName,agents,grade"


def test_spellings_and_gaps_of_older_exports_are_understood(tmp_path: Path, take: Act) -> None:
    """Met in public samples: 1.0 names of columns, TRUE and Homeroom in capitals, no end of the last line."""
    package = small_package()
    package.absent |= {"roles"}
    package.manifest = []
    package.headers["users"] = [
        "sourcedId",
        "enabledUser",
        "orgSourcedIds",
        "role",
        "username",
        "userId",
        "givenName",
        "familyName",
        "agents",
        "grade",
    ]
    for row, role in zip(package.rows["users"], ["student", "student", "guardian", "parent", "teacher"], strict=True):
        row |= {"enabledUser": "TRUE", "orgSourcedIds": "org-353699", "role": role, "userId": row.get("userIds", "")}
        row |= {"agents": row.get("agentSourcedIds", ""), "dateLastModified": "1/05/2023"}
    package.headers["demographics"][0] = "userSourcedId"
    package.headers["demographics"][3] = "birthdate"
    for row in package.rows["demographics"]:
        row |= {"userSourcedId": row["sourcedId"], "birthdate": row["birthDate"]}
    package.headers["classes"] = ["sourcedId", "title", "grade", "classType", "schoolSourcedId", "termSourcedId"]
    package.rows["classes"][0] |= {"classType": "Homeroom", "termSourcedId": "y115", "grade": "2"}
    folder = package.write_folder(tmp_path / "city")
    users = folder / "users.csv"
    users.write_bytes(users.read_bytes().rstrip())
    take(folder)

    student = Student.objects.select_related("school_class").get(number="s1")
    assert (student.name, student.birthday) == ("王小明", date(2018, 3, 4))
    assert student.school_class is not None
    assert student.open_id_number(settings.KEY_RING) == invented(1)
    assert GuardianRecord.objects.count() == 3


def test_a_manifest_may_lack_its_header(tmp_path: Path, take: Act) -> None:
    folder = small_package().write_folder(tmp_path / "city")
    manifest = folder / "manifest.csv"
    manifest.write_text(
        manifest.read_text().replace("propertyName,value\n", "").replace("file.courses", "fiel.courses")
    )
    take(folder)
    assert Student.objects.count() == 2


def test_a_session_without_school_year_is_known_by_its_first_day(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.headers["academicSessions"].remove("schoolYear")
    package.rows["academicSessions"][0]["startDate"] = "2026/9/1"
    take(package.write_zip(tmp_path / "city.zip"))
    assert SchoolClass.objects.get().school_year_id == 115


def test_a_session_whose_year_is_not_known_is_told_and_so_are_its_classes(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.rows["academicSessions"][0]["schoolYear"] = "115"
    report = look(package.write_zip(tmp_path / "city.zip"))
    assert [fault[3] for fault in codes(report)] == ["year"]
    package.session("2027", id_="y116")
    report = look(package.write_zip(tmp_path / "city.zip"))
    assert ("classes.csv", 2, "termSourcedIds", "class_year") in codes(report)


def test_a_school_without_an_identifier_is_told_by_line(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.headers["orgs"].remove("identifier")
    assert ("orgs.csv", 2, "identifier", "school_code") in codes(look(package.write_zip(tmp_path / "city.zip")))


def test_a_department_is_no_school(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.rows["orgs"][0]["type"] = "department"
    report = look(package.write_zip(tmp_path / "city.zip"))
    assert ("users.csv", 2, "orgSourcedId", "org_not_school") in codes(report)
    assert report.counts["students"]["bad"] == 2


def test_a_teacher_named_as_agent_is_no_guardian(tmp_path: Path, take: Act) -> None:
    package = small_package()
    package.rows["users"][0]["agentSourcedIds"] = "t1"
    report = take(package.write_zip(tmp_path / "city.zip"))
    assert not GuardianRecord.objects.filter(student__number="113001").exists()
    assert report.faults.errors == 0


def test_a_student_without_grade_or_class_is_told(tmp_path: Path, look: Act) -> None:
    package = small_package()
    package.student("s3", "113003", "李小春", org="org-353699")
    assert ("users.csv", 7, "grades", "grade") in codes(look(package.write_zip(tmp_path / "city.zip")))


def test_a_file_in_shift_jis_is_refused_by_name(tmp_path: Path, look: Act) -> None:
    package = small_package()
    folder = package.write_folder(tmp_path / "city")
    (folder / "classes.csv").write_bytes(
        package.texts()["classes.csv"].replace("年", "年情報処理とは").encode("shift_jis")
    )
    with pytest.raises(ImportRefused) as refused:
        look(folder)
    assert (refused.value.code, refused.value.about) == ("encoding", "classes.csv")
