"""One application beside what the school knows, and the decision."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.guardians.applications import approvals, compare, documents, reasons, review
from gatepost.guardians.applications.compare import Comparison, Difference, Verdict
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import Application, ApplicationStep, Document, Relation
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.portals.forms import text_field
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.school.applications import REVIEWERS, crumbs, waiting
from gatepost.portals.school.letters import printed
from gatepost.roster.models import School

FIELDS = {
    "name": gettext_lazy("Person’s name"),
    "id_number": gettext_lazy("ID number"),
    "relation": gettext_lazy("Relation"),
    "mobile": gettext_lazy("Mobile"),
    "email": gettext_lazy("Email"),
    "birthday": gettext_lazy("Date of birth"),
}
REFUSALS = {
    "stale": gettext_lazy("This application has changed since you opened it. Look at it as it is now, then decide."),
    "elsewhere": gettext_lazy("This application is decided already, or back with the family."),
    "restricted": gettext_lazy(
        "A restriction stands between this applicant and the child, so the bond cannot be opened. Refuse the "
        "application, or lift the restriction first."
    ),
    "second": gettext_lazy("You have looked first. The second look has to be another person’s."),
}
ACTS = {
    ApplicationStep.Act.OPENED: gettext_lazy("Opened"),
    ApplicationStep.Act.SUBMITTED: gettext_lazy("Submitted"),
    ApplicationStep.Act.RETURNED: gettext_lazy("Returned"),
    ApplicationStep.Act.APPROVED: gettext_lazy("Approved"),
    ApplicationStep.Act.REFUSED: gettext_lazy("Refused"),
    ApplicationStep.Act.WITHDRAWN: gettext_lazy("Withdrawn"),
    ApplicationStep.Act.SET_ASIDE: gettext_lazy("Put away without an answer"),
}


class ReasonForm(forms.Form):
    """One of the sentences, one's own words, or both; and the version that was looked at."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    code = forms.ChoiceField(label=gettext_lazy("Reason"), required=False, widget=forms.RadioSelect)
    more = text_field(
        gettext_lazy("In your own words"),
        rows=3,
        longest=500,
        required=False,
        help_text=gettext_lazy("The family reads this as you write it. The sentences above come in their language."),
    )

    def __init__(self, *args: Any, templates: Mapping[str, Promise], **more: Any) -> None:
        super().__init__(*args, **more)
        choices = self.fields["code"]
        assert isinstance(choices, forms.ChoiceField)  # noqa: S101
        choices.choices = [*templates.items(), ("", _("Only my own words"))]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not data.get("code") and not data.get("more") and "more" in data:
            self.add_error("more", _("Choose a reason or write one."))
        return data


@open_to(*REVIEWERS)
@require_safe
def application(request: HttpRequest, code: str, application_id: UUID) -> HttpResponse:
    """The two side by side. The look is in the log that the guardians can read."""
    school = queries.school(request.user, code, *REVIEWERS)
    found = _one(school, application_id)
    queries.student(request.user, school, found.child.pk, looked="application")
    return _shown(request, school, found)


@open_to(*REVIEWERS)
@require_POST
def approve(request: HttpRequest, code: str, application_id: UUID) -> HttpResponse:
    """Yes, to what was looked at."""
    school = queries.school(request.user, code, *REVIEWERS)
    found = _as_seen(request, _one(school, application_id))
    try:
        approved = approvals.approve(found, by=signed_in(request), ring=settings.KEY_RING, now=now_of(request))
    except ApplicationRefused as refused:
        return _sorry(request, school, application_id, refused.code)
    if approved:
        messages.success(request, _("{name}: approved. The applicants get a mail.").format(name=found.child.name))
    else:
        text = _("{name}: your look is noted. Somebody else has to approve it too, because of a restriction.")
        messages.success(request, text.format(name=found.child.name))
    return redirect("school-applications", code)


@open_to(*REVIEWERS)
@require_http_methods(["GET", "HEAD", "POST"])
def give_back(request: HttpRequest, code: str, application_id: UUID) -> HttpResponse:
    """Back to the family, with what they have to mend."""
    return _decide(request, code, application_id, "return")


