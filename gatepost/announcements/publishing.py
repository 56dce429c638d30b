from datetime import datetime, timedelta

from django.db import transaction

from gatepost.accounts.models import Account
from gatepost.announcements.models import Announcement, Edition
from gatepost.audit import entries
from gatepost.roster.models import School

KEPT = timedelta(days=3 * 366)  # after it was shown for the last time
FORGOTTEN_AT_ONCE = 100


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


def revise(
    announcement: Announcement,
    *,
    title: str,
    body: str,
    kind: str,
    important: bool,
    expires_at: datetime | None,
    by: Account,
    now: datetime,
    published_at: datetime | None = None,
) -> None:
    """Change what is planned or shown. What could be read before is kept, and the page says when it was changed.

    `published_at` moves one that is still planned. What has run out stays as it is.
    """
    with transaction.atomic():
        one = Announcement.objects.select_for_update().get(pk=announcement.pk)
        if one.expires_at is not None and one.expires_at <= now:
            return
        is_shown = one.published_at <= now
        if is_shown and (one.title, one.body) != (title, body):
            Edition.objects.create(announcement=one, title=one.title, body=one.body, until=now, by=by)
            one.updated_at = now
        if published_at is not None and not is_shown:
            one.published_at = max(published_at, now)
        one.title, one.body, one.kind, one.important, one.expires_at = title, body, kind, important, expires_at
        one.save()
        entries.record("announcement:changed", by=by, announcement=one.pk)


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


def forget(*, now: datetime) -> int:
    """Delete some of what ran out more than `KEPT` ago, with its editions. Returns how many announcements."""
    old = Announcement.objects.filter(expires_at__lt=now - KEPT).order_by("expires_at")
    ids = list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    Announcement.objects.filter(pk__in=ids).delete()
    return len(ids)
