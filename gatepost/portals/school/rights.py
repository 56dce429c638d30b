"""What one guardian may do for one child: chosen in a form, said back, then done."""

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
from gatepost.guardians import bonds
from gatepost.guardians.models import Guardianship, Right
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.rights import RIGHTS, rights_in_words
from gatepost.portals.school import guardians
from gatepost.portals.school.restrictions import STOPS
from gatepost.roster.models import School

GIVEN = {
    Right.TOLD: gettext_lazy("They can be told about the child. They choose the messages themselves."),
    Right.SEE: gettext_lazy("Every page about the child opens to them."),
    Right.SIGN: gettext_lazy("They can sign leave, slips and consents for the child."),
    Right.PAY: gettext_lazy("They see and pay fees for the child."),
    Right.COLLECT: gettext_lazy("They may collect the child."),
}


class RightsForm(forms.Form):
    """The rights that the guardian shall have. `held`: those that the page was made from."""

    held = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    rights = forms.MultipleChoiceField(
        label=gettext_lazy("Rights"),
        choices=list(RIGHTS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": gettext_lazy("Leave at least one. To take away everything, go back and end the bond instead.")
        },
    )

    def __init__(self, data: Any, *, bond: Guardianship) -> None:
        super().__init__(data, initial={"rights": bond.rights, "held": listed(bond.rights)})
        self._held = bond.rights

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("rights") and set(data["rights"]) == set(self._held):
            self.add_error("rights", _("This is what they have already."))
        return data

    @property
    def chosen(self) -> list[Right]:
        """For a valid form."""
        return [Right(name) for name in self.cleaned_data["rights"]]


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, code: str, student_id: UUID, bond_id: int) -> HttpResponse:
    """The form; then a page that says what opens and what stops; then the act."""
    school = queries.school(request.user, code, *queries.SCHOOL_STAFF)
    student = queries.student(request.user, school, student_id, looked="guardians")
    student.school = school
    bond = guardians.standing(student).filter(pk=bond_id).first()
    if bond is None:
        raise Http404("no such bond")
    bond.student = student
    form = _form(request, bond)
    if request.method == "POST" and form.is_valid() and "again" not in request.POST:
        if "confirmed" not in request.POST:
            return _ask(request, school, bond, form)
        bonds.set_rights(bond, form.chosen, by=signed_in(request), now=now_of(request))
        messages.success(request, _("The rights are changed."))
        return redirect("school-guardians", code, student_id)
    return page(
        request,
        "school/bond_rights.html",
        school_frame(request, school, current="students"),
        title=_("What {guardian} may do").format(guardian=bond.account.get_full_name()),
        lead=_("For {student}. A restriction that stands cuts rights all the same.").format(
            student=f"{student.name} {class_and_seat(student)}".strip()
        ),
        form=form,
        crumbs=guardians.crumbs(school, student, deep=True),
        back_url=reverse("school-guardians", args=[code, student_id]),
    )


def _form(request: HttpRequest, bond: Guardianship) -> RightsForm:
    """What was typed. On a page from before somebody else's change it stays, and has to be said once more."""
    if request.method != "POST":
        return RightsForm(None, bond=bond)
    held, chosen = listed(bond.rights), request.POST.getlist("rights")
    if request.POST.get("held") == held:
        return RightsForm(request.POST, bond=bond)
    form = RightsForm({"held": held, "rights": chosen}, bond=bond)
    now_they_have = _("Somebody has changed these rights meanwhile. Now they have: {rights}. Choose again, then go on.")
    form.add_error(None, now_they_have.format(rights=rights_in_words(bond.rights)))
    return form


def listed(rights: list[Right]) -> str:
    """Rights as a page remembers them."""
    return ",".join(right.value for right in Right if right in rights)


def _ask(request: HttpRequest, school: School, bond: Guardianship, form: RightsForm) -> HttpResponse:
    chosen, held = form.chosen, bond.rights
    return page(
        request,
        "portals/confirm_plainly.html",
        school_frame(request, school, current="students"),
        title=_("Change what {guardian} may do for {student}?").format(
            guardian=bond.account.get_full_name(), student=bond.student.name
        ),
        lead=_("This holds at once, everywhere:"),
        facts=[
            *(str(STOPS[right]) for right in Right if right in held and right not in chosen),
            *(str(GIVEN[right]) for right in Right if right in chosen and right not in held),
            _("If an order of a court is why, place a restriction instead: no import takes it away."),
        ],
        hidden=[("held", form.cleaned_data["held"]), *(("rights", right.value) for right in chosen)],
        button=_("Change the rights"),
        back_url=reverse("school-guardians", args=[school.code, bond.student_id]),
        crumbs=guardians.crumbs(school, bond.student, deep=True),
    )
