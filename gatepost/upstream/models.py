import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Provider(models.TextChoices):
    """Who vouches. The same words as `guardians.proofs.ProvenNumber.How` has for the numbers they prove."""

    TAIPEI_PASS = "taipei_pass", "台北通 Taipei Pass"
    TWFIDO = "twfido", "行動自然人憑證 TW FidO"
    MOBILE_ID = "mobile_id", "手機電信驗證 Mobile ID"


class Link(models.Model):
    """An identity elsewhere that signs an account in, until `ended_at`."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="upstream_links")
    provider = models.TextField(choices=Provider.choices)
    subject_digest = models.BinaryField(max_length=32)  # keyed, of what the other side calls the person
    by_number = models.BooleanField()  # a proven ID number led here; otherwise the signed-in person connected it
    linked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "subject_digest"],
                condition=Q(ended_at__isnull=True),
                name="upstream_link_subject_once",
            ),
            models.UniqueConstraint(
                fields=["account", "provider"], condition=Q(ended_at__isnull=True), name="upstream_link_account_once"
            ),
            models.CheckConstraint(condition=Q(provider__in=Provider.values), name="upstream_link_provider"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Asking(models.Model):
    """A browser was sent to ask who its person is. Its answer counts once, until `until`, in that browser only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.TextField(choices=Provider.choices)
    state_digest = models.BinaryField(max_length=32, unique=True)  # of what the other side gives back
    kept_sealed = models.BinaryField()  # what the answer is compared with, as JSON
    account = models.ForeignKey(  # who connects it; empty: somebody signs in
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    aim = models.TextField(blank=True)  # the page that was wanted
    asked_at = models.DateTimeField()
    until = models.DateTimeField()
    polled_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(asked_at__lt=F("until")), name="upstream_asking_runs"),
            models.CheckConstraint(condition=Q(provider__in=Provider.values), name="upstream_asking_provider"),
        ]
        indexes = [models.Index(fields=["until"], name="upstream_asking_until")]

    def __str__(self) -> str:
        return str(self.pk)
