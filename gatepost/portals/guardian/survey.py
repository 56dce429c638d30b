"""The city's survey of the term: five questions, none of which has to be answered, and what was answered before."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import GUARDIAN, open_to
from gatepost.portals.forms import text_field
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.surveys import satisfaction
from gatepost.surveys.models import Reply, Survey
from gatepost.surveys.satisfaction import QUESTIONS, SCALE, SurveyRefused

REFUSALS = {
    "closed": gettext_lazy("The survey has ended meanwhile. Nothing was changed."),
    "empty": gettext_lazy("Answer at least one question, or write something. If you would rather not, leave the page."),
}


class SurveyForm(forms.Form):
    """A scale for each question, and room for words."""

    text = text_field(
        gettext_lazy("What should be better?"),
        rows=4,
        longest=satisfaction.TEXT_CHARACTERS_MAX,
        required=False,
        help_text=gettext_lazy("The bureau reads this without your name. Please write no names and no numbers."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question, words in QUESTIONS.items():
            self.fields[question] = forms.TypedChoiceField(
                label=str(words), choices=list(SCALE.items()), widget=forms.RadioSelect, coerce=int, required=False
            )
        self.order_fields([*QUESTIONS, "text"])

    @property
    def answers(self) -> dict[str, int]:
        """What was chosen, by question."""
        return {question: self.cleaned_data[question] for question in QUESTIONS if self.cleaned_data[question]}


@open_to(GUARDIAN)
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest) -> HttpResponse:
    """The questions with what one answered so far; or that none are asked now."""
    now = now_of(request)
    asked = satisfaction.open_at(now)
    if asked is None:
        return _closed(request, now)
    if "take-back" in request.POST:
        if satisfaction.take_back(asked, signed_in(request).pk, now=now):
            messages.success(request, _("Your answers are deleted."))
        return redirect("family-survey")
    known = satisfaction.reply_of(asked, signed_in(request).pk)
    form = SurveyForm(request.POST if request.method == "POST" else None, initial=_so_far(known))
    if form.is_bound and form.is_valid() and _is_kept(request, asked, form, now):
        messages.success(request, _("Thank you. Your answers are kept, and you can change them until the survey ends."))
        return redirect("family-survey")
    return page(
        request,
        "guardian/survey.html",
        family_frame(request, current="survey"),
        status=422 if form.errors else 200,
        form=form,
        until=date_format(localtime(asked.closes_at), "DATETIME_FORMAT"),
        has_answered=known is not None,
        back_url=reverse("family"),
    )


def _is_kept(request: HttpRequest, asked: Survey, form: SurveyForm, now: datetime) -> bool:
    account = signed_in(request)
    child = queries.children(account).select_related("school__district").first()
    district = child.school.district if child else None
    try:
        satisfaction.reply(asked, account, form.answers, form.cleaned_data["text"], district=district, now=now)
    except SurveyRefused as refused:
        form.add_error(None, str(REFUSALS[refused.code]))
        return False
    return True


def _so_far(known: Reply | None) -> dict[str, Any]:
    if known is None:
        return {}
    return {"text": known.text, **{answer.question: answer.value for answer in known.answers.all()}}


def _closed(request: HttpRequest, now: datetime) -> HttpResponse:
    coming = satisfaction.coming(now)
    text = _("The city asks once a term, and says here when it does.")
    if coming is not None:
        day = date_format(localtime(coming.opens_at), "DATE_FORMAT")
        text = _("The next one begins on {day}.").format(day=day)
    frame = family_frame(request, current="survey")
    return page(request, "guardian/survey_closed.html", frame, text=text, back_url=reverse("family"))
