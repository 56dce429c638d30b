"""Inviting somebody to a role, sending the mail again, taking it back."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.access import invitations
from gatepost.access.invitations import InvitationRefused, Offer
from gatepost.access.models import Invitation, Role
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.kit.clock import local_date, local_midnight
from gatepost.portals import words
from gatepost.portals.forms import date_field, text_field
from gatepost.portals.frame import page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.people.offices import Office
from gatepost.portals.people.pages import looked_after_here
from gatepost.portals.people.wordings import role_at, zone
from gatepost.roster.models import School, SchoolClass

Name = Role.Name
LANGUAGES = ("zh-hant", "en")  # of staff's pages
EXPLAINED: dict[str, Promise] = {
    Name.TEACHER: gettext_lazy("one class: its day, roll call, leave"),
    Name.STUDENT_AFFAIRS: gettext_lazy("the whole school’s day, readers, messages"),
    Name.REGISTRAR: gettext_lazy("students, families’ applications"),
    Name.SCHOOL_ADMINISTRATOR: gettext_lazy("all of it, rules, and who has which role"),
    Name.BUREAU_OFFICER: gettext_lazy("the city’s figures and news, administrators of schools"),
}
REFUSALS = {
    "not_yours": gettext_lazy("This role is not yours to give."),
    "held": gettext_lazy("Somebody with this email has this role already."),
    "closed": gettext_lazy("This invitation was accepted or taken back already."),
}


class SchoolField(forms.ModelChoiceField):  # type: ignore[type-arg] # generic to the stubs only
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.code} {obj.short_name}"


class ClassField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


class InvitationForm(forms.Form):
    """Whom, as what, where, until when."""

    email = forms.EmailField(
        label=gettext_lazy("Email"),
        help_text=gettext_lazy(
            "One that only this person reads. Who has an account already: the email of that account."
        ),
        max_length=254,
        error_messages={
            "invalid": gettext_lazy("An email address is written like name@example.org."),
            "required": gettext_lazy("Type the email."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    name = text_field(
        gettext_lazy("The person’s name"),
        longest=60,
        error_messages={"required": gettext_lazy("Type the person’s name.")},
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose a role.")},
    )
    school = SchoolField(
        School.objects.exclude(opened_at=None).order_by("code"),
        label=gettext_lazy("School"),
        required=False,
        help_text=gettext_lazy("For administrators of a school."),
    )
    school_class = ClassField(
        SchoolClass.objects.none(),
        label=gettext_lazy("Class"),
        required=False,
        help_text=gettext_lazy("For homeroom teachers."),
    )
    last = date_field(
        gettext_lazy("Last day"),
        required=False,
        help_text=gettext_lazy("For substitutes, for instance. Empty: until somebody ends it."),
    )

    def __init__(self, *args: Any, office: Office, today: date, **more: Any) -> None:
        super().__init__(*args, **more)
        self._office, self._today = office, today
        role, school_class = self.fields["role"], self.fields["school_class"]
        assert isinstance(role, forms.ChoiceField)  # noqa: S101
        assert isinstance(school_class, forms.ModelChoiceField)  # noqa: S101
        role.choices = [(name, f"{words.ROLES[name]}：{EXPLAINED[name]}") for name in office.gives]
        if len(office.gives) == 1:
            role.initial = office.gives[0]
        if office.school is not None or Name.SCHOOL_ADMINISTRATOR not in office.gives:
            del self.fields["school"]
        if Name.TEACHER not in office.gives:
            del self.fields["school_class"]
        else:
            school_class.queryset = classes_of_this_year(office.school, today)

    def clean_last(self) -> date | None:
        last: date | None = self.cleaned_data["last"]
        if last is not None and last < self._today:
            raise ValidationError(_("This day is past."))
        return last

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        role = data.get("role")
        if role == Name.TEACHER and not data.get("school_class") and "school_class" not in self.errors:
            self.add_error("school_class", _("Choose the class."))
        if (
            role in Role.AT_SCHOOL
            and "school" in self.fields
            and not data.get("school")
            and "school" not in self.errors
        ):
            self.add_error("school", _("Choose the school."))
        return data

    @property
    def offer(self) -> Offer:
        """What is offered. For a valid form."""
        data, role = self.cleaned_data, Name(self.cleaned_data["role"])
        at_school = role not in Role.CITY_WIDE
        school = (self._office.school or data.get("school")) if at_school else None
        last: date | None = data["last"]
        return Offer(
            role,
            school,
            data["school_class"] if role == Name.TEACHER else None,
            local_midnight(last + timedelta(days=1), zone(school)) if last else None,
        )


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, office: Office) -> HttpResponse:
    """The form; the mail leaves at once."""
    now, by = now_of(request), signed_in(request)
    form = InvitationForm(request.POST or None, office=office, today=local_date(now, zone(office.school)))
    if request.method == "POST" and form.is_valid():
        email, name = form.cleaned_data["email"], form.cleaned_data["name"]
        try:
            _send(email, name, form.offer, by=by, now=now)
        except InvitationRefused as refused:
            form.add_error("email" if refused.code == "held" else "role", str(REFUSALS[refused.code]))
        except TooOften as often:
            form.add_error("email", words.wait_text(often))
        else:
            messages.success(request, _("Invited. A mail is on its way to {email}.").format(email=email))
            return redirect(office.url("people"))
    return page(
        request,
        "people/invite.html",
        office.frame,
        form=form,
        crumbs=office.crumbs,
        back_url=office.url("people"),
    )


@require_POST
def again(request: HttpRequest, office: Office, invitation_id: UUID) -> HttpResponse:
    """The mail once more, and seven days from now."""
    one = _own(request, office, invitation_id)
    offer = Offer(Name(one.role), one.school, one.school_class, one.valid_until)
    try:
        _send(one.email, one.name, offer, by=signed_in(request), now=now_of(request))
    except InvitationRefused as refused:
        messages.error(request, REFUSALS[refused.code])
    except TooOften as often:
        messages.error(request, words.wait_text(often))
    else:
        messages.success(request, _("Invited. A mail is on its way to {email}.").format(email=one.email))
    return redirect(office.url("people"))


@require_POST
def withdraw(request: HttpRequest, office: Office, invitation_id: UUID) -> HttpResponse:
    """Its link opens nothing any more."""
    one = _own(request, office, invitation_id)
    try:
        invitations.withdraw(one, by=signed_in(request), now=now_of(request))
    except InvitationRefused as refused:
        messages.error(request, REFUSALS[refused.code])
    else:
        messages.success(request, _("Taken back. The link in the mail opens nothing any more."))
    return redirect(office.url("people"))


def classes_of_this_year(school: School | None, today: date) -> Any:
    """The classes of the school year that holds `today`, or of the last one there is."""
    found = SchoolClass.objects.filter(school=school)
    latest = found.order_by("-school_year__starts_on").values_list("school_year", flat=True)[:1]
    return found.filter(school_year__in=latest).order_by("grade", "number")


def _send(email: str, name: str, offer: Offer, *, by: Account, now: datetime) -> Invitation:
    language = by.language if by.language in LANGUAGES else LANGUAGES[0]
    about = _about(offer, by, language)
    return invitations.invite(email, name, offer, by=by, about=about, language=language, now=now)


def _about(offer: Offer, by: Account, language: str) -> str:
    """Who invites, to what: the one sentence of the mail that says it."""
    shown = Invitation(role=offer.role, school=offer.school, school_class=offer.school_class)
    with translation.override(language):
        return _("{name} invites you: {role}.").format(name=by.get_full_name(), role=role_at(shown))


def _own(request: HttpRequest, office: Office, invitation_id: UUID) -> Invitation:
    found = looked_after_here(request, office).filter(pk=invitation_id).first()
    if found is None:
        raise Http404("no such invitation here")
    return found
