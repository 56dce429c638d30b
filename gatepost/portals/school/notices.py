"""Class notices as a school sees them: the list, one with who has read it, reminding, ending."""

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.circulars import queries as circulars
from gatepost.circulars import receipts, writing
from gatepost.circulars.models import Circular, Receipt
from gatepost.circulars.notices import CLASS_NOTICE
from gatepost.circulars.queries import Answers
from gatepost.kit.clock import local_date
from gatepost.notify.queries import ways
from gatepost.portals import words
from gatepost.portals.frame import class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.plain_text import paragraphs
from gatepost.portals.school.circulars import NOT_USED, audience_of, class_names, compose
from gatepost.roster.models import School

A_PAGE = 20
LISTED_MOST = 80  # more children than this are shown a class at a time
SECTION = "school-notices"
NOTICE = Circular.Kind.NOTICE


@open_to(*queries.STAFF)
@require_safe
def notices(request: HttpRequest, code: str) -> HttpResponse:
    """The class notices for children the person works with, newest first."""
    school, now = queries.school(request.user, code), now_of(request)
    shown = Paginator(circulars.of_school(request.user, school, NOTICE), A_PAGE).get_page(request.GET.get("page"))
    rows = list(shown.object_list)
    names, counts = class_names(rows), circulars.answered_counts(request.user, school, rows)
    today = local_date(now, school.timezone)
    return page(
        request,
        "school/notices.html",
        school_frame(request, school, current=SECTION),
        columns=[{"label": label} for label in (_("Title"), _("For"), _("Until"), _("Read or signed"))],
        rows=[_row(one, names, counts.get(one.pk, (0, 0)), current=receipts.is_current(one, today)) for one in rows],
        pager=pager(request, shown),
        new_url=reverse("school-notice-new", args=[code]),
    )


@open_to(*queries.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str) -> HttpResponse:
    """Write a class notice to classes one works with."""
    return compose(request, queries.school(request.user, code), NOTICE, section=SECTION)


@open_to(*queries.STAFF)
@require_safe
def notice(request: HttpRequest, code: str, notice_id: int) -> HttpResponse:
    """One class notice, and for each child which guardian has read or signed it."""
    school, now = queries.school(request.user, code), now_of(request)
    one = _found(request, school, notice_id)
    today = local_date(now, school.timezone)
    answers = circulars.answers(request.user, one)
    classes = _classes(one, answers) if len(answers) > LISTED_MOST else []
    chosen = next((row for row in classes if row["id"] == request.GET.get("class")), None)
    progress = circulars.progress(one)
    return page(
        request,
        "school/notice.html",
        school_frame(request, school, current=SECTION),
        title=one.title,
        meta=_meta(one),
        html=paragraphs(one.body),
        ended=one.stopped_at is not None,
        progress=_progress(progress) if progress.waiting else None,
        classes=classes if chosen is None else [],
        rows=[_answer(row, one, school) for row in answers if not classes or (chosen and _class(row) == chosen["id"])],
        answered=sum(row.answered for row in answers),
        asked=len(answers),
        asks_receipt=one.asks_receipt,
        remind_url=_remind_url(request, one, school, today),
        end_url=reverse("school-notice-end", args=[code, one.pk])
        if receipts.is_current(one, today) and circulars.may_change(request.user, one)
        else "",
        crumbs=[
            {"label": _("Class notices"), "url": reverse(SECTION, args=[code])},
            *([{"label": one.title, "url": request.path}] if chosen else []),
        ],
    )


