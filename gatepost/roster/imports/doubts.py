# ruff: noqa: S608 # statements are put together from our own text; values are parameters
"""Lines that must not be taken, though each cell is right: two lines claim the same, or the roster says otherwise.

Only lines that are new or would change something can be in doubt, and those they collide with.
"""

from typing import Final

from gatepost.roster.imports.plan import Found
from gatepost.roster.imports.stage import BIRTHDAY

# Lines that wait for each other's numbers are set aside one after the other; a chain of them stays within one school.
ROUNDS_MAX: Final = 10_000

# Each finds: ref, line, the kind of column, the code of the fault, and what it is about.
# Of the lines with one key, each is told of the first other one: a file may hold ten thousand of them.
_TWICE: Final = """
    SELECT s.ref, s.line, '{column}', '{code}', g.lines[CASE s.ref WHEN g.first THEN 2 ELSE 1 END]::text
    FROM (
        SELECT {key}, (array_agg(ref ORDER BY line, ref))[1] AS first,
            (array_agg(line ORDER BY line, ref))[1:2] AS lines
        FROM incoming_student WHERE NOT gone AND ({key}) IN (
            SELECT {key} FROM change_student x JOIN incoming_student USING (ref) WHERE {when}
        )
        GROUP BY {key} HAVING count(*) > 1
    ) g JOIN incoming_student s USING ({key}) WHERE NOT s.gone
"""
_NUMBER_TWICE: Final = _TWICE.format(
    column="number",
    code="number_twice",
    key="school_id, number",
    when="x.is_new OR x.fields && ARRAY['number', 'school']",
)
_IDENTITY_TWICE: Final = _TWICE.format(column="identity", code="identity_twice", key="digest", when="true")
_STUDENT_TWICE: Final = """
    SELECT s.ref, s.line, 'number', 'student_twice', CASE s.line WHEN d.first THEN d.last ELSE d.first END::text
    FROM (
        SELECT m.id, min(s.line) AS first, max(s.line) AS last FROM match_student m JOIN incoming_student s USING (ref)
        WHERE NOT s.gone AND m.id IN (SELECT id FROM match_student GROUP BY id HAVING count(*) > 1)
        GROUP BY m.id HAVING count(*) > 1
    ) d JOIN match_student m USING (id) JOIN incoming_student s USING (ref)
    WHERE NOT s.bad AND NOT s.gone
"""
_CHANGED: Final = """
    FROM change_student x JOIN incoming_student s USING (ref) JOIN roster_student t ON t.id = x.id
    WHERE NOT x.is_new AND
"""
_ELSEWHERE: Final = f"""
    SELECT s.ref, s.line, 'identity', 'active_elsewhere', (SELECT name FROM roster_school WHERE id = t.school_id)
    {_CHANGED} t.school_id <> s.school_id AND t.left_on IS NULL AND t.school_id <> ALL(%(schools)s)
"""
# A slipped column gives one child's number to another: the bonds of the one would then open the other.
_OTHER_PERSON: Final = f"""
    SELECT s.ref, s.line, 'number', 'other_person', ''
    {_CHANGED} s.name <> t.name
        AND ({BIRTHDAY} = t.birthday) IS NOT TRUE AND (s.digest = t.id_number_digest) IS NOT TRUE
        AND ({BIRTHDAY} <> t.birthday OR s.digest <> t.id_number_digest)
"""
_DECEASED: Final = f"""
    SELECT s.ref, s.line, 'number', 'deceased', '' {_CHANGED} t.study_state = 'deceased'
"""
_INCOMPLETE: Final = """
    SELECT s.ref, s.line, CASE WHEN s.number IS NULL THEN 'number' ELSE 'grade' END,
        CASE WHEN s.number IS NULL THEN 'empty' ELSE 'grade' END, ''
    FROM change_student x JOIN incoming_student s USING (ref)
    WHERE x.is_new AND (s.number IS NULL OR s.grade IS NULL)
"""
# Another row c of the roster holds what the line claims, and will still hold it when this import is done.
_NUMBER_TAKEN: Final = """
    SELECT s.ref, s.line, 'number', 'number_taken', ''
    FROM change_student x JOIN incoming_student s USING (ref)
    JOIN roster_student c ON c.school_id = s.school_id AND c.number = s.number AND c.id <> x.id
    LEFT JOIN change_student cx ON cx.id = c.id LEFT JOIN incoming_student cs ON cs.ref = cx.ref
    WHERE (x.is_new OR x.fields && ARRAY['number', 'school'])
        AND (cs.ref IS NULL OR (cs.school_id = c.school_id AND coalesce(cs.number, c.number) = c.number))
"""
_IDENTITY_TAKEN: Final = """
    SELECT s.ref, s.line, 'identity', 'identity_taken', ''
    FROM change_student x JOIN incoming_student s USING (ref) LEFT JOIN roster_student t ON t.id = x.id
    JOIN roster_student c ON c.id_number_digest = coalesce(s.digest, t.id_number_digest) AND c.id <> x.id
    LEFT JOIN change_student cx ON cx.id = c.id LEFT JOIN incoming_student cs ON cs.ref = cx.ref
    WHERE (x.is_new OR x.fields && ARRAY['id_number', 'left_on']) AND c.left_on IS NULL
        AND (cs.ref IS NULL OR coalesce(cs.digest, c.id_number_digest) = c.id_number_digest)
"""


def set_aside(found: Found) -> None:
    """Make a fault of each line in doubt, mark it bad, and take it out of change_student."""
    found.stage.make("aside", {"ref": "int4", "line": "int4", "col": "text", "code": "text", "about": "text"})
    for query in (
        _NUMBER_TWICE,
        _IDENTITY_TWICE,
        _STUDENT_TWICE,
        _ELSEWHERE,
        _OTHER_PERSON,
        _DECEASED,
        _INCOMPLETE,
    ):
        _set_aside(found, query)
    # Setting one line aside can put another in doubt: whoever waited for its number does not get it.
    for _round in range(ROUNDS_MAX):
        if not _set_aside(found, _NUMBER_TAKEN) + _set_aside(found, _IDENTITY_TAKEN):
            return
    raise AssertionError("lines that wait for each other come to an end")


def _set_aside(found: Found, query: str) -> int:
    stage = found.stage
    count = stage.run(f"INSERT INTO aside {query}", {"schools": list(found.schools)})
    if not count:
        return 0
    stage.run(
        """
        INSERT INTO incoming_fault (file, line, col, code, about)
        SELECT DISTINCT %(file)s, line, CASE col WHEN 'number' THEN %(number)s WHEN 'identity' THEN %(identity)s
            ELSE %(grade)s END, code, about
        FROM aside
        """,
        {
            "file": found.people_file,
            "number": found.number_column,
            "identity": found.identity_column,
            "grade": found.grade_column,
        },
    )
    stage.run("UPDATE incoming_student SET bad = true WHERE ref IN (SELECT ref FROM aside)")
    stage.run("DELETE FROM change_student WHERE ref IN (SELECT ref FROM aside)")
    stage.run("DELETE FROM aside")
    return count
