"""Writing to families: one form, a page that says whom it will reach, and then it is written once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gatepost.access import queries
from gatepost.circulars import writing
from gatepost.circulars.models import Circular
from gatepost.circulars.notices import TOPIC_OF
from gatepost.kit.clock import local_date
from gatepost.notify.models import Channel
from gatepost.notify.queries import people_told, ways
from gatepost.portals import words
from gatepost.portals.forms import date_field, text_field
from gatepost.portals.frame import page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.plain_text import paragraphs
from gatepost.roster.models import School, SchoolClass
from gatepost.roster.wordings import half_width

TITLE_LONGEST, NOTICE_LONGEST, MESSAGE_LONGEST = 60, 5_000, 500
CURRENT_DAYS, CURRENT_DAYS_MOST = 7, 180
NUMBERS_MOST = 100
ALL = "all"
# What is free to send to whomever one likes. Text messages are paid for, and kept for arrivals and their like.
NOT_USED = (Channel.SMS,)

REFUSALS: dict[str, Promise] = {
    "nobody": gettext_lazy("There are no students in what you chose."),
    "too_many": gettext_lazy("These are too many students for one text."),
    "until": gettext_lazy("This day is past already."),
    "unchanged": gettext_lazy("This is what it says already."),
    "too_late": gettext_lazy("It was written too long ago for a correction. Please write anew."),
    "too_often": gettext_lazy("It was corrected too often. Please write anew."),
}


class WordsForm(forms.Form):
    """What it says."""

    title = text_field(
        gettext_lazy("Title"), longest=TITLE_LONGEST, error_messages={"required": gettext_lazy("Give it a title.")}
    )
    body = text_field(
        gettext_lazy("Text"), rows=8, longest=NOTICE_LONGEST, error_messages={"required": gettext_lazy("Write a text.")}
    )

    def __init__(self, *args: Any, kind: Circular.Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        body = self.fields["body"]
        if kind == Circular.Kind.MESSAGE:
            self.fields["body"] = text_field(
                body.label,
                rows=8,
                longest=MESSAGE_LONGEST,
                error_messages=body.error_messages,
                help_text=_("Up to {n} characters. It is sent as it stands here.").format(n=MESSAGE_LONGEST),
            )
        else:
            body.help_text = _("An empty line begins a paragraph. Web addresses become links.")


class CircularForm(WordsForm):
    """What it says, and to whom."""

    to = forms.MultipleChoiceField(label=gettext_lazy("To the families of"), required=False)
    numbers = text_field(
        gettext_lazy("Single students"),
        required=False,
        rows=2,
        longest=2_000,
        help_text=gettext_lazy("Student numbers, with a space between them."),
    )
    until = date_field(gettext_lazy("Current until"))
    asks_receipt = forms.BooleanField(
        label=gettext_lazy("Ask for a receipt"),
        required=False,
        help_text=gettext_lazy("Each guardian can sign that they have read it, and reply in a few words."),
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    field_order = ("to", "numbers", "title", "body", "until", "asks_receipt")

    def __init__(self, *args: Any, kind: Circular.Kind, chooser: "Chooser", today: date, **kwargs: Any) -> None:
        super().__init__(*args, kind=kind, **kwargs)
        self.chooser, self.today = chooser, today
        to = self.fields["to"]
        assert isinstance(to, forms.MultipleChoiceField)  # noqa: S101
        to.choices = chooser.choices
        if not chooser.office:
            del self.fields["numbers"]
        if kind == Circular.Kind.MESSAGE:
            del self.fields["until"], self.fields["asks_receipt"]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The choices of `to`, for the page: what is chosen is open."""
        return self.chooser.groups(set(self["to"].value() or []))

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until < self.today:
            raise forms.ValidationError(str(REFUSALS["until"]))
        if until > self.today + timedelta(days=CURRENT_DAYS_MOST):
            raise forms.ValidationError(_("This is more than half a year away."))
        return until

    def clean_numbers(self) -> list[str]:
        numbers = list(dict.fromkeys(half_width(self.cleaned_data["numbers"]).replace(",", " ").split()))
        if len(numbers) > NUMBERS_MOST:
            raise forms.ValidationError(_("These are more than {n}. Choose classes.").format(n=NUMBERS_MOST))
        unknown = sorted(set(numbers) - self.chooser.known(numbers))
        if unknown:
            found = words.listed(unknown[:5])
            raise forms.ValidationError(_("No student here has this number: {numbers}").format(numbers=found))
        return numbers

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("to") and not data.get("numbers") and not {"to", "numbers"} & set(self.errors):
            self.add_error("to", _("Choose whom it is for."))
        return data


