from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.guardians import bonds
from gatepost.guardians.models import Guardianship, Right
from gatepost.notify import recipients, topics
from gatepost.notify.models import Delivery, Notice, Recipient
from gatepost.notify.notices import Post, post
from gatepost.notify.queries import subscribed
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("09:00")


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(bonds.BondRefused) as caught:
        yield
    assert caught.value.code == code


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def aunt() -> Account:
    account = builders.an_account(name="王小姑")
    builders.an_address(account)
    return account


def opened(account: Account, child: Student, **more: Any) -> Guardianship:
    return bonds.open_bond(account, child, relation="姑姪", source="test", by=None, now=NOW, **more)


def may_be_told(account: Account, child: Student) -> bool:
    return Recipient.objects.filter(account=account, about=child.pk, ended_at=None).exists()


class TestTheFirstMorning:
    def test_a_new_guardian_hears_of_it_without_choosing_anything(self, aunt: Account, child: Student) -> None:
        opened(aunt, child)
        arrived = Post(f"arrived:{child.pk}", "arrived", child.pk, MONDAY, {}, at("10:00"))
        post([arrived], now=NOW)
        assert Delivery.objects.get().account_id == aunt.pk
        assert {topic for topic, _ in subscribed(aunt.pk, child.pk)} == {topic.code for topic in topics.choosable()}

    def test_who_chose_silence_is_not_talked_into_it_again(self, aunt: Account, child: Student) -> None:
        opened(aunt, child)
        recipients.subscribe(aunt.pk, child.pk, choices=[])
        opened(aunt, child)
        assert not subscribed(aunt.pk, child.pk)

    def test_nothing_goes_to_an_email_that_nobody_proved(self, child: Student) -> None:
        account = builders.an_account(name="王小舅")
        builders.an_address(account, proven=False)
        opened(account, child)
        assert not subscribed(account.pk, child.pk)


