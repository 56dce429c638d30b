"""Which grades a school teaches, and which stage a grade belongs to."""

from functools import cache

from gatepost.roster.models import School, SchoolClass
from gatepost.roster.school_list import STAGE_GRADES, schools


def grades_of(school: School) -> range:
    """The grades of a school: by its level, by the list of schools (some senior highs hold a junior department), and
    by the classes it already has.
    """
    stages = {school.level, *_listed().get(school.code, ())}
    stages |= set(SchoolClass.objects.filter(school=school).values_list("stage", flat=True).distinct())
    taught = [STAGE_GRADES[stage] for stage in stages]
    return range(min(grades.start for grades in taught), max(grades.stop for grades in taught))


def stage_grades(grade: int) -> range:
    """The grades of the stage that `grade` is in: 1–6, 7–9 or 10–12."""
    return next(grades for grades in STAGE_GRADES.values() if grade in grades)


@cache
def _listed() -> dict[str, tuple[str, ...]]:
    return {entry.code: entry.stages for entry in schools()}
