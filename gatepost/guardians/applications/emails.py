"""Proving an applicant's email: a code goes there, and has to come back.

As for the addresses of accounts: six digits, a quarter of an hour, five tries; kept as a keyed digest only; bounded for
the application that asks and for the mailbox that gets them.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from gatepost.channels.email.bounce import parse_bounce, person_return_address, read_person_return_address
from gatepost.guardians.applications.faults import email_fault
from gatepost.guardians.applications.mailbox import EmailProof
from gatepost.guardians.applications.models import Applicant, Application
from gatepost.kit.sealed import KeyRing

CODE_GOOD_FOR = timedelta(minutes=15)
TRIES_MOST = 5
CODES_AN_APPLICATION = 8  # in an hour
CODES_A_MAILBOX = 5  # in a day, whoever asks


class EmailRefused(Exception):
    """No code, or not the right one. `code`: missing, unusable, often; wrong, expired, spent (too many tries)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def new_code(applicant: Applicant, *, ring: KeyRing, now: datetime) -> str:
    """A code to send to the applicant's email; the ones before are good for nothing. Raises `EmailRefused`."""
    fault = email_fault(applicant.email)
    if fault:
        raise EmailRefused(fault)
    code, target = f"{secrets.randbelow(1_000_000):06d}", _target(applicant, ring)
    with transaction.atomic():
        Application.objects.select_for_update(no_key=True).get(pk=applicant.application_id)
        EmailProof.objects.filter(asked_at__lt=now - timedelta(days=1)).delete()
        asked = EmailProof.objects.filter(application=applicant.application_id, asked_at__gt=now - timedelta(hours=1))
        if asked.count() >= CODES_AN_APPLICATION or (
            EmailProof.objects.filter(target_digest=target).count() >= CODES_A_MAILBOX
        ):
            raise EmailRefused("often")
        EmailProof.objects.create(
            application_id=applicant.application_id,
            target_digest=target,
            code_digest=_digest(applicant, code, ring),
            asked_at=now,
        )
    return code


def prove(applicant: Applicant, code: str, *, ring: KeyRing, now: datetime) -> None:
    """The email is proven if `code` is the newest one sent to it. Raises `EmailRefused`; a wrong code is a try."""
    with transaction.atomic():
        proof = (
            EmailProof.objects.select_for_update()
            .filter(application=applicant.application_id, target_digest=_target(applicant, ring))
            .order_by("-asked_at", "-pk")
            .first()
        )
        refusal = _refusal(proof, applicant, code, ring, now)
        if proof is not None and refusal in ("", "wrong"):
            proof.tries += 1
            proof.save(update_fields=["tries"])
        if not refusal:
            same = Applicant.objects.filter(pk=applicant.pk, email=applicant.email)
            refusal = (
                "" if same.update(email_proven_at=now, email_refused_at=None) else "expired"
            )  # changed on another device meanwhile
    if refusal:
        raise EmailRefused(refusal)


def refused(applicant_id: UUID, email: str, *, now: datetime) -> bool:
    """A mail server will take nothing for `email`, or sent it back for good. Returns whether it is still theirs."""
    still = Applicant.objects.filter(pk=applicant_id, email__iexact=email)
    return bool(still.update(email_refused_at=now))


def return_address(applicant_id: UUID, email: str) -> str:
    """Where a report goes if a mail to the applicant's email cannot be delivered after all."""
    return person_return_address(
        applicant_id, email, secret=settings.MAIL_BOUNCE_SECRET, domain=settings.MAIL_BOUNCE_DOMAIN
    )


def bounced(message: bytes, *, to: str, secret: bytes, now: datetime) -> str:
    """Apply a report that came to the return address of an applicant. Returns what it was, as a code.

    As `receipts.bounced`: stranger, chatter, known (the email has changed since), failed (that mail only), disabled.
    """
    returned = read_person_return_address(to)
    if returned is None:
        return "stranger"
    applicant = Applicant.objects.filter(pk=returned.person).only("email").first()
    if applicant is None or not returned.is_about(applicant.email, secret=secret):
        return "known"
    bounce = parse_bounce(message)
    if bounce is None:
        return "chatter"
    if not bounce.permanent:
        return "failed"
    return "disabled" if refused(applicant.pk, applicant.email, now=now) else "known"


def was_asked(applicant: Applicant, *, ring: KeyRing, now: datetime) -> bool:
    """Whether a code that is still good went to the applicant's email."""
    return EmailProof.objects.filter(
        application=applicant.application_id,
        target_digest=_target(applicant, ring),
        asked_at__gt=now - CODE_GOOD_FOR,
    ).exists()


def _refusal(proof: EmailProof | None, applicant: Applicant, code: str, ring: KeyRing, now: datetime) -> str:
    if proof is None or now >= proof.asked_at + CODE_GOOD_FOR:
        return "expired"
    if proof.tries >= TRIES_MOST:
        return "spent"
    return "" if hmac.compare_digest(bytes(proof.code_digest), _digest(applicant, code, ring)) else "wrong"


def _target(applicant: Applicant, ring: KeyRing) -> bytes:
    return ring.digest(f"applicant-email:{applicant.email.lower()}")


def _digest(applicant: Applicant, code: str, ring: KeyRing) -> bytes:
    return ring.digest(f"applicant-proof:{applicant.pk}:{applicant.email.lower()}:{code.strip()}")
