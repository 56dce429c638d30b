"""The shape of the city's schools as machines may read it, in the words of the city's directory: no person in it.

What stands here can be read off a school's own web page: its code and name, and which classes it has this year.
"""

from datetime import date
from typing import Any

from django.db.models import Prefetch

from gatepost.roster.models import School, SchoolClass
from gatepost.roster.roc_dates import school_year_of
from gatepost.sso.claims import class_code

A_PAGE = 50


def schools(*, after: str, today: date) -> tuple[list[dict[str, Any]], str]:
    """The next schools by code with their classes of this school year, and the code to go on after; "" at the end."""
    classes = SchoolClass.objects.filter(school_year=school_year_of(today)).order_by("grade", "number")
    found = School.objects.filter(code__gt=after).order_by("code")
    shown = list(found.prefetch_related(Prefetch("classes", classes, to_attr="of_this_year"))[: A_PAGE + 1])
    page = shown[:A_PAGE]
    return [_school(one) for one in page], page[-1].code if len(shown) > A_PAGE else ""


def _school(one: School) -> dict[str, Any]:
    classes: list[SchoolClass] = one.of_this_year  # type: ignore[attr-defined]
    return {
        "o": one.code,
        "description": one.name,
        "businessCategory": one.get_level_display(),
        "classes": [{"ou": class_code(each), "description": each.name, "grade": each.grade} for each in classes],
    }