class TestRights:
    def test_a_bond_opens_with_all_five(self, aunt: Account, child: Student) -> None:
        assert opened(aunt, child).rights == list(Right)
        assert all(bonds.in_force(right).filter(account=aunt).exists() for right in Right)

    def test_a_row_that_says_nothing_has_all_five(self, aunt: Account, child: Student) -> None:
        Guardianship.objects.create(account=aunt, student=child, source="before", verified_at=NOW)
        assert Guardianship.objects.get().rights == list(Right)

    def test_each_right_opens_only_its_own(self, aunt: Account, child: Student) -> None:
        opened(aunt, child, rights=[Right.COLLECT])
        assert [right for right in Right if bonds.in_force(right).exists()] == [Right.COLLECT]

    def test_who_may_only_be_told_sees_no_page(self, aunt: Account, child: Student) -> None:
        opened(aunt, child, rights=[Right.TOLD])
        assert may_be_told(aunt, child)
        assert not queries.children(aunt).exists()
        assert queries.children(aunt, Right.TOLD).get() == child

    def test_who_may_only_see_is_told_nothing(self, aunt: Account, child: Student) -> None:
        opened(aunt, child, rights=[Right.SEE])
        assert queries.children(aunt).get() == child
        assert not may_be_told(aunt, child)

    def test_taking_the_right_to_be_told_drops_what_is_queued(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        post([Post("k", "arrived", child.pk, MONDAY, {}, NOW + timedelta(hours=1))], now=NOW)
        bonds.set_rights(Guardianship.objects.get(), [Right.SEE], by=None, now=NOW)
        assert not may_be_told(mother, child)
        assert set(Delivery.objects.values_list("state", "because")) == {("dropped", "ended")}

    def test_a_right_that_stays_keeps_its_time(self, aunt: Account, child: Student) -> None:
        bond = opened(aunt, child, rights=[Right.SEE])
        bonds.set_rights(bond, [Right.SEE, Right.SIGN], by=None, now=NOW + timedelta(days=1))
        bond.refresh_from_db()
        assert (bond.see_since, bond.sign_since) == (NOW, NOW + timedelta(days=1))

    def test_a_bond_without_any_right_is_refused(self, aunt: Account, child: Student) -> None:
        with refused("nothing"):
            opened(aunt, child, rights=[])
        bond = opened(aunt, child)
        with refused("nothing"):
            bonds.set_rights(bond, [], by=None, now=NOW)

    def test_the_database_refuses_it_too(self, aunt: Account, child: Student) -> None:
        bond = opened(aunt, child)
        none = {right.column: None for right in Right}
        with pytest.raises(IntegrityError), transaction.atomic():
            Guardianship.objects.filter(pk=bond.pk).update(**none)


class TestOpening:
    def test_a_repeat_changes_nothing(self, aunt: Account, child: Student) -> None:
        opened(aunt, child, rights=[Right.SEE])
        opened(aunt, child)
        assert Guardianship.objects.get().rights == [Right.SEE]
        assert Entry.objects.filter(action="bond:opened").count() == 1

    def test_the_other_guardians_are_told_and_the_new_one_is_not(self, aunt: Account, child: Student) -> None:
        mother = builders.a_guardian(child)
        opened(aunt, child)
        assert Notice.objects.get().topic == "bond_opened"
        assert Delivery.objects.get().account_id == mother.pk

    def test_nobody_hears_of_a_bond_to_another_child(self, aunt: Account, child: Student) -> None:
        builders.a_guardian(builders.a_student(child.school_class, "陳以樂"))
        opened(aunt, child)
        assert not Delivery.objects.exists()

    def test_a_bond_that_was_only_asked_for_opens_nothing(self, aunt: Account, child: Student) -> None:
        Guardianship.objects.create(account=aunt, student=child, source="asked")
        assert not queries.children(aunt).exists()
        opened(aunt, child)
        assert queries.children(aunt).get() == child


class TestEnding:
    def test_everything_ends_at_once(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        bonds.end_bond(Guardianship.objects.get(), by=mother, now=NOW, because="guardian")
        assert not queries.children(mother).exists()
        assert not may_be_told(mother, child)
        assert subscribed(mother.pk, child.pk) == set()
        assert Guardianship.objects.get().ended_because == "guardian"

    def test_ending_twice_keeps_the_first_time(self, child: Student) -> None:
        builders.a_guardian(child)
        bond = Guardianship.objects.get()
        bonds.end_bond(bond, by=None, now=NOW)
        bonds.end_bond(bond, by=None, now=NOW + timedelta(days=1))
        assert Guardianship.objects.get().ended_at == NOW

    def test_the_same_people_can_be_bound_again(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        bonds.end_bond(Guardianship.objects.get(), by=None, now=NOW)
        opened(mother, child)
        assert queries.children(mother).get() == child


class TestLives:
    """The cases that make people telephone."""

    def test_a_teacher_who_is_a_parent_keeps_one_account(self, child: Student) -> None:
        next_door = builders.a_class(child.school, 2, 2)
        teacher = builders.a_teacher(next_door)
        builders.a_guardian(child, account=teacher)
        pupil = builders.a_student(next_door, "陳以樂")
        assert queries.children(teacher).get() == child
        assert queries.students(teacher, child.school).get() == pupil

    def test_two_schools_and_siblings(self, child: Student) -> None:
        sister = builders.a_student(builders.a_class(builders.a_school(), 6), "王小美")
        mother = builders.a_guardian(child, sister)
        bonds.end_bond(Guardianship.objects.get(student=sister), by=None, now=NOW)
        assert queries.children(mother).get() == child

    def test_twins_with_one_name_are_two_bonds(self, child: Student) -> None:
        twin = builders.a_student(child.school_class, child.name)
        father = builders.a_guardian(child)
        assert queries.children(father).get() == child
        builders.a_guardian(twin, account=father)
        assert set(queries.children(father)) == {child, twin}

    def test_a_new_school_sees_the_child_and_the_old_one_no_longer(self, child: Student) -> None:
        mother, old = builders.a_guardian(child), child.school
        new_class = builders.a_class(builders.a_school(), 3)
        before, after = builders.an_office(old), builders.an_office(new_class.school)
        assert not queries.students(after, new_class.school).exists()
        Student.objects.filter(pk=child.pk).update(school=new_class.school, school_class=new_class, grade=3)
        assert queries.students(after, new_class.school).get() == child
        assert not queries.students(before, old).exists()
        assert queries.children(mother).get().school == new_class.school
        assert may_be_told(mother, child)

    def test_a_changed_id_number_leaves_the_bond(self, aunt: Account, child: Student) -> None:
        opened(aunt, child, person_digest=b"old")
        assert bonds.change_number(old=b"old", new=b"new", by=None, now=NOW) == 1
        assert bytes(Guardianship.objects.get().person_digest or b"") == b"new"
        assert queries.children(aunt).get() == child
