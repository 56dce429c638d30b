# ruff: noqa: S608 # statements are put together from our own text; values are parameters
"""What an import would change: new, changed (with which fields), leaving. Nothing is written but temporary tables."""

from datetime import datetime
from typing import Final

from gatepost.roster.imports import doubts, match
from gatepost.roster.imports.plan import Brake, Change, Found
from gatepost.roster.imports.stage import BIRTHDAY, Stage

LEAVING_SHARE_MAX: Final = 0.05
CHANGES_LISTED_MAX: Final = 1_000

# A student's stage is by the grade; a special school, and a vocational one, say what theirs is.
_STAGE: Final = """
    CASE WHEN {school}.level = 'special' THEN 'special' WHEN {grade} <= 6 THEN 'elementary'
        WHEN {grade} <= 9 THEN 'junior_high' WHEN {school}.level = 'vocational_high' THEN 'vocational_high'
        ELSE 'senior_high' END
"""
# New students' ids follow each other school by school, in the order of their file: UUIDs of version 7 (RFC 9562, 5.7,
# with a counter of 12 bits that runs over into the milliseconds, 6.2). A morning comes school by school; what is kept
# by student then lies together instead of all over the indexes of a city.
_STUDENT_ID: Final = """
    encode(overlay(uuid_send(gen_random_uuid()) PLACING int8send(
        (((extract(epoch FROM %(now)s::timestamptz) * 1000)::bigint + (s.nth >> 12)) << 16) | 28672 | (s.nth & 4095)
    ) FROM 1), 'hex')::uuid
"""
STUDENT_STAGE: Final = _STAGE.format(school="c", grade="coalesce(s.grade, t.grade)")
CLASS_STAGE: Final = _STAGE.format(school="c", grade="k.grade")


def _changed(**conditions: str) -> str:
    """An array of the names whose condition holds."""
    cases = ", ".join(f"CASE WHEN {condition} THEN '{name}' END" for name, condition in conditions.items())
    return f"array_remove(ARRAY[{cases}], NULL)"


_STUDENT_FIELDS: Final = _changed(
    school="s.school_id <> t.school_id",
    left_on="t.left_on IS NOT NULL",
    number="s.number <> t.number",
    name="s.name <> t.name",
    birthday=f"s.birthday IS NOT NULL AND {BIRTHDAY} IS DISTINCT FROM t.birthday",
    grade=f"s.grade <> t.grade OR {STUDENT_STAGE} <> t.stage",
    school_class="""
        s.class_no IS NOT NULL AND (k.id IS DISTINCT FROM t.school_class_id OR (s.class_no > 0 AND k.id IS NULL))
    """,
    seat="s.seat IS NOT NULL AND nullif(s.seat, 0) IS DISTINCT FROM t.seat",
    id_number="s.digest IS NOT NULL AND s.digest IS DISTINCT FROM t.id_number_digest",
    source_id="s.source_id <> t.source_id",
)
_GUARDIAN_FIELDS: Final = _changed(
    name="i.name <> g.name",
    relation="i.relation <> g.relation",
    mobile="i.mobile <> g.mobile",
    email="i.email <> g.email",
    id_number="i.digest IS NOT NULL AND i.digest IS DISTINCT FROM g.id_number_digest",
    source_id="i.source_id <> g.source_id",
)
_CLASS_FIELDS: Final = _changed(
    name="k.name <> t.name",
    stage=f"{CLASS_STAGE} <> t.stage",
    source_id="k.source_id <> t.source_id",
    homeroom_teacher="k.teacher IS NOT NULL AND o.id IS DISTINCT FROM t.homeroom_teacher_id",
)
_STAFF_FIELDS: Final = _changed(
    name="i.name <> t.name", email="i.email <> t.email", title="i.title <> t.title", left_on="t.left_on IS NOT NULL"
)


def compare(found: Found, *, now: datetime) -> None:
    """Fill the tables change_… (ref, id, is_new, fields), leaving_student, leaving_staff and removed_guardian.

    Lines that are doubtful are set aside on the way. A new row has its id already; a new class gets one when it is
    written.
    """
    stage = found.stage
    _compare_staff(stage)
    match.match_classes(stage)
    _compare_classes(stage)
    match.match_students(stage, found.schools)
    _compare_students(stage, now)
    doubts.set_aside(found)
    match.match_guardians(stage)
    _compare_guardians(stage)
    _find_leaving(found)


