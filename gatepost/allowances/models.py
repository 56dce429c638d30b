from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gatepost.roster.models import School, Student


class Budgets(models.QuerySet["Budget"]):
    """Budgets, and those of them that still pay for something."""

    def with_some_left(self) -> "Budgets":
        """Those of which `left` is more than nothing."""
        return self.filter(granted__gt=F("used") + F("beyond"))


class Budget(models.Model):
    """What a school spends on short messages in a month, in segments: what the carrier counts, not messages.

    Without one nothing is sent. `beyond` are corrections sent although it was used up: what was wrong is taken back.
    """

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="+")
    month = models.DateField()  # its first day
    granted = models.PositiveIntegerField()
    used = models.PositiveIntegerField(default=0)
    beyond = models.PositiveIntegerField(default=0)
    segment_price = models.PositiveIntegerField()  # hundredths of a New Taiwan dollar
    monthly_fee = models.PositiveIntegerField(default=0)  # New Taiwan dollars that a family pays for a child's month

    objects = Budgets.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["school", "month"], name="allowances_budget_once"),
            models.CheckConstraint(condition=Q(used__lte=F("granted")), name="allowances_budget_kept"),
            models.CheckConstraint(condition=Q(month__day=1), name="allowances_budget_of_a_month"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def left(self) -> int:
        """Segments that can still be sent. Corrections beyond an earlier budget are taken from one that was raised."""
        return max(0, self.granted - self.used - self.beyond)

    @property
    def cost(self) -> Decimal:
        """What was sent costs so much, in New Taiwan dollars."""
        return Decimal((self.used + self.beyond) * self.segment_price) / 100


class Spending(models.Model):
    """What one delivery took from a budget: once, however often it is tried. Given back if it never left."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="+")
    delivery_id = models.BigIntegerField()
    on_date = models.DateField()
    segments = models.PositiveSmallIntegerField()
    is_beyond = models.BooleanField()
    spent_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery_id", "on_date"], name="allowances_spending_once")]
        indexes = [models.Index(fields=["on_date"], name="allowances_spending_day")]

    def __str__(self) -> str:
        return str(self.pk)


class Grant(models.Model):
    """A family's month of arrivals and departures by short message, for one child: asked for, then answered."""

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="+")
    student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    month = models.DateField()
    asked_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    refused_because = models.TextField(blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["student", "account", "month"], name="allowances_grant_once"),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True) | Q(refused_at__isnull=True), name="allowances_grant_one_answer"
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="allowances_grant_of_a_month"),
        ]
        indexes = [
            models.Index(
                fields=["school", "month"],
                condition=Q(approved_at=None, refused_at=None),
                name="allowances_grant_waiting",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def state(self) -> str:
        """waiting, approved or refused."""
        return "approved" if self.approved_at else "refused" if self.refused_at else "waiting"