@open_to(*REVIEWERS)
@require_http_methods(["GET", "HEAD", "POST"])
def refuse(request: HttpRequest, code: str, application_id: UUID) -> HttpResponse:
    """No, with the reason."""
    return _decide(request, code, application_id, "refuse")


@open_to(*REVIEWERS)
@require_http_methods(["GET", "HEAD", "POST"])
def set_aside(request: HttpRequest, code: str, application_id: UUID) -> HttpResponse:
    """No answer, to somebody signed in who must not learn from one that the child is here."""
    school = queries.school(request.user, code, *REVIEWERS)
    found = _one(school, application_id)
    if not found.is_claim:
        raise Http404("a family that knows its child gets an answer")
    if request.method == "POST":
        try:
            review.set_aside(_as_seen(request, found), by=signed_in(request), now=now_of(request))
        except ApplicationRefused as refused:
            return _sorry(request, school, application_id, refused.code)
        messages.success(request, _("{name}: put away without an answer.").format(name=found.child.name))
        return redirect("school-applications", code)
    return page(
        request,
        "school/application_aside.html",
        school_frame(request, school, current="applications"),
        lead=f"{found.child.name} {class_and_seat(found.child)}",
        facts=[
            _("Whoever made it is not told that the child attends this school. They see that it waits for the school."),
            _("After 60 days they read what everybody reads whose data fits no student."),
            _("You cannot decide it any more afterwards. It stays recorded who put it away."),
        ],
        version=found.version,
        back_url=reverse("school-application", args=[code, found.pk]),
        crumbs=crumbs(code),
    )


@open_to(*REVIEWERS)
@require_safe
def document(request: HttpRequest, code: str, application_id: UUID, document_id: UUID) -> HttpResponse:
    """A paper, as we made it anew: a picture in the browser, a PDF to save. Nothing in it can run or fetch anything."""
    school = queries.school(request.user, code, *REVIEWERS)
    found = _one(school, application_id)
    paper = found.documents.filter(pk=document_id).first()
    if paper is None:
        raise Http404("no such document")
    queries.student(request.user, school, found.child.pk, looked="document")
    response = HttpResponse(documents.opened(paper, settings.KEY_RING), content_type=paper.form)
    shown, ending = ("inline", "jpg") if paper.form == Document.Form.JPEG else ("attachment", "pdf")
    response["Content-Disposition"] = f'{shown}; filename="document-{paper.pk}.{ending}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "no-store"
    return response


def _decide(request: HttpRequest, code: str, application_id: UUID, act: str) -> HttpResponse:
    school = queries.school(request.user, code, *REVIEWERS)
    found = _one(school, application_id)
    templates = reasons.RETURN if act == "return" else reasons.REFUSE
    form = ReasonForm(
        request.POST if request.method == "POST" else None, templates=templates, initial={"version": found.version}
    )
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        found.version = data["version"]
        reason = reasons.sentence(data["code"], data["more"], language=found.language)
        decide = review.return_to_family if act == "return" else review.refuse
        try:
            decide(found, reason, by=signed_in(request), now=now_of(request))
        except ApplicationRefused as refused:
            if refused.code == "elsewhere":
                return _sorry(request, school, application_id, refused.code)
            # What was typed stays; sent again, it is for the application as it is now.
            found = _one(school, application_id)
            form = ReasonForm({**data, "version": found.version}, templates=templates)
            form.add_error(None, str(REFUSALS[refused.code]))
        else:
            text = _("{name}: returned.") if act == "return" else _("{name}: refused.")
            messages.success(request, text.format(name=found.child.name))
            return redirect("school-applications", code)
    return page(
        request,
        "school/application_reason.html",
        school_frame(request, school, current="applications"),
        title=_("Return to the family") if act == "return" else _("Refuse the application"),
        button=_("Return it") if act == "return" else _("Refuse it"),
        kind="" if act == "return" else "danger",
        lead=f"{found.child.name} {class_and_seat(found.child)}",
        form=form,
        warns=found.is_claim,
        crumbs=crumbs(code),
        back_url=reverse("school-application", args=[code, found.pk]),
    )


