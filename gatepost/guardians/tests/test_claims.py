"""Adding a child: at once by a proven number, else the school decides; and nobody learns whether a child exists."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gatepost.accounts.models import Account
from gatepost.guardians import bonds, proofs, restrictions
from gatepost.guardians.applications import approvals, claims, consents, family, queries, review
from gatepost.guardians.applications.claimed import Claim
from gatepost.guardians.applications.claims import ClaimRefused, Named
from gatepost.guardians.applications.compare import Verdict, is_exact
from gatepost.guardians.applications.compare import child as child_differences
from gatepost.guardians.applications.family import ApplicationRefused, Entry
from gatepost.guardians.applications.mailbox import Letter
from gatepost.guardians.applications.models import Applicant, Application, Desk
from gatepost.guardians.models import Guardianship, Right
from gatepost.guardians.restrictions import Person
from gatepost.guardians.tests.test_applications import submitted as by_the_family
from gatepost.notify.models import Delivery
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import GuardianRecord, School, Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

NOW = at("20:00")
RING = settings.KEY_RING
BIRTHDAY = date(2018, 3, 15)
CHILD_NUMBER = invented(7)
MINE, ANOTHER = invented(1, female=True), invented(60)


def a_child(school: School, number: str = "113021", name: str = "王小明", id_number: str = CHILD_NUMBER) -> Student:
    student = builders.a_student(builders.a_class(school, 2, int(number) % 90 + 1), name, number=number)
    student.birthday = BIRTHDAY
    student.seal_id_number(id_number, RING)
    student.save()
    return student


def a_record(child: Student, id_number: str = MINE, relation: str = "母子") -> GuardianRecord:
    record = GuardianRecord(student=child, name="林淑芬", relation=relation)
    record.seal_id_number(id_number, RING)
    record.save()
    return record


@pytest.fixture
def school() -> School:
    found = builders.a_school()
    Desk.objects.create(school=found)
    return found


@pytest.fixture
def child(school: School) -> Student:
    return a_child(school)


@pytest.fixture
def mother() -> Account:
    """Signed in, and with a number that a school has approved."""
    account = builders.an_account("mother@example.org")
    proofs.keep(account, RING.digest(MINE), how="review", by=None, now=NOW)
    return account


def named(child: Student, **other: Any) -> Named:
    return replace(Named(child.school, child.number, child.name, CHILD_NUMBER, BIRTHDAY), **other)


def begun(account: Account, what: Named, *, now: Any = NOW, address: str = "192.0.2.1") -> Application:
    return claims.begin(account, what, address=address, language="zh-hant", ring=RING, now=now)


def agreed(account: Account, what: Named) -> tuple[Application, Guardianship | None]:
    """A claim that was consented to, and the bond if there is one at once."""
    application = begun(account, what)
    digest = hashlib.sha256(b"text").digest()
    consents.answer(application, "binding", agrees=True, version=1, language="zh-hant", text_hash=digest, now=NOW)
    return application, claims.bind_at_once(application, now=NOW)


def submitted(account: Account, what: Named, *, id_number: str = MINE) -> Application:
    application, bond = agreed(account, what)
    assert bond is None
    claims.fill_in(application, now=NOW)
    entry = Entry(1, "林淑芬", "mother_son", id_number, "0912345678", account.email)
    row = family.save_draft(application, kind="parent", entries=[entry], language="zh-hant", ring=RING, now=NOW)
    return family.submit(row, ring=RING, now=NOW)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(ClaimRefused) as caught:
        yield
    assert caught.value.code == code


WRONG = [{"number": "999999"}, {"id_number": invented(8)}]
INEXACT = [*WRONG, {"name": "王小華"}, {"birthday": date(2018, 3, 16)}]


class TestBoundAtOnce:
    def test_by_the_own_proven_number_in_the_record(self, child: Student, mother: Account) -> None:
        a_record(child)
        _application, bond = agreed(mother, named(child))
        assert bond is not None
        assert (bond.account, bond.student, bond.relation, bond.source) == (mother, child, "mother_son", "claim")
        assert [one.account for one in bonds.in_force()] == [mother]

    def test_by_the_number_that_a_school_approved_with_the_first_child(self, child: Student) -> None:
        """The whole way of a family with two children: once to the school, then no more."""
        elder = a_child(child.school, "109021", "王小美", invented(9))
        registrar = builders.an_office(child.school, "registrar")
        assert approvals.approve(by_the_family(elder), by=registrar, ring=RING, now=NOW)
        mother = builders.an_account("mother@example.org")
        a_record(child)
        assert agreed(mother, named(child))[1] is None  # an account alone proves nothing
        family.withdraw(Application.objects.get(account=mother), now=NOW)
        approvals.take(mother, "mother@example.org", now=NOW)
        assert agreed(mother, named(child))[1]
        assert {bond.student for bond in bonds.in_force().filter(account=mother)} == {elder, child}

    def test_where_the_school_wrote_no_relation_too(self, child: Student, mother: Account) -> None:
        a_record(child, relation="")
        bond = agreed(mother, named(child))[1]
        assert bond is not None
        assert bond.relation == ""

    def test_the_claim_is_closed_and_the_childs_number_forgotten(self, child: Student, mother: Account) -> None:
        a_record(child)
        application, _bond = agreed(mother, named(child))
        application.refresh_from_db()
        assert application.state == "approved"
        assert Claim.objects.get().id_number_sealed is None

    def test_the_childs_other_guardians_are_told(self, child: Student, mother: Account) -> None:
        a_record(child)
        father = builders.a_guardian(child)
        agreed(mother, named(child))
        assert Delivery.objects.get().account_id == father.pk

    def test_however_the_number_was_written(self, child: Student, mother: Account) -> None:
        a_record(child)
        assert agreed(mother, named(child, number=" １１３０２１ ", name="王 小明"))[1]

    def test_siblings_at_one_school_and_at_two(self, child: Student, mother: Account) -> None:
        other = builders.a_school()
        Desk.objects.create(school=other)
        numbers = {child: CHILD_NUMBER}
        for serial, school in enumerate((child.school, other), start=41):
            sister = a_child(school, f"1130{serial}", "王小美", invented(serial))
            numbers[sister] = invented(serial)
        for one, number in numbers.items():
            a_record(one)
            assert agreed(mother, named(one, id_number=number))[1]
        assert bonds.in_force().count() == 3

    def test_twins_with_like_names_are_told_apart_by_their_numbers(self, child: Student, mother: Account) -> None:
        twin = a_child(child.school, "113022", "王小明", invented(9))
        a_record(child)
        a_record(twin)
        assert agreed(mother, named(twin, id_number=invented(9)))[1]
        assert [bond.student for bond in bonds.in_force()] == [twin]
        assert agreed(mother, named(child))[1]

    def test_a_number_of_one_twin_with_the_other_ones_id_number_fits_nobody(
        self, child: Student, mother: Account
    ) -> None:
        twin = a_child(child.school, "113022", "王小明", invented(9))
        a_record(child)
        a_record(twin)
        application, bond = agreed(mother, named(twin))
        assert bond is None
        assert application.student is None

    def test_a_teacher_who_is_a_parent_keeps_one_account(self, child: Student, mother: Account) -> None:
        a_record(child)
        assert child.school_class is not None
        builders.a_teacher(child.school_class, account=mother)
        assert agreed(mother, named(child))[1]

    def test_at_the_new_school_after_a_transfer_and_not_at_the_old_one(self, child: Student, mother: Account) -> None:
        a_record(child)
        old, new = child.school, builders.a_school()
        Desk.objects.create(school=new)
        Student.objects.filter(pk=child.pk).update(school=new, school_class=None, number="200001")
        assert agreed(mother, named(child, school=old))[1] is None
        assert agreed(mother, named(child, school=new, number="200001"))[1]

    def test_by_the_new_number_once_the_school_said_it_changed(self, child: Student, mother: Account) -> None:
        a_record(child, ANOTHER)
        bonds.change_number(old=RING.digest(MINE), new=RING.digest(ANOTHER), by=None, now=NOW)
        assert agreed(mother, named(child))[1]

    @pytest.mark.parametrize("wrong", INEXACT)
    def test_not_unless_everything_typed_is_right(self, child: Student, mother: Account, wrong: dict[str, Any]) -> None:
        a_record(child)
        assert agreed(mother, named(child, **wrong))[1] is None

    def test_not_by_a_number_that_is_merely_typed(self, child: Student) -> None:
        a_record(child)
        submitted(builders.an_account(), named(child), id_number=MINE)
        assert not bonds.in_force().exists()

    def test_not_by_a_number_that_is_in_another_childs_record(self, child: Student, mother: Account) -> None:
        a_record(a_child(child.school, "113022", "陳以樂", invented(9)))
        assert agreed(mother, named(child))[1] is None

    @pytest.mark.parametrize("because", ["school", "guardian"])
    def test_not_for_who_was_taken_out_or_left_before(self, child: Student, mother: Account, because: str) -> None:
        a_record(child)
        _application, bond = agreed(mother, named(child))
        assert bond
        bonds.end_bond(bond, by=None, now=NOW, because=because)
        proofs.keep(mother, RING.digest(MINE), how="review", by=None, now=NOW)
        assert agreed(mother, named(child))[1] is None

    def test_not_for_who_is_bound_with_less_than_all_rights(self, child: Student, mother: Account) -> None:
        a_record(child)
        bonds.open_bond(mother, child, relation="", source="t", by=None, now=NOW, rights=[Right.COLLECT])
        assert agreed(mother, named(child))[1] is None
        assert Guardianship.objects.get().rights == [Right.COLLECT]

    def test_not_with_a_second_account_after_the_first_was_taken_out(self, child: Student, mother: Account) -> None:
        a_record(child)
        bond = agreed(mother, named(child))[1]
        assert bond
        bonds.end_bond(bond, by=None, now=NOW, because="school")
        second = builders.an_account()
        proofs.keep(second, RING.digest(MINE), how="review", by=None, now=NOW)
        assert agreed(second, named(child))[1] is None

    def test_not_with_a_second_account_for_the_rights_that_the_first_does_not_have(
        self, child: Student, mother: Account
    ) -> None:
        a_record(child)
        bond = agreed(mother, named(child))[1]
        assert bond
        bonds.set_rights(bond, [Right.PAY], by=None, now=NOW)
        second = builders.an_account()
        proofs.keep(second, RING.digest(MINE), how="review", by=None, now=NOW)
        assert agreed(second, named(child))[1] is None
        assert Guardianship.objects.get(ended_at=None).rights == [Right.PAY]

    def test_not_while_a_restriction_stands_for_the_child_whoever_it_is_on(
        self, child: Student, mother: Account
    ) -> None:
        a_record(child)
        restrictions.restrict(None, child, person=Person("某人", invented(77)), by=None, now=NOW)
        assert agreed(mother, named(child))[1] is None

    def test_not_for_who_is_restricted_for_another_child(self, child: Student, mother: Account) -> None:
        a_record(child)
        sister = a_child(child.school, "113022", "王小美", invented(9))
        restrictions.restrict(None, sister, person=Person("林淑芬", MINE), by=None, now=NOW)
        assert agreed(mother, named(child))[1] is None

    def test_not_twice_from_a_page_that_was_open(self, child: Student, mother: Account) -> None:
        a_record(child)
        application, _bond = agreed(mother, named(child))
        with pytest.raises(ApplicationRefused, match="stale"):
            claims.bind_at_once(application, now=NOW)


class TestAnApplication:
    def test_waits_for_the_school_and_binds_at_once_when_approved(self, child: Student) -> None:
        aunt = builders.an_account("aunt@example.org")
        application = submitted(aunt, named(child))
        assert list(queries.queue(child.school)) == [application]
        registrar = builders.an_office(child.school, "registrar")
        assert approvals.approve(application, by=registrar, ring=RING, now=NOW)
        assert [bond.account for bond in bonds.in_force()] == [aunt]
        assert proofs.digests(aunt.pk) == [RING.digest(MINE)]
        assert list(Letter.objects.values_list("topic", "target")) == [
            ("claimed", "aunt@example.org"),
            ("approved", "aunt@example.org"),
        ]

    def test_stands_beside_the_familys_own(self, child: Student) -> None:
        """Somebody who knows the child's data must not keep the family from applying, nor be kept by it."""
        family.open_application(child, language="zh-hant", now=NOW)
        submitted(builders.an_account(), named(child))
        submitted(builders.an_account(), named(child))
        assert family.open_application(child, language="zh-hant", now=NOW).account is None
        assert Application.objects.filter(student=child).count() == 3

    def test_marks_what_was_typed_otherwise_than_the_roster_has_it(self, child: Student) -> None:
        a_record(child)
        wrong = submitted(builders.an_account(), named(child, name="王小華"))
        assert {one.field: one.verdict for one in child_differences(wrong)} == {
            "name": Verdict.DIFFERS,
            "birthday": Verdict.SAME,
        }
        assert not is_exact(wrong, ring=RING)
        assert is_exact(submitted(builders.an_account(), named(child)), ring=RING)

    def test_of_a_restricted_person_is_seen_by_two_and_cannot_be_approved(self, child: Student) -> None:
        restrictions.restrict(None, child, person=Person("林淑芬", MINE), by=None, now=NOW)
        application = submitted(builders.an_account(), named(child))
        assert not approvals.approve(application, by=builders.an_office(child.school, "registrar"), ring=RING, now=NOW)
        application.refresh_from_db()
        with pytest.raises(ApplicationRefused, match="restricted"):
            approvals.approve(application, by=builders.an_office(child.school, "registrar"), ring=RING, now=NOW)
        assert not bonds.in_force().exists()

    def test_can_be_returned_corrected_and_submitted_again(self, child: Student) -> None:
        application = submitted(builders.an_account(), named(child))
        returned = review.return_to_family(application, "…", by=builders.an_office(child.school), now=NOW)
        assert family.submit(returned, ring=RING, now=NOW).state == "submitted"

    def test_needs_no_id_number_of_the_child_where_the_roster_has_none(self, child: Student) -> None:
        Student.objects.update(id_number_sealed=None, id_number_digest=None)
        assert submitted(builders.an_account(), named(child)).student == child
        assert begun(builders.an_account(), named(child, name="王小華")).student is None


