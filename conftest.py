"""What every test stands on. Server and environment are ready before this file is read: see `gatepost.up.testing`."""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from gatepost.up.testing import leave, make_database


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A migrated database for this process, in place of pytest-django's own."""
    with django_db_blocker.unblock():
        make_database(connection.settings_dict["NAME"])
    yield
    with django_db_blocker.unblock():
        leave(connection)
