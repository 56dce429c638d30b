"""The family's own password for its application, set back by the school because the family forgot it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.guardians.applications import entrance
from gatepost.guardians.applications.family_access import FamilyAccess
from gatepost.portals.frame import REVIEWS, page, school_frame, signed_in
from gatepost.portals.school import guardians


@open_to(*REVIEWS)
@require_http_methods(["GET", "HEAD", "POST"])
def forget(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """Set the family's password back, after a page that says what follows from it."""
    school = queries.school(request.user, code, *REVIEWS)
    student = queries.student(request.user, school, student_id, looked="guardians")
    student.school = school
    back_url = reverse("school-guardians", args=[code, student_id])
    if request.method == "POST" and entrance.forget_password(student, by=signed_in(request)):
        messages.success(request, _("The password is set back. The family comes in as the first time."))
        return redirect(back_url)
    if not FamilyAccess.objects.filter(student=student).exists():
        messages.info(request, _("This family has no password of its own at the moment."))
        return redirect(back_url)
    return page(
        request,
        "portals/confirm_plainly.html",
        school_frame(request, school, current="students"),
        title=_("Set back the password of {student}’s family?").format(student=student.name),
        lead=_("It is the one for applying, not that of an account."),
        facts=[
            _("Whoever is in with the old password is out at once. What the family saved stays."),
            _("Then the student’s ID number opens once more, and a new password has to be set."),
            _("Make sure who asks: call back at a number that the school has. You are recorded as who did it."),
        ],
        button=_("Set the password back"),
        back_url=back_url,
        crumbs=guardians.crumbs(school, student, deep=True),
    )
