# ruff: noqa: S608 # statements are put together from our own text; values are parameters
"""Writing what `diff` found, by set and in the caller's transaction, with what stood before for `undo`.

The order follows the foreign keys, and makes room before it fills it: whoever leaves does so first, and numbers that
change hands are let go by one student before another takes them.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings

from gatepost.kit.sealed import place
from gatepost.roster import roc_dates
from gatepost.roster.imports.plan import Found
from gatepost.roster.imports.stage import BIRTHDAY
from gatepost.roster.models import SchoolYear

NEW_ROWS_TOGETHER: Final = 1_000
SEALED_TOGETHER: Final = 20_000
TODAY: Final = "(%(now)s AT TIME ZONE c.timezone)::date"


def apply(found: Found, import_id: UUID, *, now: datetime) -> None:
    """Write everything. Raises `IntegrityError` if somebody else wrote the same students meanwhile."""
    writer = _Writer(found, import_id, now)
    writer.school_year()
    writer.staff()
    writer.classes()
    writer.students()
    writer.guardians()


class _Writer:
    def __init__(self, found: Found, import_id: UUID, now: datetime) -> None:
        self._found = found
        self._stage = found.stage
        self._params = {"import": import_id, "now": now, "year": found.year, "together": NEW_ROWS_TOGETHER}

    def school_year(self) -> None:
        """The year of the classes, with the days the law gives it."""
        starts_on, ends_on = roc_dates.school_year_days(self._found.year)
        SchoolYear.objects.get_or_create(year=self._found.year, defaults={"starts_on": starts_on, "ends_on": ends_on})

    def staff(self) -> None:
        """New and changed staff, and those who left. Accounts and what they may do are not touched."""
        self._remember("roster_staff", "changed", "SELECT id FROM change_staff WHERE NOT is_new")
        self._remember("roster_staff", "left", "SELECT id FROM leaving_staff")
        self._run("""
            INSERT INTO roster_staff (id, school_id, source_id, name, email, title)
            SELECT id, school_id, source_id, name, coalesce(email, ''), title FROM change_staff WHERE is_new
        """)
        self._remember_new("roster_staff", "SELECT id FROM change_staff WHERE is_new")
        self._run("""
            UPDATE roster_staff t SET name = x.name, email = coalesce(x.email, t.email), title = x.title, left_on = NULL
            FROM change_staff x WHERE x.id = t.id AND NOT x.is_new
        """)
        self._run(f"""
            UPDATE roster_staff t SET left_on = {TODAY}
            FROM leaving_staff l JOIN roster_school c ON c.id = l.school_id WHERE l.id = t.id
        """)

    def classes(self) -> None:
        """New and changed classes. A class that is no longer named stays, empty."""
        self._run("""
            UPDATE change_class SET id = nextval(pg_get_serial_sequence('roster_schoolclass', 'id')) WHERE is_new
        """)
        self._run("UPDATE incoming_class k SET id = x.id FROM change_class x WHERE x.ref = k.no AND x.is_new")
        self._remember("roster_schoolclass", "changed", "SELECT id FROM change_class WHERE NOT is_new")
        self._run("""
            INSERT INTO roster_schoolclass (
                id, school_id, school_year_id, stage, grade, number, name, source_id, homeroom_teacher_id
            )
            SELECT k.id, k.school_id, k.year, x.stage, k.grade, k.number, k.name,
                coalesce(k.source_id, ''), x.teacher_id
            FROM change_class x JOIN incoming_class k ON k.no = x.ref WHERE x.is_new
        """)
        self._remember_new("roster_schoolclass", "SELECT id FROM change_class WHERE is_new")
        self._run("""
            UPDATE roster_schoolclass t SET stage = x.stage, name = k.name,
                source_id = coalesce(k.source_id, t.source_id),
                homeroom_teacher_id = CASE WHEN k.teacher IS NULL THEN t.homeroom_teacher_id ELSE x.teacher_id END
            FROM change_class x JOIN incoming_class k ON k.no = x.ref WHERE x.id = t.id AND NOT x.is_new
        """)

    def students(self) -> None:
        """Students who leave, change or move, and new ones. None is deleted."""
        self._remember("roster_student", "left", "SELECT id FROM leaving_student")
        self._remember("roster_student", "changed", "SELECT id FROM change_student WHERE NOT is_new")
        self._run(f"""
            UPDATE roster_student t SET left_on = {TODAY}, study_state = 'transferred', changed_at = %(now)s
            FROM leaving_student l JOIN roster_school c ON c.id = l.school_id WHERE l.id = t.id
        """)
        self._seal("student", "change_student", "incoming_student")
        self._let_go_of_numbers()
        self._change_students()
        self._insert_students()
        self._remember_new("roster_student", "SELECT id FROM change_student WHERE is_new")

    def guardians(self) -> None:
        """The guardians as the school records them: new, changed, and removed with what stood there."""
        self._remember("roster_guardianrecord", "removed", "SELECT id FROM removed_guardian")
        self._remember("roster_guardianrecord", "changed", "SELECT id FROM change_guardian WHERE NOT is_new")
        self._run("DELETE FROM roster_guardianrecord WHERE id IN (SELECT id FROM removed_guardian)")
        self._seal("guardianrecord", "change_guardian", "incoming_guardian")
        self._run("""
            UPDATE roster_guardianrecord t SET
                name = coalesce(i.name, t.name), relation = coalesce(i.relation, t.relation),
                mobile = coalesce(i.mobile, t.mobile), email = coalesce(i.email, t.email),
                source_id = coalesce(i.source_id, t.source_id),
                id_number_digest = coalesce(i.digest, t.id_number_digest),
                id_number_sealed = coalesce(z.sealed, t.id_number_sealed)
            FROM change_guardian x JOIN incoming_guardian i USING (ref) LEFT JOIN sealed_guardianrecord z USING (ref)
            WHERE x.id = t.id AND NOT x.is_new
        """)
        self._insert_guardians()
        self._remember_new("roster_guardianrecord", "SELECT id FROM change_guardian WHERE is_new")

    def _let_go_of_numbers(self) -> None:
        """Two students may have changed numbers with each other: unique indexes look at one row at a time."""
        self._run("""
            UPDATE roster_student t SET number = '~' || t.id
            FROM change_student x WHERE x.id = t.id AND x.fields && ARRAY['number', 'school'] AND NOT x.is_new
        """)
        self._run("""
            UPDATE roster_student t SET id_number_digest = NULL, id_number_sealed = NULL
            FROM change_student x WHERE x.id = t.id AND 'id_number' = ANY(x.fields) AND NOT x.is_new
        """)

    def _change_students(self) -> None:
        """Whoever was away and is listed again is enrolled again."""
        self._run(f"""
            UPDATE roster_student t SET school_id = s.school_id,
                number = coalesce(s.number, b.before ->> 'number'),
                name = coalesce(s.name, t.name), birthday = coalesce({BIRTHDAY}, t.birthday),
                grade = coalesce(s.grade, t.grade), stage = coalesce(x.stage, t.stage),
                school_class_id = CASE WHEN s.class_no IS NULL AND s.school_id = t.school_id THEN t.school_class_id
                    ELSE k.id END,
                seat = CASE WHEN s.seat IS NULL THEN t.seat ELSE nullif(s.seat, 0) END,
                id_number_digest = coalesce(s.digest, t.id_number_digest),
                id_number_sealed = coalesce(z.sealed, t.id_number_sealed),
                source_id = coalesce(s.source_id, t.source_id),
                study_state = CASE WHEN t.left_on IS NULL THEN t.study_state ELSE 'enrolled' END,
                left_on = NULL, changed_at = %(now)s
            FROM change_student x
            JOIN incoming_student s USING (ref)
            JOIN roster_importchange b ON b.source_id = %(import)s AND b."table" = 'roster_student'
                AND b.kind = 'changed' AND b.rows = ARRAY[x.id::text]
            LEFT JOIN incoming_class k ON k.no = s.class_no
            LEFT JOIN sealed_student z USING (ref)
            WHERE x.id = t.id AND NOT x.is_new
        """)

    def _insert_students(self) -> None:
        """In the order of their numbers: an index that grows at one end is written faster."""
        self._run(f"""
            INSERT INTO roster_student (
                id, school_id, number, name, birthday, stage, grade, school_class_id, seat,
                id_number_digest, id_number_sealed, study_state, source_id, changed_at
            )
            SELECT x.id, s.school_id, s.number, s.name, {BIRTHDAY}, x.stage, s.grade, k.id, nullif(s.seat, 0),
                s.digest, z.sealed, 'enrolled', coalesce(s.source_id, ''), %(now)s
            FROM change_student x
            JOIN incoming_student s USING (ref)
            LEFT JOIN incoming_class k ON k.no = s.class_no
            LEFT JOIN sealed_student z USING (ref)
            WHERE x.is_new ORDER BY s.school_id, s.number
        """)

    def _insert_guardians(self) -> None:
        """New ones come after those that stay."""
        self._run("""
            INSERT INTO roster_guardianrecord (
                id, student_id, position, name, relation, mobile, email, source_id, id_number_digest, id_number_sealed
            )
            SELECT x.id, x.student_id,
                coalesce(kept.last, 0) + row_number() OVER (PARTITION BY x.student_id ORDER BY x.nth, x.ref),
                i.name, coalesce(i.relation, ''), coalesce(i.mobile, ''), coalesce(i.email, ''),
                coalesce(i.source_id, ''), i.digest, z.sealed
            FROM change_guardian x
            JOIN incoming_guardian i USING (ref)
            LEFT JOIN sealed_guardianrecord z USING (ref)
            LEFT JOIN (
                SELECT student_id, max(position) AS last FROM roster_guardianrecord GROUP BY student_id
            ) kept ON kept.student_id = x.student_id
            WHERE x.is_new
        """)

    def _seal(self, name: str, change: str, incoming: str) -> None:
        """The ID numbers that are new, each sealed for the one place where it will stand."""
        stage = self._stage
        stage.make(f"sealed_{name}", {"ref": "int4", "sealed": "bytea"})
        writer = stage.writer(f"sealed_{name}")
        stage.run(f"""
            DECLARE numbers CURSOR FOR
            SELECT ref, x.id, i.handle FROM {change} x JOIN {incoming} i USING (ref)
            WHERE i.handle IS NOT NULL AND (x.is_new OR 'id_number' = ANY(x.fields))
        """)
        while batch := stage.rows(f"FETCH {SEALED_TOGETHER} FROM numbers"):
            for ref, key, handle in batch:
                writer.add(self._sealed(name, ref, key, handle))
        writer.flush()
        stage.run("CLOSE numbers")
        stage.run(f"ANALYZE sealed_{name}")

    def _sealed(self, name: str, ref: int, key: UUID, handle: int) -> tuple[int, bytes]:
        number = self._found.pouch.take(handle)
        return ref, settings.KEY_RING.seal(number, place=place(f"roster_{name}", "id_number_sealed", key))

    def _remember(self, table: str, kind: str, which: str) -> None:
        """Lock these rows, then keep them as they are: nobody changes them between here and the writing."""
        self._run(f"""
            SELECT count(*) FROM (
                SELECT FROM {table} WHERE id IN ({which}) ORDER BY id FOR NO KEY UPDATE
            ) locked
        """)
        self._run(f"""
            INSERT INTO roster_importchange (source_id, "table", rows, kind, before)
            SELECT %(import)s, '{table}', ARRAY[t.id::text], '{kind}', to_jsonb(t)
            FROM {table} t WHERE t.id IN ({which})
        """)

    def _remember_new(self, table: str, which: str) -> None:
        self._run(f"""
            INSERT INTO roster_importchange (source_id, "table", rows, kind, before)
            SELECT %(import)s, '{table}', array_agg(id::text), 'new', '{{}}'
            FROM (SELECT id, row_number() OVER () / %(together)s AS pack FROM ({which}) new) packed GROUP BY pack
        """)

    def _run(self, statement: str) -> int:
        return self._stage.run(statement, self._params)
