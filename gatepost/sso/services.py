"""Registering a service, changing it, giving it another secret, and stopping it: acts of the bureau."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Func, QuerySet, Value

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.sso import sessions
from gatepost.sso.models import Consent, Service, ServiceSession
from gatepost.sso.scopes import ALL, OPENID, in_order
from gatepost.sso.validator import secret_digest


class ServiceRefused(Exception):
    """`code`: name (another service in use has it), stopped (it is stopped for good)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Facts:
    """What the bureau says about a service; addresses are checked already (`addresses`)."""

    name: str
    about: str
    reasons: Mapping[str, str]  # by scope: why it needs it; the scopes are its keys
    redirect_uris: Collection[str]
    answers_name: str
    answers_email: str
    start_url: str = ""
    post_logout_redirect_uris: Collection[str] = field(default=())
    backchannel_logout_uri: str = ""
    pkce_required: bool = True
    logo: bytes | None = None  # None: keep what is there


def in_use() -> QuerySet[Service]:
    """The services that are not stopped, by name."""
    found: QuerySet[Service] = Service.objects.filter(stopped_at=None)
    return found.order_by("name")


def with_tile() -> QuerySet[Service]:
    """The services that a page of ours leads to."""
    return in_use().exclude(start_url="")


def given_by(account: Account) -> QuerySet[Consent]:
    """What a person gave and has not taken back, by the service's name."""
    found = Consent.objects.filter(account=account, withdrawn_at=None, service__stopped_at=None)
    return found.select_related("service").order_by("service__name")


def register(facts: Facts, *, by: Account | None, has_secret: bool = True) -> tuple[Service, str]:
    """A new service and its secret, which is not kept; empty for an app, which could not keep it.

    Raises `ServiceRefused` (name).
    """
    secret = _secret() if has_secret else ""
    service = Service(
        client_id=secrets.token_hex(16),
        client_type=Service.CLIENT_CONFIDENTIAL if has_secret else Service.CLIENT_PUBLIC,
        client_secret=secret_digest(secret) if secret else "",
        authorization_grant_type=Service.GRANT_AUTHORIZATION_CODE,
        algorithm=Service.RS256_ALGORITHM,
        registered_by=by,
    )
    _write(service, facts)
    _save(service)
    entries.record("service:registered", by=by, service=str(service.pk), scopes=",".join(service.scopes))
    return service, secret


def change(service: Service, facts: Facts, *, by: Account | None, now: datetime) -> None:
    """Other facts. What it may no longer ask for ends with the tokens that hold it. Raises `ServiceRefused`."""
    with transaction.atomic():
        service = _lock(service)
        before = set(service.scopes)
        _write(service, facts)
        _save(service)
        if lost := before - set(service.scopes):
            _narrow(service, lost, now=now)
        entries.record("service:changed", by=by, service=str(service.pk), scopes=",".join(service.scopes))


def new_secret(service: Service, *, by: Account | None) -> str:
    """Another secret; the one before opens nothing any more. Raises `ServiceRefused`."""
    with transaction.atomic():
        service = _lock(service)
        secret = _secret()
        service.client_secret = secret_digest(secret)
        service.save(update_fields=["client_secret"])
        entries.record("service:new_secret", by=by, service=str(service.pk))
    return secret


def stop(service: Service, *, by: Account | None, now: datetime) -> None:
    """For good: nobody signs in to it any more, and what it holds opens nothing. Raises `ServiceRefused`."""
    with transaction.atomic():
        service = _lock(service)
        sessions.end(ServiceSession.objects.filter(service=service), because="service", now=now)
        service.stopped_at = now
        service.save(update_fields=["stopped_at"])
        entries.record("service:stopped", by=by, service=str(service.pk))


def _lock(service: Service) -> Service:
    found: Service = Service.objects.select_for_update(no_key=True).get(pk=service.pk)
    if found.stopped_at is not None:
        raise ServiceRefused("stopped")
    return found


def _write(service: Service, facts: Facts) -> None:
    service.name, service.about = facts.name, facts.about
    service.scopes = [scope for scope in in_order(facts.reasons) if scope != OPENID]
    service.reasons = {scope: facts.reasons[scope] for scope in ALL if scope in service.scopes}
    service.redirect_uris = " ".join(facts.redirect_uris)
    service.post_logout_redirect_uris = " ".join(facts.post_logout_redirect_uris)
    service.backchannel_logout_uri, service.start_url = facts.backchannel_logout_uri, facts.start_url
    service.answers_name, service.answers_email = facts.answers_name, facts.answers_email
    service.pkce_required = facts.pkce_required or service.client_type == Service.CLIENT_PUBLIC
    if facts.logo is not None:
        service.logo = facts.logo


def _save(service: Service) -> None:
    try:
        with transaction.atomic():
            service.save()
    except IntegrityError as error:
        if "sso_service_name_once" in str(error):
            raise ServiceRefused("name") from error
        raise


def _narrow(service: Service, lost: Iterable[str], *, now: datetime) -> None:
    """Nobody's consent keeps what the service may not have; its sessions begin anew."""
    for scope in lost:  # a city's consents at once
        holding = Consent.objects.filter(service=service, withdrawn_at=None, scopes__contains=[scope])
        holding.update(scopes=Func(F("scopes"), Value(scope), function="array_remove"))
    sessions.end(ServiceSession.objects.filter(service=service), because="service", now=now)


def _secret() -> str:
    return secrets.token_hex(32)