def _compare_staff(stage: Stage) -> None:
    stage.make_as(
        "known_staff",
        """
        SELECT i.school_id, i.source_id, i.line, coalesce(t.id, gen_random_uuid()) AS id, t.id IS NULL AS is_new
        FROM incoming_staff i
        LEFT JOIN roster_staff t ON t.school_id = i.school_id AND t.source_id = i.source_id AND t.source_id <> ''
        WHERE t.id IS NOT NULL OR NOT (i.bad OR i.gone)
        """,
    )
    stage.make_as(
        "change_staff",
        f"""
        SELECT * FROM (
            SELECT o.id, o.is_new, i.line, i.school_id, i.source_id, i.name, i.email, i.title,
                {_STAFF_FIELDS} AS fields
            FROM incoming_staff i JOIN known_staff o USING (school_id, source_id)
            LEFT JOIN roster_staff t ON t.id = o.id
            WHERE NOT i.bad AND NOT i.gone
        ) compared WHERE is_new OR fields <> '{{}}'
        """,
    )


def _compare_classes(stage: Stage) -> None:
    stage.make_as(
        "change_class",
        f"""
        SELECT * FROM (
            SELECT k.no AS ref, k.id, k.id IS NULL AS is_new, {CLASS_STAGE} AS stage, o.id AS teacher_id,
                {_CLASS_FIELDS} AS fields
            FROM incoming_class k
            JOIN roster_school c ON c.id = k.school_id
            LEFT JOIN roster_schoolclass t ON t.id = k.id
            LEFT JOIN known_staff o ON o.school_id = k.school_id AND o.source_id = k.teacher
        ) compared WHERE is_new OR fields <> '{{}}'
        """,
    )


def _compare_students(stage: Stage, now: datetime) -> None:
    stage.make_as(
        "change_student",
        f"""
        SELECT * FROM (
            SELECT s.ref, coalesce(t.id, {_STUDENT_ID}) AS id, t.id IS NULL AS is_new, {STUDENT_STAGE} AS stage,
                {_STUDENT_FIELDS} AS fields
            FROM (SELECT *, row_number() OVER (ORDER BY school_id, ref) AS nth FROM incoming_student) s
            JOIN roster_school c ON c.id = s.school_id
            LEFT JOIN match_student m ON m.ref = s.ref
            LEFT JOIN roster_student t ON t.id = m.id
            LEFT JOIN incoming_class k ON k.no = s.class_no
            WHERE NOT s.bad AND NOT s.gone
        ) compared WHERE is_new OR fields <> '{{}}'
        """,
        {"now": now},
    )


def _compare_guardians(stage: Stage) -> None:
    """Guardians follow their student: of one whose line was set aside, or who leaves, they stay as they are."""
    if stage.number("SELECT count(*) FROM incoming_student WHERE bad"):
        stage.run("""
            UPDATE incoming_guardian i SET bad = true
            FROM incoming_student s WHERE s.ref = i.student AND s.bad AND NOT i.bad
        """)
    stage.make_as(
        "student_of",
        """
        SELECT s.ref, coalesce(m.id, c.id) AS id, m.id IS NOT NULL AS is_known, s.guardians
        FROM incoming_student s LEFT JOIN match_student m USING (ref) LEFT JOIN change_student c USING (ref)
        WHERE NOT s.bad AND NOT s.gone
        """,
    )
    stage.make_as(
        "change_guardian",
        f"""
        SELECT * FROM (
            SELECT i.ref, i.nth, coalesce(g.id, gen_random_uuid()) AS id, o.id AS student_id, g.id IS NULL AS is_new,
                {_GUARDIAN_FIELDS} AS fields
            FROM incoming_guardian i
            JOIN student_of o ON o.ref = i.student
            LEFT JOIN match_guardian m ON m.ref = i.ref
            LEFT JOIN roster_guardianrecord g ON g.id = m.id
            WHERE NOT i.bad AND NOT i.gone AND (g.id IS NOT NULL OR i.name <> '')
        ) compared WHERE is_new OR fields <> '{{}}'
        """,
    )
    stage.make_as(
        "removed_guardian",
        """
        SELECT g.id FROM roster_guardianrecord g JOIN student_of o ON o.id = g.student_id AND o.is_known AND o.guardians
        WHERE NOT EXISTS (SELECT FROM match_guardian m WHERE m.id = g.id)
        UNION SELECT m.id FROM match_guardian m JOIN incoming_guardian i USING (ref)
        JOIN student_of o ON o.ref = i.student WHERE i.gone AND NOT i.bad
        """,
    )


