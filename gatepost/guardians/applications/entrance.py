"""The family's way in: student number and the student's ID number once, then a password of the family's own.

A printed letter (`invitations`) takes the place of the ID number that once, and counts its failures here too.

Who guesses learns nothing: a wrong number, a wrong ID number and a student who does not exist get the same answer after
the same work. Failures are counted for the student number, for the address they come from and for the school; a limit
says when to try again, and never keeps a whole school out for more than minutes.
"""

import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, transaction

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians.applications import limits
from gatepost.guardians.applications.family_access import FailedSignIn, FamilyAccess, Invitation
from gatepost.guardians.applications.limits import Limit
from gatepost.kit.sealed import KeyRing
from gatepost.roster import identity_numbers
from gatepost.roster.models import School, Student

PREFIX = "P"  # of a family's account: P + student number


# A student's is tight: an ID number is guessed one by one. A school's families sit behind one address on its open days.
LIMITS = {
    "student": (Limit(5, timedelta(minutes=15)), Limit(20, timedelta(hours=24))),
    "address": (Limit(60, timedelta(minutes=10)),),
    "school": (Limit(300, timedelta(minutes=5)),),
}


class EntranceRefused(Exception):
    """Nobody came in. `code`: wrong (something does not fit, and nothing says what), wait (`minutes` from now)."""

    def __init__(self, code: str, *, minutes: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.minutes = minutes


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in. Without a `stamp` it was by the ID number or a letter, and only setting a password is open."""

    student: Student
    stamp: uuid.UUID | None
    invitation: uuid.UUID | None = None


def sign_in(school: School, account: str, secret: str, *, address: str, ring: KeyRing, now: datetime) -> Entered:
    """Check `P` + student number with the family's password, or the student's ID number where none is set.

    Raises `EntranceRefused`.
    """
    numbers = _numbers(account)
    keys = _keys(school, numbers[-1], address, ring)
    with transaction.atomic():
        limits.one_at_a_time(keys["student"])
        minutes = limits.minutes_to_wait(keys, LIMITS, now)
        entered = None if minutes else _checked(school, numbers, secret, ring)
        if entered is None and not minutes:
            limits.count(keys, now)
        if entered:
            FailedSignIn.objects.filter(key=keys["student"]).delete()
            entries.record("family-access:used", by=None, about=entered.student.pk, school_code=school.code)
    if minutes:
        raise EntranceRefused("wait", minutes=minutes)
    if entered is None:
        raise EntranceRefused("wrong")
    return entered


def set_password(
    student: Student, password: str, *, now: datetime, invitation_id: uuid.UUID | None = None
) -> FamilyAccess:
    """The family's own password; from now on neither the ID number nor a letter opens anything.

    `invitation_id`: the letter by which they came, which is used up with it. Raises `EntranceRefused("wrong")` if a
    password is set, or that letter has meanwhile been used, revoked or run out.
    """
    try:
        with transaction.atomic():
            if invitation_id and not _use(invitation_id, student, now):
                raise EntranceRefused("wrong")
            access = FamilyAccess.objects.create(
                student=student, password=make_password(password), set_at=now, invitation_id=invitation_id
            )
            entries.record("family-access:set", by=None, about=student.pk, letter=_text(invitation_id))
    except IntegrityError as error:
        raise EntranceRefused("wrong") from error
    return access


def forget_password(student: Student, *, by: Account) -> bool:
    """The family forgot it: the ID number opens once more, and whoever is in is out. Returns whether there was one."""
    with transaction.atomic():
        gone, _ = FamilyAccess.objects.filter(student=student).delete()
        if gone:
            entries.record("family-access:reset", by=by, about=student.pk)
    return bool(gone)


def still_in(student_id: uuid.UUID, stamp: str, *, letter: uuid.UUID | None = None, now: datetime) -> Student | None:
    """The student whose family is in with `stamp` (empty: by the ID number or `letter`, while no password is set), or
    None."""
    student = Student.objects.select_related("school", "school_class", "family_access").filter(pk=student_id).first()
    if student is None:
        return None
    access = getattr(student, "family_access", None)
    if (str(access.stamp) if access else "") != stamp:
        return None
    if access is None and letter and not Invitation.objects.good(now).filter(pk=letter, student=student).exists():
        return None
    return student


def wait_from(address: str, *, ring: KeyRing, now: datetime) -> int:
    """For how many minutes nobody at `address` may try again; 0 if they may."""
    return limits.minutes_to_wait({"address": _address_key(address, ring)}, LIMITS, now)


def count_failure_from(address: str, *, ring: KeyRing, now: datetime) -> None:
    """Somebody at `address` tried something that opens nothing."""
    with transaction.atomic():
        limits.count({"address": _address_key(address, ring)}, now)


def _use(invitation_id: uuid.UUID, student: Student, now: datetime) -> bool:
    good = Invitation.objects.good(now).filter(pk=invitation_id, student=student)
    return bool(good.update(used_at=now))


def _text(invitation_id: uuid.UUID | None) -> str:
    return str(invitation_id) if invitation_id else ""


def _numbers(account: str) -> tuple[str, str]:
    """The student number as typed, and without the P in front."""
    typed = "".join(account.split()).upper()
    return typed, typed.removeprefix(PREFIX)


def _checked(school: School, numbers: tuple[str, str], secret: str, ring: KeyRing) -> Entered | None:
    """One look at the table, one digest and one password hash, whoever asks and whatever is wrong."""
    student = (
        Student.objects.select_related("family_access")
        .filter(school=school, number__in={numbers[1], numbers[1].lower()})
        .first()
    )
    access = getattr(student, "family_access", None) if student else None
    kept = bytes(student.id_number_digest) if student and student.id_number_digest else bytes(32)
    number_fits = hmac.compare_digest(kept, ring.digest(identity_numbers.normalise(secret)))
    password_fits = check_password(secret, access.password if access else _nobodys_password())
    if student is None:
        return None
    if access:
        return Entered(student, access.stamp) if password_fits else None
    return Entered(student, None) if number_fits else None


@cache
def _nobodys_password() -> str:
    return make_password(uuid.uuid4().hex)


def _keys(school: School, number: str, address: str, ring: KeyRing) -> dict[str, bytes]:
    return {
        "student": ring.digest(f"family-access:student:{school.pk}:{number}"),
        "address": _address_key(address, ring),
        "school": ring.digest(f"family-access:school:{school.pk}"),
    }


def _address_key(address: str, ring: KeyRing) -> bytes:
    return ring.digest(f"family-access:address:{address}")
