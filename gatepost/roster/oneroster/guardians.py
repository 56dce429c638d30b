# ruff: noqa: S608 # statements are put together from our own text; values are parameters
"""Guardians and whose they are: one of several students stands once for each."""

from typing import Final

from gatepost.roster.imports.stage import Stage

TABLES: Final = {
    "or_guardian": {
        "place": "int4",
        "line": "int4",
        "source_id": "text",
        "name": "text",
        "relation": "text",
        "mobile": "text",
        "email": "text",
        "digest": "bytea",
        "handle": "int4",
        "gone": "bool",
        "bad": "bool",
    },
    "or_link": {"student": "int4", "nth": "int2", "guardian": "int4"},
}
COLUMNS: Final = "ref, student, nth, line, source_id, name, relation, mobile, email, digest, handle, gone, bad"
OF_GUARDIAN: Final = "o.line, o.source_id, o.name, o.relation, o.mobile, o.email, o.digest, o.handle, o.gone, o.bad"


def link(stage: Stage) -> None:
    """Fill incoming_guardian: the guardians each student names."""
    stage.run(
        f"""
        INSERT INTO incoming_guardian ({COLUMNS})
        SELECT row_number() OVER (), l.student, l.nth, {OF_GUARDIAN}
        FROM or_link l JOIN or_guardian o ON o.place = l.guardian
        """
    )
    stage.run("ANALYZE incoming_guardian")
