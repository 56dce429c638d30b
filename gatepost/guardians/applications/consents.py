"""The family's answers to the notice on personal data: for each purpose, version and language, with the text's hash.

An answer is a row and stays; the newest of a purpose counts. Taking one back counts at once.
"""

from datetime import datetime

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
    """The answer that counts, by purpose; a purpose nobody answered is not in it."""
    return {consent.purpose: consent for consent in application.consents.order_by("at", "pk")}


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
