"""One browser of ours at one service: opened when a service gets a code, ended with everything that hangs on it.

The end is one transaction: tokens are gone, and the services that can be told have a notice waiting. Our own session is
asked for at each use, so that a service's tokens never live longer than it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from django.db.models.signals import pre_delete

from gatepost.accounts.models import Account
from gatepost.kit.clock import utc_now
from gatepost.kit.questions import Question
from gatepost.sso.models import (
    AccessToken,
    Consent,
    DeviceRequest,
    Grant,
    LogoutNotice,
    RefreshToken,
    Service,
    ServiceSession,
)

CHANNEL = "gatepost_logouts"
BATCH = 200
FORGET_BATCH = 5_000
SERVICE_BATCH = 1_000
SERVICE_BATCHES = 10
KEPT_REQUESTS = timedelta(days=1)
KEPT = timedelta(days=14)  # as long as a refresh token may hang on an access token that ran out


def in_force() -> QuerySet[ServiceSession]:
    """Those not ended whose browser is still signed in here, to an account that is open."""
    ours = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=Now())
    return ServiceSession.objects.filter(Exists(ours), ended_at=None, account__is_active=True)


def given_in(session: ServiceSession) -> list[str] | None:
    """The scopes its person gives to its service now; None where it does not count, or nothing is given.

    Asked at each use of a code or a token, so by a kept plan.
    """
    rows = _GIVEN.rows(session=session.pk)
    return rows[0][0] if rows else None


_GIVEN = Question(
    lambda session: (
        in_force()
        .filter(pk=session)
        .annotate(
            given=Subquery(
                Consent.objects.filter(
                    account=OuterRef("account"), service=OuterRef("service"), withdrawn_at=None
                ).values("scopes")
            )
        )
        .values_list("given")
    ),
    session=UUID(int=0),
)


def open_session(
    *,
    session_key: str,
    service: Service,
    account: Account,
    signed_in_at: datetime,
    methods: Iterable[str],
    factor: int = 0,
) -> ServiceSession:
    """The session of this browser at `service`, with when and how the person last proved who they are."""
    found, _made = ServiceSession.objects.update_or_create(
        session_key=session_key,
        service=service,
        ended_at=None,
        defaults={"account": account, "signed_in_at": signed_in_at, "methods": list(methods), "factor": factor},
    )
    return found


def end(which: QuerySet[ServiceSession], *, because: str, now: datetime) -> int:
    """End those of `which` that are not ended yet: their tokens, and a notice to each service that can be told."""
    with transaction.atomic():
        ending = list(which.filter(ended_at=None).select_for_update(of=("self",)).select_related("service"))
        if not ending:
            return 0
        ids = [one.pk for one in ending]
        _end_tokens(ids, now=now)
        ServiceSession.objects.filter(pk__in=ids).update(ended_at=now, ended_because=because)
        told = [one for one in ending if one.service.backchannel_logout_uri and one.service.stopped_at is None]
        LogoutNotice.objects.bulk_create([LogoutNotice(session=one, asked_at=now, due_at=now) for one in told])
        if told:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    return len(ids)


def end_at_service(service_id: UUID, *, now: datetime) -> int:
    """End all sessions at a service, a batch in a transaction of its own. Returns how many.

    Of a city's there may be too many for one request. The service must have lost already what it may not keep: what
    is left over opens nothing, and the worker ends it where the service is stopped.
    """
    done = 0
    for _batch in range(SERVICE_BATCHES):
        standing = ServiceSession.objects.filter(service_id=service_id, ended_at=None).values_list("pk", flat=True)
        ids = list(standing[:SERVICE_BATCH])
        done += end(ServiceSession.objects.filter(pk__in=ids), because="service", now=now)
        if len(ids) < SERVICE_BATCH:
            break
    return done


def end_tokens(session: ServiceSession, *, now: datetime) -> None:
    """The tokens of a session are good for nothing: one of them was shown by somebody who should not have it."""
    with transaction.atomic():
        _end_tokens([session.pk], now=now)


def end_at(service_id: UUID, account_id: UUID, *, because: str, now: datetime) -> int:
    """End every session of a person at a service, on whatever device."""
    return end(ServiceSession.objects.filter(service_id=service_id, account_id=account_id), because=because, now=now)


def end_all(account_id: UUID, *, because: str, now: datetime) -> int:
    """End every session of a person at every service."""
    return end(ServiceSession.objects.filter(account_id=account_id), because=because, now=now)


def follow(now: datetime) -> int:
    """End what no longer stands on a session of ours, a batch at a time. Returns how many.

    Sign-outs end theirs at once; this is for sessions that ran out, for accounts that were closed, and for what was
    left over when a large service was stopped.
    """
    stopped = ServiceSession.objects.filter(ended_at=None, service__stopped_at__isnull=False)
    left = list(stopped.values_list("pk", flat=True)[:BATCH])
    if left:
        return end(ServiceSession.objects.filter(pk__in=left), because="service", now=now)
    gone = ServiceSession.objects.filter(ended_at=None).exclude(pk__in=in_force().values("pk"))
    return end(
        ServiceSession.objects.filter(pk__in=list(gone.values_list("pk", flat=True)[:BATCH])),
        because="signed_out",
        now=now,
    )


def forget(now: datetime) -> int:
    """Delete codes, requests of devices and access tokens whose time is over, a batch at a time. Returns how many."""
    done = 0
    for model in (Grant, AccessToken):
        old = model.objects.filter(expires__lt=now - KEPT).values("pk")[:FORGET_BATCH]
        done += model.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]
    unanswered = DeviceRequest.objects.filter(expires_at__lt=now - KEPT_REQUESTS).values_list("pk", flat=True)
    return done + DeviceRequest.objects.filter(pk__in=list(unanswered[:FORGET_BATCH])).delete()[0]


def follow_our_own() -> None:
    """From now on, a session of ours that goes takes those at services with it."""
    pre_delete.connect(_ended_here, sender=Session, dispatch_uid="gatepost.sso.sessions")


def _ended_here(sender: Any, instance: Session, **_more: Any) -> None:
    """In the transaction that deletes it: signed out, ended from another device, or given another key."""
    end(ServiceSession.objects.filter(session_key=instance.session_key), because="signed_out", now=utc_now())


def _end_tokens(session_ids: list[UUID], *, now: datetime) -> None:
    Grant.objects.filter(session__in=session_ids, used_at=None).delete()
    RefreshToken.objects.filter(session__in=session_ids, revoked=None).update(
        revoked=now, updated=now, access_token=None
    )
    AccessToken.objects.filter(session__in=session_ids).delete()
