"""Which child: the school, then what the claimant knows of the child. Nothing of it is confirmed or denied here."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians.applications import claims, queries
from gatepost.guardians.applications.claims import ClaimRefused, Named
from gatepost.guardians.applications.models import Application
from gatepost.kit.clock import local_date
from gatepost.portals.binding import human
from gatepost.portals.binding.entrance import HUMAN_FAULTS
from gatepost.portals.binding.family import language
from gatepost.portals.binding.schools import chooser
from gatepost.portals.claiming.words import STATES
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.visitor import network_address
from gatepost.roster import identity_numbers, roc_dates
from gatepost.roster.models import School
from gatepost.roster.wordings import WordingError

OLDEST = 25  # years, of a student
SHOWN_MOST = 20
REFUSALS = {
    "many": gettext_lazy("Eight children at a time are the most. Finish or withdraw one of them first."),
    "twice": gettext_lazy("You have asked for a child with this student number already. Look where it stands."),
    "bound": gettext_lazy("This child is on your home page already."),
}
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class ChildForm(forms.Form):
    """A child as the claimant knows it."""

    number = forms.CharField(
        label=gettext_lazy("Student number"),
        max_length=40,
        help_text=gettext_lazy("It is on the student card."),
        error_messages={"required": gettext_lazy("Type the student number.")},
        widget=forms.TextInput(attrs={**_PLAIN, "autocapitalize": "characters"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Student’s full name"),
        max_length=60,
        error_messages={"required": gettext_lazy("Type the student’s name.")},
        widget=forms.TextInput(attrs=_PLAIN),
    )
    id_number = forms.CharField(
        label=gettext_lazy("Student’s ID or residence number"),
        max_length=30,
        help_text=gettext_lazy("It is stored encrypted, and deleted when this is finished."),
        error_messages={"required": gettext_lazy("Type the student’s ID or residence number.")},
        widget=forms.TextInput(attrs={**_PLAIN, "autocapitalize": "characters"}),
    )
    birthday = forms.CharField(
        label=gettext_lazy("Date of birth"),
        max_length=20,
        help_text=gettext_lazy("Year, month, day: 2018-03-15 or 107/03/15."),
        error_messages={"required": gettext_lazy("Type the date of birth.")},
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "text"}),
    )

    def __init__(self, *args: Any, today: date, **more: Any) -> None:
        super().__init__(*args, **more)
        self._today = today

    def clean_id_number(self) -> str:
        number = identity_numbers.normalise(self.cleaned_data["id_number"])
        try:
            identity_numbers.kind(number)
        except WordingError as error:
            raise forms.ValidationError(str(error)) from error
        return number

    def clean_birthday(self) -> date:
        earliest = self._today.replace(year=self._today.year - OLDEST, day=1)
        try:
            return roc_dates.parse_date(self.cleaned_data["birthday"], earliest=earliest, latest=self._today)
        except WordingError as error:
            raise forms.ValidationError(str(error)) from error

    def named(self, school: School) -> Named:
        """What was typed. For a valid form."""
        typed = self.cleaned_data
        return Named(school, typed["number"], typed["name"].strip(), typed["id_number"], typed["birthday"])


@open_to(SIGNED_IN)
@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """What was asked for so far and where it stands; then the school of another child."""
    mine = claims.of(signed_in(request))[:SHOWN_MOST]
    return page(
        request,
        "claiming/schools.html",
        family_frame(request, current="family"),
        claims=rows(mine),
        **chooser(request, "claim-child"),
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def name(request: HttpRequest, code: str) -> HttpResponse:
    """The child's data. Whatever they fit, the next page is the same."""
    school = School.objects.select_related("district").filter(code=code).first()
    if school is None:
        raise Http404("no such school")
    if not queries.schools_that_take_applications().filter(pk=school.pk).exists():
        return page(request, "claiming/not_open.html", family_frame(request, current="family"), school=school)
    today, existing = local_date(now_of(request), school.timezone), None
    form = ChildForm(request.POST if request.method == "POST" else None, today=today, initial=_again(request))
    if request.method == "POST" and form.is_valid() and _is_person(request, form):
        try:
            application = _begun(request, form.named(school))
        except ClaimRefused as refused:
            form.add_error(None, sentence(refused))
            existing = refused.application
        else:
            return redirect("claim-consent", application.pk)
    return page(
        request,
        "claiming/child.html",
        family_frame(request, current="family"),
        school=school,
        form=form,
        existing_url=reverse("claim-status", args=[existing.pk]) if existing else "",
        challenge=human.challenge(now=now_of(request)),
    )


def rows(found: Any) -> list[dict[str, Any]]:
    """Claims in a list: what was typed, and where each stands."""
    return [
        {
            "text": f"{one.claim.name} {one.claim.school.short_name}",
            "note": STATES[one.state],
            "url": reverse("claim-status", args=[one.pk]),
        }
        for one in found
    ]


def sentence(refused: ClaimRefused) -> str:
    """A refusal in words. None of them says anything of the child that the claimant does not see already."""
    if refused.code == "desk":
        return _("This school takes no applications at the moment. Please ask the school.")
    if refused.code != "wait":
        return str(REFUSALS[refused.code])
    if refused.minutes < 60:
        return ngettext(
            "Too many children were asked for in a short time. Try again in {n} minute.",
            "Too many children were asked for in a short time. Try again in {n} minutes.",
            refused.minutes,
        ).format(n=refused.minutes)
    hours = -(-refused.minutes // 60)
    return ngettext(
        "Too many children were asked for today. Try again in {n} hour.",
        "Too many children were asked for today. Try again in {n} hours.",
        hours,
    ).format(n=hours)


def _is_person(request: HttpRequest, form: ChildForm) -> bool:
    fault = human.fault(request.POST.get(human.FIELD, ""), now=now_of(request))
    if fault:
        form.add_error(None, str(HUMAN_FAULTS[fault]))
    return not fault


def _begun(request: HttpRequest, child: Named) -> Application:
    return claims.begin(
        signed_in(request),
        child,
        address=network_address(request),
        language=language(),
        ring=settings.KEY_RING,
        now=now_of(request),
    )


def _again(request: HttpRequest) -> dict[str, str]:
    """What stood in an earlier claim of one's own, to be corrected; its ID number has to be typed again."""
    try:
        wanted = UUID(request.GET.get("again", ""))
    except ValueError:
        return {}
    before = claims.of(signed_in(request)).filter(pk=wanted).first()
    if before is None:
        return {}
    claim = before.claim
    return {"number": claim.number, "name": claim.name, "birthday": claim.birthday.isoformat()}
