from typing import Any

import pytest
from django.conf import settings

from gatepost.audit.models import Entry
from gatepost.guardians.applications import entrance
from gatepost.guardians.applications.family_access import FamilyAccess
from gatepost.guardians.applications.models import Application, Desk
from gatepost.portals.tests.test_binding import ID_NUMBER, NOW, NUMBER, PASSWORD, family, said
from gatepost.portals.tests.visits import visit
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school)
    student = builders.a_student(builders.a_class(school), number=NUMBER)
    student.seal_id_number(ID_NUMBER, settings.KEY_RING)
    student.save()
    return student


@pytest.fixture
def registrar(child: Student) -> Any:
    return visit(builders.an_office(child.school, "registrar"), now=NOW)


def page_of(child: Student) -> str:
    return f"/schools/{child.school.code}/students/{child.pk}/family-access/reset/"


def a_password(child: Student) -> None:
    entrance.set_password(child, PASSWORD, now=NOW)


def test_it_stands_beside_the_guardians_and_asks_first(child: Student, registrar: Any) -> None:
    a_password(child)
    assert page_of(child) in registrar.get(page_of(child).replace("family-access/reset", "guardians")).content.decode()
    assert child.name in said(registrar.get(page_of(child)))
    assert FamilyAccess.objects.exists()


def test_the_family_is_out_and_what_it_saved_stays(child: Student, registrar: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("gatepost.portals.binding.human.COST", 1)
    browser = family(child)
    browser.post("/apply/data/", {"answer": "correct"})
    registrar.post(page_of(child))
    assert browser.get("/apply/status/")["Location"] == "/apply/"
    assert Application.objects.get().state == "draft"
    entry = Entry.objects.get(action="family-access:reset")
    assert (entry.about, entry.actor_id is not None) == (child.pk, True)


def test_without_a_password_there_is_nothing_to_set_back(child: Student, registrar: Any) -> None:
    assert (
        page_of(child) not in registrar.get(page_of(child).replace("family-access/reset", "guardians")).content.decode()
    )
    registrar.post(page_of(child))
    assert not Entry.objects.filter(action="family-access:reset").exists()


def test_student_affairs_reads_it_and_cannot_do_it(child: Student) -> None:
    a_password(child)
    affairs = visit(builders.an_office(child.school, "student_affairs"), now=NOW)
    guardians = affairs.get(page_of(child).replace("family-access/reset", "guardians")).content.decode()
    assert page_of(child) not in guardians
    assert affairs.post(page_of(child)).status_code == 403