class TestWhatFitsNobody:
    @pytest.mark.parametrize("wrong", WRONG)
    def test_is_kept_from_the_school_and_looks_the_same(self, child: Student, wrong: dict[str, Any]) -> None:
        fits = submitted(builders.an_account("one@example.org"), named(child))
        nobody = submitted(builders.an_account("two@example.org"), named(child, **wrong))
        assert (fits.student, nobody.student) == (child, None)
        assert list(queries.queue(child.school)) == [fits]
        assert fits.state == nobody.state == "submitted"
        assert set(Letter.objects.values_list("topic", "target")) == {
            ("claimed", "one@example.org"),
            ("claimed", "two@example.org"),
        }

    def test_takes_the_same_questions_to_the_database(self, child: Student, mother: Account) -> None:
        """From the first page to the last, for who fits, for who does not, and for who is restricted."""
        shut_out = a_child(child.school, "113022", "王小美", invented(9))
        a_record(shut_out)
        asked = []
        restrictions.restrict(None, shut_out, person=Person("林淑芬", MINE), by=None, now=NOW)
        for what in (
            named(child),
            named(child, number="999999"),
            named(child, number="999998", id_number=invented(8)),
            named(shut_out, id_number=invented(9)),
        ):
            with CaptureQueriesContext(connection) as questions:
                submitted(mother, what)
            asked.append([one["sql"].split()[0] for one in questions])
        assert asked[1:] == asked[:1] * 3

    def test_gone_students_fit_nobody(self, child: Student) -> None:
        for change in ({"study_state": "graduated"}, {"left_on": NOW.date()}):
            Student.objects.filter(pk=child.pk).update(**{"study_state": "enrolled", "left_on": None} | change)
            assert begun(builders.an_account(), named(child)).student is None

    def test_reaches_the_school_once_the_child_is_in_the_roster(self, school: School) -> None:
        account = builders.an_account()
        what = Named(school, "113021", "王小明", CHILD_NUMBER, BIRTHDAY)
        application = submitted(account, what)
        child = a_child(school)
        assert claims.follow(now=NOW + timedelta(hours=1)) == 0
        assert claims.follow(now=NOW + timedelta(hours=7)) == 1
        assert list(queries.queue(school)) == [application]
        assert Application.objects.get().student == child

    def test_ends_after_sixty_days_with_the_same_words_as_what_nobody_answered(self, child: Student) -> None:
        submitted(builders.an_account("one@example.org"), named(child))
        put_away = submitted(builders.an_account("two@example.org"), named(child))
        review.set_aside(put_away, by=builders.an_office(child.school), now=NOW)
        submitted(builders.an_account("three@example.org"), named(child, number="999999"))
        assert claims.follow(now=NOW + timedelta(days=59, hours=23)) == 1  # looked for once more
        assert {one.state for one in Application.objects.all()} == {"submitted"}
        claims.follow(now=NOW + claims.RUNS)
        assert {one.state for one in Application.objects.all()} == {"lapsed"}
        assert Letter.objects.filter(topic="lapsed").count() == 3
        assert not Claim.objects.exclude(id_number_digest=None).exists()
        assert not queries.queue(child.school).exists()

    def test_is_forgotten_half_a_year_after_it_ended(self, child: Student) -> None:
        submitted(builders.an_account(), named(child, number="999999"))
        claims.follow(now=NOW + claims.RUNS)
        claims.follow(now=NOW + claims.RUNS + timedelta(days=179))
        assert Application.objects.exists()
        claims.follow(now=NOW + claims.RUNS + timedelta(days=180))
        assert not Applicant.objects.exists()
        assert not Application.objects.exists()

    def test_a_draft_nobody_goes_on_with_is_forgotten(self, child: Student) -> None:
        begun(builders.an_account(), named(child))
        claims.follow(now=NOW + timedelta(days=60))
        assert not Application.objects.exists()