@open_to(*queries.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def remind(request: HttpRequest, code: str, notice_id: int) -> HttpResponse:
    """Asks with whom it reaches; POST reminds the families where nobody has answered, once a day."""
    school, now = queries.school(request.user, code), now_of(request)
    one = _found(request, school, notice_id)
    today, mine = local_date(now, school.timezone), queries.students(request.user, school)
    back = redirect("school-notice", code, one.pk)
    if not receipts.is_current(one, today):
        messages.info(request, _("It is over. Nobody is reminded any more."))
        return back
    if request.method == "POST":
        done = receipts.remind(one, mine, today=today, by=signed_in(request), now=now)
        text = ngettext("Reminded: the family of {n} child.", "Reminded: the families of {n} children.", len(done))
        messages.success(request, text.format(n=len(done)))
        return back
    children = list(receipts.waiting(one, mine, today=today).values_list("student_id", flat=True))
    if not children:
        messages.info(request, _("Nobody waits to be reminded: everybody answered, or was reminded today."))
        return back
    return page(
        request,
        "portals/confirm.html",
        school_frame(request, school, current=SECTION),
        confirm={
            "title": _("Remind the families that have not answered?"),
            **_reached(children),
            "action": {"label": _("Remind them"), "url": request.path},
            "back_url": reverse("school-notice", args=[code, one.pk]),
        },
    )


@open_to(*queries.STAFF)
@require_POST
def end(request: HttpRequest, code: str, notice_id: int) -> HttpResponse:
    """It is not current any more, and nobody more is told of it."""
    school = queries.school(request.user, code)
    one = _found(request, school, notice_id)
    if not circulars.may_change(request.user, one):
        raise Http404("not yours to end")
    writing.stop(one, by=signed_in(request), now=now_of(request))
    messages.success(request, _("Ended. Families find it among the earlier ones."))
    return redirect("school-notice", code, one.pk)


def _found(request: HttpRequest, school: School, notice_id: int) -> Circular:
    one = circulars.of_school(request.user, school, NOTICE).filter(pk=notice_id).first()
    if one is None:
        raise Http404("no such notice for you")
    return one


def _reached(children: list[Any]) -> dict[str, Any]:
    found = ways(CLASS_NOTICE, children, but_not=NOT_USED)
    facts = [
        ngettext("It concerns {n} child.", "It concerns {n} children.", len(children)).format(n=len(children)),
        _("Each family is reminded once a day at most."),
    ]
    unit = ngettext("person will get a message", "people will get a message", found.people)
    return {"count": found.people, "unit": unit, "facts": facts}


def _remind_url(request: HttpRequest, one: Circular, school: School, today: Any) -> str:
    if not receipts.is_current(one, today):
        return ""
    waits = receipts.waiting(one, queries.students(request.user, school), today=today).exists()
    return reverse("school-notice-reminder", args=[school.code, one.pk]) if waits else ""


def _row(one: Circular, names: dict[int, str], counts: tuple[int, int], *, current: bool) -> dict[str, Any]:
    done, every = counts
    assert one.until is not None  # noqa: S101 - a notice has one
    what = _("signed") if one.asks_receipt else _("read")
    return {
        "cells": [
            {
                "text": one.title,
                "url": reverse("school-notice", args=[one.school.code, one.pk]),
                "detail": f"{words.slashed(one.on_date)} {one.by.get_full_name()}",
            },
            {"text": audience_of(one, names), "label": _("For")},
            {"text": words.slashed(one.until), "detail": "" if current else _("Past"), "label": _("Until")},
            {"text": f"{done} / {every}", "detail": what, "label": _("Read or signed"), "figure": True},
        ]
    }


def _meta(one: Circular) -> list[str]:
    assert one.until is not None  # noqa: S101 - a notice has one
    by = f"{words.ROLES[one.office]} {one.by.get_full_name()}"
    until = _("until {day}").format(day=words.long_date(one.until))
    return [audience_of(one, class_names([one])), words.slashed(one.on_date), until, by]


def _progress(progress: circulars.Progress) -> dict[str, Any]:
    detail = _("You can leave this page; it goes on.")
    return {"label": _("Families being told"), "done": progress.told, "total": progress.children, "detail": detail}


def _class(row: Answers) -> str:
    return str(row.student.school_class_id or "")


def _classes(one: Circular, answers: list[Answers]) -> list[dict[str, str]]:
    rows = []
    for pk, group in groupby(answers, key=_class):
        mine = list(group)
        name = mine[0].student.school_class.name if mine[0].student.school_class else _("Without a class")
        done = f"{sum(row.answered for row in mine)} / {len(mine)}"
        rows.append({"id": pk, "text": name, "note": done, "url": f"?class={pk}"})
    return rows


def _answer(row: Answers, one: Circular, school: School) -> dict[str, Any]:
    return {
        "name": row.student.name,
        "detail": class_and_seat(row.student),
        "answered": row.answered,
        "readers": [
            {"name": " ".join((reader.name, reader.relation)).strip(), **_said(reader.receipt, one, school)}
            for reader in row.readers
        ],
    }


def _said(receipt: Receipt | None, one: Circular, school: School) -> dict[str, str]:
    if receipt is None:
        return {"state": "waiting", "word": _("Not read yet"), "at": "", "reply": ""}
    at = receipt.signed_at or receipt.read_at
    when = f"{words.slashed(local_date(at, school.timezone))} {words.clock(at, school.timezone)}"
    if receipt.signed_at:
        return {"state": "done", "word": _("Signed"), "at": when, "reply": receipt.reply}
    read = _("Read, not signed") if one.asks_receipt else _("Read")
    return {"state": "waiting" if one.asks_receipt else "done", "word": read, "at": when, "reply": ""}
