"""Printing letters: first for whom and what it does, then one PDF; a letter counts once it is on paper."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.guardians.applications import invitations, paper
from gatepost.guardians.applications.family_access import Invitation
from gatepost.guardians.applications.invitations import TOGETHER_MOST, InvitationRefused
from gatepost.guardians.applications.models import Desk
from gatepost.portals import words
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.school import letters
from gatepost.roster.models import School, Student

OWN = "own"  # each family's own language
NAMED_MOST = 20


class PrintForm(forms.Form):
    """In which language, and whether letters that are still good are replaced. `at`: when the page was made."""

    at = forms.DateTimeField(
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid"), gettext_lazy("Open this page again.")),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the letters"),
        choices=[(OWN, gettext_lazy("Each family’s own, Chinese where it is not known")), *settings.LANGUAGES],
    )
    again = forms.BooleanField(label=gettext_lazy("Also replace letters that are still good"), required=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The students that the address names, and who of them gets a letter."""

    title: str
    parameters: dict[str, str]
    students: list[Student]
    good: set[UUID]  # have a letter that is still good
    known: set[UUID]  # their family has a password: a letter would open nothing

    @property
    def is_one(self) -> bool:
        return "student" in self.parameters

    def wanted(self, *, again: bool) -> list[Student]:
        """Those a letter is printed for now: at most as many as fit into one PDF, in the order of classes and seats."""
        left_out = self.known if again or self.is_one else self.known | self.good
        return [one for one in self.students if one.pk not in left_out][:TOGETHER_MOST]


@open_to(*queries.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str) -> HttpResponse:
    """What will be printed; then the PDF."""
    school, now = queries.school(request.user, code), now_of(request)
    chosen = _chosen(request, school, now)
    if chosen is None:
        return redirect("school-letters", code)
    form = PrintForm(
        request.POST if request.method == "POST" else None, initial={"at": now.isoformat(), "language": OWN}
    )
    if request.method == "POST" and _takes_applications(school) and form.is_valid():
        wanted = chosen.wanted(again=form.cleaned_data["again"])
        if wanted:
            try:
                return _pdf(request, school, chosen, wanted, form.cleaned_data)
            except InvitationRefused:
                chosen = _chosen(request, school, now) or chosen
                form = PrintForm({**form.cleaned_data, "at": now.isoformat()})
                form.add_error(None, _STALE)
        else:
            form.add_error(None, _("There is nobody to print a letter for."))
    return _shown(request, school, chosen, form)


_STALE = gettext_lazy(
    "A letter was printed since you opened this page, perhaps by a second press of the button. Look for its PDF first; "
    "printed once more, the letters of that PDF are good for nothing."
)


def _pdf(
    request: HttpRequest, school: School, chosen: Chosen, wanted: list[Student], data: dict[str, Any]
) -> HttpResponse:
    """Set the sheets first: a letter that could not be printed must not have taken another one's place."""
    now, ids = now_of(request), [one.pk for one in wanted]
    languages = dict.fromkeys(ids, data["language"])
    if data["language"] == OWN:
        languages = invitations.languages(ids, otherwise=settings.LANGUAGE_CODE)
    drawn = invitations.draw(wanted, languages, now=now)
    address = settings.SITE_URL + reverse("binding-letter").rstrip("/")
    contact = Desk.objects.values_list("contact", flat=True).get(school=school)
    pdf = paper.typeset(drawn, address=address, contact=contact)
    invitations.keep(drawn, by=signed_in(request), ring=settings.KEY_RING, seen_at=data["at"], now=now)
    response = HttpResponse(pdf, content_type="application/pdf")
    name = " ".join((_("Letters to families"), chosen.title))
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.pdf")
    response["Cache-Control"] = "no-store"
    return response


