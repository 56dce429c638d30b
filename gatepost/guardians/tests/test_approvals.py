"""Approving opens nothing by itself: the bond comes with whoever shows to be the applicant."""

import pytest
from django.conf import settings
from django.utils import translation

from gatepost.accounts.models import Account, Activation, ActivationMail
from gatepost.audit.models import Entry
from gatepost.guardians import bonds, restrictions
from gatepost.guardians.applications import approvals, family, queries, reasons, review
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import Application, Desk
from gatepost.guardians.restrictions import Person
from gatepost.guardians.tests.test_applications import FATHER, MOTHER, NOW, known, submitted
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

RING = settings.KEY_RING


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school)
    return builders.a_student(builders.a_class(school))


@pytest.fixture
def registrar(child: Student) -> Account:
    return builders.an_office(child.school, "registrar")


def approve(application: Application, by: Account) -> bool:
    application.refresh_from_db()
    return approvals.approve(application, by=by, ring=RING, now=NOW)


def account_for(child: Student, email: str) -> Account:
    """Somebody with an account who has just shown to read `email`."""
    account = builders.an_account(email)
    approvals.take(account, email, now=NOW)
    return account


class TestApproving:
    def test_writes_to_every_applicant_and_opens_nothing(self, child: Student, registrar: Account) -> None:
        assert approve(submitted(child), registrar)
        assert {one.email for one in Activation.objects.all()} == {"mother@example.org", "father@example.org"}
        assert ActivationMail.objects.filter(due_at=NOW).count() == 2
        assert not bonds.in_force().exists()

    def test_makes_a_guardian_of_whoever_reads_the_mailbox(self, child: Student, registrar: Account) -> None:
        approve(submitted(child), registrar)
        mother = account_for(child, "Mother@example.org")
        assert [bond.account for bond in bonds.in_force()] == [mother]

    def test_makes_nobody_else_one(self, child: Student, registrar: Account) -> None:
        approve(submitted(child), registrar)
        account_for(child, "stranger@example.org")
        assert not bonds.in_force().exists()

    def test_an_email_that_was_not_proven_takes_nothing(self, child: Student, registrar: Account) -> None:
        application = submitted(child)
        application.applicants.update(email_proven_at=None)
        approve(application, registrar)
        account_for(child, "mother@example.org")
        assert not Activation.objects.exists()
        assert not bonds.in_force().exists()

    def test_before_the_approval_there_is_nothing_to_take(self, child: Student) -> None:
        submitted(child)
        account_for(child, "mother@example.org")
        assert not bonds.in_force().exists()

    def test_a_restricted_person_is_kept_out_whatever_account_they_use(
        self, child: Student, registrar: Account
    ) -> None:
        application = submitted(child)
        approve(application, registrar)
        restrict(child, registrar, MOTHER.id_number)
        account = builders.an_account("mother@example.org")
        assert approvals.take(account, "mother@example.org", now=NOW) == ([], 1)

    def test_a_page_from_before_is_refused(self, child: Student, registrar: Account) -> None:
        old = submitted(child)
        review.return_to_family(old, "…", by=registrar, now=NOW)
        with pytest.raises(ApplicationRefused, match="stale"):
            approvals.approve(old, by=registrar, ring=RING, now=NOW)
        assert not Activation.objects.exists()


class TestTheSecondLook:
    @pytest.fixture
    def application(self, child: Student, registrar: Account) -> Application:
        restrict(child, registrar)
        return submitted(child)

    def test_two_people_have_to_say_yes(self, application: Application, registrar: Account) -> None:
        assert not approve(application, registrar)
        assert not Activation.objects.exists()
        assert approve(application, builders.an_office(application.student.school, "registrar"))
        assert Activation.objects.count() == 2

    def test_one_person_cannot_say_it_twice(self, application: Application, registrar: Account) -> None:
        approve(application, registrar)
        with pytest.raises(ApplicationRefused, match="second"):
            approve(application, registrar)

    def test_the_first_look_does_not_count_for_what_was_submitted_later(
        self, application: Application, registrar: Account
    ) -> None:
        approve(application, registrar)
        application.refresh_from_db()
        returned = review.return_to_family(application, "…", by=registrar, now=NOW)
        again = family.submit(returned, ring=RING, now=builders.at("20:30"))
        assert not approve(again, builders.an_office(again.student.school, "registrar"))

    def test_both_looks_are_attributed(self, application: Application, registrar: Account) -> None:
        approve(application, registrar)
        other = builders.an_office(application.student.school, "registrar")
        approve(application, other)
        acts = Entry.objects.filter(action__startswith="application:").order_by("pk").values_list("action", "actor")
        assert list(acts) == [("application:first_look", registrar.pk), ("application:approved", other.pk)]


class TestExactMatchesTogether:
    @pytest.fixture
    def exact(self, child: Student) -> Application:
        known(child, MOTHER)
        known(child, FATHER, relation="父子")
        return submitted(child)

    def found(self, child: Student) -> list[Application]:
        return approvals.exact_matches(child.school, ring=RING)

    def test_are_found_by_name_number_and_relation(self, child: Student, exact: Application) -> None:
        assert self.found(child) == [exact]

    @pytest.mark.parametrize("field", ["name", "relation"])
    def test_one_difference_keeps_an_application_out(self, child: Student, exact: Application, field: str) -> None:
        record = child.guardian_records.get(position=1)
        setattr(record, field, "別人")
        record.save()
        assert self.found(child) == []

    def test_a_restriction_keeps_it_out(self, child: Student, exact: Application, registrar: Account) -> None:
        restrict(child, registrar)
        assert self.found(child) == []

    def test_are_approved_as_previewed(self, child: Student, exact: Application, registrar: Account) -> None:
        outcomes = approvals.approve_together(
            child.school, [(exact.pk, exact.version)], by=registrar, ring=RING, now=NOW
        )
        assert [one.code for one in outcomes] == [""]
        assert not queries.queue(child.school).exists()

    def test_what_changed_since_the_preview_is_left_out_and_said(
        self, child: Student, exact: Application, registrar: Account
    ) -> None:
        chosen = [(exact.pk, exact.version - 1)]
        outcomes = approvals.approve_together(child.school, chosen, by=registrar, ring=RING, now=NOW)
        assert [one.code for one in outcomes] == ["stale"]
        child.guardian_records.filter(position=1).update(name="別人")
        chosen = [(exact.pk, exact.version)]
        outcomes = approvals.approve_together(child.school, chosen, by=registrar, ring=RING, now=NOW)
        assert [one.code for one in outcomes] == ["differs"]
        assert not Activation.objects.exists()

    def test_another_school_cannot_approve_it(self, exact: Application, registrar: Account) -> None:
        elsewhere = builders.a_school()
        chosen = [(exact.pk, exact.version)]
        outcomes = approvals.approve_together(elsewhere, chosen, by=registrar, ring=RING, now=NOW)
        assert [one.code for one in outcomes] == ["stale"]


@pytest.mark.parametrize("language", ["zh-hant", "en", "vi", "id"])
def test_a_reason_comes_in_the_language_of_the_family(language: str) -> None:
    with translation.override("zh-hant"):
        said = reasons.sentence("name", " 請洽註冊組 ", language=language)
    with translation.override(language):
        assert said == f"{reasons.RETURN['name']}\n請洽註冊組"


def restrict(child: Student, by: Account, number: str | None = None) -> None:
    """A restriction on somebody who is known by the number only."""
    person = Person("陳志遠", number or invented(77))
    restrictions.restrict(None, child, person=person, by=by, document="115-1", now=NOW)
