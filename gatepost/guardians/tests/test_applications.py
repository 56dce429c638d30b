"""An application goes one way: the family fills in, the school decides, and nothing is decided twice."""

import hashlib
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from gatepost.guardians import bonds
from gatepost.guardians.applications import consents, family, queries, review
from gatepost.guardians.applications.compare import Verdict, differences, is_exact
from gatepost.guardians.applications.family import ApplicationRefused, Entry
from gatepost.guardians.applications.models import Applicant, Application, Desk, Document
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import GuardianRecord, Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

NOW = at("20:00")
RING = settings.KEY_RING
MOTHER = Entry(1, "林淑芬", "mother_son", invented(1, female=True), "0912-345-678", "mother@example.org")
FATHER = Entry(2, "王大同", "father_son", invented(2), "0987654321", "father@example.org")


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school)
    return builders.a_student(builders.a_class(school))


def drafted(child: Student, *entries: Entry, kind: str = "parents", proven: bool = True) -> Application:
    """An application with everything but the last step."""
    application = family.open_application(child, language="zh-hant", now=NOW)
    application = family.save_draft(
        application, kind=kind, entries=entries or (MOTHER, FATHER), language="zh-hant", ring=RING, now=NOW
    )
    application = family.confirm_data(application, now=NOW)
    digest = hashlib.sha256(b"text").digest()
    consents.answer(application, "binding", agrees=True, version=1, language="zh-hant", text_hash=digest, now=NOW)
    if proven:
        application.applicants.exclude(email="").update(email_proven_at=NOW)
    return application


def submitted(child: Student, *entries: Entry, kind: str = "parents") -> Application:
    return family.submit(drafted(child, *entries, kind=kind), ring=RING, now=NOW)


def refused(application: Application) -> ApplicationRefused:
    with pytest.raises(ApplicationRefused) as caught, transaction.atomic():
        family.submit(application, ring=RING, now=NOW)
    return caught.value


def known(child: Student, entry: Entry, **other: str) -> GuardianRecord:
    """The school's record of the person in `entry`, with the Chinese word of the relation."""
    values = {"name": entry.name, "relation": "母子", "mobile": "0912345678", "email": entry.email, **other}
    record = GuardianRecord(student=child, position=entry.position, **values)
    assert entry.id_number
    record.seal_id_number(entry.id_number, RING)
    record.save()
    return record


