from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gatepost.guardians.applications import models as applications  # noqa: F401 - Django looks for models here
from gatepost.roster.models import Student


class Guardianship(models.Model):
    """The bond between an account and a child. It opens nothing before `verified_at` or after `ended_at`."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="guardianships")
    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="guardianships")
    relation = models.TextField(blank=True)
    source = models.TextField()  # how it was proved: import, review, demonstration …
    asked_at = models.DateTimeField(db_default=Now())
    verified_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "student"], condition=Q(ended_at__isnull=True), name="guardians_bond_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Restriction(models.Model):
    """Somebody may not be told about, or reach, a child: by order of a court or an authority. No import clears it."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="restrictions")
    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="restrictions")
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    placed_at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    document = models.TextField(blank=True)  # the number of the order it rests on

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "student"], condition=Q(lifted_at__isnull=True), name="guardians_restriction_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
