"""The children about whom "not arrived" would reach nobody, and what the school can do about each."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance.notices import NOT_ARRIVED
from gatepost.audit import entries
from gatepost.kit.clock import local_date
from gatepost.notify import reach
from gatepost.notify.reach import Lack
from gatepost.portals import words
from gatepost.portals.downloads import csv_file
from gatepost.portals.frame import MANAGES, class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.roster.models import School, SchoolClass, Student

ROWS_A_PAGE = 50
WHY: dict[str, Promise] = {
    reach.NO_GUARDIAN: gettext_lazy("No guardian is bound who may be told."),
    reach.NO_ADDRESS: gettext_lazy("No address is proven."),
    reach.SWITCHED_OFF: gettext_lazy("Every address is switched off."),
    reach.UNCONFIRMED: gettext_lazy("Nobody has confirmed for long that messages arrive."),
    reach.NOT_SUBSCRIBED: gettext_lazy("“Not arrived” is switched off."),
}
SHORT: dict[str, Promise] = {
    reach.NO_GUARDIAN: gettext_lazy("No guardian"),
    reach.NO_ADDRESS: gettext_lazy("No proven address"),
    reach.SWITCHED_OFF: gettext_lazy("Switched off"),
    reach.UNCONFIRMED: gettext_lazy("Not confirmed"),
    reach.NOT_SUBSCRIBED: gettext_lazy("Not chosen"),
}
WHAT_TO_DO: dict[str, Promise] = {
    reach.NO_GUARDIAN: gettext_lazy("Give the family a letter, or ask them to apply."),
    reach.NO_ADDRESS: gettext_lazy("Telephone, and ask them to prove an address in their message settings."),
    reach.SWITCHED_OFF: gettext_lazy("Telephone, and ask for an address that works."),
    reach.UNCONFIRMED: gettext_lazy(
        "Ask whether our messages still arrive; they confirm it in their message settings."
    ),
    reach.NOT_SUBSCRIBED: gettext_lazy("Ask them to switch “Not arrived” on at one address."),
}
# Why an address is off, as the school reads it: the same for every owner, and no address beside it.
OFF: dict[tuple[str, str], Promise] = {
    ("email", "bounced"): gettext_lazy("Email: mail came back."),
    ("email", "refused"): gettext_lazy("Email: the mail server refused it."),
    ("line", "unfollowed"): gettext_lazy("LINE: our account was blocked."),
    ("line", "refused"): gettext_lazy("LINE: it does not know this person any more."),
    ("sms", "undelivered"): gettext_lazy("Text message: the number does not work."),
    ("sms", "refused"): gettext_lazy("Text message: the number does not work."),
    ("push", "refused"): gettext_lazy("App: the device takes no messages any more."),
    ("push", "signed_out"): gettext_lazy("App: signed out on the device."),
}


class _Child(NamedTuple):
    student: Student
    lack: Lack


@open_to(*MANAGES)
@require_safe
def unreachable(request: HttpRequest, code: str) -> HttpResponse:
    """Who they are, why, since when, and what to do; of one class or for one reason, if chosen."""
    school = queries.school(request.user, code, *MANAGES)
    classes = list(queries.classes(request.user, school))
    school_class, reason = _chosen_class(request, classes), _chosen_reason(request)
    of_class = [one for one in _children(request, school) if school_class in (None, one.student.school_class)]
    found = [one for one in of_class if reason in ("", one.lack.reason)]
    shown = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "school/unreachable.html",
        school_frame(request, school, current="deliveries"),
        meta=[ngettext("{n} child", "{n} children", len(found)).format(n=len(found))],
        classes=[{"value": one.pk, "label": one.name, "chosen": one == school_class} for one in classes],
        reason=reason,
        choices=_choices(request, Counter(one.lack.reason for one in of_class), reason),
        columns=[{"label": label} for label in (_("Student"), _("Why"), _("Since"), _("What to do"))],
        rows=[_row(one, school) for one in shown],
        pager=pager(request, shown),
        is_filtered=bool(school_class or reason),
        csv_url=f"{reverse('school-unreachable-csv', args=[code])}?{request.GET.urlencode()}" if found else "",
        crumbs=[{"label": _("Not reached"), "url": reverse("school-deliveries", args=[code])}],
    )


@open_to(*MANAGES)
@require_safe
def as_csv(request: HttpRequest, code: str) -> HttpResponse:
    """The same list, whole, for a spreadsheet. That it was taken stands in the log of acts."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    school_class = _chosen_class(request, list(queries.classes(request.user, school)))
    reason = _chosen_reason(request)
    found = [
        one
        for one in _children(request, school)
        if school_class in (None, one.student.school_class) and reason in ("", one.lack.reason)
    ]
    entries.record("unreachable:taken", by=signed_in(request), school_code=school.code, number=len(found))
    head = (
        *(_("Class"), pgettext("of a student", "Seat"), _("Student number"), _("Name")),
        *(_("Why"), _("Since"), _("What to do")),
    )
    today = local_date(now, school.timezone)
    title = _("Unreachable families")
    rows = [head, *(_line(one, school) for one in found)]
    return csv_file(f"{school.short_name} {title} {today.isoformat()}", rows)