@dataclass(frozen=True)
class Chooser:
    """Whom a person may write to: the families of their classes; the office to all, to grades, to single students."""

    person: Any
    school: School
    classes: Sequence[SchoolClass]
    office: bool

    @classmethod
    def of(cls, request: HttpRequest, school: School) -> "Chooser":
        """What the person of `request` may choose."""
        classes = list(queries.classes(request.user, school))
        return cls(request.user, school, classes, queries.sees_whole_school(request.user, school))

    @property
    def choices(self) -> list[tuple[str, str]]:
        found = [(ALL, _("The whole school"))] if self.office else []
        for grade, classes in groupby(self.classes, key=lambda one: one.grade):
            found += [(f"grade:{grade}", _("All of grade {grade}").format(grade=grade))] if self.office else []
            found += [(f"class:{one.pk}", one.name) for one in classes]
        return found

    def groups(self, chosen: set[str]) -> list[dict[str, Any]]:
        """One group for a teacher's classes; for the office one for the school and one a grade, open where chosen."""
        offered = [{"value": value, "label": label, "checked": value in chosen} for value, label in self.choices]
        if not self.office:
            return [{"label": "", "choices": offered}]
        grades = {one["value"]: one for one in offered}
        groups: list[dict[str, Any]] = [{"label": "", "choices": offered[:1]}]
        for grade, classes in groupby(self.classes, key=lambda one: one.grade):
            mine = [grades[f"grade:{grade}"], *(grades[f"class:{one.pk}"] for one in classes)]
            label = _("Grade {grade}").format(grade=grade)
            groups.append({"label": label, "choices": mine, "open": any(one["checked"] for one in mine)})
        return groups

    def known(self, numbers: Iterable[str]) -> set[str]:
        """Those that are numbers of students the person works with."""
        mine = queries.students(self.person, self.school).order_by()
        return set(mine.filter(number__in=list(numbers)).values_list("number", flat=True))

    def students(self, to: Sequence[str], numbers: Sequence[str]) -> list[UUID]:
        """The students in what was chosen, as far as the person works with them."""
        mine = queries.students(self.person, self.school).order_by()
        if ALL not in to:
            wanted = Q(grade__in=_ids(to, "grade")) | Q(school_class__in=_ids(to, "class")) | Q(number__in=numbers)
            mine = mine.filter(wanted)
        return list(mine.values_list("pk", flat=True))


def _ids(to: Sequence[str], kind: str) -> list[int]:
    return [int(one.partition(":")[2]) for one in to if one.startswith(f"{kind}:")]


def _audience(to: Sequence[str], numbers: Sequence[str]) -> dict[str, Any]:
    if ALL in to:
        return {"all": True}
    return {"grades": _ids(to, "grade"), "classes": _ids(to, "class"), "students": len(numbers)}


def audience_of(circular: Circular, names: dict[int, str]) -> str:
    """To whom it was written, in words; `names` are those of classes."""
    said = circular.audience
    if said.get("all"):
        return _("The whole school")
    parts = [_("Grade {grade}").format(grade=grade) for grade in said.get("grades", ())]
    parts += [names[pk] for pk in said.get("classes", ()) if pk in names]
    single = said.get("students", 0)
    parts += [ngettext("{n} student", "{n} students", single).format(n=single)] if single else []
    return words.listed(parts[:6]) + (" …" if len(parts) > 6 else "")


def class_names(circulars: Iterable[Circular]) -> dict[int, str]:
    """The names of the classes they were written to."""
    ids = {pk for one in circulars for pk in one.audience.get("classes", ())}
    return dict(SchoolClass.objects.filter(pk__in=ids).values_list("pk", "name"))


