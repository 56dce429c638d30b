"""A browser at a certain moment, with or without somebody signed in."""

from datetime import datetime
from functools import cache
from typing import Any

from allauth.mfa.models import Authenticator
from django.test import Client
from django.test.client import ClientHandler

from gatepost.accounts import second_factor
from gatepost.accounts.models import Account, Device
from gatepost.portals.moment import KEY
from tests.builders import at

NOW = at("08:12:40")


def visit(
    account: Account | None = None, *, now: datetime = NOW, by_password_alone: bool = False, **more: Any
) -> Client:
    """A browser whose server believes it is `now`; signed in as `account` if one is given.

    With the account's second factor, where it has one and `by_password_alone` does not say otherwise.
    """
    client = Client(**{KEY: now}, **more)
    client.handler = _handler(client.handler.enforce_csrf_checks)
    if account is not None:
        sign_in(client, account, by_password_alone=by_password_alone)
    return client


def sign_in(client: Client, account: Account, *, by_password_alone: bool = False) -> None:
    """As after the sign-in page and the one for the code."""
    client.force_login(account, backend="gatepost.accounts.backend.Backend")
    now = client.defaults.get(KEY, NOW)
    Device.objects.filter(session=client.session.session_key).update(opened_at=now, last_seen_at=now)
    shown = Authenticator.objects.filter(user=account).values_list("pk", flat=True).first()
    if shown and not by_password_alone:
        session = client.session
        second_factor.remember(session, shown)
        session.save()


def text_of(response: Any) -> str:
    """What the server sent."""
    return str(response.content.decode())


@cache
def _handler(enforce_csrf_checks: bool) -> ClientHandler:
    """One for all clients: each new one would read the whole of the static files again."""
    return ClientHandler(enforce_csrf_checks=enforce_csrf_checks)
