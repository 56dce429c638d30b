"""A browser at a certain moment, with or without somebody signed in."""

from datetime import datetime
from functools import cache
from typing import Any

from django.test import Client
from django.test.client import ClientHandler

from gatepost.accounts.models import Account
from gatepost.portals.moment import KEY
from tests.builders import at

NOW = at("08:12:40")


def visit(account: Account | None = None, *, now: datetime = NOW, **more: Any) -> Client:
    """A browser whose server believes it is `now`; signed in as `account` if one is given."""
    client = Client(**{KEY: now}, **more)
    client.handler = _handler(client.handler.enforce_csrf_checks)
    if account is not None:
        client.force_login(account)
    return client


def text_of(response: Any) -> str:
    """What the server sent."""
    return str(response.content.decode())


@cache
def _handler(enforce_csrf_checks: bool) -> ClientHandler:
    """One for all clients: each new one would read the whole of the static files again."""
    return ClientHandler(enforce_csrf_checks=enforce_csrf_checks)
