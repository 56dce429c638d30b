"""The family's answers to the notice on personal data: for each purpose, version and language, with the text's hash.

An answer is a row and stays; the newest of a purpose counts. Taking one back counts at once.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians.applications.models import Application, Consent

NECESSARY = Consent.Purpose.BINDING  # without it there is nothing to do for the family


def answer(
    application: Application,
    purpose: str,
    *,
    agrees: bool,
    version: int,
    language: str,
    text_hash: bytes,
    now: datetime,
) -> Consent:
    """Keep what was answered to exactly this text."""
    return Consent.objects.create(
        application=application,
        purpose=purpose,
        version=version,
        language=language,
        text_hash=text_hash,
        answer=Consent.Answer.AGREE if agrees else Consent.Answer.DISAGREE,
        at=now,
    )


def newest(application: Application) -> dict[str, Consent]:
    """The family's answer that counts, by purpose; a purpose nobody answered is not in it."""
    return {consent.purpose: consent for consent in application.consents.filter(account=None).order_by("at", "pk")}


def is_given(application: Application, purpose: str) -> bool:
    """Whether the newest answer for `purpose` is yes, and was not taken back."""
    found = newest(application).get(purpose)
    return found is not None and found.is_given()


def withdraw(application: Application, purpose: str, *, now: datetime) -> bool:
    """Take back the agreement for `purpose`: it counts no more from this moment. Returns whether there was one."""
    found = newest(application).get(purpose)
    if found is None or not found.is_given():
        return False
    found.withdrawn_at = now
    found.save(update_fields=["withdrawn_at"])
    entries.record("consent:withdrawn", by=None, about=application.student_id, purpose=purpose)
    return True


def of_guardian(account: Account, student_ids: Iterable[UUID]) -> dict[tuple[UUID, str], Consent]:
    """The answer that counts for `account`, by child and purpose: of the approved applications it was a part of."""
    found: dict[tuple[UUID, str], Consent] = {}
    for consent in _of(account.pk, student_ids):
        assert consent.application.student_id is not None  # noqa: S101 - it was approved
        found[consent.application.student_id, consent.purpose] = consent
    return found


def take_back(account: Account, student_id: UUID, purpose: str, *, now: datetime) -> bool:
    """`account` agrees no more to `purpose` for this child, from this moment. Returns whether it had agreed.

    What is necessary is not taken back this way: the bond is ended instead.
    """
    standing = of_guardian(account, [student_id]).get((student_id, purpose))
    if purpose == NECESSARY or standing is None or not standing.is_given():
        return False
    Consent.objects.create(
        application=standing.application,
        purpose=purpose,
        version=standing.version,
        language=standing.language,
        text_hash=standing.text_hash,
        answer=Consent.Answer.DISAGREE,
        account=account,
        at=now,
    )
    entries.record("consent:withdrawn", by=account, about=student_id, purpose=purpose)
    return True


def refusals(purpose: str, *, account: Any, student: Any, since: Any) -> QuerySet[Consent]:
    """The answers by which `account` said no to `purpose` for `student` after `since`; values or `OuterRef`s.

    For what was given more particularly, to one service: the later of the two answers counts.
    """
    said_no = Q(answer=Consent.Answer.DISAGREE, at__gt=since) | Q(withdrawn_at__gt=since)
    return Consent.objects.filter(
        said_no,
        Q(account=None) | Q(account=account),
        purpose=purpose,
        application__student=student,
        application__decision=Application.Decision.APPROVED,
        application__applicants__account=account,
    )


def _of(account_id: UUID, student_ids: Iterable[UUID]) -> QuerySet[Consent]:
    """The oldest first."""
    return (
        Consent.objects.filter(
            Q(account=None) | Q(account=account_id),
            application__in=Application.objects.filter(
                student__in=list(student_ids),
                decision=Application.Decision.APPROVED,
                applicants__account=account_id,
            ),
        )
        .select_related("application")
        .order_by("at", "pk")
    )
