"""What a family does with its application: open it, save it at any time, confirm, submit, take it back.

Every change takes the row's lock and compares `version` with the one the page was made from, so that what a second
device wrote meanwhile is never overwritten unseen.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from gatepost.guardians.applications import consents, letters
from gatepost.guardians.applications.children import GONE, fitting
from gatepost.guardians.applications.claimed import Claim
from gatepost.guardians.applications.faults import Fault, faults
from gatepost.guardians.applications.models import Applicant, Application, ApplicationStep, Desk
from gatepost.kit.sealed import KeyRing
from gatepost.roster import identity_numbers
from gatepost.roster.models import Student


class ApplicationRefused(Exception):
    """The step cannot be taken.

    `code`: stale (changed elsewhere since the page was made), elsewhere (not the family's or the school's turn), desk
    (the school takes no applications), left (the student is no longer there), unconfirmed (the data), consent (not
    given), incomplete (`faults` say what).
    """

    def __init__(self, code: str, found: Iterable[Fault] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.faults = tuple(found)


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the form for one applicant, as typed. `id_number` None leaves what was saved before."""

    position: int
    name: str = ""
    relation: str = ""
    id_number: str | None = None
    mobile: str = ""
    email: str = ""


def open_application(student: Student, *, language: str, now: datetime, invitation: UUID | None = None) -> Application:
    """The family's open application for the student, or a new one. Raises `ApplicationRefused` (desk, left).

    `invitation`: the letter by which the family came in, where it did; kept with the step, here and in `submit`.
    """
    check_open(student)
    with transaction.atomic():
        application, is_new = Application.objects.get_or_create(
            student=student,
            account=None,
            decided_at=None,
            withdrawn_at=None,
            defaults={"opened_at": now, "language": language},
        )
        if is_new:
            keep_step(application, ApplicationStep.Act.OPENED, by=None, now=now, invitation=invitation)
    return application


def check_open(student: Student) -> None:
    """Raises `ApplicationRefused` where nobody can apply for `student`: desk, left."""
    if student.left_on is not None or student.study_state in GONE:
        raise ApplicationRefused("left")
    _check_desk(student.school_id)


def save_draft(
    application: Application, *, kind: str, entries: Iterable[Entry], language: str, ring: KeyRing, now: datetime
) -> Application:
    """Keep what stands in the form, right or wrong (暫存). Raises `ApplicationRefused` (stale, elsewhere)."""
    with changing(application) as row:
        _must_be_with_family(row)
        row.kind, row.language = kind, language
        for entry in entries:
            _save_entry(row, entry, ring=ring)
        _save(row, "kind", "language")
    return row


def confirm_data(application: Application, *, now: datetime) -> Application:
    """The family says that what the school knows of the student is right (資訊正確)."""
    with changing(application) as row:
        _must_be_with_family(row)
        row.data_confirmed_at = row.data_confirmed_at or row.later(now)
        _save(row, "data_confirmed_at")
    return row


def submit(application: Application, *, ring: KeyRing, now: datetime, invitation: UUID | None = None) -> Application:
    """Hand the application to the school (填答送出), with a letter to every applicant.

    Raises `ApplicationRefused` (stale, elsewhere, desk, left, unconfirmed, consent, incomplete) and changes nothing.
    """
    with changing(application) as row:
        _must_be_with_family(row)
        if row.is_claim:
            _check_desk(row.claim.school_id)
        else:
            check_open(row.child)
        if row.data_confirmed_at is None:
            raise ApplicationRefused("unconfirmed")
        if not consents.is_given(row, "binding"):
            raise ApplicationRefused("consent")
        found = faults(row, ring=ring)
        if found:
            raise ApplicationRefused("incomplete", found)
        row.applicants.filter(position__gt=row.applicants_wanted).delete()
        row.submitted_at, row.returned_at = row.later(now), None
        if row.account_id is not None:
            found_now = fitting(row.account_id, row.claim)
            row.student = row.student or found_now
        _save(row, "submitted_at", "returned_at", "student")
        keep_step(row, ApplicationStep.Act.SUBMITTED, by=None, now=now, invitation=invitation)
        letters.write(row, "claimed" if row.is_claim else "received", now=now)
    return row


def withdraw(application: Application, *, now: datetime) -> Application:
    """Take application and consent back before the school decides. Raises `ApplicationRefused` (stale, elsewhere)."""
    with changing(application) as row:
        if not row.is_open:
            raise ApplicationRefused("elsewhere")
        row.withdrawn_at = row.later(now)
        _save(row, "withdrawn_at")
        consents.withdraw(row, consents.NECESSARY, now=now)
        forget_child(row)
        keep_step(row, ApplicationStep.Act.WITHDRAWN, by=None, now=now)
    return row


@contextmanager
def changing(application: Application) -> Iterator[Application]:
    """The row under its lock, in a transaction. Raises `ApplicationRefused("stale")` if it has changed since."""
    with transaction.atomic():
        row = (
            Application.objects.select_for_update(no_key=True, of=("self",))
            .select_related("student", "account", "claim__school")
            .get(pk=application.pk)
        )
        if row.version != application.version:
            raise ApplicationRefused("stale")
        yield row


def save_next_version(row: Application, *fields: str) -> None:
    """Save `fields` of a row from `changing`; pages made before are stale from now on."""
    row.version += 1
    row.save(update_fields=[*fields, "version"])


def keep_step(
    application: Application,
    act: ApplicationStep.Act,
    *,
    by: object | None,
    now: datetime,
    reason: str = "",
    invitation: UUID | None = None,
) -> None:
    """Keep who did what and when, in the caller's transaction."""
    ApplicationStep.objects.create(
        application=application,
        act=act,
        at=now,
        by_id=getattr(by, "pk", None),
        reason=reason,
        invitation_id=invitation,
    )


def forget_child(application: Application) -> None:
    """A claim has ended: the ID number that was typed to name the child is needed no more."""
    Claim.objects.filter(pk=application.pk).update(id_number_sealed=None, id_number_digest=None)


_save = save_next_version


def _check_desk(school_id: int) -> None:
    if not Desk.objects.filter(school=school_id, closed_at=None).exists():
        raise ApplicationRefused("desk")


def _must_be_with_family(row: Application) -> None:
    if not row.is_with_family:
        raise ApplicationRefused("elsewhere")


def _save_entry(application: Application, entry: Entry, *, ring: KeyRing) -> None:
    row = application.applicants.filter(position=entry.position).first()
    row = row or Applicant(application=application, position=entry.position)
    if row.email.lower() != entry.email.lower():
        row.email_proven_at = row.email_refused_at = None
    row.name, row.relation, row.mobile, row.email = entry.name, entry.relation, entry.mobile, entry.email
    if entry.id_number == "":
        row.id_number_sealed = row.id_number_digest = None
    elif entry.id_number is not None:
        row.seal_id_number(identity_numbers.normalise(entry.id_number), ring)
    row.save()
