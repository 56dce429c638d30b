"""Placing a restriction, and lifting it: each one act, after a page that says what it does."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.guardians import restrictions
from gatepost.guardians.models import Right
from gatepost.guardians.restrictions import Person
from gatepost.kit.clock import local_date, local_midnight
from gatepost.portals import words
from gatepost.portals.forms import date_field, text_field
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.rights import RIGHTS, rights_in_words
from gatepost.portals.school import guardians
from gatepost.roster import identity_numbers
from gatepost.roster.models import School, Student

UNBOUND = "unbound"
STOPS = {
    Right.TOLD: gettext_lazy("No message about the child leaves for them. What waits to be sent is dropped."),
    Right.SEE: gettext_lazy("Every page about the child closes, in browsers that are signed in now as well."),
    Right.SIGN: gettext_lazy("They cannot sign leave, slips or consents for the child."),
    Right.PAY: gettext_lazy("They see and pay no fees for the child."),
    Right.COLLECT: gettext_lazy("They may not collect the child."),
}


class RestrictionForm(forms.Form):
    """Who, what, until when, on what ground."""

    whom = forms.ChoiceField(
        label=gettext_lazy("Who is restricted"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose who is restricted.")},
    )
    person_name = text_field(gettext_lazy("The person’s name"), required=False, longest=60)
    id_number = text_field(
        gettext_lazy("ID or residence number"),
        required=False,
        longest=30,
        help_text=gettext_lazy("Only for somebody who is not bound yet: by it a later application is stopped."),
    )
    rights = forms.MultipleChoiceField(
        label=gettext_lazy("What is cut"),
        choices=list(RIGHTS.items()),
        widget=forms.CheckboxSelectMultiple,
        initial=[right.value for right in Right],
        error_messages={"required": gettext_lazy("Choose at least one.")},
    )
    last = date_field(
        gettext_lazy("Last day"), required=False, help_text=gettext_lazy("Empty: until somebody lifts it.")
    )
    document = text_field(
        gettext_lazy("Document"),
        longest=100,
        help_text=gettext_lazy("Name and number of the order it rests on."),
        error_messages={"required": gettext_lazy("Write which order it rests on.")},
    )

    def __init__(self, *args: Any, student: Student, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.bonds = {str(bond.pk): bond for bond in guardians.standing(student)}
        field = self.fields["whom"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [
            *((pk, f"{bond.account.get_full_name()} {bond.relation}".strip()) for pk, bond in self.bonds.items()),
            (UNBOUND, _("Somebody who is not bound")),
        ]
        if not self.bonds:
            field.initial = UNBOUND

    def clean_last(self) -> date | None:
        last: date | None = self.cleaned_data["last"]
        if last is not None and last < self.today:
            raise forms.ValidationError(_("This day is past."))
        return last

    def clean_id_number(self) -> str:
        number = identity_numbers.normalise(self.cleaned_data["id_number"])
        if number:
            try:
                identity_numbers.kind(number)
            except identity_numbers.IdentityNumberError as error:
                raise forms.ValidationError(str(error)) from error
        return number

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("whom") == UNBOUND:
            if not data.get("person_name"):
                self.add_error("person_name", _("Write the person’s name."))
            if not data.get("id_number") and "id_number" not in self.errors:
                self.add_error("id_number", _("Write the person’s ID or residence number."))
        return data

    @property
    def who(self) -> str:
        """The name of who is restricted. For a valid form."""
        bond = self.bonds.get(self.cleaned_data["whom"])
        return bond.account.get_full_name() if bond else str(self.cleaned_data["person_name"])

    @property
    def cut(self) -> list[Right]:
        return [Right(name) for name in self.cleaned_data["rights"]]


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """The form; then a page that says what stops; then the act."""
    school, now = queries.school(request.user, code, *queries.SCHOOL_STAFF), now_of(request)
    student = queries.student(request.user, school, student_id, looked="guardians")
    student.school = school
    today = local_date(now, school.timezone)
    form = RestrictionForm(request.POST or None, student=student, today=today)
    if request.method == "POST" and form.is_valid() and "again" not in request.POST:
        if "confirmed" not in request.POST:
            return _ask(request, school, student, form)
        _place(request, school, student, form)
        messages.success(request, _("The restriction is in force."))
        return redirect("school-guardians", code, student_id)
    return page(
        request,
        "school/restriction_new.html",
        school_frame(request, school, current="students"),
        form=form,
        lead=f"{student.name} {class_and_seat(student)}",
        crumbs=guardians.crumbs(school, student, deep=True),
        back_url=reverse("school-guardians", args=[code, student_id]),
    )


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def lift(request: HttpRequest, code: str, restriction_id: int) -> HttpResponse:
    """Lift a restriction, after a page that says what comes back."""
    school, now = queries.school(request.user, code, *queries.SCHOOL_STAFF), now_of(request)
    restriction = queries.restrictions(request.user, school).filter(pk=restriction_id).first()
    if restriction is None:
        raise Http404("no such restriction at this school")
    restriction.student.school = school
    back_url = reverse("school-guardians", args=[code, restriction.student_id])
    if request.method == "POST":
        restrictions.lift(restriction, by=signed_in(request), now=now)
        messages.success(request, _("The restriction is lifted."))
        return redirect(back_url)
    return page(
        request,
        "portals/confirm_plainly.html",
        school_frame(request, school, current="students"),
        title=_("Lift the restriction on {who}?").format(who=guardians.whom(restriction)),
        facts=[
            _("About {student}: {rights}.").format(
                student=restriction.student.name, rights=rights_in_words(restriction.rights)
            ),
            _("If they are bound to the child, this opens to them again at once, unless another restriction stands."),
            _("The messages they had chosen stay off until they choose them again."),
        ],
        button=_("Lift it"),
        back_url=back_url,
        crumbs=guardians.crumbs(school, restriction.student, deep=True),
    )


def _ask(request: HttpRequest, school: School, student: Student, form: RestrictionForm) -> HttpResponse:
    last = form.cleaned_data["last"]
    until = _("It holds until it is lifted.")
    if last:
        until = _("It holds through {day}.").format(day=words.staff_date(last))
    hidden = [(name, value) for name in form.fields for value in request.POST.getlist(name)]
    return page(
        request,
        "portals/confirm_plainly.html",
        school_frame(request, school, current="students"),
        title=_("Restrict {who} for {student}?").format(who=form.who, student=student.name),
        lead=_("This stops at once, everywhere:"),
        facts=[
            *(str(STOPS[right]) for right in form.cut),
            until,
            _("No import takes it away. They are not told who placed it, nor where the child is."),
        ],
        hidden=hidden,
        button=_("Restrict now"),
        back_url=reverse("school-guardians", args=[school.code, student.pk]),
        crumbs=guardians.crumbs(school, student, deep=True),
    )


def _place(request: HttpRequest, school: School, student: Student, form: RestrictionForm) -> None:
    data = form.cleaned_data
    bond = form.bonds.get(data["whom"])
    last: date | None = data["last"]
    restrictions.restrict(
        bond.account_id if bond else None,
        student,
        person=None if bond else Person(name=data["person_name"], id_number=data["id_number"]),
        rights=form.cut,
        document=data["document"],
        until=local_midnight(last + timedelta(days=1), school.timezone) if last else None,
        by=signed_in(request),
        now=now_of(request),
    )
