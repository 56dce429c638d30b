import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from gatepost.accounts.models import Activation
from gatepost.roster.models import School, SchoolClass


def _has_its_scope(name: str) -> Q:
    """A role has exactly the scope its name needs: a class, a school, or the city."""
    return (
        Q(**{name: "teacher"}, school__isnull=False, school_class__isnull=False)
        | Q(
            **{f"{name}__in": ["student_affairs", "registrar", "school_administrator"]},
            school__isnull=False,
            school_class__isnull=True,
        )
        | Q(**{f"{name}__in": ["bureau_officer", "operator"]}, school__isnull=True, school_class__isnull=True)
    )


class Role(models.Model):
    """What an account may do, where, and until when. Guardians have no role: their bonds are their right."""

    class Name(models.TextChoices):
        TEACHER = "teacher", "導師"
        STUDENT_AFFAIRS = "student_affairs", "學務處"
        REGISTRAR = "registrar", "註冊組"
        SCHOOL_ADMINISTRATOR = "school_administrator", "學校管理者"
        BUREAU_OFFICER = "bureau_officer", "教育局"
        OPERATOR = "operator", "系統管理"

    AT_SCHOOL = (Name.STUDENT_AFFAIRS, Name.REGISTRAR, Name.SCHOOL_ADMINISTRATOR)
    CITY_WIDE = (Name.BUREAU_OFFICER, Name.OPERATOR)
    BY_PASSWORD_ALONE = (Name.TEACHER,)  # every other role opens nothing without a second factor

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="roles")
    name = models.TextField(choices=Name.choices)
    school = models.ForeignKey(School, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    school_class = models.ForeignKey(SchoolClass, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    granted_at = models.DateTimeField(db_default=Now())
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    valid_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name", "school", "school_class"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="access_role_once",
            ),
            models.CheckConstraint(condition=_has_its_scope("name"), name="access_role_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.account_id}"


class Invitation(models.Model):
    """A role that waits for whoever reads the mailbox `email`; it opens nothing until that person accepts it.

    The one-time link is the activation's: its mails, its digest, its way to a password or to the account there is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField()  # in lower case
    name = models.TextField()
    role = models.TextField(choices=Role.Name.choices)
    school = models.ForeignKey(School, on_delete=models.CASCADE, null=True, related_name="+")
    school_class = models.ForeignKey(SchoolClass, on_delete=models.CASCADE, null=True, related_name="+")
    valid_until = models.DateTimeField(null=True)  # of the role
    activation = models.ForeignKey(Activation, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField()
    invited_by = models.ForeignKey(  # None: from the command line
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    until = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    granted = models.ForeignKey(Role, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["email", "role", "school", "school_class"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                nulls_distinct=False,
                name="access_invitation_once",
            ),
            models.CheckConstraint(condition=_has_its_scope("role"), name="access_invitation_scope"),
            models.CheckConstraint(condition=Q(invited_at__lt=F("until")), name="access_invitation_runs"),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, granted__isnull=True)
                | Q(accepted_at__isnull=False, granted__isnull=False, withdrawn_at__isnull=True),
                name="access_invitation_accepted_whole",
            ),
        ]
        indexes = [models.Index(fields=["school"], name="access_invitation_school")]

    def __str__(self) -> str:
        return str(self.pk)
