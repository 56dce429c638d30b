"""What goes to an applicant's mailbox: codes that have to come back, and letters about the application."""

import uuid

from django.db import models
from django.db.models import Q

from gatepost.guardians.applications.models import Applicant, Application


class EmailProof(models.Model):
    """A code that went to an applicant's email, to see whether it comes back. The newest counts; gone after a day."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    target_digest = models.BinaryField(max_length=32)  # of the address, in small letters
    code_digest = models.BinaryField(max_length=32)
    asked_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["target_digest", "asked_at"], name="guardians_proof_target"),
            models.Index(fields=["asked_at"], name="guardians_proof_asked"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Letter(models.Model):
    """A mail to an applicant about the application: written with the step it tells of, sent by the worker after.

    A lease is a `due_at` in the future. Nobody here has proved a bond yet: a letter names no child and no school.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    applicant = models.ForeignKey(Applicant, on_delete=models.CASCADE, related_name="letters")
    topic = models.TextField()
    target = models.TextField()
    language = models.TextField()
    written_at = models.DateTimeField()
    due_at = models.DateTimeField()
    best_before = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    because = models.TextField(blank=True)  # a code: refused, too_late, ended

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | Q(failed_at__isnull=True), name="guardians_letter_one_end"
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(sent_at__isnull=True, failed_at__isnull=True),
                name="guardians_letter_due",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