def _chosen(request: HttpRequest, school: School, now: datetime) -> Chosen | None:
    """What `?student=`, `?class=` and `?only=unbound` name, of those whom the person works with; None for nothing."""
    mine, asked = queries.students(request.user, school), request.GET
    school_class = letters.class_of(request, list(queries.classes(request.user, school)))
    if "student" in asked:
        student = _one(mine, asked["student"])
        return _of([student], student.name, {"student": str(student.pk)}, school, now) if student else None
    only = "unbound" if asked.get("only") == "unbound" else ""
    if school_class is None and not only:
        return None
    if school_class is not None:
        mine = mine.filter(school_class=school_class)
    if only:
        mine = invitations.unbound(mine)
    parameters = {"class": str(school_class.pk) if school_class else "", "only": only}
    title = school_class.name if school_class else _("All without a guardian here")
    return _of(list(mine), title, {key: value for key, value in parameters.items() if value}, school, now)


def _one(mine: QuerySet[Student], typed: str) -> Student | None:
    try:
        return mine.filter(pk=UUID(typed)).first()
    except ValueError:
        return None


def _of(students: list[Student], title: str, parameters: dict[str, str], school: School, now: datetime) -> Chosen:
    for one in students:
        one.school = school
    ids = [one.pk for one in students]
    good = set(Invitation.objects.good(now).filter(student__in=ids).values_list("student_id", flat=True))
    return Chosen(title, parameters, students, good, invitations.with_password(ids))


def _shown(request: HttpRequest, school: School, chosen: Chosen, form: PrintForm) -> HttpResponse:
    url = reverse("school-letters-print", args=[school.code])
    number = len(chosen.wanted(again=False))
    if chosen.is_one or not chosen.good:
        form.fields["again"].widget = forms.HiddenInput()
    return page(
        request,
        "school/letters_print.html",
        school_frame(request, school, current="students"),
        title=_title(number),
        lead=_for_whom(chosen),
        facts=_facts(chosen, number),
        warnings=_warnings(chosen),
        is_open=_takes_applications(school),
        can_print=bool(chosen.wanted(again=True)),
        form=form,
        url=f"{url}?{urlencode(chosen.parameters)}",
        crumbs=letters.crumbs(school, deep=True),
        back_url=reverse("school-letters", args=[school.code]),
    )


def _title(number: int) -> str:
    if not number:
        return _("No letter to print")
    return ngettext("Print {n} letter", "Print {n} letters", number).format(n=number)


def _for_whom(chosen: Chosen) -> str:
    if chosen.is_one:
        return f"{chosen.title} {class_and_seat(chosen.students[0])}".strip()
    return chosen.title


def _facts(chosen: Chosen, number: int) -> list[str]:
    facts = [_("Each is good for seven days and opens the application once. It names no ID number.")]
    good = chosen.good - chosen.known
    if good and chosen.is_one:
        facts.append(_("The letter printed before is still good. This one takes its place."))
    elif good:
        text = ngettext(
            "{n} student has a letter that is still good and gets no other.",
            "{n} students have a letter that is still good and get no other.",
            len(good),
        )
        facts.append(text.format(n=len(good)))
    if number == TOGETHER_MOST:
        facts.append(_("One PDF holds {n} letters. Print once more for those who come after.").format(n=TOGETHER_MOST))
    return facts


def _warnings(chosen: Chosen) -> list[str]:
    found = []
    known = [one.name for one in chosen.students if one.pk in chosen.known]
    if known:
        text = _("Their family has set a password already, so a letter would open nothing: {names}.")
        found.append(text.format(names=_named(known)))
    boxed = [one.name for one in chosen.wanted(again=True) if paper.missing(one.name)]
    if boxed:
        text = _(
            "The letter’s font lacks a character of these names and prints an empty box, to fill in by hand: {names}."
        )
        found.append(text.format(names=_named(boxed)))
    return found


def _named(names: list[str]) -> str:
    listed = words.listed(names[:NAMED_MOST])
    more = len(names) - NAMED_MOST
    return _("{names} and {n} more").format(names=listed, n=more) if more > 0 else listed


def _takes_applications(school: School) -> bool:
    return Desk.objects.filter(school=school, closed_at=None).exists()
