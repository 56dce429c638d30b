"""The school's short messages: the budget of each month, the months families ask for, "not arrived" to confirm."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.allowances import budgets, grants
from gatepost.allowances import queries as allowances
from gatepost.allowances.models import Budget, Grant
from gatepost.attendance import sweep
from gatepost.attendance.notices import ARRIVED, LEFT, NOT_ARRIVED
from gatepost.channels.sms import segments
from gatepost.kit.clock import local_date, next_month
from gatepost.notify import topics
from gatepost.notify.sms import text_about
from gatepost.portals.forms import text_field
from gatepost.portals.frame import MANAGES, class_and_seat, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.words import CHANNEL_REASONS
from gatepost.roster.models import School

SEGMENTS_MOST = 1_000_000
PAID = (NOT_ARRIVED, ARRIVED, LEFT)
EXAMPLE = "王小明"  # as long as most names


class BudgetForm(forms.Form):
    month = forms.ChoiceField(label=gettext_lazy("Month"))
    granted = forms.IntegerField(
        label=gettext_lazy("Text messages"),
        min_value=0,
        max_value=SEGMENTS_MOST,
        help_text=gettext_lazy("As the phone company counts: 70 Chinese characters are one, 71 are two."),
    )
    price = forms.DecimalField(
        label=gettext_lazy("Price of one (NT$)"), min_value=Decimal(0), max_value=Decimal(100), decimal_places=2
    )
    monthly_fee = forms.IntegerField(
        label=gettext_lazy("What a family pays for a child’s month (NT$)"),
        min_value=0,
        max_value=10_000,
        help_text=gettext_lazy("For “Arrived” and “Left”. 0: nothing. “Not arrived” is always free."),
    )

    def __init__(self, *args: Any, months: list[date], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["month"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [(month.isoformat(), date_format(month, _("F Y"))) for month in months]


class AnswerForm(forms.Form):
    because = text_field(
        gettext_lazy("Reason for a refusal"), required=False, longest=60, help_text=gettext_lazy("The family reads it.")
    )


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def service(request: HttpRequest, code: str) -> HttpResponse:
    """Budgets, what waits, what was not sent. POST sets a month's budget or answers families."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    today = local_date(now, school.timezone)
    months = _months(today)
    is_budget, is_answer = "granted" in request.POST, "answer" in request.POST
    rows = allowances.budgets_of(school, today)
    form = BudgetForm(request.POST if is_budget else None, months=months, initial=_initial(rows, months[0]))
    answer = AnswerForm(request.POST if is_answer else None)
    if is_budget and form.is_valid() and _set(request, school, form):
        return redirect("school-sms", code)
    if is_answer and answer.is_valid() and _answered(request, school, answer):
        return redirect("school-sms", code)
    waiting = grants.waiting(school, today)
    refused = form.is_bound or answer.is_bound
    return page(
        request,
        "school/sms.html",
        school_frame(request, school, current="sms"),
        status=422 if refused else 200,
        form=form,
        answer=answer,
        columns=[
            {"label": label}
            for label in (
                _("Month"),
                _("May be sent"),
                _("Used"),
                _("Remaining"),
                _("Cost (NT$)"),
                _("A family pays (NT$)"),
            )
        ],
        rows=[_row(budget) for budget in rows],
        lengths=[_length(topic, school, now) for topic in PAID],
        length_columns=[
            {"label": _("Message")},
            *({"label": name, "figure": True} for _language, name in settings.LANGUAGES),
        ],
        waiting=[_waiting(one) for one in waiting],
        chosen=request.POST.getlist("grant"),
        not_sent=[
            {"text": str(CHANNEL_REASONS.get(("sms", because), because)), "note": number}
            for because, number in allowances.not_sent(school, today.replace(day=1)).items()
        ],
        confirm_url=reverse("school-sms-confirmation", args=[code]) if allowances.waiting(school, today) else "",
    )


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def confirmation(request: HttpRequest, code: str) -> HttpResponse:
    """Asks with the names; POST says that the school has looked for them, and the short messages go."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    told = sweep.told_today(school, now=now)
    number = allowances.waiting(school, local_date(now, school.timezone))
    if not told or not number:
        messages.info(request, _("No text message waits for your confirmation."))
        return redirect("school-today", code)
    seen = set(request.POST.get("seen", "").split(","))
    if request.method == "POST" and all(str(pk) in seen for pk in told):
        sweep.confirm(school, by=request.user, now=now)
        text = ngettext("Confirmed. {n} text message goes out.", "Confirmed. {n} text messages go out.", number)
        messages.success(request, text.format(n=number))
        return redirect("school-today", code)
    if request.method == "POST":
        messages.warning(request, _("The list has changed meanwhile. Please look at the names again."))
    confirm: dict[str, Any] = {
        "title": _("Are these students really not at school?"),
        "count": number,
        "unit": ngettext("text message waits for it", "text messages wait for it", number),
        "facts": [
            _("Call the roll first. Whoever is here, enter as here: home is told, and no text message goes."),
            _("The other messages have gone out already. A text message says that the school has checked."),
        ],
        "action": {
            "label": _("Confirm, and send them"),
            "url": request.path,
            "kind": "danger",
            "name": "seen",
            "value": ",".join(map(str, told)),
        },
        "back_url": reverse("school-today", args=[code]),
    }
    students = queries.students(request.user, school).filter(pk__in=told)
    names = [{"name": one.name, "detail": class_and_seat(one)} for one in students]
    frame = school_frame(request, school, current="today")
    return page(request, "school/sms_confirmation.html", frame, confirm=confirm, names=names)


def _months(today: date) -> list[date]:
    months = [today.replace(day=1)]
    while len(months) < grants.MONTHS_AHEAD:
        months.append(next_month(months[-1]))
    return months


def _initial(rows: list[Budget], month: date) -> dict[str, Any]:
    """What the form begins with: this month's budget, or the last one's figures."""
    last = next((row for row in reversed(rows) if row.month <= month), None)
    if last is None:
        return {"month": month.isoformat(), "monthly_fee": 0}
    return {
        "month": month.isoformat(),
        "granted": last.granted,
        "price": Decimal(last.segment_price) / 100,
        "monthly_fee": last.monthly_fee,
    }


def _set(request: HttpRequest, school: School, form: BudgetForm) -> bool:
    said = form.cleaned_data
    try:
        budgets.set_budget(
            school,
            date.fromisoformat(said["month"]),
            granted=said["granted"],
            segment_price=int(said["price"] * 100),
            monthly_fee=said["monthly_fee"],
            by=request.user,
        )
    except budgets.BudgetRefused:
        form.add_error("granted", _("More were sent in this month already. Grant at least as many."))
        return False
    messages.success(request, _("Saved. The budget holds from now on."))
    return True


def _answered(request: HttpRequest, school: School, form: AnswerForm) -> bool:
    ids = [int(pk) for pk in request.POST.getlist("grant") if pk.isdecimal() and len(pk) < 18]
    approve, because = request.POST["answer"] == "approve", form.cleaned_data["because"]
    if not approve and not because:
        form.add_error("because", _("Write why: the family reads it."))
        return False
    done = grants.answer(school, ids, approve=approve, because=because, by=request.user, now=now_of(request))
    if not done:
        messages.warning(request, _("Choose at least one month."))
    elif approve:
        messages.success(request, ngettext("{n} month is approved.", "{n} months are approved.", done).format(n=done))
    else:
        messages.success(request, ngettext("{n} month is refused.", "{n} months are refused.", done).format(n=done))
    return True


def _row(budget: Budget) -> dict[str, Any]:
    used = str(budget.used + budget.beyond)
    return {
        "cells": [
            {"text": date_format(budget.month, _("F Y"))},
            {"text": str(budget.granted), "label": _("May be sent"), "figure": True},
            {
                "text": used,
                "label": _("Used"),
                "figure": True,
                "detail": _("with {n} of corrections beyond it").format(n=budget.beyond) if budget.beyond else "",
            },
            {"text": str(budget.left), "label": _("Remaining"), "figure": True},
            {"text": f"{budget.cost:.2f}", "label": _("Cost (NT$)"), "figure": True},
            {"text": str(budget.monthly_fee), "label": _("A family pays (NT$)"), "figure": True},
        ]
    }


def _length(topic: str, school: School, now: datetime) -> dict[str, Any]:
    """What a text message about an invented child of `school` says, and what it counts as in each language."""
    data = {
        "student": EXAMPLE,
        "school": school.short_name,
        "timezone": school.timezone,
        "at": now.isoformat(),
        "source": "card",
    }
    cells: list[dict[str, Any]] = [{"text": str(topics.get(topic).title), "detail": text_about(topic, data, now=now)}]
    for language, name in settings.LANGUAGES:
        with translation.override(language):
            number = segments.count(text_about(topic, data, now=now)).number
        cells.append({"text": str(number), "label": name, "figure": True})
    return {"cells": cells}


def _waiting(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.pk,
        "name": grant.student.name,
        "detail": class_and_seat(grant.student),
        "who": grant.account.get_full_name(),
        "month": date_format(grant.month, _("F Y")),
    }