def compose(request: HttpRequest, school: School, kind: Circular.Kind, *, section: str) -> HttpResponse:
    """The form; then a page with whom it reaches; then it is written. `section` is the URL name of its list."""
    now = now_of(request)
    today, chooser = local_date(now, school.timezone), Chooser.of(request, school)
    form = CircularForm(
        request.POST or None, kind=kind, chooser=chooser, today=today, initial=_initial(request, chooser, today)
    )
    if request.method == "POST" and form.is_valid():
        to, numbers = form.cleaned_data["to"], form.cleaned_data.get("numbers", [])
        students = chooser.students(to, numbers)
        if not students:
            form.add_error("to", str(REFUSALS["nobody"]))
        elif "sure" in request.POST:
            return _written(request, school, form, kind, students)
        elif "change" not in request.POST:
            return _confirm(request, school, form, kind, students, section=section)
    back_url = reverse(section, args=[school.code])
    return page(
        request,
        "school/circular_new.html",
        school_frame(request, school, current=section),
        form=form,
        is_notice=kind == Circular.Kind.NOTICE,
        crumbs=[{"label": TITLES[kind], "url": back_url}],
        back_url=back_url,
    )


TITLES: dict[str, Promise] = {
    Circular.Kind.NOTICE: gettext_lazy("Class notices"),
    Circular.Kind.MESSAGE: gettext_lazy("Messages to families"),
}


def _initial(request: HttpRequest, chooser: Chooser, today: date) -> dict[str, Any]:
    only = [value for value, _label in chooser.choices] if len(chooser.classes) == 1 and not chooser.office else []
    return {
        "form_id": uuid4(),
        "until": today + timedelta(days=CURRENT_DAYS),
        "to": only,
        "numbers": request.GET.get("student", "")[:40].replace("\0", ""),
    }


def _written(
    request: HttpRequest, school: School, form: CircularForm, kind: Circular.Kind, students: list[UUID]
) -> HttpResponse:
    said = form.cleaned_data
    held = list(queries.roles(request.user, *queries.STAFF).filter(school=school).values_list("name", flat=True))
    draft = writing.Draft(
        kind=kind,
        title=said["title"],
        body=said["body"],
        audience=_audience(said["to"], said.get("numbers", [])),
        form_id=said["form_id"],
        asks_receipt=said.get("asks_receipt", False),
        until=said.get("until"),
    )
    office = next(name for name in words.ROLES if name in held)
    one = writing.write(school, draft, students, by=signed_in(request), office=office, now=now_of(request))
    messages.success(request, _("Written. The families are being told now."))
    return redirect(f"school-{kind}", school.code, one.pk)


def _confirm(
    request: HttpRequest,
    school: School,
    form: CircularForm,
    kind: Circular.Kind,
    students: list[UUID],
    *,
    section: str,
) -> HttpResponse:
    return page(
        request,
        "school/circular_confirm.html",
        school_frame(request, school, current=section),
        form=form,
        is_notice=kind == Circular.Kind.NOTICE,
        count=len(students),
        facts=_facts(kind, students),
        title=form.cleaned_data["title"],
        html=paragraphs(form.cleaned_data["body"]),
    )


def _facts(kind: Circular.Kind, students: list[UUID]) -> list[str]:
    """Whom it reaches, by which channels, and whom it does not."""
    found, people = ways(TOPIC_OF[kind], students, but_not=NOT_USED), people_told(students)
    by_channel = [f"{words.CHANNELS[channel]} {found.messages[channel]}" for channel in sorted(found.messages)]
    facts = [
        _("Guardians with an account: {people}. A message goes to {told} of them.").format(
            people=people, told=found.people
        )
    ]
    if by_channel:
        facts.append(_("Messages: {channels}").format(channels=words.listed(by_channel)))
    unreached = len(students) - found.abouts
    if unreached:
        facts.append(
            ngettext(
                "For {n} child nobody gets a message: no guardian has a proven address for it.",
                "For {n} children nobody gets a message: no guardian has a proven address for it.",
                unreached,
            ).format(n=unreached)
        )
    facts.append(_("Who has an account reads it there in any case."))
    facts.append(_("Nothing of it goes by text message (SMS): those are kept for arrivals, departures and absences."))
    return facts
