from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from gatepost.roster.models import School


class Announcement(models.Model):
    """News of the city (no school) or of one school, shown from `published_at` until `expires_at`."""

    class Kind(models.TextChoices):
        NEWS = "news", "公告"
        SYSTEM = "system", "系統"
        EVENT = "event", "活動"
        URGENT = "urgent", "緊急"

    school = models.ForeignKey(School, on_delete=models.CASCADE, null=True, blank=True, related_name="announcements")
    kind = models.TextField(choices=Kind.choices, default=Kind.NEWS)
    title = models.TextField()
    body = models.TextField(blank=True)
    important = models.BooleanField(default=False)
    published_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)  # its text was changed after it could be read
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("published_at")),
                name="announcements_expire_after_publishing",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="announcements_have_a_title"),
        ]
        indexes = [models.Index(fields=["school", "-published_at"], name="announcements_newest")]

    def __str__(self) -> str:
        return self.title

    def is_past(self, now: datetime) -> bool:
        """Whether it has run out, or was ended."""
        return self.expires_at is not None and self.expires_at <= now


class Edition(models.Model):
    """How an announcement read until somebody changed it."""

    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="editions")
    title = models.TextField()
    body = models.TextField(blank=True)
    until = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")  # who changed it

    def __str__(self) -> str:
        return str(self.pk)
