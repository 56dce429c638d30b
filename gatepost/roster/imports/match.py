# ruff: noqa: S608 # statements are put together from our own text; values are parameters
"""Who of the file is who in the roster.

A student is looked for by the sourcedId at the same school, by the ID number wherever they are, and by the student
number at the same school. Whoever is found at another school moves (`doubts` asks whether that school has let go).
"""

from collections.abc import Sequence
from typing import Final

from gatepost.roster.imports.stage import Stage

# The first way that finds somebody decides. t are students of the roster, s lines of the file.
_WAYS: Final = (
    "t.source_id = s.source_id AND t.source_id <> '' AND t.school_id = s.school_id",
    "t.id_number_digest = s.digest AND t.left_on IS NULL",
    "t.id_number_digest = s.digest AND t.school_id = s.school_id",
    "t.school_id = s.school_id AND t.number = s.number AND (t.id_number_digest IS NULL OR s.digest IS NULL)",
    "t.id_number_digest = s.digest",
    "t.school_id = s.school_id AND t.number = s.number",
    "t.source_id = s.source_id AND t.source_id <> '' AND t.school_id = ANY(%(schools)s)",
)


def match_students(stage: Stage, schools: Sequence[int]) -> None:
    """Fill match_student: who each line is. `schools` are those the file speaks for."""
    stage.make("match_student", {"ref": "int4", "id": "uuid"}, looked_up_by=["ref"])
    missing = stage.number("SELECT count(*) FROM incoming_student")
    for way in _WAYS:
        if not missing:
            break
        missing -= stage.run(
            f"""
            INSERT INTO match_student
            SELECT DISTINCT ON (s.ref) s.ref, t.id FROM incoming_student s JOIN roster_student t ON {way}
            WHERE NOT EXISTS (SELECT FROM match_student m WHERE m.ref = s.ref)
            ORDER BY s.ref, t.left_on DESC NULLS FIRST, t.id
            """,
            {"schools": list(schools)},
        )
        stage.run("ANALYZE match_student")


def match_classes(stage: Stage) -> None:
    """Give the classes of the file that the roster has their ids."""
    stage.run("""
        UPDATE incoming_class k SET id = t.id FROM roster_schoolclass t
        WHERE t.school_id = k.school_id AND t.school_year_id = k.year AND t.grade = k.grade AND t.number = k.number
    """)


_GUARDIAN_WAYS: Final = (
    "g.source_id = i.source_id AND g.source_id <> ''",
    "g.id_number_digest = i.digest",
    "g.position = i.nth AND (g.source_id = '' OR coalesce(i.source_id, '') = '')",
)


def match_guardians(stage: Stage) -> None:
    """Fill match_guardian: among those of the student, by sourcedId, by ID number, by place in the list."""
    # Without them the planner, who takes it that next to nothing is found, walks through the table for each guardian
    # while this very statement fills it.
    stage.make("match_guardian", {"ref": "int4", "id": "uuid"}, looked_up_by=["ref", "id"])
    missing = stage.number("SELECT count(*) FROM incoming_guardian")
    for way in _GUARDIAN_WAYS:
        if not missing:
            break
        missing -= stage.run(f"""
            INSERT INTO match_guardian
            SELECT i.ref, g.id
            FROM incoming_guardian i
            JOIN match_student m ON m.ref = i.student
            JOIN roster_guardianrecord g ON g.student_id = m.id AND {way}
            WHERE NOT EXISTS (SELECT FROM match_guardian x WHERE x.ref = i.ref)
                AND NOT EXISTS (SELECT FROM match_guardian x WHERE x.id = g.id)
        """)
        for column in ("ref", "id"):
            missing += _leave_one(stage, column)
        stage.run("ANALYZE match_guardian")


def _leave_one(stage: Stage, column: str) -> int:
    """Where several rows of match_guardian have the same `column`, take out all but one. Returns how many went."""
    if not stage.number(f"SELECT 1 FROM match_guardian GROUP BY {column} HAVING count(*) > 1 LIMIT 1"):
        return 0
    return stage.run(f"""
        DELETE FROM match_guardian x USING match_guardian y
        WHERE x.{column} = y.{column} AND (x.ref, x.id) > (y.ref, y.id)
    """)
