"""What every test stands on. Server and environment are ready before this file is read: see `gatepost.up.testing`."""

from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from gatepost.up.testing import leave, make_database
from tests.faults.length import length

# The same inputs for the same commit: no change is refused for what chance found elsewhere. `FAULTS=long` draws anew.
# No clock: it fails tests on a busy machine and says nothing of the code.
settings.register_profile("short", derandomize=True, database=None, deadline=None)
settings.register_profile("long", deadline=None)
settings.load_profile("long" if length().is_long else "short")


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A migrated database for this process, in place of pytest-django's own."""
    with django_db_blocker.unblock():
        make_database(connection.settings_dict["NAME"])
    yield
    with django_db_blocker.unblock():
        leave(connection)


@pytest.fixture(autouse=True)
def _the_same_signing_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test makes the same few keys: a pair takes longer to find than most tests run."""
    drawn = count()
    monkeypatch.setattr("gatepost.sso.keys.new_pair", lambda: _pair(next(drawn)))


@cache
def _pair(_number: int) -> Any:
    from jwcrypto import jwk

    return jwk.JWK.generate(kty="RSA", size=2048)
