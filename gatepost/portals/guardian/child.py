from datetime import date
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import GUARDIAN, open_to
from gatepost.attendance.daylines import day_lines
from gatepost.attendance.records import records_of
from gatepost.kit.clock import local_date
from gatepost.notify.queries import told_about
from gatepost.portals import days, months, reports, words
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.guardian.signs import looked
from gatepost.portals.moment import now_of
from gatepost.roster.models import Student


@open_to(GUARDIAN)
@require_safe
def today(request: HttpRequest, student_id: UUID) -> HttpResponse:
    """The child's day today."""
    child = queries.child(request.user, student_id)
    return _day(request, child, local_date(now_of(request), child.school.timezone))


@open_to(GUARDIAN)
@require_safe
def one_day(request: HttpRequest, student_id: UUID, day: date) -> HttpResponse:
    """The child's day: every event, and every message to this guardian about it."""
    return _day(request, queries.child(request.user, student_id), day)


@open_to(GUARDIAN)
@require_safe
def month(request: HttpRequest, student_id: UUID, month: date) -> HttpResponse:
    """A line for each day of a month, and what the month comes to."""
    child, now = queries.child(request.user, student_id), now_of(request)
    today = local_date(now, child.school.timezone)
    months.check(month, today=today)
    found = records_of(child, month, months.last_of(month), now=now)
    return page(
        request,
        "guardian/child_month.html",
        family_frame(request, current="attendance", child=child),
        title=months.title(month),
        meta=months.summary(found),
        student={"name": child.name},
        report_url=reverse("child-term", args=[child.pk, reports.key_on(month, today=today)]),
        rows=months.rows(found, child.school.timezone, today=today, url_of=lambda day: _url(child, day)),
        around=months.around(month, today=today, url_name="child-month", args=[child.pk]),
        crumbs=[
            {"label": _("Home"), "url": reverse("family")},
            {"label": child.name, "url": reverse("child", args=[child.pk])},
        ],
    )


def _url(child: Student, day: date) -> str:
    return reverse("child-day", args=[child.pk, day])


def _day(request: HttpRequest, child: Student, day: date) -> HttpResponse:
    now, zone = now_of(request), child.school.timezone
    today = local_date(now, zone)
    days.check(day, today=today)
    told = told_about(child.pk, day, account_id=signed_in(request).pk)
    lines = day_lines([child], now=now) if day == today else {}
    shown = page(
        request,
        "guardian/child.html",
        family_frame(request, current="attendance", child=child),
        title=words.long_date(day),
        meta=days.facts(child, day),
        student={"name": child.name, "detail": child_detail(child)},
        line=words.day_line(lines[child.pk], now=now, zone=zone) if lines else None,
        week=days.week(child, day, today=today, url_name="child-day", args=[child.pk]),
        entries=days.entries(child, day, told),
        has_deliveries=bool(told),
        settings_url=reverse("family-settings"),
        month_url=reverse("child-month", args=[child.pk, day.replace(day=1)]),
        looks_url=reverse("child-looks", args=[child.pk]),
        around=days.around(day, today=today, url_name="child-day", args=[child.pk]),
        crumbs=[{"label": _("Home"), "url": reverse("family")}],
    )
    if lines:
        looked(request, {child: lines[child.pk]}, now=now)
    return shown
