"""Reports as the navigation names them: a child's term, or the choice of a child."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import GUARDIAN, SIGNED_IN, open_to
from gatepost.kit.clock import local_date
from gatepost.portals import reports, words
from gatepost.portals.frame import child_detail, family_frame, page
from gatepost.portals.moment import now_of
from gatepost.roster.models import Student
from gatepost.roster.terms import Span


@open_to(SIGNED_IN)
@require_safe
def children(request: HttpRequest) -> HttpResponse:
    """The only child's term; of several the choice; without one the home page, which says why."""
    found = list(queries.children(request.user))
    if not found:
        return redirect("family")
    urls = {one.pk: reverse("child-term", args=[one.pk, _now_of(request, one).key]) for one in found}
    if len(found) == 1:
        return redirect(urls[found[0].pk])
    return page(
        request,
        "guardian/reports.html",
        family_frame(request, current="reports"),
        children=[{"url": urls[one.pk], "text": one.name, "note": child_detail(one)} for one in found],
    )


@open_to(GUARDIAN)
@require_safe
def term(request: HttpRequest, student_id: UUID, term: str) -> HttpResponse:
    """One child's term in figures."""
    child, now = queries.child(request.user, student_id), now_of(request)
    today = local_date(now, child.school.timezone)
    span = reports.term_of(term, today=today)
    return page(
        request,
        "guardian/child_term.html",
        family_frame(request, current="reports", child=child),
        title=words.term(span),
        student={"name": child.name},
        meta=[f"{words.slashed(span.first)}–{words.slashed(min(span.last, today))}"],
        report=reports.report(
            child, span, now=now, month_url=lambda month: reverse("child-month", args=[child.pk, month])
        ),
        csv_url=reverse("child-term-file", args=[child.pk, span.key]),
        around=reports.around(span, today=today, url_name="child-term", args=[child.pk]),
        crumbs=[
            {"label": _("Home"), "url": reverse("family")},
            {"label": child.name, "url": reverse("child", args=[child.pk])},
        ],
    )


@open_to(GUARDIAN)
@require_safe
def term_file(request: HttpRequest, student_id: UUID, term: str) -> HttpResponse:
    """The same term as a file, a line for each school day."""
    child, now = queries.child(request.user, student_id), now_of(request)
    span = reports.term_of(term, today=local_date(now, child.school.timezone))
    return reports.term_file(child, span, now=now)


def _now_of(request: HttpRequest, child: Student) -> Span:
    return reports.offered(local_date(now_of(request), child.school.timezone))[0]
