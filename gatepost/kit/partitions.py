"""Tables partitioned by month, so that retention is dropping a partition.

Each such table also has a default partition: a row with a date nobody planned for is kept, not
refused. Months are made well ahead, because a month cannot be split off once the default holds its rows.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from gatepost.kit.clock import month_of, next_month, utc_now

MONTHS_BEHIND = 2
MONTHS_AHEAD = 6
# Making a month waits for everybody who reads the table, and everybody who comes later waits behind it: a backup that
# reads for an hour would keep taps out for an hour.
LOCK_WAIT = "1s"


def months_around(today: date) -> list[date]:
    """The first days of the months that must have a partition on `today`, oldest first."""
    month = month_of(today)
    for _ in range(MONTHS_BEHIND):
        month = month_of(date.fromordinal(month.toordinal() - 1))
    months = []
    for _ in range(MONTHS_BEHIND + 1 + MONTHS_AHEAD):
        months.append(month)
        month = next_month(month)
    return months


def ensure_months(table: str, months: Iterable[date]) -> list[str]:
    """Make the partitions of `table` for `months` that are missing; returns the names of the new ones.

    Raises `django.db.IntegrityError` if the default partition already holds rows of such a month, and
    `django.db.OperationalError` if somebody reads the table for so long that it is better to try another time.
    """
    return [name for month in months if (name := _ensure_month(table, month))]


def months_of(table: str) -> Callable[[Any, Any], None]:
    """For the migration that makes `table`: the months a running system needs at once; the worker makes later ones."""

    def make(apps: Any, schema_editor: Any) -> None:
        ensure_months(table, months_around(utc_now().date()))

    return make


def _ensure_month(table: str, month: date) -> str | None:
    name = f"{table}_{month:%Y_%m}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return None
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
        statement = sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(name), sql.Identifier(table), sql.Literal(month), sql.Literal(next_month(month))
        )
        cursor.execute(statement.as_string(cursor.cursor))
    return name
