"""From where people are looked after: a school's administrator, the bureau, the operator. Each has every view."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from gatepost.access import appointments, queries
from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.portals.frame import Frame, bureau_frame, operator_frame, school_frame, signed_in
from gatepost.roster.models import School

Name = Role.Name


@dataclass(frozen=True)
class Office:
    """One of the three places. `prefix` and `code` make its addresses; `school` is None for the city's."""

    prefix: str
    frame: Frame
    gives: list[Name]
    school: School | None = None

    def url(self, name: str, **arguments: Any) -> str:
        """The address of one of the pages here."""
        where = {"code": self.school.code} if self.school else {}
        return reverse(f"{self.prefix}-{name}", kwargs={**where, **arguments})

    @property
    def crumbs(self) -> list[dict[str, str]]:
        return [{"label": _("People and roles"), "url": self.url("people")}]


View = Callable[..., HttpResponse]


def at_school(view: View) -> View:
    """`view` for the administrator of a school."""

    @open_to(Name.SCHOOL_ADMINISTRATOR)
    @wraps(view)
    def look(request: HttpRequest, code: str, **arguments: Any) -> HttpResponse:
        school = queries.school(request.user, code, Name.SCHOOL_ADMINISTRATOR)
        gives = appointments.given_by(signed_in(request), school)
        frame = school_frame(request, school, current="people")
        return view(request, Office("school", frame, gives, school), **arguments)

    return look


def at_bureau(view: View) -> View:
    """`view` for the officers of the bureau."""

    @open_to(Name.BUREAU_OFFICER)
    @wraps(view)
    def look(request: HttpRequest, **arguments: Any) -> HttpResponse:
        gives = list(appointments.GIVES[Name.BUREAU_OFFICER])
        return view(request, Office("bureau", bureau_frame(request, current="people"), gives), **arguments)

    return look


def at_platform(view: View) -> View:
    """`view` for the operator."""

    @open_to(Name.OPERATOR)
    @wraps(view)
    def look(request: HttpRequest, **arguments: Any) -> HttpResponse:
        gives = list(appointments.GIVES[Name.OPERATOR])
        return view(request, Office("operator", operator_frame(request, current="people"), gives), **arguments)

    return look
