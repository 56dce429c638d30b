"""A day without school for the whole city or a district: a typhoon, an epidemic. Asked twice, done at once."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.attendance.calendar import set_day
from gatepost.attendance.models import SchoolDay
from gatepost.portals import words
from gatepost.portals.forms import date_field, text_field
from gatepost.portals.frame import bureau_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.roster.models import District, School

ALL_GRADES = range(1, 13)
SALT = "gatepost.portals.closure"
GOOD_FOR_SECONDS = 900


class ClosureForm(forms.Form):
    """Which day, where, why."""

    day = date_field(gettext_lazy("Day"))
    district = forms.ChoiceField(label=gettext_lazy("Where"), required=False)
    name = text_field(
        gettext_lazy("Reason"),
        longest=40,
        help_text=gettext_lazy("Families read it instead of hours: Typhoon."),
        error_messages={"required": gettext_lazy("Say why, in a word or two.")},
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        field = self.fields["district"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        districts = District.objects.order_by("code").values_list("pk", "name")
        field.choices = [("", _("The whole city")), *((pk, name) for pk, name in districts)]

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day < self.today:
            raise forms.ValidationError(_("This day is past."))
        return day


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Close a day. The first POST asks with the number of schools, the second does it."""
    if "confirmed" in request.POST:
        return _close(request)
    today = localdate(now_of(request))
    form = ClosureForm(request.POST or None, today=today, initial={"day": today})
    if request.method == "POST" and form.is_valid():
        return _ask(request, form.cleaned_data)
    return page(
        request,
        "bureau/closure.html",
        bureau_frame(request, current="closures"),
        form=form,
        back_url=reverse("bureau-today"),
    )


def _ask(request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
    count = _schools(data["district"]).count()
    confirm = {
        "title": _("Close {day}?").format(day=words.long_date(data["day"])),
        "count": count,
        "unit": ngettext("school has no school that day", "schools have no school that day", count),
        "facts": [
            _("Reason shown to families: {name}").format(name=data["name"]),
            _("No “not arrived” message is sent for that day. Taps are still recorded."),
            _("Each school can open the day again in its calendar."),
        ],
        "action": {
            "label": _("Close the day"),
            "url": request.path,
            "kind": "danger",
            "name": "confirmed",
            "value": signing.dumps([data["day"].isoformat(), data["district"], data["name"]], salt=SALT),
        },
        "back_url": request.path,
    }
    return page(request, "portals/confirm.html", bureau_frame(request, current="closures"), confirm=confirm)


def _close(request: HttpRequest) -> HttpResponse:
    try:
        written, district, name = signing.loads(request.POST["confirmed"], salt=SALT, max_age=GOOD_FOR_SECONDS)
    except signing.BadSignature:
        messages.warning(request, _("The confirmation was open for too long. Nothing was changed."))
        return redirect("bureau-closure")
    day = date.fromisoformat(written)
    schools = list(_schools(district))
    set_day(schools, ALL_GRADES, day, SchoolDay.Kind.CLOSURE, name=name, by=signed_in(request))
    text = ngettext("{day} is closed for {n} school.", "{day} is closed for {n} schools.", len(schools))
    messages.success(request, text.format(day=words.long_date(day), n=len(schools)))
    return redirect("bureau-today")


def _schools(district: str) -> QuerySet[School]:
    found = School.objects.filter(opened_at__isnull=False).order_by("code")
    return found.filter(district=district) if district else found
