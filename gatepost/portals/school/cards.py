"""A student's cards: which counts, and giving a new one that was just held to a reader of the school."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.cards import holders
from gatepost.cards.holders import CardRefused
from gatepost.cards.models import Card
from gatepost.gates.queries import UnheldCard, unheld_cards
from gatepost.portals import words
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.school.guardians import crumbs
from gatepost.roster.models import School, Student

SHOWN_MOST = 20


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def of_student(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """The student's cards. POST gives the card `uid`, if it was held to a reader of the school just now."""
    school, now = queries.school(request.user, code, *queries.SCHOOL_STAFF), now_of(request)
    student = queries.student(request.user, school, student_id, looked="cards")
    student.school = school
    unheld = unheld_cards(school.pk, now=now)
    if request.method == "POST":
        _give(request, student, unheld)
        return redirect("school-student-cards", code, student_id)
    return page(
        request,
        "school/student_cards.html",
        school_frame(request, school, current="students"),
        title=_("Cards of {student}").format(student=student.name),
        meta=[class_and_seat(student), student.number],
        cards=[_card(card) for card in student.cards.order_by("-issued_at")[:SHOWN_MOST]],
        unheld=[_unheld(card, school) for card in unheld],
        crumbs=crumbs(school, student),
    )


def _give(request: HttpRequest, student: Student, unheld: list[UnheldCard]) -> None:
    uid = request.POST.get("uid", "")
    if uid not in {card.uid for card in unheld}:  # what was typed into an address is no card in anybody's hand
        messages.warning(request, _("Nothing was changed: hold the new card to a reader of the school once more."))
        return
    try:
        holders.replace(student, uid, by=signed_in(request), now=now_of(request))
    except CardRefused:
        messages.warning(request, _("Nothing was changed: somebody else has this card by now."))
    else:
        messages.success(request, _("{student} has the new card. It counts from now on.").format(student=student.name))


def _card(card: Card) -> dict[str, Any]:
    days = [localtime(at).date() for at in (card.issued_at, card.ended_at) if at is not None]
    return {
        "number": _("Number ending in {digits}").format(digits=card.uid[-4:]),
        "since": "–".join(words.slashed(day) for day in days) if len(days) > 1 else f"{words.slashed(days[0])}–",
        "state": words.CARD_LINES[card.state],
        "word": words.CARD_STATES[card.state],
    }


def _unheld(card: UnheldCard, school: School) -> dict[str, Any]:
    digits = card.uid[-4:]
    return {
        "number": _("Number ending in {digits}").format(digits=digits),
        "where": f"{words.clock_seconds(card.at, school.timezone)} {card.place}",
        "actions": [
            {
                "label": _("Give this card"),
                "url": "",
                "method": "post",
                "name": "uid",
                "value": card.uid,
                "kind": "plain",
                "about": digits,
            }
        ],
    }
