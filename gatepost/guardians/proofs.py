"""Which ID numbers an account has proven, when and how: what a claim of a child may be bound by at once.

Proven is a number that somebody who may say so has confirmed of the person behind the account: the school that approved
the application it stood in, or an identity of the city or the state (`upstream`). A number that was merely typed proves
nothing. It stands with a bond all the same, since a restriction has to meet it: what is typed cuts, only what is proven
opens.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from gatepost.accounts.models import Account
from gatepost.audit import entries


class ProvenNumber(models.Model):
    """The keyed digest of an ID number that an account has proven in one way. It counts until `ended_at`."""

    class How(models.TextChoices):
        REVIEW = "review"  # it stood in an application that the school approved
        TAIPEI_PASS = "taipei_pass"  # noqa: S105 - a gold member of the city's own account
        TWFIDO = "twfido"  # the state's certificate in a phone
        MOBILE_ID = "mobile_id"  # the telephone company knows number and person

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proven_numbers")
    digest = models.BinaryField(max_length=32)
    how = models.TextField(choices=How.choices)
    by = models.ForeignKey(  # who vouched for it; empty: no person did
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    proven_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True, db_default="")  # a code: school, disconnected

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "how"], condition=Q(ended_at__isnull=True), name="guardians_number_once"
            ),
            models.CheckConstraint(
                condition=Q(how__in=["review", "taipei_pass", "twfido", "mobile_id"]), name="guardians_number_how"
            ),
        ]
        indexes = [models.Index(fields=["digest"], condition=Q(ended_at__isnull=True), name="guardians_number_digest")]

    def __str__(self) -> str:
        return str(self.pk)


def standing(account_id: UUID) -> models.QuerySet[ProvenNumber]:
    """What `account_id` has proven and still counts, the newest last."""
    return ProvenNumber.objects.filter(account_id=account_id, ended_at=None).order_by("proven_at", "pk")


def digests(account_id: UUID) -> list[bytes]:
    """The digests of the numbers that count for `account_id`, the newest last; one person has one, or none."""
    found = (bytes(digest) for digest in standing(account_id).values_list("digest", flat=True))
    return list(dict.fromkeys(found))


def keep(account: Account, digest: bytes, *, how: str, by: UUID | None, now: datetime) -> bool:
    """`account` has proven the number with `digest`, in one more way or again. Returns whether it counts.

    An account is one person. Where another number counts already, that one stays and this one does not count: the
    school says that a number has changed (`bonds.change_number`), an application does not.
    """
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).only("pk").get(pk=account.pk)
        if digests(account.pk) not in ([], [digest]):
            return False
        if standing(account.pk).filter(how=how).exists():
            return True
        ProvenNumber.objects.create(account=account, digest=digest, how=how, by_id=by, proven_at=now)
        entries.record("number:proven", by=by, account=str(account.pk), how=how)
        return True


def end(account_id: UUID, digest: Any, *, by: object | None, now: datetime) -> None:
    """The school no longer vouches for the person behind the account. For a transaction."""
    vouched = standing(account_id).filter(digest=digest, how=ProvenNumber.How.REVIEW)
    if vouched.update(ended_at=now, ended_because="school"):
        entries.record("number:ended", by=by, account=str(account_id))


def accounts_of(digest: bytes) -> list[UUID]:
    """The accounts that have proven the number with `digest`, in whatever way."""
    found = ProvenNumber.objects.filter(digest=digest, ended_at=None).order_by("account")
    return list(found.values_list("account", flat=True).distinct())


def disconnect(account_id: UUID, *, how: str, now: datetime) -> None:
    """The person took away what proved their number in the way `how`. For a transaction."""
    if standing(account_id).filter(how=how).update(ended_at=now, ended_because="disconnected"):
        entries.record("number:ended", by=account_id, account=str(account_id))


def change(*, old: bytes, new: bytes) -> int:
    """Who has proven `old` has proven `new` from now on. Returns for how many; for a transaction."""
    return ProvenNumber.objects.filter(digest=old, ended_at=None).update(digest=new)
