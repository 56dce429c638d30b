"""Gatepost as a process of its own, for software that was not written here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import packages
from tests.served import Served, free_port


@pytest.fixture
def provider(transactional_db: None) -> Iterator[str]:
    """The issuer: `gatepost web` on the tests' tables, which knows itself by that name."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    served = Served("web", {"GATEPOST_URL": issuer, "GATEPOST_SERVICES_PRIVATE": "1"}, port=port)
    yield issuer
    served.stop()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages of `package-lock.json`, in var/; the test is skipped where they cannot be had."""
    return packages.installed()
