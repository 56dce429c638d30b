"""Which child a claim means: what was typed, compared with the roster. Whoever claims does not learn the answer.

A claim fits the student of that school with that number and that ID number, as at the family's own way in; name and
birthday may differ, and are marked for the school. Where the roster knows no ID number, name and birthday have to be
the same. Whoever guesses does the same work as whoever knows: one look at the table and one digest.
"""

import hmac
from uuid import UUID

from django.db.models import QuerySet

from gatepost.guardians.applications.claimed import Claim
from gatepost.guardians.applications.models import Application
from gatepost.roster.models import School, Student
from gatepost.roster.wordings import half_width

NOBODY = UUID(int=0)
GONE = (Student.StudyState.TRANSFERRED, Student.StudyState.GRADUATED, Student.StudyState.DECEASED)


def plain_number(text: str) -> str:
    """A student number as it is compared: half-width, upper case, without spaces."""
    return "".join(half_width(text).split()).upper()


def plain_name(text: str) -> str:
    """A name as it is compared: half-width, without spaces and capitals."""
    return "".join(half_width(text).split()).casefold()


def fitting(account_id: UUID, claim: Claim) -> Student | None:
    """The student a claim of `account_id` means; None if there is none, or another open claim of theirs means it."""
    found = _at(claim.school, claim.number).first()
    fits = _fits(claim, found)
    taken = open_claims(account_id).filter(student_id=found.pk if found else NOBODY).exclude(pk=claim.pk).exists()
    return found if fits and not taken else None


def open_claims(account_id: UUID) -> QuerySet[Application]:
    """The claims of an account that are neither decided nor withdrawn."""
    return Application.objects.filter(account_id=account_id, decided_at=None, withdrawn_at=None)


def is_exactly(claim: Claim, student: Student | None) -> bool:
    """Whether everything typed is what the roster says, and the roster knows the ID number."""
    if student is None or student.id_number_digest is None:
        return False
    same_day = student.birthday is None or student.birthday == claim.birthday
    return same_day and _same_name(claim, student) and _same_id_number(claim, student)


def _at(school: School, number: str) -> QuerySet[Student]:
    here = Student.objects.filter(school=school, number__in={number, number.lower()}, left_on=None)
    return here.exclude(study_state__in=GONE).order_by("number")


def _fits(claim: Claim, student: Student | None) -> bool:
    known_by_number = _same_id_number(claim, student)
    if student is None:
        return False
    if student.id_number_digest is None:
        return student.birthday == claim.birthday and _same_name(claim, student)
    return known_by_number


def _same_id_number(claim: Claim, student: Student | None) -> bool:
    kept = bytes(student.id_number_digest) if student and student.id_number_digest else bytes(32)
    return hmac.compare_digest(kept, bytes(claim.id_number_digest or b""))


def _same_name(claim: Claim, student: Student) -> bool:
    return plain_name(claim.name) == plain_name(student.name)
