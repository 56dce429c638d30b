"""What staff enter by hand: a tap without a card 無卡補登, "the student is here", the taking back of a wrong event."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance import entries, timeline
from gatepost.attendance.models import Event
from gatepost.kit.clock import at_local, local_date
from gatepost.portals import words
from gatepost.portals.forms import date_field, text_field, time_field
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.school.search import find
from gatepost.roster.models import School, Student

REFUSALS = {
    "future": gettext_lazy("This time has not come yet."),
    "too_old": gettext_lazy("A day can be completed for two weeks. This one is longer ago."),
}


class EntryForm(forms.Form):
    """Who, which way, when."""

    school_class = forms.ChoiceField(label=gettext_lazy("Class"), required=False)
    who = text_field(
        gettext_lazy("Student number or name"),
        longest=60,
        help_text=gettext_lazy("The number stands on the card. With a name, choose the class too."),
        error_messages={"required": gettext_lazy("Type the student’s number or name.")},
    )
    side = forms.ChoiceField(
        label=gettext_lazy("What did you see?"),
        choices=[
            (Event.Side.IN, gettext_lazy("Came to school")),
            (Event.Side.OUT, gettext_lazy("Left school")),
            (Event.Side.SEEN, gettext_lazy("Is at school (hour unknown)")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose one of the three.")},
    )
    day = date_field(gettext_lazy("Day"))
    at = time_field(gettext_lazy("Time"), help_text=gettext_lazy("When the student passed the gate, in 24 hours."))
    note = text_field(
        gettext_lazy("Note"),
        required=False,
        help_text=gettext_lazy("The guardians can read it. May stay empty."),
    )

    def __init__(self, *args: Any, classes: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["school_class"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [("", _("All classes")), *classes]


@open_to(*queries.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str) -> HttpResponse:
    """A tap without a card. Saved, the form stands ready for the next student of the same class."""
    school, now = queries.school(request.user, code), now_of(request)
    classes = [(str(one.pk), one.name) for one in queries.classes(request.user, school)]
    form = EntryForm(request.POST or None, classes=classes, initial=_initial(request, school, now))
    if request.method == "POST" and form.is_valid():
        student = _student(request, school, form)
        if student is not None and _enter(request, form, student, now):
            return redirect(f"{reverse('school-entry', args=[code])}?{_same_again(form)}")
    frame = school_frame(request, school, current="entries")
    crumbs = [{"label": _("Today"), "url": reverse("school-today", args=[code])}]
    return page(request, "school/entry.html", frame, form=form, crumbs=crumbs, back_url=crumbs[0]["url"])


@open_to(*queries.STAFF)
@require_POST
def seen(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """“Here”: somebody of the school sees the student now."""
    school, now = queries.school(request.user, code), now_of(request)
    student = _own(request, school, student_id)
    event_id = _record(request, student, Event.Side.SEEN, at=now, now=now)
    day = local_date(now, school.timezone)
    undo = reverse("school-void", args=[code, student.pk, day, event_id])
    text = _("{name} is marked as at school.").format(name=student.name)
    messages.success(request, format_html('{} <a href="{}">{}</a>', text, undo, _("Undo")))
    return redirect("school-today", code)


class VoidForm(forms.Form):
    because = text_field(
        gettext_lazy("Reason"),
        help_text=gettext_lazy("The guardians can read it."),
        error_messages={"required": gettext_lazy("Say why, in a few words.")},
    )


@open_to(*queries.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def void(request: HttpRequest, code: str, student_id: UUID, day: date, event_id: int) -> HttpResponse:
    """Take back a wrong event, with a reason. Whoever was told of it is told the correction."""
    school, now = queries.school(request.user, code), now_of(request)
    student = queries.student(request.user, school, student_id, looked="day")
    student.school = school
    event = timeline.event_of(student, day, event_id)
    if event is None or event.voided_at is not None:
        raise Http404("no such event to take back")
    day_url = reverse("school-student-day", args=[code, student.pk, day])
    form = VoidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        entries.void(event, by=signed_in(request).pk, because=form.cleaned_data["because"], now=now)
        messages.success(request, _("Taken back. Whoever was told of it is told the correction."))
        return redirect(day_url)
    what = f"{words.SIDES[event.side]} {words.clock(event.at, school.timezone)}"
    return page(
        request,
        "school/void.html",
        school_frame(request, school, current="students"),
        form=form,
        lead=f"{student.name} {class_and_seat(student)}：{what}",
        crumbs=[{"label": student.name, "url": day_url}],
        back_url=day_url,
    )


def _own(request: HttpRequest, school: School, student_id: UUID) -> Student:
    """The student, for acting on; the act itself is in the log."""
    student = queries.students(request.user, school).filter(pk=student_id).first()
    if student is None:
        raise Http404("no such student for you")
    student.school = school
    return student


def _initial(request: HttpRequest, school: School, now: datetime) -> dict[str, Any]:
    asked = request.GET.get("student", "")
    initial = {
        "day": local_date(now, school.timezone),
        "at": words.clock(now, school.timezone),
        "school_class": request.GET.get("class", ""),
        "side": request.GET.get("side", Event.Side.IN),
    }
    try:
        student = queries.students(request.user, school).filter(pk=UUID(asked)).first() if asked else None
    except ValueError:
        student = None
    if student is not None:
        initial |= {"who": student.number, "school_class": str(student.school_class_id or "")}
    return initial


def _student(request: HttpRequest, school: School, form: EntryForm) -> Student | None:
    """The one student meant; otherwise an error at the field that says how to mean one."""
    data = form.cleaned_data
    found = find(queries.students(request.user, school), data["who"], class_id=data["school_class"])
    if len(found) == 1:
        found[0].school = school
        return found[0]
    if not found:
        form.add_error(
            "who", _("Nobody here has this number or name. Look at the number on the card, or at the class.")
        )
    else:
        several = words.listed(f"{one.name} {class_and_seat(one)} ({one.number})" for one in found[:8])
        form.add_error("who", _("Several students fit: {names}. Type the number.").format(names=several))
    return None


def _enter(request: HttpRequest, form: EntryForm, student: Student, now: datetime) -> bool:
    data = form.cleaned_data
    at = at_local(data["day"], data["at"], student.school.timezone)
    try:
        _record(request, student, Event.Side(data["side"]), at=at, now=now, note=data["note"])
    except entries.EntryRefused as refused:
        form.add_error("at" if refused.code == "future" else "day", str(REFUSALS[refused.code]))
        return False
    text = _("Recorded: {name}, {side} {time}.").format(
        name=student.name, side=words.SIDES[data["side"]], time=data["at"].strftime("%H:%M")
    )
    messages.success(request, text)
    return True


def _record(
    request: HttpRequest, student: Student, side: Event.Side, *, at: datetime, now: datetime, note: str = ""
) -> int:
    person = signed_in(request)
    office = queries.sees_whole_school(person, student.school)
    source = Event.Source.OFFICE if office else Event.Source.TEACHER
    return entries.enter(student, side, at=at, source=source, by=person.pk, note=note, now=now)


def _same_again(form: EntryForm) -> str:
    query = QueryDict(mutable=True)
    query.update({"class": form.cleaned_data["school_class"], "side": form.cleaned_data["side"]})
    return query.urlencode()