def _find_leaving(found: Found) -> None:
    """Whoever a complete file does not name, and whoever it calls deleted. Nobody is missing from a doubtful file."""
    params = {"schools": list(found.schools) if found.bulk and not found.faults.unsure else []}
    found.stage.make_as(
        "leaving_student",
        """
        SELECT t.id, t.school_id FROM roster_student t
        WHERE t.left_on IS NULL AND t.school_id = ANY(%(schools)s)
            AND NOT EXISTS (SELECT FROM match_student m WHERE m.id = t.id)
        UNION SELECT t.id, t.school_id
        FROM incoming_student s JOIN match_student m USING (ref) JOIN roster_student t ON t.id = m.id
        WHERE s.gone AND NOT s.bad AND t.left_on IS NULL AND t.school_id = s.school_id AND NOT EXISTS (
            SELECT FROM match_student x JOIN incoming_student y USING (ref) WHERE x.id = t.id AND NOT y.gone
        )
        """,
        params,
    )
    found.stage.make_as(
        "leaving_staff",
        """
        SELECT t.id, t.school_id FROM roster_staff t
        WHERE t.left_on IS NULL AND t.source_id <> '' AND %(listed)s AND t.school_id = ANY(%(schools)s)
            AND NOT EXISTS (SELECT FROM known_staff o WHERE o.id = t.id)
        UNION SELECT t.id, t.school_id FROM roster_staff t JOIN known_staff o ON o.id = t.id
        JOIN incoming_staff i ON i.school_id = o.school_id AND i.source_id = o.source_id
        WHERE i.gone AND NOT i.bad AND t.left_on IS NULL
        """,
        {**params, "listed": found.staff},
    )


_COUNTS: Final = {
    "students": ("incoming_student", "change_student", "leaving_student"),
    "guardians": ("incoming_guardian", "change_guardian", "removed_guardian"),
    "classes": ("incoming_class", "change_class", None),
    "staff": ("incoming_staff", "change_staff", "leaving_staff"),
}


def counts(found: Found) -> dict[str, dict[str, int]]:
    """By table: how many are new, changed, leaving (of guardians: removed), unchanged, and set aside."""
    counted = {name: _count(found.stage, *tables) for name, tables in _COUNTS.items()}
    for name, number in found.without_school.items():
        counted[name]["bad"] += number
    return counted


def _count(stage: Stage, incoming: str, change: str, leaving: str | None) -> dict[str, int]:
    aside, gone = "0", "0"
    if incoming != "incoming_class":
        aside, gone = "count(*) FILTER (WHERE bad)", "count(*) FILTER (WHERE gone AND NOT bad)"
    [(listed, bad, deleted)] = stage.rows(f"SELECT count(*), {aside}, {gone} FROM {incoming}")
    [(new, changed)] = stage.rows(
        f"SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM {change}"
    )
    left = stage.number(f"SELECT count(*) FROM {leaving}") if leaving else 0
    unchanged = listed - bad - deleted - new - changed
    return {"new": new, "changed": changed, "leaving": left, "unchanged": unchanged, "bad": bad}


def brakes(stage: Stage) -> list[Brake]:
    """The schools that more than 5 % of the students would leave."""
    rows = stage.rows(
        """
        SELECT c.code, c.name, l.leaving, a.active
        FROM (SELECT school_id, count(*) AS leaving FROM leaving_student GROUP BY school_id) l
        JOIN (SELECT school_id, count(*) AS active FROM roster_student WHERE left_on IS NULL GROUP BY school_id) a
            USING (school_id)
        JOIN roster_school c ON c.id = l.school_id
        WHERE l.leaving > %(share)s * a.active ORDER BY c.code
        """,
        {"share": LEAVING_SHARE_MAX},
    )
    return [Brake(*row) for row in rows]


def changes(stage: Stage) -> list[Change]:
    """The first thousand students that would change: leaving first, then changed, then new."""
    rows = stage.rows(
        """
        SELECT code, number, kind, fields FROM (
            SELECT c.code, t.number, 1 AS rank, 'leaving' AS kind, '{}'::text[] AS fields
            FROM leaving_student l JOIN roster_student t ON t.id = l.id JOIN roster_school c ON c.id = t.school_id
            UNION ALL
            SELECT c.code, coalesce(s.number, t.number), CASE WHEN x.is_new THEN 3 ELSE 2 END,
                CASE WHEN x.is_new THEN 'new' ELSE 'changed' END, CASE WHEN x.is_new THEN '{}' ELSE x.fields END
            FROM change_student x JOIN incoming_student s USING (ref) JOIN roster_school c ON c.id = s.school_id
            LEFT JOIN roster_student t ON t.id = x.id
        ) listed ORDER BY rank, code, number LIMIT %(limit)s
        """,
        {"limit": CHANGES_LISTED_MAX},
    )
    return [Change(*row) for row in rows]
