"""Writing many rows at once: COPY, in bounded chunks, table by table in the order their foreign keys need.

Rows are plain dictionaries by column: making a model instance of each would take longer than writing it.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED
from psycopg import sql

IDS_AT_ONCE: Final = 2_000
_MISSING: Final = object()

Row = dict[str, Any]


class Stack:
    """Rows of several tables, held and then copied. `order` puts parents before children."""

    def __init__(self, order: Sequence[type[models.Model]], *, chunk: int = 20_000) -> None:
        self._rows: dict[type[models.Model], list[Row]] = {model: [] for model in order}
        self._chunk = chunk
        self._held = 0

    def add(self, model: type[models.Model], **values: Any) -> None:
        """Hold a row; what it points at must be held before the next `settle`."""
        self._rows[model].append(values)
        self._held += 1

    def settle(self) -> None:
        """Write if enough is held. To be called where no row points at one that is still to come."""
        if self._held >= self._chunk:
            self.flush()

    def flush(self) -> None:
        """Write everything that is held."""
        for model, rows in self._rows.items():
            copy_in(model, rows)
            rows.clear()
        self._held = 0


def copy_in(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Write rows of `model`, without Django's checks; the constraints of the table hold.

    A column that is left out gets the field's plain default, or the table's. All rows have those columns whose default
    is the table's, or none has: so the primary key. Raises `KeyError` for a column that is missing or not there.
    """
    if not rows:
        return
    columns = _columns(model, frozenset(rows[0]))
    names = [name for name, _default in columns]
    if unknown := set(rows[0]) - set(names):
        raise KeyError(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    with connection.cursor() as cursor, cursor.copy(_statement(model, names)) as copy:
        for row in rows:
            values = [row.get(name, default) for name, default in columns]
            if _MISSING in values:
                raise KeyError(f"{model.__name__} needs {names[values.index(_MISSING)]}")
            copy.write_row(values)


def fresh_ids(model: type[models.Model]) -> Iterator[int]:
    """Numbers for the primary key of `model` that nobody else gets, without end."""
    query = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [model._meta.db_table, IDS_AT_ONCE])
            numbers = [number for (number,) in cursor.fetchall()]
        yield from numbers


def analyse(tables: Iterable[type[models.Model]]) -> None:
    """Let PostgreSQL count what was written: without figures it would plan for empty tables."""
    names = sql.SQL(", ").join(sql.Identifier(model._meta.db_table) for model in tables)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(names).as_string(cursor.cursor))


def _statement(model: type[models.Model], names: Sequence[str]) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), columns)


@cache
def _columns(model: type[models.Model], given: frozenset[str]) -> list[tuple[str, object]]:
    fields = [field for field in model._meta.concrete_fields if field.column in given or not _is_the_tables(field)]
    return [(str(field.column), _default(field)) for field in fields]


def _is_the_tables(field: Any) -> bool:
    """Whether the table itself has a value for it."""
    return bool(field.primary_key or field.db_default is not NOT_PROVIDED)


def _default(field: Any) -> object:
    if field.default is not NOT_PROVIDED:
        return _MISSING if callable(field.default) else field.default
    if field.null:
        return None
    return "" if field.blank and field.empty_strings_allowed else _MISSING
