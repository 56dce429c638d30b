"""An import writes the roster and nothing else: bonds, restrictions, roles, cards and days stay as they are."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.attendance.models import SchoolDay
from gatepost.cards.models import Card
from gatepost.guardians import bonds, restrictions
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.undo import undo
from gatepost.roster.models import School, SchoolClass, Staff, Student
from gatepost.roster.tests.conftest import NOW
from gatepost.roster.tests.test_import_oneroster import small_package
from gatepost.roster.tests.test_import_undo import applied, later_package

Act = Callable[..., Report]
pytestmark = pytest.mark.django_db

WRITTEN = {
    "roster_student",
    "roster_guardianrecord",
    "roster_schoolclass",
    "roster_schoolyear",
    "roster_staff",
    "roster_import",
    "roster_importchange",
    "audit_entry",
}


def other_tables() -> dict[str, list[tuple[str, str]]]:
    """Every row, with its version, of every table an import has nothing to do with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = sorted({name for (name,) in cursor.fetchall()} - WRITTEN)
        rows = {}
        for name in names:
            cursor.execute(f'SELECT t.xmin::text, t::text FROM "{name}" t ORDER BY 2')
            rows[name] = cursor.fetchall()
    return rows


@pytest.fixture
def a_school_in_use(school: School, tmp_path: Path, take: Act) -> None:
    """Two students: one with a bond and a card, the other with a restriction; a teacher with an account and a role."""
    take(small_package().write_zip(tmp_path / "a.zip"))
    father = Account.objects.create(email="da@example.org", name="王大明")
    teacher = Account.objects.create(email="lin@example.org", name="林春嬌")
    ming, hua = Student.objects.order_by("number")
    bonds.open_bond(father, ming, relation="父子", source="review", by=None, now=NOW)
    restrictions.restrict(father.pk, hua, by=None, document="113-1", now=NOW)
    Card.objects.create(uid="04A1B2C3", student=ming, issued_at=NOW)
    Card.objects.create(uid="04A1B2C4", student=hua, issued_at=NOW)
    Role.objects.create(account=teacher, name=Role.Name.TEACHER, school=school, school_class=SchoolClass.objects.get())
    Staff.objects.update(account=teacher)
    SchoolDay.objects.create(school=school, grade=2, date=NOW.date(), kind=SchoolDay.Kind.SCHOOL)


@pytest.mark.usefixtures("a_school_in_use")
def test_an_import_writes_no_other_table(tmp_path: Path, take: Act) -> None:
    before = other_tables()
    assert before["guardians_guardianship"]
    assert before["guardians_restriction"]
    assert before["cards_card"]
    take(later_package(tmp_path), may_leave=1)
    assert other_tables() == before


@pytest.mark.usefixtures("a_school_in_use")
def test_undoing_an_import_writes_no_other_table(tmp_path: Path, take: Act) -> None:
    report = take(later_package(tmp_path), may_leave=1)
    before = other_tables()
    undo(applied(report), by=None, now=NOW + timedelta(days=1))
    assert other_tables() == before


@pytest.mark.usefixtures("a_school_in_use")
def test_a_student_who_leaves_keeps_bond_restriction_and_card(tmp_path: Path, take: Act) -> None:
    package = small_package()
    for file in ("users", "roles", "enrollments", "demographics"):
        package.rows[file] = [row for row in package.rows[file] if "s2" not in row.values()]
    take(package.write_zip(tmp_path / "b.zip"), may_leave=1)

    hua = Student.objects.get(number="113002")
    assert hua.left_on is not None
    assert Restriction.objects.filter(student=hua, lifted_at=None).exists()
    assert Card.objects.filter(student=hua, ended_at=None).exists()


@pytest.mark.usefixtures("a_school_in_use")
def test_no_bond_comes_from_a_guardian_in_the_file(tmp_path: Path, take: Act) -> None:
    take(later_package(tmp_path), may_leave=1)
    assert Guardianship.objects.count() == 1


@pytest.mark.usefixtures("a_school_in_use")
def test_a_teacher_keeps_the_account(tmp_path: Path, take: Act) -> None:
    take(later_package(tmp_path), may_leave=1)
    assert Staff.objects.get().account is not None
    assert Staff.objects.get().email == "new@example.org"


def test_an_import_whose_students_have_cards_is_not_undone(school: School, tmp_path: Path, take: Act) -> None:
    report = take(small_package().write_zip(tmp_path / "a.zip"))
    Card.objects.create(uid="04A1B2C3", student=Student.objects.get(number="113001"), issued_at=NOW)
    with pytest.raises(ImportRefused) as refused:
        undo(applied(report), by=None, now=NOW)
    assert (refused.value.code, refused.value.about) == ("undo_in_use", "cards_card")
    assert Student.objects.count() == 2
