from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gatepost.roster.models import Student


class Card(models.Model):
    """A card in one student's hands for one stretch of time.

    Active from `issued_at` until `ended_at`; while `frozen_at` stands its taps count for nothing. A card lent for a
    day has `loan_on` and one row for each day it is lent.
    """

    class End(models.TextChoices):
        LOST = "lost", "遺失"
        REPLACED = "replaced", "補換"
        RETURNED = "returned", "繳回"

    uid = models.TextField(validators=[RegexValidator(r"^([0-9A-F]{2}){2,10}$")])  # `numbers.canonical`
    student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="cards")
    issued_at = models.DateTimeField(db_default=Now())
    frozen_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_as = models.TextField(choices=End.choices, blank=True)
    loan_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["uid"], condition=Q(ended_at__isnull=True, loan_on__isnull=True), name="cards_card_one_holder"
            ),
            models.UniqueConstraint(
                fields=["uid", "loan_on"],
                condition=Q(loan_on__isnull=False, ended_at__isnull=True),
                name="cards_card_one_loan_a_day",
            ),
            models.CheckConstraint(condition=Q(uid__regex=r"^([0-9A-F]{2}){2,10}$"), name="cards_card_uid"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_as="") | (Q(ended_at__isnull=False) & ~Q(ended_as="")),
                name="cards_card_end_has_a_kind",
            ),
        ]
        indexes = [models.Index(fields=["uid", "issued_at"], name="cards_card_uid")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def state(self) -> str:
        """active, frozen, loan, lost, replaced or returned."""
        if self.ended_at:
            return self.ended_as
        if self.frozen_at:
            return "frozen"
        return "loan" if self.loan_on else "active"
