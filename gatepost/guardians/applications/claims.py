"""Somebody signed in adds a child: bound at once by their own proven number in the record, else the school decides.

A claim is an application with an account. It goes through the same steps whether or not what was typed fits a student:
it is kept, consented to, filled in and submitted alike, and from there on it is "with the school" for whoever made it.
Only what fits is in a school's queue. A claim that nobody has answered ends by its date, with one sentence for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians import bonds, proofs
from gatepost.guardians.applications import letters, limits
from gatepost.guardians.applications.children import NOBODY, fitting, is_exactly, open_claims, plain_number
from gatepost.guardians.applications.claimed import Claim
from gatepost.guardians.applications.compare import relation_of
from gatepost.guardians.applications.family import changing, forget_child, keep_step, save_next_version
from gatepost.guardians.applications.limits import Limit
from gatepost.guardians.applications.models import Applicant, Application, ApplicationStep, Desk, Relation
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.kit.sealed import KeyRing
from gatepost.roster.models import GuardianRecord, School

OPEN_MOST = 8  # claims of one account at a time
RUNS = timedelta(days=60)  # no school may promise an answer later than that
LOOKED_AT_AGAIN = timedelta(hours=6)
KEPT = timedelta(days=180)  # of what fitted nobody
BATCH = 200
# Each claim counts, whatever becomes of it: a limit that counts only some would tell which.
LIMITS = {
    "student": (Limit(5, timedelta(minutes=15)), Limit(20, timedelta(hours=24))),
    "account": (Limit(5, timedelta(minutes=15)), Limit(10, timedelta(hours=24))),
    "address": (Limit(60, timedelta(minutes=10)),),
    "school": (Limit(300, timedelta(minutes=5)),),
}
PARENTS = (Relation.FATHER_SON, Relation.FATHER_DAUGHTER, Relation.MOTHER_SON, Relation.MOTHER_DAUGHTER)


class ClaimRefused(Exception):
    """The claim cannot be made, for a reason of the claimant's own that says nothing of the child.

    `code`: desk (the school takes none), wait (`minutes` from now), many (open already), twice (`application` asks for
    the same child), bound (the child is on the claimant's own pages).
    """

    def __init__(self, code: str, *, minutes: int = 0, application: Application | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.minutes = minutes
        self.application = application


@dataclass(frozen=True, slots=True)
class Named:
    """A child as typed; `id_number` is valid and normalised."""

    school: School
    number: str
    name: str
    id_number: str
    birthday: date


def begin(account: Account, child: Named, *, address: str, language: str, ring: KeyRing, now: datetime) -> Application:
    """Keep the claim as a draft. The same answer after the same work, whether or not such a student exists.

    `address` is where the request comes from, for the limits. Raises `ClaimRefused`.
    """
    number = plain_number(child.number)
    keys = _keys(account, child.school, number, address, ring)
    with transaction.atomic():
        limits.one_at_a_time(keys["account"])
        limits.one_at_a_time(keys["student"])
        _refuse(account, child, number, keys, now)
        limits.count(keys, now)
        application = Application(account=account, language=language, opened_at=now, data_confirmed_at=now)
        claim = Claim(application=application, school=child.school, number=number, name=child.name, looked_at=now)
        claim.birthday = child.birthday
        claim.seal_id_number(child.id_number, ring)
        application.student = fitting(account.pk, claim)
        if bonds.in_force().filter(account=account, student_id=application.student_id or NOBODY).exists():
            raise ClaimRefused("bound")
        application.save(force_insert=True)
        claim.save(force_insert=True)
        keep_step(application, ApplicationStep.Act.OPENED, by=None, now=now)
        entries.record("claim:opened", by=account, application=str(application.pk), school=child.school.pk)
    return application


def bind_at_once(application: Application, *, now: datetime) -> Guardianship | None:
    """The bond, if the claimant's own proven number stands in the record of exactly this child; None for all others.

    None as well for who was taken out before, is bound with another account or with less than all rights, or is
    restricted anywhere, and where any restriction stands for the child: those go to the school.

    Raises `ApplicationRefused` (stale).
    """
    with changing(application) as row:
        digests = proofs.digests(row.account_id or NOBODY)
        student_id = row.student_id or NOBODY
        record = GuardianRecord.objects.filter(student_id=student_id, id_number_digest__in=digests).first()
        # Every question is asked, whatever the answer to the one before: the time it takes must not tell.
        barred = [_restricted(row, digests), _had_a_bond(row, digests), not is_exactly(row.claim, row.student)]
        if record is None or any(barred) or row.state != Application.State.DRAFT:
            return None
        try:
            return _bound(row, record, now=now)
        except bonds.BondRefused:
            return None


def _bound(row: Application, record: GuardianRecord, *, now: datetime) -> Guardianship:
    """The bond of a draft, and the draft closed as approved: by nobody, by what the school has on record."""
    assert row.account is not None  # noqa: S101 - a claim
    relation = relation_of(record)
    bond = bonds.open_bond(
        row.account,
        row.child,
        relation=relation,
        source="claim",
        by=row.account,
        person_digest=bytes(record.id_number_digest or b""),
        now=now,
    )
    row.kind = kind_of(relation) or Application.Kind.OTHER
    row.submitted_at = row.decided_at = row.later(now)
    row.decision = Application.Decision.APPROVED
    save_next_version(row, "kind", "submitted_at", "decided_at", "decision")
    keep_step(row, ApplicationStep.Act.APPROVED, by=None, now=now)
    forget_child(row)
    return bond


def kind_of(relation: str) -> str:
    """How somebody with this relation applies: a parent, or another guardian with a document; empty if none is said."""
    if not relation:
        return ""
    return Application.Kind.PARENT if relation in PARENTS else Application.Kind.OTHER


def fill_in(application: Application, *, now: datetime) -> Applicant:
    """The claimant as the one applicant, with the account's own email, which is proven since it is signed in with."""
    account = application.account
    assert account is not None  # noqa: S101 - a claim
    row = application.applicants.filter(position=1).first()
    row = row or Applicant(application=application, position=1, name=account.name)
    if row.email.lower() != account.email.lower():
        row.email_refused_at = None
    row.account, row.email, row.email_proven_at = account, account.email, row.email_proven_at or now
    row.save()
    return row


def of(account: Account) -> QuerySet[Application]:
    """The claims of an account, the newest first."""
    return Application.objects.filter(account=account).select_related("claim__school").order_by("-opened_at", "-pk")


def follow(*, now: datetime) -> int:
    """What time does to claims, a batch of each: look again for a child, end what ran out, forget what is past its
    retention. Returns how many were touched."""
    return _look_again(now) + _lapse(now) + _forget(now)


def _look_again(now: datetime) -> int:
    """A child may come into the roster after somebody asked for it, as every August."""
    waiting = Claim.objects.filter(
        looked_at__lt=now - LOOKED_AT_AGAIN,
        application__student=None,
        application__submitted_at__isnull=False,
        application__decided_at=None,
        application__withdrawn_at=None,
    ).select_related("application", "school")
    found = list(waiting.order_by("looked_at")[:BATCH])
    for claim in found:
        with transaction.atomic():
            row = Application.objects.select_for_update(no_key=True).get(pk=claim.pk)
            student = fitting(row.account_id or NOBODY, claim) if row.is_open and row.student_id is None else None
            if student is not None:
                row.student = student
                row.save(update_fields=["student"])
            Claim.objects.filter(pk=claim.pk).update(looked_at=now)
    return len(found)


def _lapse(now: datetime) -> int:
    """End what nobody has answered: what fits nobody, what a school put away, and what it forgot, all alike."""
    old = Application.objects.filter(
        account__isnull=False, submitted_at__lte=now - RUNS, decided_at=None, withdrawn_at=None
    )
    ended = 0
    for application in old.order_by("submitted_at")[:BATCH]:
        with changing(application) as row:
            row.decided_at, row.decision, row.returned_at = row.later(now), Application.Decision.LAPSED, None
            save_next_version(row, "decided_at", "decision", "returned_at")
            keep_step(row, ApplicationStep.Act.LAPSED, by=None, now=now)
            forget_child(row)
            letters.write(row, "lapsed", now=now)
        ended += 1
    return ended


def _forget(now: datetime) -> int:
    """Drafts nobody went on with, and claims that fitted nobody some time after they ended."""
    drafts = Q(submitted_at=None, withdrawn_at=None, opened_at__lte=now - RUNS)
    over = Q(student=None) & (Q(withdrawn_at__lte=now - KEPT) | Q(decided_at__lte=now - KEPT))
    due = Application.objects.filter(account__isnull=False).filter(drafts | over).values_list("pk", flat=True)
    gone, _ = Application.objects.filter(pk__in=list(due[:BATCH])).delete()
    return gone


def _refuse(account: Account, child: Named, number: str, keys: dict[str, bytes], now: datetime) -> None:
    if not Desk.objects.filter(school=child.school, closed_at=None).exists():
        raise ClaimRefused("desk")
    mine = open_claims(account.pk)
    same = mine.filter(claim__school=child.school, claim__number=number).first()
    if same is not None:
        raise ClaimRefused("twice", application=same)
    if mine.count() >= OPEN_MOST:
        raise ClaimRefused("many")
    minutes = limits.minutes_to_wait(keys, LIMITS, now)
    if minutes:
        raise ClaimRefused("wait", minutes=minutes)


def _keys(account: Account, school: School, number: str, address: str, ring: KeyRing) -> dict[str, bytes]:
    return {
        "account": ring.digest(f"claim:account:{account.pk}"),
        "student": ring.digest(f"claim:student:{school.pk}:{number}"),
        "address": ring.digest(f"claim:address:{address}"),
        "school": ring.digest(f"claim:school:{school.pk}"),
    }


def _restricted(row: Application, digests: Sequence[bytes]) -> bool:
    """Whether a restriction stands for this child, whoever it is on, or on this person, whatever child it is for."""
    standing = Restriction.objects.in_force()
    return (standing.filter(student_id=row.student_id or NOBODY) | standing.meeting(row.account_id, *digests)).exists()


def _had_a_bond(row: Application, digests: Sequence[bytes]) -> bool:
    """Whether this person, with whatever account, had a bond with this child that somebody ended, or has one.

    Nobody walks back in alone, nor gives themselves what the school took.
    """
    mine = Q(account_id=row.account_id) | Q(person_digest__in=list(digests))
    ended = Q(ended_because__in=["school", "guardian"])
    standing = Q(ended_at=None, verified_at__isnull=False)
    return Guardianship.objects.filter(mine, ended | standing, student_id=row.student_id or NOBODY).exists()