def _one(school: School, application_id: UUID) -> Application:
    """One that waits for the school. Raises `Http404` for any other."""
    found = approvals.whole(waiting(school)).filter(pk=application_id).first()
    if found is None:
        raise Http404("no such application waits for you")
    return found


def _as_seen(request: HttpRequest, found: Application) -> Application:
    """With the version of the page that was looked at, so that a stale one is refused."""
    version = request.POST.get("version", "")
    found.version = int(version) if version.isdecimal() and len(version) < 10 else 0
    return found


def _sorry(request: HttpRequest, school: School, application_id: UUID, code: str) -> HttpResponse:
    messages.warning(request, str(REFUSALS[code]))
    if waiting(school).filter(pk=application_id).exists():
        return redirect("school-application", school.code, application_id)
    return redirect("school-applications", school.code)


def _shown(request: HttpRequest, school: School, found: Application) -> HttpResponse:
    people = compare.differences(found, ring=settings.KEY_RING)
    return page(
        request,
        "school/application.html",
        school_frame(request, school, current="applications"),
        title=found.child.name,
        meta=_meta(school, found),
        people=[_person(school, one) for one in people],
        child_rows=[_row(one) for one in compare.child(found)],
        aside_url=reverse("school-application-aside", args=[school.code, found.pk]) if found.is_claim else "",
        is_exact=compare.is_exact(found, ring=settings.KEY_RING),
        restricted=approvals.needs_second_look(found),
        looked=approvals.waits_for_second_look(found),
        documents=[_document(school, found, one) for one in found.documents.defer("sealed_bytes")],
        steps=(steps := [_step(school, one) for one in found.steps.select_related("by", "invitation__printed_by")]),
        letter=next((step["letter"] for step in reversed(steps) if step["letter"]), ""),
        version=found.version,
        crumbs=crumbs(school.code),
        urls={
            name: reverse(f"school-application-{name}", args=[school.code, found.pk])
            for name in ("approval", "return", "refusal")
        },
    )


def _meta(school: School, found: Application) -> list[str]:
    facts = [class_and_seat(found.child), found.child.number, str(Application.Kind(found.kind).label)]
    if found.submitted_at:
        since = words.slashed(local_date(found.submitted_at, school.timezone))
        facts.append(_("Submitted {date}").format(date=since))
    return [fact for fact in facts if fact]


def _person(school: School, one: Comparison) -> dict[str, Any]:
    return {
        "name": one.applicant.name,
        "known": one.record is not None,
        "came_back": _came_back(school, one),
        "rows": [_row(field) for field in one.fields],
    }


def _came_back(school: School, one: Comparison) -> str:
    """That mails do not reach the applicant, and since when."""
    at = one.applicant.email_refused_at
    if at is None:
        return ""
    day = words.slashed(local_date(at, school.timezone))
    return _(
        "Mail to {email} came back on {day}. Nothing you decide reaches this person by mail: return the application so "
        "that the address is corrected, or telephone."
    ).format(email=one.applicant.email, day=day)


def _row(one: Difference) -> dict[str, Any]:
    said = str(Relation(one.said).label) if one.field == "relation" and one.said in Relation.values else one.said
    differs = one.verdict is Verdict.DIFFERS
    return {"label": FIELDS[one.field], "left": one.known, "right": said, "differs": differs}


def _document(school: School, found: Application, one: Document) -> dict[str, str]:
    return {
        "text": str(Document.Kind(one.kind).label),
        "note": "PDF" if one.form == Document.Form.PDF else _("Picture"),
        "time": words.slashed(local_date(one.added_at, school.timezone)),
        "url": reverse("school-application-document", args=[school.code, found.pk, one.pk]),
    }


def _step(school: School, one: ApplicationStep) -> dict[str, str]:
    who = one.by.get_full_name() if one.by else _("The family")
    letter = printed(one.invitation, school) if one.invitation else ""
    return {
        "time": words.slashed(local_date(one.at, school.timezone)),
        "text": str(ACTS.get(ApplicationStep.Act(one.act), one.act)),
        "note": " · ".join(part for part in (who, _("with a letter") if letter else "", one.reason) if part),
        "letter": letter,
    }
