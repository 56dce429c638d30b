"""How a family comes in while it has no account: by a printed letter or the ID number once, then by a password of its
own; and how often somebody tried in vain."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gatepost.roster.models import Student


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def good(self, now: datetime) -> "InvitationQuerySet":
        """Neither used nor revoked, and not run out."""
        return self.filter(used_at=None, revoked_at=None, until__gt=now)


class Invitation(models.Model):
    """A letter that the school printed for a student's family: its code opens the application once, for some days.

    The code exists on the paper only; here is its keyed digest. One letter of a student is good at a time.
    """

    class State(models.TextChoices):
        """What `state_at` answers; in no column."""

        GOOD = "good"
        USED = "used"
        REVOKED = "revoked"
        RUN_OUT = "run_out"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="invitations", db_index=False)
    code_digest = models.BinaryField(max_length=32, unique=True)
    language = models.TextField()  # of the paper
    printed_at = models.DateTimeField()
    printed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)  # when the family set its password with it
    revoked_at = models.DateTimeField(null=True, blank=True)  # by the office, or by the next letter
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["student"],
                condition=Q(used_at__isnull=True, revoked_at__isnull=True),
                name="guardians_invitation_one_stands",
            ),
            models.CheckConstraint(condition=Q(until__gt=F("printed_at")), name="guardians_invitation_until"),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(revoked_at__isnull=True), name="guardians_invitation_one_end"
            ),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(used_at__gte=F("printed_at"), used_at__lt=F("until")),
                name="guardians_invitation_used_in_time",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="guardians_invitation_revoked_by",
            ),
        ]
        indexes = [models.Index(fields=["student", "-printed_at"], name="guardians_invitation_newest")]

    def __str__(self) -> str:
        return str(self.pk)

    def state_at(self, now: datetime) -> State:
        """What became of it."""
        if self.used_at is not None:
            return self.State.USED
        if self.revoked_at is not None and self.revoked_at < self.until:
            return self.State.REVOKED
        return self.State.RUN_OUT if now >= self.until else self.State.GOOD


class FamilyAccess(models.Model):
    """A family's own password for its application. Before there is one, a letter or the ID number opens; then no more.

    `stamp` changes with the password: sign-ins under another stamp are over.
    """

    student = models.OneToOneField(Student, on_delete=models.CASCADE, primary_key=True, related_name="family_access")
    password = models.TextField()  # as Django's hashers write it
    stamp = models.UUIDField(default=uuid.uuid4)
    set_at = models.DateTimeField()
    invitation = models.ForeignKey(  # the letter it was set with; empty: with the student's ID number
        Invitation, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

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