class TestTheFamily:
    def test_submits_for_two_and_both_are_written_to(self, child: Student) -> None:
        application = submitted(child)
        assert application.state == Application.State.SUBMITTED
        letters = [letter for one in application.applicants.all() for letter in one.letters.all()]
        assert [(letter.topic, letter.target) for letter in letters] == [
            ("received", "mother@example.org"),
            ("received", "father@example.org"),
        ]
        assert list(queries.queue(child.school)) == [application]

    def test_opens_the_same_application_again(self, child: Student) -> None:
        first = family.open_application(child, language="en", now=NOW)
        assert family.open_application(child, language="en", now=NOW) == first

    def test_the_database_keeps_a_second_open_application_out(self, child: Student) -> None:
        family.open_application(child, language="en", now=NOW)
        with pytest.raises(IntegrityError), transaction.atomic():
            Application.objects.create(student=child, opened_at=NOW)

    def test_cannot_have_three_applicants(self, child: Student) -> None:
        application = drafted(child)
        with pytest.raises(IntegrityError), transaction.atomic():
            Applicant.objects.create(application=application, position=3)

    def test_may_save_what_is_wrong_but_not_submit_it(self, child: Student) -> None:
        wrong = Entry(1, "", "", "A123456788", "02-2345678", "nowhere")
        application = drafted(child, wrong, kind="parent", proven=False)
        found = refused(application).faults
        assert {(one.field, one.code) for one in found} == {
            ("name", "missing"),
            ("relation", "missing"),
            ("id_number", "check"),
            ("mobile", "mobile_landline"),
            ("email", "unusable"),
        }

    def test_is_not_overwritten_by_a_page_from_before(self, child: Student) -> None:
        old = drafted(child)
        family.save_draft(old, kind="parent", entries=(), language="en", ring=RING, now=NOW)
        with pytest.raises(ApplicationRefused, match="stale"):
            family.save_draft(old, kind="parents", entries=(), language="en", ring=RING, now=NOW)

    def test_keeps_an_id_number_that_was_not_typed_again(self, child: Student) -> None:
        application = drafted(child)
        again = [Entry(1, "林淑芬", "mother_son", None, "0912345678", "mother@example.org")]
        family.save_draft(application, kind="parents", entries=again, language="en", ring=RING, now=NOW)
        assert application.applicants.get(position=1).open_id_number(RING) == MOTHER.id_number

    def test_has_to_prove_a_changed_email_anew(self, child: Student) -> None:
        application = drafted(child)
        other = [Entry(1, "林淑芬", "mother_son", None, "0912345678", "other@example.org")]
        application = family.save_draft(application, kind="parents", entries=other, language="en", ring=RING, now=NOW)
        assert [(one.position, one.code) for one in refused(application).faults] == [(1, "unproven")]

    def test_needs_the_data_confirmed_first(self, child: Student) -> None:
        application = family.open_application(child, language="en", now=NOW)
        assert refused(application).code == "unconfirmed"

    def test_needs_consent_that_was_not_taken_back(self, child: Student) -> None:
        application = drafted(child)
        application.consents.update(withdrawn_at=NOW)
        assert refused(application).code == "consent"

    def test_cannot_apply_for_the_same_person_twice(self, child: Student) -> None:
        twin = Entry(2, "林淑芬", "mother_son", MOTHER.id_number, "0912345678", "MOTHER@example.org")
        found = refused(drafted(child, MOTHER, twin)).faults
        assert [(one.position, one.field, one.code) for one in found] == [
            (2, "id_number", "same"),
            (2, "email", "same"),
        ]

    def test_cannot_apply_with_the_students_own_number(self, child: Student) -> None:
        assert MOTHER.id_number
        child.seal_id_number(MOTHER.id_number, RING)
        child.save()
        assert refused(drafted(child, MOTHER, kind="parent")).faults[0].code == "student"

    def test_another_guardian_needs_a_document(self, child: Student) -> None:
        application = drafted(child, MOTHER, kind="other")
        assert [one.field for one in refused(application).faults] == ["document"]
        Document.objects.create(
            application=application,
            kind="court",
            form="image/jpeg",
            sealed_bytes=b"x",
            size=1,
            sha256=b"y",
            added_at=NOW,
        )
        assert family.submit(application, ring=RING, now=NOW).submitted_at

    def test_a_school_that_takes_no_applications_says_so(self, child: Student) -> None:
        application = drafted(child)
        Desk.objects.update(closed_at=NOW)
        assert refused(application).code == "desk"

    def test_nobody_applies_for_a_graduate(self, child: Student) -> None:
        child.study_state = "graduated"
        with pytest.raises(ApplicationRefused, match="left"):
            family.open_application(child, language="en", now=NOW)

    def test_takes_it_back_and_may_begin_anew(self, child: Student) -> None:
        first = family.withdraw(submitted(child), now=NOW)
        assert first.state == Application.State.WITHDRAWN
        assert family.open_application(child, language="en", now=NOW) != first


