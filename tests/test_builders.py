import pytest

from gatepost.access import queries
from gatepost.attendance.models import Event
from gatepost.notify.models import Delivery
from tests import builders

pytestmark = pytest.mark.django_db


def test_a_guardian_made_for_a_test_is_told_like_any_other() -> None:
    student = builders.a_student(builders.a_class(builders.a_school()))
    mother = builders.a_guardian(student)
    builders.entered(student, Event.Side.IN, builders.at("07:42"))
    assert Delivery.objects.get().account_id == mother.pk


def test_staff_made_for_a_test_reach_their_own_students_only() -> None:
    ours, theirs = builders.a_class(builders.a_school()), builders.a_class(builders.a_school())
    student = builders.a_student(ours)
    assert list(queries.students(builders.a_teacher(ours), ours.school)) == [student]
    assert not queries.students(builders.an_office(theirs.school), ours.school).exists()


def test_readers_and_cards_are_ready_for_use() -> None:
    student = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_school_day(student.school)
    reader, key = builders.a_reader(student.school)
    assert key.startswith("gpr_")
    assert reader.health.queue == 0
    assert builders.a_card(student).state == "active"
    assert builders.an_announcement().school is None
