"""Which versions run: for the operator's page and for the machines that watch."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import django


@cache
def versions() -> dict[str, str]:
    """The versions of Gatepost and of what it runs on, by name. The database's is asked of the database."""
    return {"Gatepost": _version("gatepost"), "Django": django.get_version(), "Python": platform.python_version()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"
