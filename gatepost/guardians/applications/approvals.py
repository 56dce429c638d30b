"""Approving, and what it causes: a mail to each applicant, and the bond as soon as one of them has shown to be it.

Where a restriction stands for the child, two people of the school have to say yes. Until an applicant has used the mail
there is no account and no bond: approving alone opens nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from gatepost.accounts import activation
from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians import bonds
from gatepost.guardians.applications import compare, queries, review
from gatepost.guardians.applications.family import ApplicationRefused, changing, save_next_version
from gatepost.guardians.applications.models import Applicant, Application
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.kit.sealed import KeyRing
from gatepost.roster.models import GuardianRecord, School

TOGETHER_MOST = 50
LOOKED_THROUGH_MOST = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one application of a batch: `code` is empty, or says why it was left out (stale, differs)."""

    application_id: UUID
    code: str


def approve(application: Application, *, by: Account, ring: KeyRing, now: datetime) -> bool:
    """Approve, with a mail to each applicant. False: this was the first of two looks, another person has to follow.

    Raises `ApplicationRefused` (stale, elsewhere; second: the same person cannot look twice).
    """
    with changing(application) as row:
        if needs_second_look(row) and not _first_look_counts(row):
            _look_first(row, by, now)
            return False
        if needs_second_look(row) and row.first_look_by_id == by.pk:
            raise ApplicationRefused("second")
        approved = review.approve(row, by=by, now=now)
        for applicant in approved.applicants.filter(account=None).exclude(email_proven_at=None):
            activation.ask(
                applicant.email,
                name=applicant.name,
                language=approved.language,
                id_number=applicant.open_id_number(ring) or "",
                now=now,
            )
    return True


def needs_second_look(application: Application) -> bool:
    """Whether a restriction stands for the child, whoever it is on."""
    return _restricted().filter(student=application.student_id).exists()


def waits_for_second_look(application: Application) -> bool:
    """Whether somebody has said yes already, to what stands there now."""
    return needs_second_look(application) and _first_look_counts(application)


def take(account: Account, email: str, *, now: datetime) -> tuple[list[Guardianship], int]:
    """The bonds that wait for whoever reads the mailbox `email`, now that `account` is that person.

    Only for an email that was proven in the application, and in the caller's transaction after the person has shown
    that the mailbox is theirs. Returns the bonds, and how many a restriction keeps closed.
    """
    opened, kept = [], 0
    for applicant in waiting(email, now=now):
        try:
            bond = review.link_account(applicant, account, now=now)
        except bonds.BondRefused:
            kept += 1
        else:
            opened += [bond] if bond else []
    return opened, kept


def waiting(email: str, *, now: datetime) -> QuerySet[Applicant]:
    """The approved applicants who become bound as soon as somebody shows that the mailbox `email` is theirs."""
    return (
        Applicant.objects.filter(email__iexact=email, email_proven_at__isnull=False, account=None)
        .filter(
            application__decision=Application.Decision.APPROVED,
            application__decided_at__gt=now - activation.RENEWED_FOR,
            application__student__left_on=None,
        )
        .order_by("application__decided_at", "pk")
    )


def exact_matches(school: School, *, ring: KeyRing) -> list[Application]:
    """Of those that wait for `school`, the oldest whose applicants are exactly who it knows: up to `TOGETHER_MOST`.

    Nothing with a restriction or a document is among them.
    """
    unknown = Applicant.objects.filter(application=OuterRef("pk")).exclude(
        Exists(
            GuardianRecord.objects.filter(
                student=OuterRef("application__student"), id_number_digest=OuterRef("id_number_digest")
            )
        )
    )
    likely = whole(_together(queries.queue(school)).exclude(Exists(unknown)))
    found: list[Application] = []
    for start in range(0, LOOKED_THROUGH_MOST, TOGETHER_MOST):
        found += [one for one in likely[start : start + TOGETHER_MOST] if compare.is_exact(one, ring=ring)]
        if len(found) >= TOGETHER_MOST:
            break
    return found[:TOGETHER_MOST]


def approve_together(
    school: School, chosen: Iterable[tuple[UUID, int]], *, by: Account, ring: KeyRing, now: datetime
) -> list[Outcome]:
    """Approve those of `chosen` (id, version as previewed) that are still what the preview showed; at most
    `TOGETHER_MOST`, each in a transaction of its own."""
    wanted = dict(list(chosen)[:TOGETHER_MOST])
    found = {one.pk: one for one in whole(_together(queries.queue(school)).filter(pk__in=wanted))}
    return [
        Outcome(pk, _approve_one(found.get(pk), version, by=by, ring=ring, now=now)) for pk, version in wanted.items()
    ]


def whole(found: QuerySet[Application]) -> QuerySet[Application]:
    """With everything a comparison reads, in a fixed number of queries."""
    return found.prefetch_related("applicants", "student__guardian_records")


def _approve_one(application: Application | None, version: int, *, by: Account, ring: KeyRing, now: datetime) -> str:
    if application is None or application.version != version:
        return "stale"
    if not compare.is_exact(application, ring=ring):
        return "differs"
    try:
        return "" if approve(application, by=by, ring=ring, now=now) else "stale"
    except ApplicationRefused:
        return "stale"


def _together(found: QuerySet[Application]) -> QuerySet[Application]:
    restricted = _restricted().filter(student=OuterRef("student"))
    unreached = Applicant.objects.filter(application=OuterRef("pk"), email_refused_at__isnull=False)
    return (
        found.exclude(kind=Application.Kind.OTHER)
        .filter(student__left_on=None)
        .exclude(Exists(restricted) | Exists(unreached))
    )


def _restricted() -> QuerySet[Restriction]:
    return Restriction.objects.in_force()


def _first_look_counts(row: Application) -> bool:
    return row.first_look_at is not None and row.submitted_at is not None and row.first_look_at >= row.submitted_at


def _look_first(row: Application, by: Account, now: datetime) -> None:
    if row.state != Application.State.SUBMITTED:
        raise ApplicationRefused("elsewhere")
    row.first_look_at, row.first_look_by = now, by
    save_next_version(row, "first_look_at", "first_look_by")
    entries.record(
        "application:first_look",
        by=by,
        about=row.student_id,
        school_code=row.child.school.code,
        application=str(row.pk),
    )
