"""A libpq URL as Django describes a database."""

from typing import Any

import psycopg.conninfo


def described(url: str) -> dict[str, Any]:
    """`ENGINE`, `NAME` and the rest."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname"),
        "USER": parts.get("user"),
        "HOST": parts.get("host"),
        "PORT": parts.get("port", ""),
    }
