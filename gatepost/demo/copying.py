"""Writing many rows at once: model instances by COPY, in bounded chunks and in the order their foreign keys need."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from psycopg import sql

IDS_AT_ONCE = 2_000


class Stack:
    """Rows of several tables, gathered and then copied table by table. `order` puts parents before children."""

    def __init__(self, order: Sequence[type[models.Model]], *, chunk: int = 20_000) -> None:
        self._rows: dict[type[models.Model], list[models.Model]] = {model: [] for model in order}
        self._chunk = chunk
        self._held = 0

    def add(self, *rows: models.Model) -> None:
        """Hold rows; what they point at must be held before the next `settle`."""
        for row in rows:
            self._rows[type(row)].append(row)
        self._held += len(rows)

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


def copy_in(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Write instances of `model` as they are, without signals and checks of Django; the table's own constraints hold.

    All fields must have values, and all rows a primary key or none: a missing number is then given by the table.
    """
    if not rows:
        return
    fields = _fields(model, with_key=rows[0].pk is not None)
    names = [field.attname for field in fields]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(sql.Identifier(str(field.column)) for field in fields)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            values = row.__dict__
            copy.write_row([values[name] for name in names])


def fresh_ids(model: type[models.Model]) -> Iterator[int]:
    """Numbers for the primary key of `model` that nobody else gets, without end."""
    query = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [model._meta.db_table, IDS_AT_ONCE])
            numbers = [number for (number,) in cursor.fetchall()]
        yield from numbers


def analyse(models_: Iterable[type[models.Model]]) -> None:
    """Let PostgreSQL count what was written: without figures it would plan for empty tables."""
    tables = sql.SQL(", ").join(sql.Identifier(model._meta.db_table) for model in models_)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(tables).as_string(cursor.cursor))


@cache
def _fields(model: type[models.Model], *, with_key: bool) -> list[Any]:
    return [field for field in model._meta.concrete_fields if with_key or not field.primary_key]
