"""A guardian’s ID number has changed: an old residence number became a new one, or a mistake is mended."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
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
from gatepost.guardians.models import Guardianship
from gatepost.portals.forms import text_field
from gatepost.portals.frame import REVIEWS, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.school import guardians
from gatepost.roster import identity_numbers


class NumberForm(forms.Form):
    """Both numbers from the papers; the old one shows that it is this person's."""

    old = text_field(
        gettext_lazy("Old number"),
        longest=30,
        error_messages={"required": gettext_lazy("Type the number that was known so far.")},
        help_text=gettext_lazy("As it was when the guardian was bound."),
    )
    new = text_field(
        gettext_lazy("New number"),
        longest=30,
        error_messages={"required": gettext_lazy("Type the new number.")},
        help_text=gettext_lazy("As it stands on the new card, which you have seen."),
    )

    def __init__(self, *args: Any, bond: Guardianship, **more: Any) -> None:
        super().__init__(*args, **more)
        self._bond = bond
        for field in self.fields.values():
            field.widget.attrs |= {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}

    def clean_old(self) -> str:
        number = identity_numbers.normalise(self.cleaned_data["old"])
        if settings.KEY_RING.digest(number) != bytes(self._bond.person_digest or b""):
            raise forms.ValidationError(_("This is not the number that is known of this guardian."))
        return number

    def clean_new(self) -> str:
        number = identity_numbers.normalise(self.cleaned_data["new"])
        try:
            identity_numbers.kind(number)
        except identity_numbers.IdentityNumberError as error:
            raise forms.ValidationError(str(error)) from error
        return number

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "old" in data and data.get("new") == data["old"]:
            self.add_error("new", _("This is the old number. Type the new one."))
        return data


@open_to(*REVIEWS)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, code: str, student_id: UUID, bond_id: int) -> HttpResponse:
    """Old and new number; every bond of the person, and every restriction on them, knows the new one from then on."""
    school = queries.school(request.user, code, *REVIEWS)
    student = queries.student(request.user, school, student_id, looked="guardians")
    student.school = school
    bond = guardians.standing(student).filter(pk=bond_id, person_digest__isnull=False).first()
    if bond is None:
        raise Http404("no such bond, or no number is known of it")
    form = NumberForm(request.POST if request.method == "POST" else None, bond=bond)
    back_url = reverse("school-guardians", args=[code, student_id])
    if request.method == "POST" and form.is_valid():
        ring = settings.KEY_RING
        old, new = (ring.digest(form.cleaned_data[name]) for name in ("old", "new"))
        bonds.change_number(old=old, new=new, by=request.user, now=now_of(request))
        messages.success(request, _("The new number is known. Bonds and restrictions stay as they are."))
        return redirect(back_url)
    return page(
        request,
        "school/guardian_number.html",
        school_frame(request, school, current="students"),
        form=form,
        lead=bond.account.get_full_name(),
        crumbs=guardians.crumbs(school, student, deep=True),
        back_url=back_url,
    )
