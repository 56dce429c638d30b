"""The satisfaction survey of a term: when it takes answers, and what they say once it is over."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.portals import words
from gatepost.portals.forms import moment_field
from gatepost.portals.frame import bureau_frame, operator_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.roster.models import District
from gatepost.roster.roc_dates import term_name
from gatepost.surveys import results, satisfaction
from gatepost.surveys.models import Survey
from gatepost.surveys.satisfaction import QUESTIONS, SCALE, SurveyRefused

TERMS_SHOWN = 4
REFUSALS = {
    "backwards": gettext_lazy("The survey ends before it begins. Look at both times again."),
    "past": gettext_lazy("This would be over already."),
    "over": gettext_lazy("The survey of this term is over, and its results stand. The next one is in the next term."),
}


class PeriodForm(forms.Form):
    """From when to when; the term is that of the first day."""

    opens_at = moment_field(gettext_lazy("Answers are taken from"))
    closes_at = moment_field(
        gettext_lazy("until"),
        help_text=gettext_lazy("Results are shown after that, and then the period cannot be changed any more."),
    )


@open_to(Role.Name.BUREAU_OFFICER, Role.Name.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest) -> HttpResponse:
    """The period, for the bureau to set; the last terms in counts."""
    now, sets = now_of(request), queries.roles(request.user, Role.Name.BUREAU_OFFICER).exists()
    if request.method == "POST" and not sets:
        raise PermissionDenied("the bureau sets the period")
    surveys = list(satisfaction.all_of_them()[:TERMS_SHOWN])
    standing = next((one for one in surveys if one.closes_at > now), None)
    initial = {"opens_at": localtime(standing.opens_at), "closes_at": localtime(standing.closes_at)} if standing else {}
    form = PeriodForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid() and _is_set(request, form, now):
        return redirect("bureau-survey")
    frame = bureau_frame if sets else operator_frame
    return page(
        request,
        "bureau/survey.html",
        frame(request, current="survey"),
        status=422 if form.errors else 200,
        form=form if sets else None,
        terms=[_term(one, now) for one in surveys],
    )


def _is_set(request: HttpRequest, form: PeriodForm, now: datetime) -> bool:
    opens_at, closes_at = form.cleaned_data["opens_at"], form.cleaned_data["closes_at"]
    try:
        satisfaction.set_period(
            localdate(opens_at), opens_at=opens_at, closes_at=closes_at, by=signed_in(request), now=now
        )
    except SurveyRefused as refused:
        form.add_error("opens_at" if refused.code == "over" else "closes_at", str(REFUSALS[refused.code]))
        return False
    messages.success(request, _("Families find the survey on their pages in this time."))
    return True


def _term(one: Survey, now: datetime) -> dict[str, Any]:
    found = results.of(one, now=now)
    return {
        "title": term_name(one.year, one.term),
        "period": f"{_moment(one.opens_at)}–{_moment(one.closes_at)}",
        "state": _state(one, found, now),
        "tables": _tables(found),
        "texts": found.texts,
    }


def _state(one: Survey, found: results.Results, now: datetime) -> str:
    if now < one.opens_at:
        return _("Has not begun.")
    if not found.replies:
        few = _("Fewer than five replies: there is nothing to show, so that nobody can be recognised.")
        return few if found.is_over else _("Fewer than five replies so far. The results come when it is over.")
    number = ngettext("{n} reply.", "{n} replies.", found.replies).format(n=found.replies)
    return number if found.is_over else words.sentences(number, _("The results come when it is over."))


def _tables(found: results.Results) -> list[dict[str, Any]]:
    if not found.counts:
        return []
    districts = dict(District.objects.values_list("pk", "name"))
    languages = dict(Account.Language.choices)
    return [
        {"caption": _("All replies"), **_questions(found.counts)},
        *_groups(_("By language"), found.by_language, languages),
        *_groups(_("By district of the school"), found.by_district, districts),
    ]


def _questions(counts: results.Counts) -> dict[str, Any]:
    labels = [str(word) for word in SCALE.values()]
    rows = []
    for question, said in QUESTIONS.items():
        steps = counts.get(question, Counter())
        cells = [
            {"text": steps.get(step, 0), "label": label, "figure": True}
            for step, label in zip(SCALE, labels, strict=True)
        ]
        rows.append({"cells": [{"text": said}, *cells]})
    return {
        "columns": [{"label": _("Question")}, *({"label": label, "figure": True} for label in labels)],
        "rows": rows,
    }


def _groups(caption: str, groups: Sequence[results.Group], names: dict[str, str]) -> list[dict[str, Any]]:
    """How content each group is with the whole; nothing where there are no groups to tell apart."""
    if not groups:
        return []
    agree, count = _("Agree that they are content"), _("Replies")
    rows = []
    for group in groups:
        overall = group.counts.get("overall", Counter())
        content = overall.get(5, 0) + overall.get(4, 0)
        cells = [
            {"text": group.replies, "label": count, "figure": True},
            {"text": content, "label": agree, "figure": True},
        ]
        rows.append({"cells": [{"text": names.get(group.name, _("All others together"))}, *cells]})
    columns = [{"label": caption}, {"label": count, "figure": True}, {"label": agree, "figure": True}]
    return [{"caption": caption, "columns": columns, "rows": rows}]


def _moment(moment: datetime) -> str:
    return date_format(localtime(moment), "Y/m/d H:i")
