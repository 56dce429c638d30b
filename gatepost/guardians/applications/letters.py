"""Mails to applicants about their application. Written in the transaction of the step; sent by the worker after it.

An applicant has no account yet, so the post office does not know them; and nobody has proved a bond, so a letter names
no child, no school and no reason. Whoever can sign in reads those on the page.
"""

from datetime import datetime, timedelta

from gatepost.guardians.applications.models import Application, Letter

GOOD_FOR = timedelta(days=3)


def write(application: Application, topic: str, *, now: datetime, good_for: timedelta = GOOD_FOR) -> int:
    """A letter of `topic` to every applicant whose email is proven, in the caller's transaction. Returns how many."""
    rows = [
        Letter(
            applicant=applicant,
            topic=topic,
            target=applicant.email,
            language=application.language,
            written_at=now,
            due_at=now,
            best_before=now + good_for,
        )
        for applicant in application.applicants.exclude(email_proven_at=None)
    ]
    return len(Letter.objects.bulk_create(rows))
