"""Letters that a school prints for families: a code on paper that opens the application once.

Twelve characters that nobody mistakes for others, 60 bits from the system's source of randomness; kept as a keyed
digest. The letter is a way to the application and no proof of anything: a child may have read it, and the school
reviews all the same. Looking at a letter uses nothing up; the family's own password does.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians.applications import entrance
from gatepost.guardians.applications.entrance import Entered
from gatepost.guardians.applications.family import check_open
from gatepost.guardians.applications.family_access import FamilyAccess, Invitation
from gatepost.guardians.applications.models import Application
from gatepost.guardians.models import Guardianship
from gatepost.kit.clock import local_date, local_midnight
from gatepost.kit.sealed import KeyRing
from gatepost.roster.models import Student
from gatepost.roster.wordings import half_width

DAYS_GOOD = 7
TOGETHER_MOST = 1_000
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I, L, O and U
CHARACTERS, GROUP = 12, 4
_MISTAKEN = str.maketrans({"O": "0", "I": "1", "L": "1"})


class InvitationRefused(Exception):
    """The letter opens nothing, or cannot be printed.

    `code`: wait (`minutes` from now), unknown, used, revoked, run_out, known (the family has set a password); stale
    (somebody printed one meanwhile), many (more than `TOGETHER_MOST`).
    """

    def __init__(self, code: str, *, minutes: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.minutes = minutes


@dataclass(frozen=True, slots=True)
class Drawn:
    """A letter that is not kept yet. `code` is in clear nowhere else."""

    student: Student
    code: str
    language: str
    until: datetime


def draw(students: Sequence[Student], languages: Mapping[UUID, str], *, now: datetime) -> list[Drawn]:
    """A letter for each of `students` (with their school), in the language that `languages` names for them.

    Good through the seventh day after this one at the school. Raises `InvitationRefused` (many).
    """
    if len(students) > TOGETHER_MOST:
        raise InvitationRefused("many")
    return [Drawn(one, _code(), languages[one.pk], _until(one, now)) for one in students]


def keep(drawn: Sequence[Drawn], *, by: Account, ring: KeyRing, seen_at: datetime, now: datetime) -> list[Invitation]:
    """Make the letters good, now that they are on paper; a student's letter from before is good for nothing.

    `seen_at` is when the page was made that `by` decided on. Raises `InvitationRefused` (stale) and changes nothing if
    a letter for one of them was printed after it: that one may be in a bag already.
    """
    with transaction.atomic():
        about = Student.objects.filter(pk__in=[one.student.pk for one in drawn])
        list(about.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        standing = Invitation.objects.filter(student__in=about, used_at=None, revoked_at=None)
        if standing.filter(printed_at__gt=seen_at).exists():
            raise InvitationRefused("stale")
        standing.update(revoked_at=now, revoked_by=by)
        kept = Invitation.objects.bulk_create([_row(one, by, ring, now) for one in drawn])
        for one, row in zip(drawn, kept, strict=True):
            school_code = one.student.school.code
            entries.record("letter:printed", by=by, about=one.student.pk, school_code=school_code, letter=str(row.pk))
    return kept


def revoke(invitation: Invitation, *, by: Account, now: datetime) -> bool:
    """The letter is good for nothing any more. Returns whether it was good for anything."""
    with transaction.atomic():
        changed = bool(Invitation.objects.good(now).filter(pk=invitation.pk).update(revoked_at=now, revoked_by=by))
        if changed:
            entries.record("letter:revoked", by=by, about=invitation.student_id, letter=str(invitation.pk))
    return changed


def find(code: str, *, address: str, ring: KeyRing, now: datetime) -> Invitation:
    """The good letter with `code`, which stays as it is. A code that no letter has counts against `address`.

    Raises `InvitationRefused` (wait, unknown, used, revoked, run_out, known), `family.ApplicationRefused` (desk, left).
    """
    minutes = entrance.wait_from(address, ring=ring, now=now)
    if minutes:
        raise InvitationRefused("wait", minutes=minutes)
    found = Invitation.objects.select_related("student").filter(code_digest=_digest(plain(code), ring)).first()
    if found is None:
        entrance.count_failure_from(address, ring=ring, now=now)
        raise InvitationRefused("unknown")
    state = found.state_at(now)
    if state is not Invitation.State.GOOD:
        raise InvitationRefused(state.value)
    if FamilyAccess.objects.filter(student=found.student_id).exists():
        raise InvitationRefused("known")
    check_open(found.student)
    return found


def enter(code: str, *, address: str, ring: KeyRing, now: datetime) -> Entered:
    """Come in with a letter; only setting a password is open then. Raises what `find` raises."""
    found = find(code, address=address, ring=ring, now=now)
    return Entered(found.student, None, invitation=found.pk)


def newest(students: Iterable[UUID]) -> dict[UUID, Invitation]:
    """The last letter of each student who has one, with who printed it."""
    found = Invitation.objects.filter(student__in=list(students)).select_related("printed_by")
    return {one.student_id: one for one in found.order_by("student_id", "-printed_at").distinct("student_id")}


def unbound(students: QuerySet[Student]) -> QuerySet[Student]:
    """Those of `students` whom nobody is bound to."""
    bound = Guardianship.objects.filter(student=OuterRef("pk"), verified_at__isnull=False, ended_at=None)
    return students.exclude(Exists(bound))


def with_password(students: Iterable[UUID]) -> set[UUID]:
    """Those whose family has set its password already: a letter opens nothing for them."""
    return set(FamilyAccess.objects.filter(student__in=list(students)).values_list("student_id", flat=True))


def languages(students: Iterable[UUID], *, otherwise: str) -> dict[UUID, str]:
    """Each family's language: that of its last application, else of a guardian's account, else `otherwise`."""
    wanted = list(students)
    bonds = Guardianship.objects.filter(student__in=wanted, verified_at__isnull=False, ended_at=None)
    spoken = dict(bonds.order_by("-pk").values_list("student_id", "account__language"))
    spoken |= dict(
        Application.objects.filter(student__in=wanted, account=None)
        .order_by("opened_at")
        .values_list("student_id", "language")
    )
    known = {name for name, _label in settings.LANGUAGES}
    return {pk: spoken[pk] if spoken.get(pk) in known else otherwise for pk in wanted}


def plain(code: str) -> str:
    """The code as it was drawn, from however somebody typed it."""
    typed = half_width(code[:100]).upper().replace("-", "")
    return "".join(typed.split()).translate(_MISTAKEN)


def grouped(code: str) -> str:
    """As it stands on paper: K7QD-3MHX-9PTA."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def _code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS))


def _until(student: Student, now: datetime) -> datetime:
    zone = student.school.timezone
    return local_midnight(local_date(now, zone) + timedelta(days=DAYS_GOOD + 1), zone)


def _row(drawn: Drawn, by: Account, ring: KeyRing, now: datetime) -> Invitation:
    return Invitation(
        student=drawn.student,
        code_digest=_digest(drawn.code, ring),
        language=drawn.language,
        printed_at=now,
        printed_by=by,
        until=drawn.until,
    )


def _digest(code: str, ring: KeyRing) -> bytes:
    return ring.digest(f"invitation:{code}")
