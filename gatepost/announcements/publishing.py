from datetime import datetime

from django.db import transaction

from gatepost.accounts.models import Account
from gatepost.announcements.models import Announcement
from gatepost.audit import entries
from gatepost.roster.models import School


def publish(
    *,
    title: str,
    body: str,
    kind: str,
    important: bool,
    published_at: datetime,
    expires_at: datetime | None,
    by: Account,
    now: datetime,
    school: School | None = None,
) -> Announcement:
    """Say something to everybody (or to those of one school) from `published_at` on; an hour that is past means now."""
    with transaction.atomic():
        announcement = Announcement.objects.create(
            school=school,
            title=title,
            body=body,
            kind=kind,
            important=important,
            published_at=max(published_at, now),
            expires_at=expires_at,
            by=by,
        )
        code = school.code if school else ""
        entries.record("announcement:published", by=by, school_code=code, announcement=announcement.pk)
    return announcement


def end(announcement: Announcement, *, by: Account, now: datetime) -> None:
    """Show it no more; it stays in the history. One that nobody could read yet is taken away altogether.

    Ending what has run out changes nothing.
    """
    with transaction.atomic():
        one = Announcement.objects.select_for_update().get(pk=announcement.pk)
        if one.expires_at is not None and one.expires_at <= now:
            return
        entries.record("announcement:ended", by=by, announcement=one.pk)
        if one.published_at >= now:
            one.delete()
            return
        one.expires_at = now
        one.save(update_fields=["expires_at"])
