"""How a family comes in while it has no account: by a password of its own, and how often somebody tried in vain."""

import uuid

from django.db import models
from django.db.models import Q

from gatepost.roster.models import Student


class FamilyAccess(models.Model):
    """A family's own password for its application. Before there is one, the student's ID number opens; then no more.

    `stamp` changes with the password: sign-ins under another stamp are over.
    """

    student = models.OneToOneField(Student, on_delete=models.CASCADE, primary_key=True, related_name="family_access")
    password = models.TextField()  # as Django's hashers write it
    stamp = models.UUIDField(default=uuid.uuid4)
    set_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "family accesses"
        constraints = [models.CheckConstraint(condition=~Q(password=""), name="guardians_access_password")]

    def __str__(self) -> str:
        return str(self.pk)


class FailedSignIn(models.Model):
    """A sign-in that failed, or a claim: counted for a student number, an address, a school … by a keyed digest."""

    key = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["key", "at"], name="guardians_failed_key"),
            models.Index(fields=["at"], name="guardians_failed_at"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
