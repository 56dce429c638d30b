from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.guardians import bonds, restrictions
from gatepost.guardians.models import Restriction, Right
from gatepost.guardians.restrictions import Person
from gatepost.kit.clock import utc_now
from gatepost.notify.models import Delivery, Recipient
from gatepost.notify.notices import Post, post
from gatepost.notify.queries import subscribed
from gatepost.roster import identity_numbers
from gatepost.roster.identity_numbers import IdentityKind
from gatepost.roster.models import Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

NUMBER = identity_numbers.invented(1)
NEW_NUMBER = identity_numbers.invented(2, IdentityKind.RESIDENT)
PERSON = Person(name="王大明", id_number=NUMBER)


def digest(number: str = NUMBER) -> bytes:
    found: bytes = settings.KEY_RING.digest(number)
    return found


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(restrictions.RestrictionRefused) as caught:
        yield
    assert caught.value.code == code


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def father(child: Student) -> Account:
    return builders.a_guardian(child)


def restrict(account: Account | None, child: Student, **more: Any) -> Restriction:
    return restrictions.restrict(account.pk if account else None, child, by=None, now=utc_now(), **more)


def bind(account: Account, child: Student, number: str = "", **more: Any) -> None:
    known = digest(number) if number else None
    bonds.open_bond(account, child, relation="父", source="test", by=None, now=utc_now(), person_digest=known, **more)


def may_be_told(account: Account, child: Student) -> bool:
    return Recipient.objects.filter(account=account, about=child.pk, ended_at=None).exists()


class TestAtOnce:
    def test_pages_messages_and_subscriptions_stop_in_one_act(self, father: Account, child: Student) -> None:
        now = utc_now()
        post([Post("k", "arrived", child.pk, now.date(), {}, now + timedelta(hours=1))], now=now)
        restrict(father, child)
        assert not queries.children(father).exists()
        assert not may_be_told(father, child)
        assert subscribed(father.pk, child.pk) == set()
        assert set(Delivery.objects.values_list("state", "because")) == {("dropped", "ended")}

    def test_another_guardian_and_another_child_are_not_touched(self, father: Account, child: Student) -> None:
        sister = builders.a_student(child.school_class, "王小美")
        builders.a_guardian(sister, account=father)
        mother = builders.a_guardian(child)
        restrict(father, child)
        assert queries.children(father).get() == sister
        assert queries.children(mother).get() == child

    def test_it_cuts_only_what_it_says(self, father: Account, child: Student) -> None:
        restrict(father, child, rights=[Right.COLLECT])
        assert queries.children(father).get() == child
        assert may_be_told(father, child)
        assert not bonds.in_force(Right.COLLECT).exists()

    def test_a_second_order_adds_to_the_first(self, father: Account, child: Student) -> None:
        first = restrict(father, child, rights=[Right.TOLD], document="一")
        second = restrict(father, child, document="二")
        restrictions.lift(first, by=None, now=utc_now())
        assert not queries.children(father).exists()
        restrictions.lift(second, by=None, now=utc_now())
        assert queries.children(father).get() == child

    def test_a_repeat_keeps_the_first(self, father: Account, child: Student) -> None:
        assert restrict(father, child, document="一") == restrict(father, child, document="一")


class TestPerson:
    def test_somebody_not_yet_bound_is_met_when_they_apply(self, child: Student) -> None:
        restrict(None, child, person=PERSON)
        account = builders.an_account(name="王大明")
        with pytest.raises(bonds.BondRefused) as caught:
            bind(account, child, NUMBER)
        assert caught.value.code == "restricted"
        assert restrictions.meets(child, id_number=NUMBER.lower()) == list(Right)

    def test_somebody_else_is_not_met(self, child: Student) -> None:
        restrict(None, child, person=PERSON)
        bind(builders.an_account(), child, NEW_NUMBER)
        assert restrictions.meets(child, id_number=NEW_NUMBER) == []

    def test_every_account_of_the_person_is_cut(self, child: Student) -> None:
        one, two = builders.an_account(), builders.an_account()
        bind(one, child, NUMBER)
        bind(two, child, NUMBER)
        restrict(one, child)
        assert not queries.children(two).exists()
        assert not may_be_told(two, child)

    def test_the_number_stands_nowhere_in_clear(self, child: Student) -> None:
        row = restrict(None, child, person=PERSON)
        assert NUMBER not in str(Restriction.objects.filter(pk=row.pk).values().get())
        assert row.person_masked == identity_numbers.mask(NUMBER)

    def test_a_new_number_does_not_open_a_way_around(self, child: Student) -> None:
        restrict(None, child, person=PERSON)
        bonds.change_number(old=digest(), new=digest(NEW_NUMBER), by=None, now=at("09:00"))
        for number in (NUMBER, NEW_NUMBER):
            with pytest.raises(bonds.BondRefused):
                bind(builders.an_account(), child, number)

    def test_what_it_does_not_cut_may_be_opened(self, child: Student) -> None:
        restrict(None, child, person=PERSON, rights=[Right.COLLECT])
        account = builders.an_account()
        with pytest.raises(bonds.BondRefused):
            bind(account, child, NUMBER)
        bind(account, child, NUMBER, rights=[Right.SEE])
        assert queries.children(account).get() == child


class TestEnd:
    def test_lifting_opens_again_and_chosen_messages_stay_off(self, father: Account, child: Student) -> None:
        restrictions.lift(restrict(father, child), by=None, now=utc_now())
        assert queries.children(father).get() == child
        assert may_be_told(father, child)
        assert subscribed(father.pk, child.pk) == set()

    def test_lifting_gives_nothing_to_who_has_no_bond(self, child: Student) -> None:
        account = builders.an_account()
        restrictions.lift(restrict(account, child), by=None, now=utc_now())
        assert not queries.children(account).exists()
        assert not may_be_told(account, child)

    def test_its_date_ends_it(self, father: Account, child: Student) -> None:
        now = utc_now()
        row = restrict(father, child, until=now + timedelta(days=1))
        assert restrictions.put_away(now=now + timedelta(hours=23)) == 0
        assert restrictions.put_away(now=now + timedelta(days=1)) == 1
        assert may_be_told(father, child)
        row.refresh_from_db()
        assert row.lifted_at == row.until

    def test_one_that_ran_out_makes_room_for_its_like(self, father: Account, child: Student) -> None:
        now = utc_now()
        restrict(father, child, until=now + timedelta(days=1))
        restrictions.restrict(father.pk, child, by=None, now=now + timedelta(days=2))
        assert not queries.children(father).exists()


class TestRefused:
    def test_it_must_be_on_somebody_cut_something_and_end_later(self, father: Account, child: Student) -> None:
        with refused("nobody"):
            restrict(None, child)
        with refused("nothing"):
            restrict(father, child, rights=[])
        with refused("past"):
            restrict(father, child, until=utc_now() - timedelta(seconds=1))

    @pytest.mark.parametrize("wrong", [{"rights": []}, {"rights": ["everything"]}, {"account_id": None}])
    def test_the_database_refuses_it_too(self, father: Account, child: Student, wrong: dict[str, Any]) -> None:
        row = restrict(father, child)
        with pytest.raises(IntegrityError), transaction.atomic():
            Restriction.objects.filter(pk=row.pk).update(**wrong)
