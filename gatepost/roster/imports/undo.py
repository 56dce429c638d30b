# ruff: noqa: S608 # statements are put together from our own text; values are parameters
"""Undoing an import within seven days: every row it wrote becomes what it was, or none does.

Each row bears the number of the transaction that wrote it last (xmin). A row of the import that bears another one was
changed since, by a person or by a later import; then nothing is undone, and the rows are named.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.models import Import, ImportChange

DAYS: Final = 7
NAMED_MAX: Final = 20

# What an import may write, and so what is put back. A class has a number for its key, the others a UUID.
COLUMNS: Final = {
    "roster_staff": "name, title, email, left_on",
    "roster_schoolclass": "stage, name, source_id, homeroom_teacher_id",
    "roster_student": "school_id, number, name, birthday, stage, grade, school_class_id, seat, id_number_sealed, "
    "id_number_digest, study_state, left_on, source_id, changed_at",
    "roster_guardianrecord": "name, relation, mobile, email, source_id, id_number_sealed, id_number_digest",
}
KEY: Final = {"roster_schoolclass": "bigint"}
ALL_COLUMNS: Final = {
    "roster_guardianrecord": f"id, student_id, position, {COLUMNS['roster_guardianrecord']}",
}
_CODE: Final = "(SELECT c.code FROM roster_school c WHERE c.id = t.school_id) || ' ' || "
# What a row is called where it cannot be undone: a guardian by the student.
_NAME: Final = {
    "roster_staff": f"{_CODE} t.name",
    "roster_schoolclass": f"{_CODE} t.name",
    "roster_student": f"{_CODE} t.number",
    "roster_guardianrecord": """(
        SELECT c.code || ' ' || s.number FROM roster_student s JOIN roster_school c ON c.id = s.school_id
        WHERE s.id = t.student_id
    )""",
}


def undo(import_id: UUID, *, by: Account | None, now: datetime) -> Import:
    """Put back what the import changed, remove what it brought. Guardianships, cards and the rest stay as they are.

    Raises `ImportRefused`: undo_unknown, undo_done, undo_restored, undo_late, undo_changed (naming the rows),
    undo_in_use.
    """
    try:
        with transaction.atomic():
            record = _undoable(import_id, now)
            _refuse_if_changed(record)
            _put_back(record)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            Import.objects.filter(pk=record.pk).update(undone_at=now)
            entries.record("roster:import_undone", by=by, import_id=str(record.pk))
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        raise ImportRefused("undo_in_use", getattr(diagnosis, "table_name", "")) from error
    return record


def forget_old(*, now: datetime) -> int:
    """Delete what stood before imports that can no longer be undone. Returns how many changes were forgotten."""
    old = ImportChange.objects.filter(source__applied_at__lt=now - timedelta(days=DAYS))
    return old.delete()[0]


def _undoable(import_id: UUID, now: datetime) -> Import:
    record = Import.objects.select_for_update().filter(pk=import_id, applied_at__isnull=False).first()
    if record is None or record.applied_at is None:
        raise ImportRefused("undo_unknown", import_id)
    if record.undone_at:
        raise ImportRefused("undo_done")
    if not record.mark:
        raise ImportRefused("undo_restored")
    if record.applied_at < now - timedelta(days=DAYS):
        raise ImportRefused("undo_late", record.applied_at.date().isoformat())
    return record


def _refuse_if_changed(record: Import) -> None:
    changed: list[str] = []
    for table in COLUMNS:
        changed += _changed_since(table, record, limit=NAMED_MAX + 1 - len(changed))
    if changed:
        more = ["…"] if len(changed) > NAMED_MAX else []
        raise ImportRefused("undo_changed", ", ".join(changed[:NAMED_MAX] + more))


def _changed_since(table: str, record: Import, *, limit: int) -> list[str]:
    """Locks the rows: what is as the import left it stays so until it is undone."""
    key = KEY.get(table, "uuid")
    _run(f"SELECT count(*) FROM (SELECT FROM {table} WHERE id IN ({_rows(table, key)}) FOR UPDATE) locked", record)
    rows = _run(
        f"""
        SELECT DISTINCT coalesce({_NAME[table]}, '{table} ' || k.id)
        FROM ({_rows(table, key, kinds="'new', 'changed', 'left'")}) k (id) LEFT JOIN {table} t ON t.id = k.id
        WHERE t.id IS NULL OR t.xmin::text <> %(mark)s
        ORDER BY 1 LIMIT {limit}
        """,
        record,
    )
    return [str(name) for (name,) in rows]


def _put_back(record: Import) -> None:
    """New rows go first, children before parents; then the others find the place that was theirs."""
    for table in ("roster_guardianrecord", "roster_student"):
        _delete_new(table, record)
    _let_go_of_numbers(record)
    for table in ("roster_staff", "roster_schoolclass", "roster_student", "roster_guardianrecord"):
        _restore(table, record)
    _bring_back_removed("roster_guardianrecord", record)
    for table in ("roster_schoolclass", "roster_staff"):
        _delete_new(table, record)


def _delete_new(table: str, record: Import) -> None:
    new = _rows(table, KEY.get(table, "uuid"), kinds="'new'")
    _run(f"DELETE FROM {table} WHERE id IN ({new})", record)


def _let_go_of_numbers(record: Import) -> None:
    _run(
        f"""
        UPDATE roster_student t SET number = '~' || t.id, id_number_digest = NULL, id_number_sealed = NULL
        FROM ({_rows("roster_student", "uuid", kinds="'changed', 'left'")}) k (id) WHERE k.id = t.id
        """,
        record,
    )


def _restore(table: str, record: Import) -> None:
    columns = COLUMNS[table]
    _run(
        f"""
        UPDATE {table} t SET ({columns}) = (SELECT {columns} FROM jsonb_populate_record(NULL::{table}, b.before))
        FROM roster_importchange b
        WHERE b.source_id = %(import)s AND b."table" = '{table}' AND b.kind IN ('changed', 'left')
            AND t.id = b.rows[1]::{KEY.get(table, "uuid")}
        """,
        record,
    )


def _bring_back_removed(table: str, record: Import) -> None:
    columns = ALL_COLUMNS[table]
    _run(
        f"""
        INSERT INTO {table} ({columns})
        SELECT {columns} FROM (
            SELECT (jsonb_populate_record(NULL::{table}, b.before)).* FROM roster_importchange b
            WHERE b.source_id = %(import)s AND b."table" = '{table}' AND b.kind = 'removed'
        ) removed
        """,
        record,
    )


def _rows(table: str, key: str, *, kinds: str = "'new', 'changed', 'left'") -> str:
    """A query for the keys of the rows of one table that the import wrote."""
    return f"""
        SELECT unnest(rows)::{key} FROM roster_importchange
        WHERE source_id = %(import)s AND "table" = '{table}' AND kind IN ({kinds})
    """


def _run(statement: str, record: Import) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"import": record.pk, "mark": record.mark})
        return list(cursor.fetchall()) if cursor.description else []
