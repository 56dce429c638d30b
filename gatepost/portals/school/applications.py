"""The applications that wait for the school: the queue, and those that can be approved together."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.guardians.applications import approvals, compare
from gatepost.guardians.applications.compare import Difference, Verdict
from gatepost.guardians.applications.models import Applicant, Application, Desk
from gatepost.guardians.applications.queries import queue
from gatepost.guardians.models import Restriction
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.roster.models import School
from gatepost.roster.wordings import half_width

REVIEWERS = ("registrar", "school_administrator")
ROWS_A_PAGE = 50


@open_to(*REVIEWERS)
@require_safe
def applications(request: HttpRequest, code: str) -> HttpResponse:
    """What waits, the oldest first."""
    school, now = queries.school(request.user, code, *REVIEWERS), now_of(request)
    promised = promised_days(school)
    only, wanted = request.GET.get("only", ""), request.GET.get("q", "")
    found = _filtered(waiting(school), only=only, wanted=wanted, late_before=now - timedelta(days=promised))
    shown = Paginator(approvals.whole(_marked(found)), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "school/applications.html",
        school_frame(request, school, current="applications"),
        q=wanted,
        url=reverse("school-applications", args=[code]),
        choices=_choices(request, code, only),
        count=shown.paginator.count,
        promise=ngettext("Promised: within {n} day", "Promised: within {n} days", promised).format(n=promised),
        rows=_rows(school, shown, now, promised),
        columns=[{"label": label} for label in _labels()],
        pager=pager(request, shown),
        exact_url=reverse("school-applications-exact", args=[code]),
        is_filtered=bool(only or wanted),
    )


@open_to(*REVIEWERS)
@require_http_methods(["GET", "HEAD", "POST"])
def exact(request: HttpRequest, code: str) -> HttpResponse:
    """Approve exact matches together: first who they are, then the act, for exactly those that were shown."""
    school, now = queries.school(request.user, code, *REVIEWERS), now_of(request)
    if request.method == "POST":
        return _approve_together(request, school, now)
    found = approvals.exact_matches(school, ring=settings.KEY_RING)
    return page(
        request,
        "school/applications_exact.html",
        school_frame(request, school, current="applications"),
        rows=[
            {
                "value": f"{one.pk}:{one.version}",
                "name": one.child.name,
                "detail": class_and_seat(one.child),
                "applicants": words.listed(person.name for person in one.applicants.all()),
            }
            for one in found
        ],
        most=approvals.TOGETHER_MOST,
        crumbs=crumbs(code),
        back_url=reverse("school-applications", args=[code]),
    )


def waiting(school: School) -> QuerySet[Application]:
    """The queue of those who are at the school."""
    return queue(school).filter(student__left_on=None)


def promised_days(school: School) -> int:
    """Within how many days the school looks at an application."""
    desk = Desk.objects.filter(school=school).first()
    return desk.promised_days if desk else int(Desk._meta.get_field("promised_days").get_default())


def late(school: School, *, now: datetime) -> dict[str, Any] | None:
    """What the school's today says of applications older than its promise; None where there are none."""
    days = promised_days(school)
    count = waiting(school).filter(submitted_at__lt=now - timedelta(days=days)).count()
    if not count:
        return None
    text = ngettext(
        "{n} application waits longer than the school promised",
        "{n} applications wait longer than the school promised",
        count,
    )
    promise = ngettext("Promised: within {n} day", "Promised: within {n} days", days).format(n=days)
    url = reverse("school-applications", args=[school.code]) + "?only=late"
    return {"text": text.format(n=count), "note": promise, "url": url, "tag": _("Past the promise")}


def crumbs(code: str) -> list[dict[str, str]]:
    """The way back to the queue."""
    return [{"label": _("Applications"), "url": reverse("school-applications", args=[code])}]


def _approve_together(request: HttpRequest, school: School, now: datetime) -> HttpResponse:
    chosen = list(_chosen(request))
    outcomes = approvals.approve_together(school, chosen, by=signed_in(request), ring=settings.KEY_RING, now=now)
    done = sum(not one.code for one in outcomes)
    if done:
        text = ngettext(
            "{n} application is approved. The applicants get a mail.",
            "{n} applications are approved. The applicants get a mail.",
            done,
        )
        messages.success(request, text.format(n=done))
    left = [one.application_id for one in outcomes if one.code]
    if left:
        known = Application.objects.filter(pk__in=left, student__school=school).select_related("student")
        names = words.listed(one.child.name for one in known)
        text = ngettext(
            "{n} was left out because it has changed since the preview: {names}.",
            "{n} were left out because they have changed since the preview: {names}.",
            len(left),
        )
        messages.warning(request, text.format(n=len(left), names=names or "–"))
    if not outcomes:
        messages.warning(request, _("Nothing was chosen."))
    return redirect("school-applications", school.code)


