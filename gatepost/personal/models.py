import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from gatepost.kit import sealed


class Copy(models.Model):
    """A copy of what is kept about an account, made piece by piece and kept sealed until it may no longer be fetched.

    `seen` and `told` are the children it holds by those rights: it opens only while every one of them still stands.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    language = models.TextField()
    asked_at = models.DateTimeField()
    seen = ArrayField(models.UUIDField(), default=list)
    told = ArrayField(models.UUIDField(), default=list)
    pieces = models.PositiveSmallIntegerField()
    pieces_done = models.PositiveSmallIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)  # of the piece that is next
    failed_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    json_sealed = models.BinaryField(null=True)
    pdf_sealed = models.BinaryField(null=True)

    class Meta:
        verbose_name_plural = "copies"
        constraints = [
            models.UniqueConstraint(fields=["account"], name="personal_copy_one"),
            models.CheckConstraint(
                condition=Q(made_at__isnull=True, json_sealed__isnull=True, pdf_sealed__isnull=True, until__isnull=True)
                | Q(
                    made_at__isnull=False,
                    json_sealed__isnull=False,
                    pdf_sealed__isnull=False,
                    until__isnull=False,
                    failed_at__isnull=True,
                ),
                name="personal_copy_made_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], condition=Q(made_at__isnull=True, failed_at__isnull=True), name="personal_copy_due"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def place(self, column: str) -> str:
        """The one place a file of it may stand sealed."""
        return sealed.place(self._meta.db_table, column, self.pk)


class Piece(models.Model):
    """A section of a copy that is being made, sealed; gone once the copy is whole."""

    copy = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveSmallIntegerField()
    sealed_rows = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["copy", "number"], name="personal_piece_once")]

    def __str__(self) -> str:
        return f"{self.copy_id} {self.number}"

    @property
    def place(self) -> str:
        """The one place its rows may stand sealed."""
        return sealed.place(self._meta.db_table, "sealed_rows", f"{self.copy_id}:{self.number}")


class Closing(models.Model):
    """Somebody wants their account closed. It waits until `due_at`, can be taken back until then, and is then removed.

    `done` are the steps of the removal that are through; the row stays, to say when, under an account without a name.
    """

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    kept_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    done = ArrayField(models.TextField(), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(kept_at__isnull=True), name="personal_closing_one"),
            models.CheckConstraint(
                condition=Q(kept_at__isnull=True) | Q(removed_at__isnull=True, done=[]), name="personal_closing_one_end"
            ),
            models.CheckConstraint(condition=Q(due_at__gt=models.F("asked_at")), name="personal_closing_waits"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(kept_at__isnull=True, removed_at__isnull=True),
                name="personal_closing_due",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
