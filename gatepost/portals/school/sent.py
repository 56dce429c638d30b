"""Messages to families as a school sees them: the list, one with how far it has come, stopping, correcting."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.circulars import queries as circulars
from gatepost.circulars import writing
from gatepost.circulars.models import Circular
from gatepost.notify.queries import states_of
from gatepost.portals import words
from gatepost.portals.frame import MANAGES, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.plain_text import paragraphs
from gatepost.portals.school.circulars import REFUSALS, WordsForm, audience_of, class_names, compose
from gatepost.roster.models import School

A_PAGE = 20
SECTION = "school-messages"
MESSAGE = Circular.Kind.MESSAGE
REACHED = ("sending", "sent", "delivered")


@open_to(*MANAGES)
@require_safe
def sent(request: HttpRequest, code: str) -> HttpResponse:
    """The messages of the school, newest first, with those under way."""
    school = queries.school(request.user, code, *MANAGES)
    shown = Paginator(circulars.of_school(request.user, school, MESSAGE), A_PAGE).get_page(request.GET.get("page"))
    rows = list(shown.object_list)
    names = class_names(rows)
    return page(
        request,
        "school/messages.html",
        school_frame(request, school, current=SECTION),
        columns=[{"label": label} for label in (_("Title"), _("For"), _("Children"), _("State"))],
        rows=[_row(one, names) for one in rows],
        pager=pager(request, shown),
        new_url=reverse("school-message-new", args=[code]),
    )


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str) -> HttpResponse:
    """Write a message to families."""
    return compose(request, queries.school(request.user, code, *MANAGES), MESSAGE, section=SECTION)


@open_to(*MANAGES)
@require_safe
def message(request: HttpRequest, code: str, message_id: int) -> HttpResponse:
    """One message: how far it has come, what became of it by channel, and how it read before."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    one = _found(request, school, message_id)
    progress, running = circulars.progress(one), one.stopped_at is None
    return page(
        request,
        "school/message.html",
        school_frame(request, school, current=SECTION),
        title=one.title,
        meta=_meta(one),
        html=paragraphs(one.body),
        stopped=not running,
        progress={
            "label": _("Families being told"),
            "done": progress.told,
            "total": progress.children,
            "detail": _("You can leave this page; it goes on."),
        }
        if progress.waiting
        else None,
        told=progress.told,
        refresh_url=request.path,
        deliveries=_deliveries(one),
        wordings=_wordings(one),
        stop_url=reverse("school-message-stop", args=[code, one.pk]) if running and _is_under_way(one) else "",
        correct_url=reverse("school-message-correction", args=[code, one.pk])
        if writing.may_be_corrected(one, now=now)
        else "",
        crumbs=[{"label": _("Messages to families"), "url": reverse(SECTION, args=[code])}],
    )


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, code: str, message_id: int) -> HttpResponse:
    """Asks first; POST tells nobody more of it."""
    school = queries.school(request.user, code, *MANAGES)
    one = _found(request, school, message_id)
    if request.method == "POST":
        writing.stop(one, by=signed_in(request), now=now_of(request))
        messages.success(request, _("Stopped. What was not sent yet is not sent any more."))
        return redirect("school-message", code, one.pk)
    waits = circulars.progress(one).waiting
    return page(
        request,
        "portals/confirm.html",
        school_frame(request, school, current=SECTION),
        confirm={
            "title": _("Stop this message?"),
            "count": waits,
            "unit": ngettext("child whose family is not told yet", "children whose families are not told yet", waits),
            "facts": [
                _("Messages that wait to be sent are dropped. What was sent cannot be called back."),
                _("After a mistake, correct the message: exactly those who got it are told."),
            ],
            "action": {"label": _("Stop it"), "url": request.path, "kind": "danger"},
            "back_url": reverse("school-message", args=[code, one.pk]),
        },
    )


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, code: str, message_id: int) -> HttpResponse:
    """Give it other words; exactly those who got it are told."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    one = _found(request, school, message_id)
    form = WordsForm(request.POST or None, kind=MESSAGE, initial={"title": one.title, "body": one.body})
    if request.method == "POST" and form.is_valid():
        try:
            writing.correct(one, **form.cleaned_data, by=signed_in(request), now=now)
        except writing.WritingRefused as refused:
            form.add_error(None, str(REFUSALS[refused.code]))
        else:
            messages.success(request, _("Corrected. Those who got it are being told."))
            return redirect("school-message", code, one.pk)
    got = sum(number for (_channel, state), number in _states(one).items() if state in REACHED)
    back_url = reverse("school-message", args=[code, one.pk])
    return page(
        request,
        "school/message_correction.html",
        school_frame(request, school, current=SECTION),
        form=form,
        lead=ngettext(
            "{n} message was sent; the correction follows it. Whoever is still to be told gets the new words only.",
            "{n} messages were sent; the correction follows them. Whoever is still to be told gets the new words only.",
            got,
        ).format(n=got),
        crumbs=[{"label": one.title, "url": back_url}],
        back_url=back_url,
    )


def _found(request: HttpRequest, school: School, message_id: int) -> Circular:
    one = circulars.of_school(request.user, school, MESSAGE).filter(pk=message_id).first()
    if one is None:
        raise Http404("no such message for you")
    return one


def _row(one: Circular, names: dict[int, str]) -> dict[str, Any]:
    state, word = _state(one)
    return {
        "cells": [
            {
                "text": one.title,
                "url": reverse("school-message", args=[one.school.code, one.pk]),
                "detail": f"{words.slashed(one.on_date)} {one.by.get_full_name()}",
            },
            {"text": audience_of(one, names), "label": _("For")},
            {"text": str(one.children), "label": _("Children"), "figure": True},
            {"text": word, "state": state, "label": _("State")},
        ]
    }


def _state(one: Circular) -> tuple[str, str]:
    if one.stopped_at is not None:
        return "closed", _("Stopped")
    if one.addressees.filter(due_at__isnull=False).exists():
        return "sending", _("Under way")
    return "done", _("All families told")


def _meta(one: Circular) -> list[str]:
    by = f"{words.ROLES[one.office]} {one.by.get_full_name()}"
    at = f"{words.slashed(one.on_date)} {words.clock(one.written_at, one.school.timezone)}"
    children = ngettext("{n} child", "{n} children", one.children).format(n=one.children)
    return [audience_of(one, class_names([one])), children, at, by]


def _states(one: Circular) -> dict[tuple[str, str], int]:
    return states_of(one.key, list(one.addressees.values_list("student_id", flat=True)), one.on_date)


def _is_under_way(one: Circular) -> bool:
    waits = one.addressees.filter(due_at__isnull=False).exists()
    return waits or any(state == "queued" for _channel, state in _states(one))


def _deliveries(one: Circular) -> list[dict[str, str]]:
    """By channel, how many messages are in which state."""
    by_channel: dict[str, list[str]] = {}
    for (channel, state), number in _states(one).items():
        word = (
            words.SENT.get(channel, words.DELIVERY_STATES[state]) if state == "sent" else words.DELIVERY_STATES[state]
        )
        by_channel.setdefault(channel, []).append(f"{word} {number}")
    return [{"text": str(words.CHANNELS[channel]), "note": words.listed(said)} for channel, said in by_channel.items()]


def _wordings(one: Circular) -> list[dict[str, Any]]:
    """How it read before, newest first; nothing where it was never corrected."""
    zone = one.school.timezone
    earlier = one.wordings.exclude(number=one.wording).select_related("by").order_by("-number")
    return [
        {
            "title": wording.title,
            "html": paragraphs(wording.body),
            "note": f"{words.slashed(one.on_date)} {words.clock(wording.at, zone)} {wording.by.get_full_name()}",
        }
        for wording in earlier
    ]
