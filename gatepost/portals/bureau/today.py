"""The city's day in figures. No names of children anywhere: the bureau does not need them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.attendance.board import SchoolFigures, city_figures
from gatepost.attendance.models import Sweep
from gatepost.portals import words
from gatepost.portals.frame import bureau_frame, page
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.roster.models import District, School

A_PAGE = 50

HELD = {
    Sweep.Held.READERS: gettext_lazy("Waits for readers"),
    Sweep.Held.TAPS: gettext_lazy("Taps being worked on"),
    Sweep.Held.BRAKE: gettext_lazy("Unusually long list"),
    Sweep.Held.CALENDAR: gettext_lazy("No calendar"),
    Sweep.Held.RESTORED: gettext_lazy("Restored from a backup"),
}


@open_to(Role.Name.BUREAU_OFFICER)
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """Every school that uses Gatepost, those that need attention first."""
    now, chosen, wanted = now_of(request), _asked(request, "district"), _asked(request, "q")
    schools = School.objects.filter(opened_at__isnull=False).select_related("district").order_by("code")
    if chosen:
        schools = schools.filter(district=chosen)
    if wanted:
        schools = schools.filter(
            Q(name__icontains=wanted) | Q(code__iexact=wanted) | Q(district__name__icontains=wanted)
        )
    figures = city_figures(list(schools), now=now)
    shown = Paginator(sorted(figures, key=_attention), A_PAGE).get_page(request.GET.get("page"))
    districts = District.objects.filter(schools__opened_at__isnull=False).distinct().order_by("code")
    return page(
        request,
        "bureau/today.html",
        bureau_frame(request, current="today"),
        meta=[words.staff_date(localdate(now))],
        updated=words.clock_seconds(now, "Asia/Taipei"),
        refresh_url=request.get_full_path(),
        figures=_totals(figures),
        districts=[{"code": one.pk, "name": one.name, "chosen": one.pk == chosen} for one in districts],
        q=wanted,
        caption=ngettext("{n} school", "{n} schools", len(figures)).format(n=len(figures)),
        columns=_columns(),
        rows=[_row(one, now) for one in shown.object_list],
        pager=pager(request, shown),
        announce_url=reverse("bureau-announcement-new"),
    )


def _asked(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "").strip()


def _attention(one: SchoolFigures) -> tuple[Any, ...]:
    """Held lists first, then silent readers, then the longest lists."""
    held, silent = bool(one.held_because and one.expected), bool(one.silent_readers and one.expected)
    return (not held, not silent, -one.not_arrived, -_waiting(one), one.school.code)


def _waiting(one: SchoolFigures) -> int:
    return max(0, one.expected - one.arrived - one.on_leave - one.not_arrived)


def _totals(figures: Sequence[SchoolFigures]) -> list[dict[str, Any]]:
    held = sum(bool(one.held_because and one.expected) for one in figures)
    return [
        {"state": "arrived", "count": _sum(one.arrived for one in figures), "label": _("Arrived")},
        {"state": "leave", "count": _sum(one.on_leave for one in figures), "label": _("On leave")},
        {"state": "absent", "count": _sum(one.not_arrived for one in figures), "label": _("Not arrived")},
        {"state": "waiting", "count": _sum(_waiting(one) for one in figures), "label": _("Not in yet")},
        {"state": "held" if held else "waiting", "count": held, "label": _("Schools with a held list")},
    ]


def _sum(numbers: Iterable[int]) -> str:
    return f"{sum(numbers):,}"


def _columns() -> list[dict[str, Any]]:
    labels = [_("Expected"), _("Arrived"), _("On leave"), _("Not arrived"), _("Not in yet")]
    return [{"label": _("School")}, {"label": _("State")}, *({"label": label, "figure": True} for label in labels)]


def _row(one: SchoolFigures, now: datetime) -> dict[str, Any]:
    state, word, detail = _state(one, now)
    numbers = (one.expected, one.arrived, one.on_leave, one.not_arrived, _waiting(one))
    cells: list[dict[str, Any]] = [
        {"text": one.school.short_name, "detail": one.school.district.name},
        {"text": word, "state": state, "detail": detail, "label": _("State")},
    ]
    for number, column in zip(numbers, _columns()[2:], strict=True):
        cells.append({"text": f"{number:,}", "figure": True, "label": column["label"]})
    return {"cells": cells}


def _state(one: SchoolFigures, now: datetime) -> tuple[str, str, str]:
    silent = ""
    if one.silent_readers:
        silent = ngettext("{n} reader offline", "{n} readers offline", one.silent_readers).format(n=one.silent_readers)
    if not one.expected:
        return "closed", _("No school today"), silent
    if one.held_because:
        return "held", str(HELD[Sweep.Held(one.held_because)]), silent
    if silent:
        heard = words.clock(one.last_heard, one.school.timezone)
        return "off", silent, _("last heard {time}").format(time=heard) if heard else ""
    if one.last_heard is None:
        return "off", _("No reader in use"), ""
    return "done", _("Working"), ""
