"""The service of short messages as a family sees it: what is free, what is charged, the months, and applying."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.allowances import grants
from gatepost.allowances.models import Budget, Grant
from gatepost.guardians.models import Right
from gatepost.kit.clock import local_date
from gatepost.notify.models import Channel
from gatepost.notify.queries import addresses_of
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.guardian import ways
from gatepost.portals.moment import now_of
from gatepost.portals.words import GRANT_STATES
from gatepost.roster.models import Student

DRAWN = {"waiting": "waiting", "approved": "done", "refused": "failed"}


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def service(request: HttpRequest) -> HttpResponse:
    """Each child's months. POST applies for those chosen, or takes one back."""
    account = signed_in(request)
    children = list(queries.children(account, Right.TOLD).select_related("school"))
    if request.method == "POST":
        _act(request, children)
        return redirect("family-sms")
    today = {child.pk: local_date(now_of(request), child.school.timezone) for child in children}
    months = {(one.student_id, one.month): one for child in children for one in _own(request, child, today[child.pk])}
    numbers = [one.label for one in addresses_of(account.pk) if one.channel == Channel.SMS and one.is_usable]
    offered = next((way for way in ways.on_offer() if way.channel == Channel.SMS), None)
    return page(
        request,
        "guardian/sms.html",
        family_frame(request, current="sms"),
        crumbs=[{"label": _("Account settings"), "url": reverse("family-settings")}],
        is_on=offered is not None,
        numbers=numbers,
        add_url=offered.url if offered else "",
        settings_url=reverse("family-settings"),
        children=[
            {
                "id": child.pk,
                "name": child.name,
                "detail": child_detail(child),
                "months": [
                    _month(budget, months.get((child.pk, budget.month)))
                    for budget in grants.on_offer(child.school_id, today[child.pk])
                ],
            }
            for child in children
        ],
    )


def _own(request: HttpRequest, child: Student, today: date) -> list[Grant]:
    return grants.of_account(signed_in(request), [child.pk], today)


def _act(request: HttpRequest, children: Sequence[Student]) -> None:
    account, now = signed_in(request), now_of(request)
    withdrawn = request.POST.get("withdrawal", "")
    if withdrawn.isdecimal() and len(withdrawn) < 18:
        if grants.take_back(account, int(withdrawn)):
            messages.success(request, _("Taken back. No text message goes by it any more."))
        return
    child = next((one for one in children if str(one.pk) == request.POST.get("student")), None)
    months = _months(request.POST.getlist("month"))
    if child is None or not months:
        messages.warning(request, _("Choose at least one month."))
        return
    today = local_date(now, child.school.timezone)
    try:
        asked = grants.ask(account, child, months, now=now, today=today)
    except grants.GrantRefused:
        messages.warning(request, _("The school does not offer one of these months any more. Choose again."))
        return
    text = ngettext(
        "Applied for {n} month. The school answers it.", "Applied for {n} months. The school answers them.", asked
    )
    messages.success(request, text.format(n=asked))


def _months(values: Sequence[str]) -> list[date]:
    found = []
    for value in values[: grants.MONTHS_AHEAD]:
        try:
            found.append(date.fromisoformat(value).replace(day=1))
        except ValueError:
            continue
    return found


def _month(budget: Budget, grant: Grant | None) -> dict[str, Any]:
    state = grant.state if grant else ""
    fee = _("NT${amount}").format(amount=budget.monthly_fee) if budget.monthly_fee else _("Free")
    return {
        "value": budget.month.isoformat(),
        "label": date_format(budget.month, _("F Y")),
        "fee": fee,
        "state": DRAWN.get(state, ""),
        "word": GRANT_STATES.get(state, ""),
        "because": grant.refused_because if grant else "",
        "can_ask": state in ("", "refused"),
        "withdrawal": grant.pk if grant and state != "refused" else None,
    }
