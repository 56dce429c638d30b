from datetime import datetime
from functools import reduce
from operator import or_

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from gatepost.guardians import proofs  # noqa: F401 - Django looks for models here
from gatepost.guardians.applications import claimed, family_access, mailbox  # noqa: F401
from gatepost.guardians.applications import models as applications  # noqa: F401
from gatepost.roster.models import Student


class Right(models.TextChoices):
    """What a bond lets its guardian do. A guardian has some or all of them, each for one child."""

    TOLD = "told"  # be told: notices about the child
    SEE = "see"  # the child's pages
    SIGN = "sign"  # leave, slips, consents
    PAY = "pay"
    COLLECT = "collect"  # fetch the child from school

    @property
    def column(self) -> str:
        """The column of a bond that says since when."""
        return f"{self.value}_since"


ALL_RIGHTS = tuple(Right)
_NAMES = [right.value for right in Right]
_SOME_RIGHT = reduce(or_, (Q(**{f"{right.column}__isnull": False}) for right in Right))


class Guardianship(models.Model):
    """The bond between an account and a child. It opens nothing before `verified_at` or after `ended_at`.

    Each right is the time since when it is held; null where it is not.
    """

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="guardianships")
    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="guardianships")
    relation = models.TextField(blank=True)
    source = models.TextField()  # how it was proved: import, review, demonstration …
    asked_at = models.DateTimeField(db_default=Now())
    verified_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True, db_default="")  # a code: guardian, school, left
    ending_told_at = models.DateTimeField(null=True, blank=True)  # when we wrote that it will end
    # Digest of the guardian's ID number: by it a restriction on a person finds every account of theirs.
    person_digest = models.BinaryField(null=True, blank=True, max_length=32)
    told_since = models.DateTimeField(null=True, blank=True, db_default=Now())
    see_since = models.DateTimeField(null=True, blank=True, db_default=Now())
    sign_since = models.DateTimeField(null=True, blank=True, db_default=Now())
    pay_since = models.DateTimeField(null=True, blank=True, db_default=Now())
    collect_since = models.DateTimeField(null=True, blank=True, db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "student"], condition=Q(ended_at__isnull=True), name="guardians_bond_once"
            ),
            models.CheckConstraint(condition=Q(ended_at__isnull=False) | _SOME_RIGHT, name="guardians_bond_some_right"),
        ]
        indexes = [
            models.Index(
                fields=["person_digest"], condition=Q(person_digest__isnull=False), name="guardians_bond_person"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def rights(self) -> list[Right]:
        """The rights it holds, whatever cuts them now."""
        return [right for right in Right if getattr(self, right.column) is not None]


class RestrictionQuerySet(models.QuerySet["Restriction"]):
    def in_force(self) -> "RestrictionQuerySet":
        """Neither lifted nor past their date."""
        return self.filter(lifted_at=None).filter(Q(until=None) | Q(until__gt=Now()))

    def cutting(self, *rights: str) -> "RestrictionQuerySet":
        """Those that cut any of `rights`."""
        return self.filter(rights__overlap=list(rights))

    def meeting(self, account_id: object, *digests: bytes) -> "RestrictionQuerySet":
        """Those on this account, or on a person whose ID number has one of these digests."""
        met = Q(account_id=account_id)
        return self.filter(met | Q(person_digest__in=digests) if digests else met)

    def run_out(self, now: datetime) -> "RestrictionQuerySet":
        """Those whose date has passed and that nobody has put away yet."""
        return self.filter(lifted_at=None, until__lte=now)


class Restriction(models.Model):
    """Somebody may not be told about, or reach, a child: by order of a court or an authority. No import clears it.

    It is on an account, or on a person who has none yet and is known by their ID number's digest, or on both. One row
    for each order: a second one never takes the place of the first.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="restrictions"
    )
    person_digest = models.BinaryField(null=True, blank=True, max_length=32)
    person_masked = models.TextField(blank=True, db_default="")  # A1******89
    person_name = models.TextField(blank=True, db_default="")
    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="restrictions")
    rights = ArrayField(models.TextField(), db_default=_NAMES)  # what it cuts
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    placed_at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    document = models.TextField(blank=True)  # the number of the order it rests on

    objects = RestrictionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["student", "account", "person_digest", "document", "rights", "until"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="guardians_restriction_once",
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=False) | Q(person_digest__isnull=False), name="guardians_restriction_whom"
            ),
            models.CheckConstraint(
                condition=Q(rights__contained_by=_NAMES) & Q(rights__len__gt=0), name="guardians_restriction_rights"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("placed_at")), name="guardians_restriction_until"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
