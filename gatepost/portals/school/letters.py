"""The letters a school has printed for its families: who has one, what became of it, and taking one back."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.guardians.applications import invitations
from gatepost.guardians.applications.family_access import Invitation
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.roster.models import School, SchoolClass, Student

State = Invitation.State
SHOWN_MOST = 200


@open_to(*queries.STAFF)
@require_safe
def letters(request: HttpRequest, code: str) -> HttpResponse:
    """The classes with how many families are not bound; one class with each student's letter."""
    school, now = queries.school(request.user, code), now_of(request)
    classes = list(queries.classes(request.user, school))
    chosen = class_of(request, classes)
    office = queries.sees_whole_school(request.user, school)
    return page(
        request,
        "school/letters.html",
        school_frame(request, school, current="students"),
        title=_("Letters to families of {name}").format(name=chosen.name) if chosen else _("Letters to families"),
        classes=_classes(request, school, classes) if chosen is None else [],
        columns=[{"label": label} for label in (_("Student"), _("Guardians"), _("Letter"), _("Printed"))],
        rows=_rows(request, school, chosen, now, office=office) if chosen else [],
        print_urls=_print_urls(school, chosen, office=office),
        crumbs=crumbs(school, deep=chosen is not None and len(classes) > 1),
    )


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """Take back a student's letter, after a page that says what follows."""
    school, now = queries.school(request.user, code, *queries.SCHOOL_STAFF), now_of(request)
    student = queries.students(request.user, school).filter(pk=student_id).first()
    if student is None:
        raise Http404("no such student for you")
    back_url = _list_url(school, student.school_class)
    letter = Invitation.objects.good(now).filter(student=student).first()
    if letter is None:
        messages.info(request, _("No letter for {student} is good at the moment.").format(student=student.name))
        return redirect(back_url)
    if request.method == "POST":
        invitations.revoke(letter, by=signed_in(request), now=now)
        messages.success(request, _("The letter for {student} counts no more.").format(student=student.name))
        return redirect(back_url)
    return page(
        request,
        "portals/confirm_plainly.html",
        school_frame(request, school, current="students"),
        title=_("Take back the letter for {student}?").format(student=student.name),
        lead=printed(letter, school),
        facts=[
            _("Whoever scans it from now on reads that it counts no more."),
            _("Nothing else changes: the family can come in with the student number, or with a new letter."),
        ],
        button=_("Take the letter back"),
        back_url=back_url,
        crumbs=crumbs(school, deep=True),
    )


def class_of(request: HttpRequest, classes: list[SchoolClass]) -> SchoolClass | None:
    """The class that the address names, or the only one there is."""
    if len(classes) == 1:
        return classes[0]
    return next((one for one in classes if str(one.pk) == request.GET.get("class")), None)


def crumbs(school: School, *, deep: bool = False) -> list[dict[str, str]]:
    """The way to the letters; `deep`: from a page below them."""
    way = [{"label": _("Students"), "url": reverse("school-students", args=[school.code])}]
    if deep:
        way.append({"label": _("Letters to families"), "url": reverse("school-letters", args=[school.code])})
    return way


def printed(letter: Invitation, school: School) -> str:
    """When a letter was printed, by whom."""
    return _("Printed on {day} by {name}").format(
        day=_day(letter.printed_at, school), name=letter.printed_by.get_full_name()
    )


def state_of(letter: Invitation | None, school: School, now: datetime) -> dict[str, str]:
    """What became of a student's last letter: a cell of a table."""
    if letter is None:
        return {"text": _("None")}
    state = letter.state_at(now)
    texts = {
        State.GOOD: _("Good through {day}").format(day=_day(letter.until - timedelta(seconds=1), school)),
        State.USED: _("Used on {day}").format(day=_day(letter.used_at, school)),
        State.REVOKED: _("Taken back on {day}").format(day=_day(letter.revoked_at, school)),
        State.RUN_OUT: _("Run out"),
    }
    marks = {State.GOOD: "sent", State.USED: "done"}
    cell = {"text": texts[state]}
    return cell | ({"state": marks[state]} if state in marks else {})


def _by_whom(letter: Invitation, school: School) -> str:
    return f"{_day(letter.printed_at, school)} {letter.printed_by.get_full_name()}"


def _day(at: datetime | None, school: School) -> str:
    return words.slashed(local_date(at, school.timezone)) if at else ""


def _classes(request: HttpRequest, school: School, classes: list[SchoolClass]) -> list[dict[str, Any]]:
    mine = invitations.unbound(queries.students(request.user, school)).order_by()
    open_ones = dict(mine.values_list("school_class").annotate(number=Count("pk")))
    url = reverse("school-letters", args=[school.code])
    return [
        {"text": one.name, "note": _not_bound(open_ones.get(one.pk, 0)), "url": f"{url}?class={one.pk}"}
        for one in classes
    ]


def _not_bound(number: int) -> str:
    if not number:
        return _("Everybody has a guardian here")
    return ngettext("{n} student without a guardian here", "{n} students without a guardian here", number).format(
        n=number
    )


def _rows(
    request: HttpRequest, school: School, chosen: SchoolClass, now: datetime, *, office: bool
) -> list[dict[str, Any]]:
    mine = queries.students(request.user, school).filter(school_class=chosen)
    students = list(mine[:SHOWN_MOST])
    unbound = set(invitations.unbound(mine).values_list("pk", flat=True))
    known = invitations.newest(one.pk for one in students)
    return [_row(one, school, known.get(one.pk), now, bound=one.pk not in unbound, office=office) for one in students]


def _row(
    student: Student, school: School, letter: Invitation | None, now: datetime, *, bound: bool, office: bool
) -> dict[str, Any]:
    guardians = {"text": _("Bound"), "state": "done"} if bound else {"text": _("None yet")}
    print_url = f"{reverse('school-letters-print', args=[school.code])}?student={student.pk}"
    actions = [{"label": _("Print"), "url": print_url, "kind": "quiet", "about": student.name}]
    if office and letter is not None and letter.state_at(now) is State.GOOD:
        url = reverse("school-letter-revocation", args=[school.code, student.pk])
        actions.append({"label": _("Take back"), "url": url, "kind": "quiet", "about": student.name})
    return {
        "cells": [
            {"text": student.name, "detail": class_and_seat(student)},
            {"label": _("Guardians"), **guardians},
            {"label": _("Letter"), **state_of(letter, school, now)},
            {"label": _("Printed"), "text": _by_whom(letter, school) if letter else "–"},
        ],
        "actions": actions,
    }


def _print_urls(school: School, chosen: SchoolClass | None, *, office: bool) -> list[dict[str, str]]:
    url = reverse("school-letters-print", args=[school.code])
    if chosen is not None:
        return [
            {"label": _("Print for those without a guardian here"), "url": f"{url}?class={chosen.pk}&only=unbound"},
            {"label": _("Print for the whole class"), "url": f"{url}?class={chosen.pk}", "kind": "plain"},
        ]
    if not office:
        return []
    return [{"label": _("Print for all without a guardian here"), "url": f"{url}?only=unbound"}]


def _list_url(school: School, school_class: SchoolClass | None) -> str:
    url = reverse("school-letters", args=[school.code])
    return f"{url}?class={school_class.pk}" if school_class else url
