"""The notice on personal data, an answer for each purpose, and taking one back."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import consents
from gatepost.guardians.applications import family as acts
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import Application, Consent
from gatepost.guardians.applications.notice import Notice, notice
from gatepost.portals.binding.family import Family, applying, frame, language
from gatepost.portals.binding.words import once_more
from gatepost.portals.frame import page
from gatepost.portals.moment import now_of
from gatepost.roster.models import School

CHOICES = [("agree", gettext_lazy("I agree")), ("disagree", gettext_lazy("I do not agree"))]


def _answer_field(label: Any) -> forms.ChoiceField:
    required = {"required": gettext_lazy("Choose one of the two answers.")}
    return forms.ChoiceField(label=label, choices=CHOICES, widget=forms.RadioSelect, error_messages=required)


class ConsentForm(forms.Form):
    binding = _answer_field(gettext_lazy("Do you agree, for the parent–child account?"))
    services = _answer_field(gettext_lazy("Do you agree, for sign-in to connected services? (You may say no.)"))


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def answer(request: HttpRequest, family: Family) -> HttpResponse:
    """Read, then agree or not, for each purpose. No to the necessary one is kept too, and ends it politely."""
    application = family.application
    if application is None or not application.is_with_family:
        return redirect("binding-status")
    notices, form = notices_of(family.student.school), form_for(request, application)
    if request.method == "POST" and form.is_valid():
        return _answered(request, family, form.cleaned_data, notices)
    return page(
        request,
        "binding/consent.html",
        frame(request, family),
        form=form,
        parts=[(notices["binding"], form["binding"]), (notices["services"], form["services"])],
    )


def notices_of(school: School) -> dict[str, Notice]:
    """The texts in force, by purpose, in the name of `school` and in the reader's language."""
    return {purpose: notice(purpose, language=language(), school=school.name) for purpose in Consent.Purpose.values}


def form_for(request: HttpRequest, application: Application) -> ConsentForm:
    """The form with what was answered before."""
    given = {purpose: one.answer for purpose, one in consents.newest(application).items() if not one.withdrawn_at}
    return ConsentForm(request.POST if request.method == "POST" else None, initial=given)


def keep(row: Application, answers: dict[str, str], notices: dict[str, Notice], now: datetime) -> bool:
    """Keep each answer with the words it was given to. Returns whether it goes on: yes to what is necessary."""
    for purpose, text in notices.items():
        consents.answer(
            row,
            purpose,
            agrees=answers[purpose] == Consent.Answer.AGREE,
            version=text.version,
            language=text.language,
            text_hash=text.text_hash,
            now=now,
        )
    return answers[consents.NECESSARY] == Consent.Answer.AGREE


def _answered(
    request: HttpRequest, family: Family, answers: dict[str, str], notices: dict[str, Notice]
) -> HttpResponse:
    now, application = now_of(request), family.application
    assert application is not None  # noqa: S101 - the view looked
    try:
        with transaction.atomic(), acts.changing(application) as row:
            if keep(row, answers, notices, now):
                return redirect("binding-kind")
            acts.withdraw(row, now=now)
    except ApplicationRefused as refused:
        messages.warning(request, once_more(refused.code))
        return redirect("binding-status")
    return page(request, "binding/ended.html", frame(request, family))


@open_to(PUBLIC)
@require_POST
@applying
def end(request: HttpRequest, family: Family) -> HttpResponse:
    """Take back what was agreed to beyond the necessary; it counts no more from now on."""
    purpose = request.POST.get("purpose", "")
    application = family.application if purpose != consents.NECESSARY else None
    if application and consents.withdraw(application, purpose, now=now_of(request)):
        messages.success(request, _("Your consent is taken back. It counts no more from now on."))
    return redirect("binding-status")
