from datetime import date, timedelta

import pytest

from gatepost.access import queries
from gatepost.guardians import leavers
from gatepost.guardians.models import Guardianship
from gatepost.notify.models import Delivery, Notice
from gatepost.roster.models import Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

LEFT = date(2026, 6, 30)
WARNED = at("09:00", LEFT + leavers.STAYS - leavers.TOLD_BEFORE)
OVER = WARNED + leavers.TOLD_BEFORE


@pytest.fixture
def graduate() -> Student:
    child = builders.a_student(builders.a_class(builders.a_school(), 6))
    Student.objects.filter(pk=child.pk).update(study_state="graduated", left_on=LEFT)
    return child


def test_a_bond_with_a_graduate_ends_after_its_time_and_after_a_mail(graduate: Student) -> None:
    mother = builders.a_guardian(graduate)
    assert leavers.follow_leavers(now=WARNED - timedelta(days=1)) == 0
    assert leavers.follow_leavers(now=WARNED) == 1
    assert Notice.objects.get().topic == "bond_ending"
    assert Delivery.objects.get().account_id == mother.pk
    assert queries.children(mother).exists()
    assert leavers.follow_leavers(now=OVER) == 1
    assert not queries.children(mother).exists()
    assert Guardianship.objects.get().ended_because == "left"


def test_nobody_is_told_twice(graduate: Student) -> None:
    builders.a_guardian(graduate)
    leavers.follow_leavers(now=WARNED)
    assert leavers.follow_leavers(now=WARNED + timedelta(days=1)) == 0
    assert Notice.objects.count() == 1


def test_without_a_mail_before_it_does_not_end(graduate: Student) -> None:
    mother = builders.a_guardian(graduate)
    leavers.follow_leavers(now=OVER + timedelta(days=30))
    assert queries.children(mother).exists()


def test_a_child_who_comes_back_keeps_the_bond(graduate: Student) -> None:
    mother = builders.a_guardian(graduate)
    leavers.follow_leavers(now=WARNED)
    Student.objects.update(study_state="enrolled", left_on=None)
    assert leavers.follow_leavers(now=OVER) == 0
    assert queries.children(mother).exists()


def test_a_child_of_the_city_is_left_alone() -> None:
    builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
    assert leavers.follow_leavers(now=OVER) == 0
