"""Who applies: the kind of application, and one or two people. Saved at any time, right or wrong."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import consents
from gatepost.guardians.applications import family as acts
from gatepost.guardians.applications.family import ApplicationRefused, Entry
from gatepost.guardians.applications.faults import Fault, faults
from gatepost.guardians.applications.models import Applicant, Application, Relation
from gatepost.portals.binding.family import Family, applying, frame, language
from gatepost.portals.binding.words import KINDS, REFUSALS, fault_text, once_more
from gatepost.portals.frame import page
from gatepost.portals.moment import now_of
from gatepost.roster import identity_numbers

TO_PROVE = ("unproven", "refused")  # what the next page, a code to the email, mends
ON_THE_FORM = ("name", "relation", "id_number", "mobile", "email")


class KindForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("Who applies?"),
        choices=list(KINDS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose who applies.")},
    )


class ApplicantForm(forms.Form):
    """One applicant. Nothing is required here: what is saved may be half done; `faults` looks before it goes."""

    name = forms.CharField(
        label=gettext_lazy("Full name"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("As it stands on the ID card: the school compares it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    relation = forms.ChoiceField(
        label=gettext_lazy("Relation to the child"), required=False, choices=[("", "—"), *Relation.choices]
    )
    id_number = forms.CharField(
        label=gettext_lazy("ID or residence number"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    mobile = forms.CharField(
        label=gettext_lazy("Mobile number"),
        max_length=30,
        required=False,
        help_text=gettext_lazy("It begins with 09. The school calls it if something is unclear."),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    email = forms.CharField(
        label=gettext_lazy("Email"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("It becomes the account. We send a code there, to see that it is this person’s."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, saved: Applicant | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        number = saved.open_id_number(settings.KEY_RING) if saved else None
        self.has_saved_number = bool(number)
        self.fields["id_number"].help_text = (
            _("Saved: {number}. Leave it empty to keep it.").format(number=identity_numbers.mask(number or ""))
            if number
            else _("It is stored encrypted; the school compares it with what it knows.")
        )

    def entry(self, position: int) -> Entry:
        """What stands in the form, for saving."""
        values = self.cleaned_data
        number: str | None = values["id_number"]
        if not number and self.has_saved_number:
            number = None
        return Entry(position, values["name"], values["relation"], number, values["mobile"], values["email"])


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def kind(request: HttpRequest, family: Family) -> HttpResponse:
    """One of the four ways to apply."""
    application = mine(family)
    if application is None:
        return redirect("binding-status")
    initial = {"kind": application.kind} if application.kind else None
    form = KindForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            _save(request, application, kind=form.cleaned_data["kind"], entries=())
        except ApplicationRefused as refused:
            messages.warning(request, once_more(refused.code))
            return redirect("binding-status")
        return redirect("binding-people")
    return page(request, "binding/kind.html", frame(request, family), form=form)


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def people(request: HttpRequest, family: Family) -> HttpResponse:
    """The applicants' data. “Save for later” keeps it as it is; “go on” also says what has to be mended."""
    application = mine(family)
    if application is None:
        return redirect("binding-status")
    if not application.kind:
        return redirect("binding-kind")
    forms_ = _forms(request, application)
    if request.method == "POST":
        application.version = posted_version(request)
        if all(form.is_valid() for form in forms_):
            answer = _saved(request, application, forms_)
            if answer:
                return answer
    else:
        _tell_of_refused(application, forms_)
    return page(
        request,
        "binding/people.html",
        frame(request, family),
        forms=forms_,
        parts=list(zip(titles(application), forms_, strict=True)),
        kind=KINDS[application.kind],
        version=Application.objects.values_list("version", flat=True).get(pk=application.pk),
    )


def _saved(request: HttpRequest, application: Application, forms_: Sequence[ApplicantForm]) -> HttpResponse | None:
    """Save; then where to go on, or None to show the page again with what is wrong."""
    entries = [form.entry(position) for position, form in enumerate(forms_, start=1)]
    try:
        row = _save(request, application, kind=application.kind, entries=entries)
    except ApplicationRefused as refused:
        forms_[0].add_error(None, str(REFUSALS[refused.code]))
        return None
    if "later" in request.POST:
        messages.success(request, _("Saved. Go on whenever you like, on any device."))
        return redirect("binding-status")
    found = [
        one for one in faults(row, ring=settings.KEY_RING) if one.field in ON_THE_FORM and one.code not in TO_PROVE
    ]
    for one in found:
        forms_[one.position - 1].add_error(one.field, str(fault_text(one)))
    return None if found else redirect(after_people(row))


def _tell_of_refused(application: Application, forms_: Sequence[ApplicantForm]) -> None:
    """Beside an email whose mail came back, on the page as it was saved."""
    for applicant in application.applicants.filter(position__lte=len(forms_), email_refused_at__isnull=False):
        form = forms_[applicant.position - 1]
        form.cleaned_data = {}  # nothing was sent: the form only says what is known
        form.add_error("email", str(fault_text(Fault(applicant.position, "email", "refused"))))


def after_people(application: Application) -> str:
    """What comes after the applicants' data: proving an email, a document, or the summary."""
    for applicant in application.applicants.filter(position__lte=application.applicants_wanted):
        if applicant.email_proven_at is None or applicant.email_refused_at:
            return reverse("binding-email", args=[applicant.position])
    if application.needs_document and not application.documents.exists():
        return reverse("binding-documents")
    return reverse("binding-summary")


def mine(family: Family) -> Application | None:
    """The application, if it is the family's turn and the pages before are done."""
    application = family.application
    if application is None or not application.is_with_family or application.data_confirmed_at is None:
        return None
    return application if consents.is_given(application, consents.NECESSARY) else None


def _save(request: HttpRequest, application: Application, *, kind: str, entries: Sequence[Entry]) -> Application:
    return acts.save_draft(
        application, kind=kind, entries=entries, language=language(), ring=settings.KEY_RING, now=now_of(request)
    )


def posted_version(request: HttpRequest) -> int:
    """The version the page was made from; 0, which is never current, if it does not say."""
    typed = request.POST.get("version", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 9 else 0


def _forms(request: HttpRequest, application: Application) -> list[ApplicantForm]:
    saved = {row.position: row for row in application.applicants.all()}
    return [
        ApplicantForm(
            request.POST if request.method == "POST" else None,
            prefix=f"p{position}",
            saved=saved.get(position),
            initial=_initial(saved.get(position)),
        )
        for position in range(1, application.applicants_wanted + 1)
    ]


def _initial(saved: Applicant | None) -> dict[str, str]:
    return {field: getattr(saved, field) for field in ON_THE_FORM if field != "id_number"} if saved else {}


def titles(application: Application) -> list[str]:
    """How the applicants are called on the pages."""
    return [_("First applicant"), _("Second applicant")] if application.applicants_wanted == 2 else [_("Applicant")]
