"""Writing announcements: the same pages for the bureau, to the city, and for a school, to its own people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from gatepost.announcements import publishing
from gatepost.announcements.models import Announcement, Edition
from gatepost.portals import words
from gatepost.portals.forms import moment_field, text_field
from gatepost.portals.frame import Frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.plain_text import paragraphs
from gatepost.roster.models import School

A_PAGE = 20


class AnnouncementForm(forms.Form):
    """News of the city, or of a school."""

    title = text_field(
        gettext_lazy("Title"), longest=120, error_messages={"required": gettext_lazy("Give it a title.")}
    )
    body = text_field(
        gettext_lazy("Text"),
        rows=8,
        longest=20_000,
        required=False,
        help_text=gettext_lazy("An empty line begins a paragraph. Web addresses become links."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=list(words.NEWS_KINDS.items()), widget=forms.RadioSelect
    )
    important = forms.BooleanField(
        label=gettext_lazy("Important"), required=False, help_text=gettext_lazy("Marked, and on top of the list.")
    )
    published_at = moment_field(gettext_lazy("Shown from"))
    expires_at = moment_field(
        gettext_lazy("Shown until"),
        required=False,
        help_text=gettext_lazy("Empty: until somebody ends it. It stays in the history."),
    )

    def __init__(self, *args: Any, now: datetime, is_shown: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        if is_shown:  # since when it has been read cannot be said otherwise afterwards
            del self.fields["published_at"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        begins, ends = data.get("published_at"), data.get("expires_at")
        if begins and ends and ends <= begins:
            self.add_error("expires_at", _("This is not after the beginning."))
        elif ends and ends <= self.now:
            self.add_error("expires_at", _("This hour is past already."))
        return data


@dataclass(frozen=True)
class Board:
    """Whose announcements these are, and how its pages are framed. Without a school they are the city's."""

    school: School | None
    frame: Callable[[HttpRequest], Frame]

    def url(self, page_name: str = "announcements", *args: int) -> str:
        """The address of one of its pages."""
        if self.school is None:
            return reverse(f"bureau-{page_name}", args=args)
        return reverse(f"school-{page_name}", args=[self.school.code, *args])

    def found(self, announcement_id: int) -> Announcement:
        """One of its own. Raises `Http404` for anybody else's."""
        one = Announcement.objects.filter(school=self.school, pk=announcement_id).first()
        if one is None:
            raise Http404("no such announcement on this board")
        return one


def overview(request: HttpRequest, board: Board) -> HttpResponse:
    """The announcements of a board: planned, shown, and past."""
    now = now_of(request)
    found = Announcement.objects.filter(school=board.school).order_by("-published_at", "-pk")
    shown = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "portals/noticeboard.html",
        board.frame(request),
        title=_("Announcements of the school") if board.school else _("Announcements of the city"),
        empty=_EMPTY_SCHOOL if board.school else _EMPTY_CITY,
        columns=[{"label": label} for label in (_("Title"), _("Kind"), _("Shown"), _("State"))],
        rows=[_row(one, board, now) for one in shown.object_list],
        pager=pager(request, shown),
        new_url=board.url("announcement-new"),
    )


_EMPTY_CITY = gettext_lazy("What is written here stands on the front page and in every family’s home.")
_EMPTY_SCHOOL = gettext_lazy("What is written here stands in the home of every family of the school.")


def compose(request: HttpRequest, board: Board) -> HttpResponse:
    """Publish an announcement, now or from a later hour."""
    now = now_of(request)
    form = AnnouncementForm(request.POST or None, now=now, initial={"kind": "news", "published_at": localtime(now)})
    if request.method == "POST" and form.is_valid():
        one = publishing.publish(**form.cleaned_data, by=signed_in(request), now=now, school=board.school)
        text = _("Published.") if one.published_at <= now else _("It will be published at the hour you chose.")
        messages.success(request, text)
        return redirect(board.url())
    return _form(request, board, form, title=_("Write an announcement"), button=_("Publish"))


def edit(request: HttpRequest, board: Board, announcement_id: int) -> HttpResponse:
    """Change one that is planned or shown. How it read before is kept, with who and when."""
    now, one = now_of(request), board.found(announcement_id)
    if one.expires_at is not None and one.expires_at <= now:
        messages.info(request, _("It is past, and stays as it is."))
        return redirect(board.url())
    initial = {name: getattr(one, name) for name in ("title", "body", "kind", "important", "published_at")}
    form = AnnouncementForm(
        request.POST or None,
        now=now,
        is_shown=one.published_at <= now,
        initial=initial | {"expires_at": localtime(one.expires_at) if one.expires_at else None},
    )
    if request.method == "POST" and form.is_valid():
        publishing.revise(one, **form.cleaned_data, by=signed_in(request), now=now)
        messages.success(request, _("Saved."))
        return redirect(board.url())
    editions = one.editions.select_related("by").order_by("-pk")
    return _form(request, board, form, title=_("Change an announcement"), button=_("Save"), editions=editions)


def end(request: HttpRequest, board: Board, announcement_id: int) -> HttpResponse:
    """Show it no more from now on; one that was not shown yet never will be."""
    publishing.end(board.found(announcement_id), by=signed_in(request), now=now_of(request))
    messages.success(request, _("It is not shown any more."))
    return redirect(board.url())


def _form(request: HttpRequest, board: Board, form: AnnouncementForm, **more: Any) -> HttpResponse:
    editions = [_edition(one) for one in more.pop("editions", ())]
    return page(
        request,
        "portals/noticeboard_form.html",
        board.frame(request),
        form=form,
        editions=editions,
        lead=_LEAD_SCHOOL if board.school else _LEAD_CITY,
        crumbs=[{"label": _("Announcements"), "url": board.url()}],
        back_url=board.url(),
        **more,
    )


_LEAD_CITY = gettext_lazy("For everybody in the city: on the front page and in every family’s home.")
_LEAD_SCHOOL = gettext_lazy("For the families and staff of the school. Nobody is sent a message.")


def _edition(one: Edition) -> dict[str, Any]:
    at = localtime(one.until).strftime("%Y/%m/%d %H:%M")
    note = _("Changed at {time} by {name}").format(time=at, name=one.by.get_full_name())
    return {"title": one.title, "html": paragraphs(one.body), "note": note}


def _row(one: Announcement, board: Board, now: datetime) -> dict[str, Any]:
    state, word, running = _state(one, now)
    until = localtime(one.expires_at).strftime("%Y/%m/%d %H:%M") if one.expires_at else ""
    cells = [
        {"text": one.title, "url": reverse("announcement", args=[one.pk]) if one.published_at <= now else ""},
        {"text": words.NEWS_KINDS[one.kind], "label": _("Kind")},
        {
            "text": localtime(one.published_at).strftime("%Y/%m/%d %H:%M"),
            "detail": f"– {until}" if until else "",
            "label": _("Shown"),
        },
        {"text": word, "state": state, "label": _("State")},
    ]
    change = {"label": _("Change"), "url": board.url("announcement-edit", one.pk), "kind": "plain", "about": one.title}
    end_url = board.url("announcement-end", one.pk)
    act = {"label": _("End"), "url": end_url, "kind": "plain", "method": "post", "about": one.title}
    return {"cells": cells, "actions": [change, act] if running else []}


def _state(one: Announcement, now: datetime) -> tuple[str, str, bool]:
    if one.expires_at and one.expires_at <= now:
        return "closed", _("Past"), False
    if one.published_at > now:
        return "waiting", _("Planned"), True
    return "done", pgettext("an announcement now", "Shown"), True
