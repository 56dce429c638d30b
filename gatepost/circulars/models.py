from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gatepost.roster.models import School, Student


class Circular(models.Model):
    """A text to the families of some children of a school. `title` and `body` are its newest wording.

    A class notice is current until a date and may ask for a receipt; a message is sent, and kept to be read again.
    """

    class Kind(models.TextChoices):
        NOTICE = "notice", "班級通知事項"
        MESSAGE = "message", "訊息"

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="+")
    kind = models.TextField(choices=Kind.choices)
    title = models.TextField()
    body = models.TextField()
    wording = models.PositiveSmallIntegerField(default=1)  # the number of this wording, from 1
    audience = models.JSONField(default=dict)  # whom it was written to: grades, ids of classes, a number of students
    children = models.PositiveIntegerField()
    asks_receipt = models.BooleanField(default=False)
    until = models.DateField(null=True)  # a notice: the last day it is current
    form_id = models.UUIDField(unique=True)  # of the form it was written in: handed in twice, it is written once
    on_date = models.DateField()  # the school's day it was written on; what is told of it bears this date
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    office = models.TextField()  # the role in which it was written
    written_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)  # nobody more is told; a notice is not current any more
    stopped_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(title="") & ~Q(body=""), name="circulars_say_something"),
            models.CheckConstraint(
                condition=Q(kind="notice", until__isnull=False, until__gte=F("on_date"))
                | Q(kind="message", until__isnull=True, asks_receipt=False),
                name="circulars_notices_have_an_end",
            ),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True, stopped_by__isnull=True)
                | Q(stopped_at__isnull=False, stopped_by__isnull=False),
                name="circulars_stopped_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["school", "kind", "-written_at"], name="circulars_of_school"),
            models.Index(fields=["written_at"], name="circulars_oldest"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def key(self) -> str:
        """Under which it is told once about each child."""
        return f"circular:{self.pk}"


class Wording(models.Model):
    """How a circular read, and since when: the first and every correction."""

    circular = models.ForeignKey(Circular, on_delete=models.CASCADE, related_name="wordings", db_index=False)
    number = models.PositiveSmallIntegerField()
    title = models.TextField()
    body = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["circular", "number"], name="circulars_wording_once")]

    def __str__(self) -> str:
        return str(self.pk)


class Addressee(models.Model):
    """One child to whose family a circular is addressed. What is `due_at` a worker tells home; then it is none."""

    circular = models.ForeignKey(Circular, on_delete=models.CASCADE, related_name="addressees", db_index=False)
    student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="+", db_index=False)
    due_at = models.DateTimeField(null=True)
    wording = models.PositiveSmallIntegerField(null=True)  # the one home was told last; none: nothing yet
    reminded_on = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["circular", "student"], name="circulars_addressee_once")]
        indexes = [
            models.Index(fields=["student", "-circular"], name="circulars_of_student"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="circulars_due"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Receipt(models.Model):
    """A guardian has read a circular for a child, and perhaps signed it. Each guardian for themselves."""

    addressee = models.ForeignKey(Addressee, on_delete=models.CASCADE, related_name="receipts", db_index=False)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True)
    reply = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["addressee", "account"], name="circulars_receipt_once"),
            models.CheckConstraint(
                condition=Q(signed_at__isnull=False) | Q(reply=""), name="circulars_reply_with_a_signature"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