def _chosen(request: HttpRequest) -> list[tuple[UUID, int]]:
    """What was ticked, as it stood in the preview; anything else is passed over."""
    chosen = []
    for text in request.POST.getlist("chosen"):
        number, _colon, version = text.partition(":")
        try:
            chosen.append((UUID(number), int(version[:9])))
        except ValueError:
            continue
    return chosen


def _filtered(found: QuerySet[Application], *, only: str, wanted: str, late_before: datetime) -> QuerySet[Application]:
    if only == "late":
        found = found.filter(submitted_at__lt=late_before)
    elif only == "document":
        found = found.filter(kind=Application.Kind.OTHER)
    elif only == "second":
        found = found.filter(Exists(Restriction.objects.in_force().filter(student=OuterRef("student"))))
    text = half_width(wanted).replace("\0", "").strip()
    if text:
        named = Q(student__name__icontains=text) | Q(student__number__iexact=text)
        found = found.filter(named | Exists(Applicant.objects.filter(application=OuterRef("pk"), name__icontains=text)))
    return found


def _marked(found: QuerySet[Application]) -> QuerySet[Application]:
    restricted = Restriction.objects.in_force().filter(student=OuterRef("student"))
    return found.annotate(is_restricted=Exists(restricted))


def _choices(request: HttpRequest, code: str, only: str) -> list[dict[str, Any]]:
    url = reverse("school-applications", args=[code])
    named = {"": _("All"), "late": _("Past the promise"), "document": _("With a document"), "second": _("Second look")}
    return [
        {"label": label, "url": f"{url}?only={key}" if key else url, "current": key == only}
        for key, label in named.items()
    ]


def _labels() -> tuple[str, ...]:
    return (_("Student"), _("Applicants"), _("Waiting"), _("Compared with the roster"))


def _rows(school: School, shown: Page[Application], now: datetime, promised: int) -> list[dict[str, Any]]:
    _student, applicants, since, compared = _labels()
    rows = []
    for one in shown:
        url = reverse("school-application", args=[school.code, one.pk])
        cells = [
            {"text": one.child.name, "url": url, "detail": class_and_seat(one.child)},
            {"text": words.listed(person.name for person in one.applicants.all()), "label": applicants},
            {"label": since, **_age(one, school, now, promised)},
            {"label": compared, **_verdict(one)},
        ]
        rows.append({"cells": cells})
    return rows


def _age(one: Application, school: School, now: datetime, promised: int) -> dict[str, str]:
    assert one.submitted_at is not None  # noqa: S101 - it is in the queue
    days = (now - one.submitted_at).days
    text = ngettext("{n} day", "{n} days", days).format(n=days) if days else _("Since today")
    since = words.slashed(local_date(one.submitted_at, school.timezone))
    return {"text": text, "detail": " ".join([since, _("Past the promise")]) if days >= promised else since}


def _verdict(one: Application) -> dict[str, str]:
    """What the comparison says in one line, for the row."""
    if getattr(one, "is_restricted", False):
        return {"text": _("Restriction: two people look"), "state": "held"}
    if one.needs_document:
        return {"text": _("Document to read")}
    people = compare.differences(one, ring=settings.KEY_RING)
    if any(person.email_refused_at for person in one.applicants.all()):
        return {"text": _("Email comes back"), "state": "failed"}
    number = sum(_differing(fields) for fields in (compare.child(one), *(person.fields for person in people)))
    if number:
        return {"text": ngettext("{n} difference", "{n} differences", number).format(n=number), "state": "unequal"}
    if compare.is_exact(one, ring=settings.KEY_RING):
        return {"text": _("Exact match"), "state": "done"}
    return {"text": _("Not all is known to the school")}


def _differing(fields: Iterable[Difference]) -> int:
    return sum(one.verdict is Verdict.DIFFERS for one in fields)
