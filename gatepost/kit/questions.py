"""What pages ask all day long: written once, planned once for each connection, read as plain rows.

The model layer builds a query anew with every request, and the server plans it anew; for a page of a few rows that is
most of the work. Only the statement and its plan are kept here. The answer never is: what changed is in the next one.
"""

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet

import psycopg
from django.db import connection
from django.db.models import QuerySet

from gatepost.kit.prepared import plan_anew_in_time

Rows = list[tuple[Any, ...]]

# Connections that were told for good to plan without values.
_settled: "WeakSet[psycopg.Connection[Any]]" = WeakSet()


def ask(statement: str, values: Mapping[str, Any]) -> Rows:
    """The rows of `statement`, in a transaction or without one, by a plan without values as `kit.prepared` makes it.

    Placeholders need types in the statement.
    Raises what Django raises.
    """
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        plan_anew_in_time(cursor)
        if raw not in _settled:
            _settle(raw, cursor)
        cursor.execute(statement.encode(), values, prepare=True)
        return cursor.fetchall()


def _settle(raw: "psycopg.Connection[Any]", cursor: "psycopg.Cursor[Any]") -> None:
    if connection.in_atomic_block:  # a rollback would take it back
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        return
    cursor.execute("SET plan_cache_mode = force_generic_plan")
    _settled.add(raw)


class Question:
    """A query set that stays where its rule is written, and is built once instead of with every request.

    `build` is given a stand-in for each value and must put it into the query as it is. Values are single ones (ids,
    times): a list would become as many placeholders as it has members. The database's own clock stays its own.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], **stand_ins: Any) -> None:
        self._build, self._stand_ins = build, stand_ins
        self._statement = ""
        self._fixed: dict[str, Any] = {}

    def rows(self, **values: Any) -> Rows:
        """What the query set would give for these values; `build` says which columns with `values_list`."""
        if not self._statement:
            self._write_down()
        return ask(self._statement, {**self._fixed, **values})

    def _write_down(self) -> None:
        sql, params = self._build(**self._stand_ins).query.sql_with_params()
        names = [self._name_of(param, nth) for nth, param in enumerate(params)]
        self._fixed = {n: p for n, p in zip(names, params, strict=True) if n not in self._stand_ins}
        self._statement = sql % tuple(f"%({name})s" for name in names)

    def _name_of(self, param: Any, nth: int) -> str:
        return next((name for name, value in self._stand_ins.items() if value == param), f"fixed{nth}")
