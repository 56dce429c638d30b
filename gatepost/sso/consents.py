"""What a person gives to a service, and takes back: scopes, and each child by itself.

A child counts while the guardian's bond lets them see the child and sign for it, with no restriction on either, and the
guardian has not said no to connected services since; this is asked at each use. Where it no longer holds, the service
loses its tokens in the same moment, and the child is given again only by another act of the guardian.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians import bonds
from gatepost.guardians.applications import consents as binding_consents
from gatepost.guardians.applications.models import Consent as BindingConsent
from gatepost.guardians.models import Guardianship, Restriction, Right
from gatepost.roster.models import Student
from gatepost.sso import scopes as known_scopes
from gatepost.sso import sessions
from gatepost.sso.models import Consent, GivenChild, Service

BATCH = 200
LATELY = timedelta(days=1)
NEEDED = (Right.SEE, Right.SIGN)  # to see the child, and to sign consents


def of(account: Account, service: Service) -> Consent | None:
    """What `account` gives to `service` now, if anything."""
    return Consent.objects.filter(account=account, service=service, withdrawn_at=None).first()


def covers(account: Account, service: Service, scopes: Iterable[str]) -> bool:
    """Whether `account` has given `service` all of `scopes` already."""
    given = of(account, service)
    return given is not None and set(scopes) <= set(given.scopes)


def children_to_give(account: Account) -> QuerySet[Student]:
    """The children `account` may give to a service."""
    can_sign = bonds.in_force(Right.SIGN).filter(account=account, student=OuterRef("pk"))
    return queries.children(account, Right.SEE).filter(Exists(can_sign))


def children_given(account: Account, service: Service) -> QuerySet[Student]:
    """The children that `service` may know of through `account` at this moment."""
    given = GivenChild.objects.filter(
        ~Exists(_refused_since()),
        consent__account=account,
        consent__service=service,
        consent__withdrawn_at=None,
        withdrawn_at=None,
        student=OuterRef("pk"),
    )
    return children_to_give(account).filter(Exists(given))


def give(
    account: Account, service: Service, scopes: Iterable[str], *, children: Collection[UUID], now: datetime
) -> Consent:
    """`account` lets `service` have `scopes` beside what it has, and exactly `children`.

    Children that are not the account's to give are left out; without the scope for children, those given stay as they
    are. A child that is not given any more takes the service's tokens with it.
    """
    with transaction.atomic():
        # One at a time for one person: what is given is read before it is written.
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        consent = of(account, service)
        wanted = known_scopes.in_order({*scopes, *(consent.scopes if consent else ())})
        if consent is None:
            consent = Consent.objects.create(account=account, service=service, scopes=wanted, given_at=now)
            entries.record("service:given", by=account, service=str(service.pk), scopes=",".join(wanted))
        elif consent.scopes != wanted:
            consent.scopes = wanted
            consent.save(update_fields=["scopes"])
            entries.record("service:given", by=account, service=str(service.pk), scopes=",".join(wanted))
        if known_scopes.CHILDREN in scopes:
            _give_children(consent, account, children, now=now)
    return consent


def set_children(consent: Consent, account: Account, children: Collection[UUID], *, now: datetime) -> None:
    """Give the service exactly `children`, as far as they are the account's to give."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        consent.refresh_from_db()
        if consent.withdrawn_at is None and known_scopes.CHILDREN in consent.scopes:
            _give_children(consent, account, children, now=now)


def withdraw(consent: Consent, *, by: object | None, now: datetime) -> None:
    """Take everything back: the service's tokens end in this transaction. Twice is once."""
    with transaction.atomic():
        if not Consent.objects.filter(pk=consent.pk, withdrawn_at=None).update(withdrawn_at=now):
            return
        _take(consent.children.filter(withdrawn_at=None), because="guardian", by=by, now=now)
        entries.record("service:taken_back", by=by, service=str(consent.service_id))
        sessions.end_at(consent.service_id, consent.account_id, because="taken_back", now=now)


def settle(account_id: UUID, service_id: UUID, *, now: datetime) -> bool:
    """Take out the children whose bond no longer lets the guardian give them. Whether there were any.

    The tokens of the service for this person end with it, in the same transaction.
    """
    cut = _cut().filter(consent__account_id=account_id, consent__service_id=service_id)
    if not cut.exists():
        return False
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account_id)
        if not _take(cut, because="bond", by=None, now=now):
            return False
        sessions.end_at(service_id, account_id, because="child", now=now)
    return True


def follow(now: datetime, *, everything: bool = False) -> int:
    """Settle what restrictions and ended bonds did, a batch at a time, so that services are told. Returns how many.

    With `everything` each child that is given is looked at, not only those that a restriction or an end of today names.
    """
    cut = _cut()
    if not everything:
        restricted = Restriction.objects.in_force().values("student")
        ended = Guardianship.objects.filter(ended_at__gt=now - LATELY).values("student")
        cut = cut.filter(Q(student__in=restricted) | Q(student__in=ended))
    pairs = cut.values_list("consent__account_id", "consent__service_id").distinct()[:BATCH]
    return sum(settle(account_id, service_id, now=now) for account_id, service_id in list(pairs))


def _give_children(consent: Consent, account: Account, children: Collection[UUID], *, now: datetime) -> None:
    wanted = set(children_to_give(account).filter(pk__in=list(children)).values_list("pk", flat=True))
    standing = consent.children.filter(withdrawn_at=None)
    known = set(standing.values_list("student_id", flat=True))
    for student_id in sorted(wanted - known):
        GivenChild.objects.create(consent=consent, student_id=student_id, given_at=now)
        entries.record("service:child_given", by=account, about=student_id, service=str(consent.service_id))
    if _take(standing.exclude(student__in=wanted), because="guardian", by=account, now=now):
        sessions.end_at(consent.service_id, consent.account_id, because="child", now=now)


def _take(which: QuerySet[GivenChild], *, because: str, by: object | None, now: datetime) -> int:
    taken = list(which.select_related("consent"))
    GivenChild.objects.filter(pk__in=[one.pk for one in taken]).update(withdrawn_at=now, withdrawn_because=because)
    for one in taken:
        entries.record(
            "service:child_taken_back",
            by=by,
            about=one.student_id,
            service=str(one.consent.service_id),
            because=because,
        )
    return len(taken)


def _cut() -> QuerySet[GivenChild]:
    """Children that are given by a guardian who may not, or not any more, or does not want to."""
    may = [
        Exists(bonds.in_force(right).filter(account=OuterRef("consent__account"), student=OuterRef("student")))
        for right in NEEDED
    ]
    standing = GivenChild.objects.filter(withdrawn_at=None, consent__withdrawn_at=None)
    return standing.filter(~Q(*may) | Exists(_refused_since()))


def _refused_since() -> QuerySet[BindingConsent]:
    """A no to connected services for the child, later than the yes to this one."""
    return binding_consents.refusals(
        BindingConsent.Purpose.SERVICES,
        account=OuterRef("consent__account"),
        student=OuterRef("student"),
        since=OuterRef("given_at"),
    )
