"""Registering a service, changing it, giving it another secret, and stopping it: acts of the bureau."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import F, Func, QuerySet, Value

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.sso import sessions
from gatepost.sso.models import AccessToken, Consent, Service
from gatepost.sso.scopes import ALL, OF_MACHINES, OPENID
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


class Kind(StrEnum):
    """What a service is, which decides how it gets a token."""

    SERVER = "server"  # a web application: codes, and a secret
    APP = "app"  # on a phone or in a browser: codes, no secret
    DEVICE = "device"  # without a keyboard: people type what it shows; no secret
    MACHINE = "machine"  # speaks for itself, with a secret; never for a person


_GRANTS = {
    Kind.SERVER: Service.GRANT_AUTHORIZATION_CODE,
    Kind.APP: Service.GRANT_AUTHORIZATION_CODE,
    Kind.DEVICE: Service.GRANT_DEVICE_CODE,
    Kind.MACHINE: Service.GRANT_CLIENT_CREDENTIALS,
}
_WITH_SECRET = (Kind.SERVER, Kind.MACHINE)


def in_use() -> QuerySet[Service]:
    """The services that are not stopped, by name."""
    found: QuerySet[Service] = Service.objects.filter(stopped_at=None)
    return found.order_by("name")


def with_tile() -> QuerySet[Service]:
    """The services that a page of ours leads to."""
    return in_use().exclude(start_url="")


def is_origin_of_an_app(origin: str) -> bool:
    """Whether an app in use that has no secret is registered with an address at `origin` (RFC 6454 6.2)."""
    near = in_use().filter(client_type=Service.CLIENT_PUBLIC, redirect_uris__contains=f"{origin}/")
    return any(
        origin == "{0.scheme}://{0.netloc}".format(urlsplit(address))
        for addresses in near.values_list("redirect_uris", flat=True)
        for address in addresses.split()
    )


def given_by(account: Account) -> QuerySet[Consent]:
    """What a person gave and has not taken back, by the service's name."""
    found = Consent.objects.filter(account=account, withdrawn_at=None, service__stopped_at=None)
    return found.select_related("service").order_by("service__name")


def kind_of(service: Service) -> Kind:
    """What `service` was registered as."""
    if service.is_machine:
        return Kind.MACHINE
    if service.is_device:
        return Kind.DEVICE
    return Kind.SERVER if service.client_type == Service.CLIENT_CONFIDENTIAL else Kind.APP


def register(facts: Facts, *, by: Account | None, kind: Kind = Kind.SERVER) -> tuple[Service, str]:
    """A new service and its secret, which is not kept; empty for an app or a device, which could not keep it.

    Raises `ServiceRefused` (name).
    """
    has_secret = kind in _WITH_SECRET
    secret = _secret() if has_secret else ""
    service = Service(
        client_id=secrets.token_hex(16),
        client_type=Service.CLIENT_CONFIDENTIAL if has_secret else Service.CLIENT_PUBLIC,
        client_secret=secret_digest(secret) if secret else "",
        authorization_grant_type=_GRANTS[kind],
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
        lost = before - set(service.scopes)
        _narrow(service, lost)
        entries.record("service:changed", by=by, service=str(service.pk), scopes=",".join(service.scopes))
    if lost:
        sessions.end_at_service(service.pk, now=now)


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
        service.stopped_at = now
        service.save(update_fields=["stopped_at"])
        AccessToken.objects.filter(application=service, session=None).delete()
        entries.record("service:stopped", by=by, service=str(service.pk))
    sessions.end_at_service(service.pk, now=now)


def _lock(service: Service) -> Service:
    found: Service = Service.objects.select_for_update(no_key=True).get(pk=service.pk)
    if found.stopped_at is not None:
        raise ServiceRefused("stopped")
    return found


def _write(service: Service, facts: Facts) -> None:
    service.name, service.about = facts.name, facts.about
    known = OF_MACHINES if service.is_machine else tuple(scope for scope in ALL if scope != OPENID)
    service.scopes = [scope for scope in known if scope in facts.reasons]
    service.reasons = {scope: facts.reasons[scope] for scope in service.scopes}
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


def _narrow(service: Service, lost: Iterable[str]) -> None:
    """Nobody's consent keeps what the service may not have: from then on no token opens it, whatever it says."""
    for scope in lost:  # a city's consents at once
        holding = Consent.objects.filter(service=service, withdrawn_at=None, scopes__contains=[scope])
        holding.update(scopes=Func(F("scopes"), Value(scope), function="array_remove"))


def _secret() -> str:
    return secrets.token_hex(32)