def number_at(request: HttpRequest, school: School) -> int:
    """How many such children `school` has."""
    ids = list(queries.students(request.user, school).order_by().values_list("pk", flat=True))
    return len(reach.lacking(ids, topic=NOT_ARRIVED))


def _children(request: HttpRequest, school: School) -> list[_Child]:
    students = {student.pk: student for student in queries.students(request.user, school)}
    lacks = {lack.about: lack for lack in reach.lacking(students.keys(), topic=NOT_ARRIVED)}
    return [_Child(student, lacks[pk]) for pk, student in students.items() if pk in lacks]


def _chosen_class(request: HttpRequest, classes: Sequence[SchoolClass]) -> SchoolClass | None:
    return next((one for one in classes if str(one.pk) == request.GET.get("class")), None)


def _chosen_reason(request: HttpRequest) -> str:
    reason = request.GET.get("reason", "")
    return reason if reason in reach.REASONS else ""


def _choices(request: HttpRequest, counts: Counter[str], chosen: str) -> list[dict[str, Any]]:
    """All of them, and each reason that there is (the chosen one even if there is none)."""
    there = [reason for reason in reach.REASONS if counts[reason] or reason == chosen]
    everything = _("All")
    return [
        {"label": f"{everything} {counts.total()}", "url": _with(request, reason=""), "current": not chosen},
        *(
            {
                "label": f"{SHORT[reason]} {counts[reason]}",
                "url": _with(request, reason=reason),
                "current": reason == chosen,
            }
            for reason in there
        ),
    ]


def _with(request: HttpRequest, *, reason: str) -> str:
    query = request.GET.copy()
    query.pop("page", None)
    query["reason"] = reason
    return f"?{query.urlencode()}"


def _row(one: _Child, school: School) -> dict[str, Any]:
    url = reverse("school-guardians", args=[school.code, one.student.pk])
    return {
        "cells": [
            {"text": one.student.name, "detail": class_and_seat(one.student), "url": url},
            {"text": str(WHY[one.lack.reason]), "detail": _off(one.lack), "label": _("Why")},
            {"text": _since(one.lack, school) or "—", "label": _("Since")},
            {"text": str(WHAT_TO_DO[one.lack.reason]), "label": _("What to do")},
        ]
    }


def _line(one: _Child, school: School) -> tuple[str | int | None, ...]:
    student = one.student
    return (
        student.school_class.name if student.school_class else "",
        student.seat,
        student.number,
        student.name,
        words.sentences(str(WHY[one.lack.reason]), _off(one.lack)),
        _since(one.lack, school),
        str(WHAT_TO_DO[one.lack.reason]),
    )


def _off(lack: Lack) -> str:
    said = (OFF.get(one) or words.CHANNELS[one[0]] for one in lack.off)
    return words.sentences(*(str(one) for one in said))


def _since(lack: Lack, school: School) -> str:
    return words.slashed(local_date(lack.since, school.timezone)) if lack.since else ""
