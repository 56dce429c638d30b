"""What counts as proven: a number that the school approved, of one person, until the school takes it back."""

from importlib import import_module

import pytest
from django.conf import settings
from django.db import connection

from gatepost.accounts.models import Account
from gatepost.guardians import bonds, proofs, restrictions
from gatepost.guardians.applications import approvals, review
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import Applicant, Application, Desk
from gatepost.guardians.models import Guardianship
from gatepost.guardians.restrictions import Person
from gatepost.guardians.tests.test_applications import MOTHER, NOW, submitted
from gatepost.notify.models import Recipient
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

RING = settings.KEY_RING
MINE = RING.digest(MOTHER.id_number or "")
OTHER = RING.digest(invented(60))


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school)
    return builders.a_student(builders.a_class(school))


@pytest.fixture
def registrar(child: Student) -> Account:
    return builders.an_office(child.school, "registrar")


def approved(child: Student, registrar: Account) -> Account:
    """The mother, whose application was approved and who has opened her account."""
    approvals.approve(submitted(child), by=registrar, ring=RING, now=NOW)
    account = builders.an_account("mother@example.org")
    approvals.take(account, "mother@example.org", now=NOW)
    return account


class TestProven:
    def test_is_the_number_of_an_application_that_was_approved(self, child: Student, registrar: Account) -> None:
        mother = approved(child, registrar)
        proof = proofs.standing(mother.pk).get()
        assert (bytes(proof.digest), proof.how, proof.by, proof.proven_at) == (MINE, "review", registrar, NOW)

    def test_is_not_a_number_that_was_merely_typed(self, child: Student) -> None:
        submitted(child)
        mother = builders.an_account("mother@example.org")
        approvals.take(mother, "mother@example.org", now=NOW)
        assert proofs.digests(mother.pk) == []

    def test_is_not_a_number_that_came_with_a_bond_from_elsewhere(self, child: Student) -> None:
        aunt = builders.an_account()
        bonds.open_bond(aunt, child, relation="", source="invitation", person_digest=MINE, by=None, now=NOW)
        assert proofs.digests(aunt.pk) == []

    def test_is_one_number_for_one_account(self, child: Student, registrar: Account) -> None:
        mother = approved(child, registrar)
        assert not proofs.keep(mother, OTHER, how="review", by=registrar.pk, now=NOW)
        assert proofs.keep(mother, MINE, how="review", by=registrar.pk, now=NOW)
        assert proofs.digests(mother.pk) == [MINE]

    def test_may_be_one_number_for_two_accounts_of_a_person(self, child: Student, registrar: Account) -> None:
        second = builders.an_account()
        approved(child, registrar)
        assert proofs.keep(second, MINE, how="review", by=registrar.pk, now=NOW)

    def test_moves_with_a_changed_number(self, child: Student, registrar: Account) -> None:
        mother = approved(child, registrar)
        bonds.change_number(old=MINE, new=OTHER, by=registrar, now=NOW)
        assert proofs.digests(mother.pk) == [OTHER]


class TestBeforeThereWasATable:
    """What schools approved earlier counts from the first day."""

    def carry_over(self) -> None:
        migration = import_module("gatepost.guardians.migrations.0005_proven_numbers")
        with connection.cursor() as cursor:
            cursor.execute(migration.APPROVED_BEFORE)

    def bound(self, child: Student, account: Account, digest: bytes | None, source: str = "review") -> None:
        bonds.open_bond(account, child, relation="", source=source, person_digest=digest, by=None, now=NOW)

    def test_a_number_that_a_review_approved_is_proven(self, child: Student) -> None:
        mother, aunt = builders.an_account(), builders.an_account()
        self.bound(child, mother, MINE)
        self.bound(child, aunt, OTHER, source="demonstration")
        self.carry_over()
        assert (proofs.digests(mother.pk), proofs.digests(aunt.pk)) == ([MINE], [])

    def test_an_account_with_two_numbers_has_proven_none(self, child: Student) -> None:
        mother = builders.an_account()
        self.bound(child, mother, MINE)
        self.bound(builders.a_student(child.school_class, "王小美"), mother, OTHER)
        self.carry_over()
        assert proofs.digests(mother.pk) == []


class TestNoLongerProven:
    def test_once_the_school_ends_the_bond(self, child: Student, registrar: Account) -> None:
        mother = approved(child, registrar)
        bonds.end_bond(Guardianship.objects.get(account=mother), by=registrar, now=NOW, because="school")
        assert proofs.digests(mother.pk) == []

    def test_but_a_guardian_who_leaves_is_still_who_they_are(self, child: Student, registrar: Account) -> None:
        mother = approved(child, registrar)
        bonds.end_bond(Guardianship.objects.get(account=mother), by=mother, now=NOW, because="guardian")
        assert proofs.digests(mother.pk) == [MINE]


class TestRestricted:
    def restrict(self, child: Student, number: str) -> None:
        restrictions.restrict(None, child, person=Person("林淑芬", number), by=None, document="1", now=NOW)

    def test_a_proven_number_is_met_whatever_number_is_typed_later(self, child: Student, registrar: Account) -> None:
        mother = approved(child, registrar)
        sister = builders.a_student(child.school_class, "王小美")
        self.restrict(sister, MOTHER.id_number or "")
        with pytest.raises(bonds.BondRefused, match="restricted"):
            bonds.open_bond(mother, sister, relation="", source="review", person_digest=OTHER, by=None, now=NOW)

    def test_a_bond_without_a_number_knows_the_proven_one(self, child: Student, registrar: Account) -> None:
        mother = approved(child, registrar)
        sister = builders.a_student(child.school_class, "王小美")
        bonds.open_bond(mother, sister, relation="", source="invitation", by=None, now=NOW)
        self.restrict(sister, MOTHER.id_number or "")
        assert not bonds.in_force().filter(student=sister).exists()

    def test_one_who_changes_to_a_restricted_number_is_cut_off_at_once(
        self, child: Student, registrar: Account
    ) -> None:
        mother = approved(child, registrar)
        self.restrict(child, invented(60))
        bonds.change_number(old=MINE, new=OTHER, by=registrar, now=NOW)
        assert not Recipient.objects.filter(account=mother, ended_at=None).exists()

    def test_approving_an_account_that_is_restricted_is_refused(self, child: Student, registrar: Account) -> None:
        """As happens where a claim of somebody signed in is approved."""
        application = submitted(child)
        Applicant.objects.filter(position=1).update(account=builders.an_account())
        self.restrict(child, MOTHER.id_number or "")
        with pytest.raises(ApplicationRefused, match="restricted"):
            review.approve(application, by=registrar, now=NOW)
        assert Application.objects.get().state == "submitted"
        assert not bonds.in_force().exists()
