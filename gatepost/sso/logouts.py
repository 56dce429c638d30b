"""Telling services that a session ended: written with the end, sent by the worker, until confirmed or given up.

Never from a request: the service may ask for our keys while it is being told.
"""

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from gatepost.kit import outward
from gatepost.sso import keys, subjects
from gatepost.sso.models import LogoutNotice, Service

log = logging.getLogger(__name__)

EVENT = "http://schemas.openid.net/event/backchannel-logout"
BATCH = 16
SECONDS_MAX = 5.0
LEASE = timedelta(seconds=60)
RETRY_FIRST = timedelta(seconds=10)
TRIES_MOST = 9  # over about an hour and a half; by then every token of the session is long gone
TOKEN_LIVES = timedelta(minutes=2)


def send_due(now: datetime) -> int:
    """Tell what is due, a batch at a time, outside any transaction. Returns how many were told or tried."""
    notices = _lease(now)
    if not notices:
        return 0
    told = [(one.session.service.backchannel_logout_uri, _token(one, now)) for one in notices]
    with ThreadPoolExecutor(len(told)) as several:  # one that answers slowly keeps no other waiting
        answers = list(several.map(lambda one: _post(*one), told))
    for notice, failed in zip(notices, answers, strict=True):
        _settle(notice, failed, now)
    return len(notices)


def unconfirmed(service: Service) -> QuerySet[LogoutNotice]:
    """Those that the service has not confirmed, waiting or given up, newest first."""
    found = LogoutNotice.objects.filter(session__service=service, confirmed_at=None)
    return found.select_related("session").order_by("-asked_at", "-pk")


def given_up(*, since: datetime) -> list[str]:
    """The names of services that did not confirm a sign-out asked for since then, after all tries."""
    lost = LogoutNotice.objects.filter(confirmed_at=None, due_at=None, asked_at__gte=since)
    return sorted(set(lost.values_list("session__service__name", flat=True)))


def _lease(now: datetime) -> list[LogoutNotice]:
    with transaction.atomic():
        due = LogoutNotice.objects.filter(due_at__lte=now).order_by("due_at", "pk")
        leased = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("session__service")[:BATCH])
        ids = [one.pk for one in leased]
        LogoutNotice.objects.filter(pk__in=ids).update(due_at=now + LEASE, tries=F("tries") + 1)
    for one in leased:
        one.tries += 1
    return leased


def _token(notice: LogoutNotice, now: datetime) -> str:
    session = notice.session
    told = {
        "iss": settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"],
        "aud": session.service.client_id,
        "sub": subjects.of_account(session.service_id, session.account_id),
        "sid": str(session.pk),
        "iat": int(now.timestamp()),
        "exp": int((now + TOKEN_LIVES).timestamp()),
        "jti": str(uuid.uuid4()),
        "events": {EVENT: {}},
    }
    return keys.sign(told, kind="logout+jwt", now=now)


def _post(address: str, token: str) -> str:
    """How it failed, as a code; empty when the service confirmed."""
    try:
        status = outward.post_form(
            address, {"logout_token": token}, seconds=SECONDS_MAX, private_allowed=settings.SERVICES_PRIVATE
        )
    except outward.Unreachable as error:
        return error.code
    return "" if status in (200, 204) else f"answer {status}"


def _settle(notice: LogoutNotice, failed: str, now: datetime) -> None:
    mine = LogoutNotice.objects.filter(pk=notice.pk)
    if not failed:
        mine.update(confirmed_at=now, due_at=None, because="")
        return
    log.warning("logout not confirmed service=%s tries=%d because=%s", notice.session.service_id, notice.tries, failed)
    again = now + RETRY_FIRST * 2 ** (notice.tries - 1)
    mine.update(due_at=None if notice.tries >= TRIES_MOST else again, because=failed)
