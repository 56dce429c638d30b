# ruff: noqa: S608 # statements are put together from our own text; values are parameters
"""A delta package speaks of changes only: what it leaves out is looked up in the roster."""

from collections.abc import Sequence
from typing import Final

from gatepost.roster.imports.cells import PersonCells
from gatepost.roster.imports.stage import Cells, Stage
from gatepost.roster.models import GuardianRecord, Staff, Student
from gatepost.roster.oneroster.guardians import COLUMNS, OF_GUARDIAN
from gatepost.roster.oneroster.people import (
    CLASS_NONE,
    CLASS_UNSAID,
    GUARDIAN,
    GUARDIANS,
    LEFT,
    STUDENT,
    TEACHER,
    People,
)
from gatepost.roster.oneroster.structure import Classes

REFS_FROM: Final = 1_000_000_000  # of rows that stand on no line of users.csv


def recognise(people: People, classes: Classes, schools: Sequence[int], cells: PersonCells) -> None:
    """Give those whose role is not told the one they have in the roster, and settle their classes.

    `cells` are those of enrollments.csv.
    """
    spoken_of = list(people.index)
    _recognise_students(people, classes, schools, spoken_of)
    _recognise_staff(people, schools, spoken_of)
    known = GuardianRecord.objects.filter(source_id__in=spoken_of).values_list("source_id", flat=True)
    for place in {people.index[source] for source in known if source}:
        if not people.roles[place] & GUARDIANS:
            people.roles[place] |= GUARDIAN
            people.relation_unsaid.add(place)
    for place, number in enumerate(people.class_no):
        if number > 0 and people.school[place] != classes.school_of(number):
            cells.fault(people.enrolled_line[place], "classSourcedId", "class_elsewhere")
            people.class_no[place] = CLASS_UNSAID


def add_students_not_listed(stage: Stage, people: People, classes: Classes) -> None:
    """Students whose class, seat, birthday or role is told, though they do not stand in users.csv."""
    writer = stage.writer("incoming_student")
    for source, place in people.not_met():
        if people.roles[place] & (STUDENT | LEFT) and people.school[place]:
            writer.add(_partial_student(people, classes, source, place))
    writer.flush()


def add_guardians_alone(stage: Stage, schools: Sequence[int]) -> None:
    """Guardians who are changed or deleted while their students are not spoken of."""
    stage.make_as(
        "or_alone",
        """
        SELECT DISTINCT o.place, t.source_id, t.school_id
        FROM or_guardian o
        JOIN roster_guardianrecord g ON g.source_id = o.source_id AND g.source_id <> ''
        JOIN roster_student t ON t.id = g.student_id AND t.source_id <> ''
        WHERE t.left_on IS NULL AND t.school_id = ANY(%(schools)s) AND o.line > 0 AND NOT EXISTS (
            SELECT FROM incoming_student s WHERE s.source_id = t.source_id AND s.guardians
        )
        """,
        {"schools": list(schools)},
    )
    stage.run(
        """
        INSERT INTO incoming_student (ref, line, school_id, source_id, guardians, gone, bad)
        SELECT %(refs)s + row_number() OVER (), 0, school_id, source_id, false, false, false
        FROM (SELECT DISTINCT school_id, source_id FROM or_alone) a
        WHERE NOT EXISTS (SELECT FROM incoming_student s WHERE s.source_id = a.source_id)
        """,
        {"refs": REFS_FROM},
    )
    stage.run(
        f"""
        INSERT INTO incoming_guardian ({COLUMNS})
        SELECT %(refs)s + row_number() OVER (), s.ref, 1, {OF_GUARDIAN}
        FROM or_alone a JOIN incoming_student s ON s.source_id = a.source_id AND s.school_id = a.school_id
        JOIN or_guardian o ON o.place = a.place
        """,
        {"refs": REFS_FROM},
    )


def _recognise_students(people: People, classes: Classes, schools: Sequence[int], spoken_of: Sequence[str]) -> None:
    students = Student.objects.filter(source_id__in=spoken_of, school__in=schools).exclude(source_id="")
    for source, school, class_source in students.order_by("left_on").values_list(
        "source_id", "school_id", "school_class__source_id"
    ):
        place = people.index[source]
        if not people.roles[place] & (STUDENT | LEFT):
            people.roles[place] |= STUDENT
            people.school[place] = school
        left = people.left_class.get(place, 0)
        if left > 0 and people.class_no[place] == CLASS_UNSAID and classes.numbers.get(class_source or "") == left:
            people.class_no[place] = CLASS_NONE


def _recognise_staff(people: People, schools: Sequence[int], spoken_of: Sequence[str]) -> None:
    staff = Staff.objects.filter(source_id__in=spoken_of, school__in=schools).exclude(source_id="")
    for source, school in staff.values_list("source_id", "school_id"):
        place = people.index[source]
        people.roles[place] |= TEACHER
        people.teaches.setdefault(place, set()).add(school)


def _partial_student(people: People, classes: Classes, source: str, place: int) -> Cells:
    number, seat, birthday = people.class_no[place], people.seat[place], people.birthday[place]
    return (
        *(place, 0, people.school[place], source, None, None),
        birthday or None,
        classes.grade_of(number) if number > 0 else None,
        number if number >= 0 else None,
        seat if seat >= 0 else None,
        *(None, None, False, not people.roles[place] & STUDENT, False),
    )
