"""What still has to be mended before an application can be submitted."""

from collections.abc import Iterator
from dataclasses import dataclass

from gatepost.channels.email.address import usable
from gatepost.channels.errors import ChannelError
from gatepost.guardians import bonds
from gatepost.guardians.applications.models import Applicant, Application
from gatepost.kit.sealed import KeyRing
from gatepost.roster import identity_numbers, wordings
from gatepost.roster.wordings import WordingError


@dataclass(frozen=True, slots=True)
class Fault:
    """`field` of the applicant at `position` (0: of the application itself) cannot be taken; `code` says why.

    Codes of `WordingError` and `IdentityNumberError` for mobile and ID number; besides: missing, unusable, unproven,
    refused (mail to it comes back), same (as the other applicant's), student (the student's own), bound (already a
    guardian of this child).
    """

    position: int
    field: str
    code: str


def faults(application: Application, *, ring: KeyRing) -> list[Fault]:
    """Everything wrong with it at once, in the order of the form; empty if the school can have it."""
    # Who claims chooses no kind: it follows from the relation, which is missed where it is missing.
    found = [] if application.kind or application.is_claim else [Fault(0, "kind", "missing")]
    known = {row.position: row for row in application.applicants.all()}
    wanted = [
        known.get(position) or Applicant(application=application, position=position)
        for position in range(1, application.applicants_wanted + 1)
    ]
    for applicant in wanted:
        found += _of_applicant(applicant, application, ring)
    found += _alike(wanted)
    if application.needs_document and not application.documents.exists():
        found.append(Fault(0, "document", "missing"))
    return found


def _of_applicant(applicant: Applicant, application: Application, ring: KeyRing) -> Iterator[Fault]:
    checks = {
        "name": "" if applicant.name.strip() else "missing",
        "relation": "" if applicant.relation else "missing",
        "id_number": _id_number(applicant, application, ring),
        "mobile": mobile_fault(applicant.mobile),
        "email": email_fault(applicant.email) or _email(applicant, application),
    }
    return (Fault(applicant.position, field, code) for field, code in checks.items() if code)


def id_number_fault(number: str) -> str:
    """Why a normalised ID or residence number cannot be right, as a code; empty if it can."""
    if not number:
        return "missing"
    try:
        identity_numbers.kind(number)
    except WordingError as error:
        return error.code
    return ""


def mobile_fault(mobile: str) -> str:
    """Why this is no mobile number, as a code; empty if it is one."""
    try:
        wordings.mobile_number(mobile)
    except WordingError as error:
        return error.code
    return ""


def email_fault(email: str) -> str:
    """Why this is no email address, as a code; empty if it is one."""
    if not email:
        return "missing"
    try:
        usable(email)
    except ChannelError:
        return "unusable"
    return "" if "." in email.rpartition("@")[2] else "unusable"


def _email(applicant: Applicant, application: Application) -> str:
    """Who claims from an account has its email, which is minded there."""
    if applicant.email_refused_at and application.account_id is None:
        return "refused"
    return "" if applicant.email_proven_at else "unproven"


def _id_number(applicant: Applicant, application: Application, ring: KeyRing) -> str:
    fault = id_number_fault(applicant.open_id_number(ring) or "")
    if fault:
        return fault
    if application.is_claim:  # what the school knows of the child, and who is bound to it, is nothing to answer by
        return "student" if applicant.id_number_digest == application.claim.id_number_digest else ""
    if applicant.id_number_digest == application.child.id_number_digest:
        return "student"
    return "bound" if _is_bound(applicant, application) else ""


def _is_bound(applicant: Applicant, application: Application) -> bool:
    """Whether somebody with this number, or with an account of this email, is a guardian of the child now."""
    bound = bonds.in_force().filter(student=application.student_id).values_list("account_id", flat=True)
    same_person = Applicant.objects.filter(
        application__student=application.student_id, id_number_digest=applicant.id_number_digest, account__in=bound
    )
    same_email = bonds.in_force().filter(student=application.student_id, account__email__iexact=applicant.email)
    return same_person.exists() or (bool(applicant.email) and same_email.exists())


def _alike(applicants: list[Applicant]) -> list[Fault]:
    if len(applicants) < 2:
        return []
    first, second = applicants
    found = []
    if first.id_number_digest and first.id_number_digest == second.id_number_digest:
        found.append(Fault(2, "id_number", "same"))
    if first.email and first.email.lower() == second.email.lower():
        found.append(Fault(2, "email", "same"))
    return found
