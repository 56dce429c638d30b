from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gatepost.roster.models import District, School


class Survey(models.Model):
    """One asking: what, in which term, and from when to when answers are taken. Without a school the city asks."""

    class Kind(models.TextChoices):
        """What is asked; the questions of each stand in a module of its own."""

        SATISFACTION = "satisfaction", "系統滿意度調查"

    kind = models.TextField(choices=Kind.choices)
    school = models.ForeignKey(School, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    year = models.PositiveSmallIntegerField()  # of the school year, ROC
    term = models.PositiveSmallIntegerField()  # 1 or 2
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "school", "year", "term"], nulls_distinct=False, name="surveys_survey_once_a_term"
            ),
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="surveys_survey_runs"),
            models.CheckConstraint(condition=Q(term__in=[1, 2]), name="surveys_survey_term"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.year}{self.term}"


class Reply(models.Model):
    """What one account answered; it can be changed while the survey is open. The account stands here for that alone.

    Without a time, on purpose: when somebody answered would tell who it was.
    """

    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="replies")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    language = models.TextField()  # of the account when it answered
    district = models.ForeignKey(
        District, on_delete=models.SET_NULL, null=True, related_name="+"
    )  # of a child's school
    text = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "replies"
        constraints = [models.UniqueConstraint(fields=["survey", "account"], name="surveys_reply_once")]

    def __str__(self) -> str:
        return str(self.pk)


class Answer(models.Model):
    """One step of a scale, for one question of a reply. A question that was passed over has none."""

    reply = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="answers")
    question = models.TextField()
    value = models.PositiveSmallIntegerField()  # 5 is the best

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reply", "question"], name="surveys_answer_once"),
            models.CheckConstraint(condition=Q(value__gte=1, value__lte=5), name="surveys_answer_on_the_scale"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