class TestTheSchool:
    def test_returns_and_gets_it_again(self, child: Student) -> None:
        office = builders.an_office(child.school, "registrar")
        application = review.return_to_family(submitted(child), "請補上手機號碼", by=office, now=NOW)
        assert (application.state, application.reason) == (Application.State.RETURNED, "請補上手機號碼")
        assert not queries.queue(child.school).exists()
        again = family.submit(application, ring=RING, now=NOW + timedelta(hours=1))
        assert again.state == Application.State.SUBMITTED
        assert [one.act for one in again.steps.all()] == ["opened", "submitted", "returned", "submitted"]

    def test_approves_and_the_bond_opens_with_the_account(self, child: Student) -> None:
        office = builders.an_office(child.school, "registrar")
        application = review.approve(submitted(child), by=office, now=NOW)
        assert not bonds.in_force().exists()
        applicant = application.applicants.get(position=1)
        bond = review.link_account(applicant, builders.an_account(), now=later(1))
        assert bond
        assert list(bonds.in_force()) == [bond]

    def test_an_account_opens_nothing_before_the_approval(self, child: Student) -> None:
        application = submitted(child)
        assert review.link_account(application.applicants.get(position=1), builders.an_account(), now=NOW) is None
        assert not bonds.in_force().exists()

    def test_decides_by_a_clock_that_is_a_little_behind_the_familys_server(self, child: Student) -> None:
        office, behind = builders.an_office(child.school, "registrar"), NOW - timedelta(seconds=2)
        returned = review.return_to_family(submitted(child), "請補上手機號碼", by=office, now=behind)
        assert returned.returned_at == returned.submitted_at
        again = family.submit(returned, ring=RING, now=behind)
        refused = review.refuse(again, "查無此人", by=office, now=behind - timedelta(seconds=1))
        assert refused.decided_at == again.submitted_at

    def test_decides_once(self, child: Student) -> None:
        office = builders.an_office(child.school, "registrar")
        application = review.refuse(submitted(child), "查無此人", by=office, now=NOW)
        with pytest.raises(ApplicationRefused, match="elsewhere"):
            review.approve(application, by=office, now=NOW)

    def test_does_not_decide_on_what_it_has_not_seen(self, child: Student) -> None:
        office = builders.an_office(child.school, "registrar")
        seen = submitted(child)
        family.withdraw(seen, now=NOW)
        with pytest.raises(ApplicationRefused, match="stale"):
            review.approve(seen, by=office, now=NOW)

    def test_somebody_already_bound_cannot_apply_again(self, child: Student) -> None:
        office = builders.an_office(child.school, "registrar")
        application = review.approve(submitted(child, MOTHER, kind="parent"), by=office, now=NOW)
        review.link_account(application.applicants.get(), builders.an_account(), now=NOW)
        assert [one.code for one in refused(drafted(child, MOTHER, kind="parent")).faults] == ["bound"]


class TestSideBySide:
    def test_the_same_person_is_exact_however_it_is_written(self, child: Student) -> None:
        known(child, MOTHER)
        application = submitted(child, MOTHER, kind="parent")
        (compared,) = differences(application, ring=RING)
        assert {one.verdict for one in compared.fields} == {Verdict.SAME}
        assert is_exact(application, ring=RING)

    def test_another_telephone_is_marked_and_still_the_same_person(self, child: Student) -> None:
        known(child, MOTHER, mobile="0911111111")
        application = submitted(child, MOTHER, kind="parent")
        (compared,) = differences(application, ring=RING)
        assert [one.field for one in compared.fields if one.verdict is Verdict.DIFFERS] == ["mobile"]
        assert is_exact(application, ring=RING)

    @pytest.mark.parametrize("other", [{"name": "林素芬"}, {"relation": "母女"}])
    def test_another_name_or_relation_is_not_exact(self, child: Student, other: dict[str, str]) -> None:
        known(child, MOTHER, **other)
        assert not is_exact(submitted(child, MOTHER, kind="parent"), ring=RING)

    def test_nobody_known_is_not_exact(self, child: Student) -> None:
        application = submitted(child, MOTHER, kind="parent")
        (compared,) = differences(application, ring=RING)
        assert {one.verdict for one in compared.fields} == {Verdict.UNKNOWN}
        assert not is_exact(application, ring=RING)

    def test_id_numbers_are_shown_masked(self, child: Student) -> None:
        known(child, MOTHER)
        (compared,) = differences(submitted(child, MOTHER, kind="parent"), ring=RING)
        number = next(one for one in compared.fields if one.field == "id_number")
        assert "*" in number.said
        assert "*" in number.known


def later(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)
