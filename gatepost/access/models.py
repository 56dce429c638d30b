from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gatepost.roster.models import School, SchoolClass


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
            # A role has exactly the scope its name needs: a class, a school, or the city.
            models.CheckConstraint(
                condition=Q(name="teacher", school__isnull=False, school_class__isnull=False)
                | Q(
                    name__in=["student_affairs", "registrar", "school_administrator"],
                    school__isnull=False,
                    school_class__isnull=True,
                )
                | Q(name__in=["bureau_officer", "operator"], school__isnull=True, school_class__isnull=True),
                name="access_role_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.account_id}"