class TestPutAway:
    def test_leaves_the_queue_and_cannot_be_decided(self, child: Student) -> None:
        registrar = builders.an_office(child.school, "registrar")
        application = review.set_aside(submitted(builders.an_account(), named(child)), by=registrar, now=NOW)
        assert not queries.queue(child.school).exists()
        with pytest.raises(ApplicationRefused, match="elsewhere"):
            review.approve(application, by=registrar, now=NOW)

    def test_is_taken_back_like_any_other(self, child: Student) -> None:
        registrar = builders.an_office(child.school, "registrar")
        application = review.set_aside(submitted(builders.an_account(), named(child)), by=registrar, now=NOW)
        assert family.withdraw(application, now=NOW).state == "withdrawn"
        assert Claim.objects.get().id_number_digest is None

    def test_is_not_for_a_familys_own_application(self, child: Student) -> None:
        registrar = builders.an_office(child.school, "registrar")
        with pytest.raises(ApplicationRefused, match="elsewhere"):
            review.set_aside(by_the_family(child), by=registrar, now=NOW)


class TestRefused:
    def test_a_second_claim_of_the_same_child(self, child: Student, mother: Account) -> None:
        first = begun(mother, named(child))
        with refused("twice"):
            begun(mother, named(child, name="王小華"))
        family.withdraw(first, now=NOW)
        begun(mother, named(child))

    def test_a_child_that_is_on_ones_own_page(self, child: Student) -> None:
        father = builders.a_guardian(child)
        with refused("bound"):
            begun(father, named(child))

    @pytest.mark.parametrize("wrong", WRONG)
    def test_but_only_if_it_is_that_child(self, child: Student, wrong: dict[str, Any]) -> None:
        assert begun(builders.a_guardian(child), named(child, **wrong)).student is None

    def test_who_is_bound_and_restricted_learns_nothing(self, child: Student) -> None:
        father = builders.a_guardian(child)
        restrictions.restrict(father.pk, child, by=None, now=NOW)
        assert begun(father, named(child)).state == "draft"

    def test_a_school_that_takes_no_applications(self, child: Student, mother: Account) -> None:
        Desk.objects.update(closed_at=NOW)
        with refused("desk"):
            begun(mother, named(child))

    def test_more_than_eight_at_a_time(self, child: Student, mother: Account) -> None:
        for serial in range(claims.OPEN_MOST):
            begun(mother, named(child, number=f"9000{serial}"), now=NOW + timedelta(hours=serial))
        with refused("many"):
            begun(mother, named(child), now=NOW + timedelta(hours=9))


class TestLimits:
    def guesses(self, count: int, account: Account | None, what: Named) -> None:
        for serial in range(count):
            who = account or builders.an_account()
            application = begun(who, replace(what, number=f"{what.number}{serial if account else ''}"))
            family.withdraw(application, now=NOW)

    def test_one_account_makes_five_in_a_quarter_of_an_hour_and_is_told_how_long_to_wait(
        self, child: Student, mother: Account
    ) -> None:
        self.guesses(5, mother, named(child))
        with pytest.raises(ClaimRefused) as caught:
            begun(mother, named(child))
        assert (caught.value.code, caught.value.minutes) == ("wait", 15)
        begun(mother, named(child), now=NOW + timedelta(minutes=15))

    @pytest.mark.parametrize("number", ["113021", "999999"])
    def test_many_accounts_guess_no_oftener_at_one_student_whether_there_is_one_or_not(
        self, child: Student, number: str
    ) -> None:
        self.guesses(5, None, named(child, number=number, id_number=invented(8)))
        with refused("wait"):
            begun(builders.an_account(), named(child, number=number))
