from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance import leaves
from gatepost.attendance.models import Leave
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.portals.forms import date_field
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of

REFUSALS = {
    "backwards": gettext_lazy("The last day is before the first."),
    "too_long": gettext_lazy("Leave can be put down for two months at most."),
}


class LeaveForm(forms.Form):
    """What kind, and until when."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Kind of leave"),
        choices=list(words.LEAVES.items()),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose a kind.")},
    )
    first = date_field(gettext_lazy("First day"))
    last = date_field(gettext_lazy("Last day"))


@open_to(*queries.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """Put down leave for a student, today by default."""
    school, now = queries.school(request.user, code), now_of(request)
    student = queries.student(request.user, school, student_id, looked="leave")
    today = local_date(now, school.timezone)
    form = LeaveForm(request.POST or None, initial={"first": today, "last": today})
    if request.method == "POST" and form.is_valid():
        data: dict[str, Any] = form.cleaned_data
        try:
            leaves.grant(
                student,
                first=data["first"],
                last=data["last"],
                kind=Leave.Kind(data["kind"]),
                by=signed_in(request),
                now=now,
            )
        except leaves.LeaveRefused as refused:
            form.add_error("last", str(REFUSALS[refused.code]))
        else:
            text = _("{name} is on leave: {kind}.").format(name=student.name, kind=words.LEAVES[data["kind"]])
            messages.success(request, text)
            return redirect("school-today", code)
    back_url = reverse("school-today", args=[code])
    return page(
        request,
        "school/leave.html",
        school_frame(request, school, current="today"),
        form=form,
        lead=f"{student.name} {class_and_seat(student)}",
        crumbs=[{"label": _("Today"), "url": back_url}],
        back_url=back_url,
    )
