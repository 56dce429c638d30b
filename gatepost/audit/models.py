from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Entry(models.Model):
    """One act of one person. Rows are only ever added: a trigger refuses update and delete."""

    at = models.DateTimeField(db_default=Now())
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    action = models.TextField()  # subject:action, for instance student:looked
    about = models.UUIDField(null=True)  # the student, where it concerns one
    school_code = models.TextField(blank=True)
    facts = models.JSONField(default=dict)  # ids and codes, never names or numbers

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["about", "-at"], name="audit_entry_about"),
            models.Index(fields=["-at"], name="audit_entry_at"),
            models.Index(fields=["actor", "-at"], name="audit_entry_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.about or ''}"
