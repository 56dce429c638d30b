"""What the school does with an application: return it, refuse it, approve it; and the bond once there is an account."""

from datetime import datetime

from django.db import transaction

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians import bonds, proofs
from gatepost.guardians.applications import letters
from gatepost.guardians.applications.family import (
    ApplicationRefused,
    changing,
    forget_child,
    keep_step,
    save_next_version,
)
from gatepost.guardians.applications.models import Applicant, Application, ApplicationStep
from gatepost.guardians.models import Guardianship


def return_to_family(application: Application, reason: str, *, by: Account, now: datetime) -> Application:
    """Back to the family, which can correct and submit again. Raises `ApplicationRefused` (stale, elsewhere)."""
    with changing(application) as row:
        _must_be_submitted(row)
        row.returned_at, row.reason = row.later(now), reason
        save_next_version(row, "returned_at", "reason")
        _keep(row, ApplicationStep.Act.RETURNED, by=by, now=now, reason=reason)
        letters.write(row, "returned", now=now)
    return row


def refuse(application: Application, reason: str, *, by: Account, now: datetime) -> Application:
    """Refused, with a reason; a new application can be opened. Raises `ApplicationRefused` (stale, elsewhere)."""
    with changing(application) as row:
        _decide(row, Application.Decision.REFUSED, reason, by=by, now=now)
        _keep(row, ApplicationStep.Act.REFUSED, by=by, now=now, reason=reason)
        forget_child(row)
        letters.write(row, "refused", now=now)
    return row


def approve(application: Application, *, by: Account, now: datetime) -> Application:
    """Approved: each applicant is a guardian as soon as an account is theirs (`link_account`).

    The bond of who has one opens here, with a letter; who has none gets the letter that opens it. Raises
    `ApplicationRefused` (stale, elsewhere; restricted: a restriction stands between the child and an applicant with an
    account).
    """
    with changing(application) as row:
        _decide(row, Application.Decision.APPROVED, "", by=by, now=now)
        _keep(row, ApplicationStep.Act.APPROVED, by=by, now=now)
        for applicant in row.applicants.exclude(account=None).select_related("account"):
            try:
                _open_bond(applicant, row)
            except bonds.BondRefused as refused:
                raise ApplicationRefused("restricted") from refused
        if row.is_claim:
            forget_child(row)
            letters.write(row, "approved", now=now)
    return row


def set_aside(application: Application, *, by: Account, now: datetime) -> Application:
    """Put a claim away without an answer: whoever made it learns nothing, not even that the child is at this school.

    It leaves the queue, and ends by its date with the sentence that claims get which fit nobody. Raises
    `ApplicationRefused` (stale; elsewhere, also for a family's own application, which knows its child).
    """
    with changing(application) as row:
        _must_be_submitted(row)
        if not row.is_claim:
            raise ApplicationRefused("elsewhere")
        row.set_aside_at = row.later(now)
        save_next_version(row, "set_aside_at")
        _keep(row, ApplicationStep.Act.SET_ASIDE, by=by, now=now)
    return row


def link_account(applicant: Applicant, account: Account, *, now: datetime) -> Guardianship | None:
    """This account is the applicant's. Opens the bond if the application is approved; None if it is not.

    Raises `bonds.BondRefused` while a restriction stands between the account and the child.
    """
    with transaction.atomic():
        application = (
            Application.objects.select_for_update(no_key=True, of=("self",))
            .select_related("student")
            .get(pk=applicant.application_id)
        )
        applicant.account = account
        applicant.save(update_fields=["account"])
        if application.state != Application.State.APPROVED:
            return None
        return _open_bond(applicant, application, now=now)


def _open_bond(applicant: Applicant, application: Application, *, now: datetime | None = None) -> Guardianship:
    assert applicant.account is not None  # noqa: S101 - both callers look
    assert application.decided_at is not None  # noqa: S101
    now = now or application.decided_at
    bond = bonds.open_bond(
        applicant.account,
        application.child,
        relation=applicant.relation,
        source="review",
        person_digest=bytes(applicant.id_number_digest) if applicant.id_number_digest else None,
        by=application.decided_by_id,
        now=now,
    )
    if applicant.id_number_digest:
        digest = bytes(applicant.id_number_digest)
        proofs.keep(applicant.account, digest, how="review", by=application.decided_by_id, now=now)
    return bond


def _decide(row: Application, decision: str, reason: str, *, by: Account, now: datetime) -> None:
    _must_be_submitted(row)
    row.decided_at, row.decision, row.decided_by, row.reason = row.later(now), decision, by, reason
    save_next_version(row, "decided_at", "decision", "decided_by", "reason")


def _must_be_submitted(row: Application) -> None:
    if row.state != Application.State.SUBMITTED or row.set_aside_at is not None:
        raise ApplicationRefused("elsewhere")


def _keep(row: Application, act: ApplicationStep.Act, *, by: Account, now: datetime, reason: str = "") -> None:
    keep_step(row, act, by=by, now=now, reason=reason)
    entries.record(
        f"application:{act}", by=by, about=row.student_id, school_code=row.child.school.code, application=str(row.pk)
    )
