"""The few statements that run many times a second, or over a whole city: planned once for each connection.

A plan is made without the values. That is not only cheaper: a plan made for a value believes the table's statistics,
and in the morning these have never seen a row of today. It then reads what it takes for an empty day again and again.
"""

import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection

# A plan made while a table was empty reads the whole of it when it is full. ANALYZE comes once a minute at best.
PLANS_KEPT_SECONDS = 20.0

_planned: "WeakKeyDictionary[psycopg.Connection[Any], float]" = WeakKeyDictionary()


def prepared(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run `statement` in the transaction in hand, by a plan that is kept; returns its rows.

    Every placeholder needs a type in the statement (`%(ids)s::bigint[]`): it is read without its value. For a table in
    partitions give bounds of the partition key as placeholders, so that other partitions are left out when it runs.
    Raises what Django raises.
    """
    assert connection.in_atomic_block  # noqa: S101 - the setting below is the transaction's
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        plan_anew_in_time(cursor)
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(statement.encode(), values, prepare=True)
        return cursor.fetchall() if cursor.description else []


def plan_anew_in_time(cursor: "psycopg.Cursor[Any]") -> None:
    """Let the connection of `cursor` keep plans, and forget those it made too long ago."""
    raw, now = cursor.connection, time.monotonic()
    raw.prepare_threshold = 0  # Django says None, which is never, whatever `prepare` asks for
    if now - _planned.setdefault(raw, now) > PLANS_KEPT_SECONDS:
        cursor.execute("DISCARD PLANS")
        _planned[raw] = now
