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
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.announcements import publishing
from gatepost.announcements.models import Announcement
from gatepost.portals import words
from gatepost.portals.forms import moment_field, text_field
from gatepost.portals.frame import bureau_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager

A_PAGE = 20


class AnnouncementForm(forms.Form):
    """News of the city."""

    title = text_field(
        gettext_lazy("Title"), longest=120, error_messages={"required": gettext_lazy("Give it a title.")}
    )
    body = text_field(
        gettext_lazy("Text"),
        rows=8,
        longest=20_000,
        required=False,
        help_text=gettext_lazy("An empty line begins a paragraph."),
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

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("published_at") and data.get("expires_at") and data["expires_at"] <= data["published_at"]:
            self.add_error("expires_at", _("This is not after the beginning."))
        return data


@open_to(Role.Name.BUREAU_OFFICER)
@require_safe
def announcements(request: HttpRequest) -> HttpResponse:
    """The city's announcements: planned, shown, and past."""
    now = now_of(request)
    found = Announcement.objects.filter(school=None).order_by("-published_at", "-pk")
    shown = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "bureau/announcements.html",
        bureau_frame(request, current="announcements"),
        columns=[{"label": label} for label in (_("Title"), _("Kind"), _("Shown"), _("State"))],
        rows=[_row(one, now) for one in shown.object_list],
        pager=pager(request, shown),
        new_url=reverse("bureau-announcement-new"),
    )


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Publish an announcement, now or from a later hour."""
    now = now_of(request)
    form = AnnouncementForm(request.POST or None, initial={"kind": "news", "published_at": localtime(now)})
    if request.method == "POST" and form.is_valid() and _ends_later(form, now):
        one = publishing.publish(**form.cleaned_data, by=signed_in(request), now=now)
        text = _("Published.") if one.published_at <= now else _("It will be published at the hour you chose.")
        messages.success(request, text)
        return redirect("bureau-announcements")
    back_url = reverse("bureau-announcements")
    return page(
        request,
        "bureau/announcement_new.html",
        bureau_frame(request, current="announcements"),
        form=form,
        crumbs=[{"label": _("Announcements"), "url": back_url}],
        back_url=back_url,
    )


@open_to(Role.Name.BUREAU_OFFICER)
@require_POST
def end(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """Show it no more from now on; one that was not shown yet never will be."""
    one = Announcement.objects.filter(school=None, pk=announcement_id).first()
    if one is None:
        raise Http404("no such announcement of the city")
    publishing.end(one, by=signed_in(request), now=now_of(request))
    messages.success(request, _("It is not shown any more."))
    return redirect("bureau-announcements")


def _ends_later(form: AnnouncementForm, now: datetime) -> bool:
    expires_at = form.cleaned_data["expires_at"]
    if expires_at is None or expires_at > now:
        return True
    form.add_error("expires_at", _("This hour is past already."))
    return False


def _row(one: Announcement, now: datetime) -> dict[str, Any]:
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
    url = reverse("bureau-announcement-end", args=[one.pk])
    act = {"label": _("End"), "url": url, "kind": "plain", "method": "post", "about": one.title}
    return {"cells": cells, "actions": [act] if running else []}


def _state(one: Announcement, now: datetime) -> tuple[str, str, bool]:
    if one.expires_at and one.expires_at <= now:
        return "closed", _("Past"), False
    if one.published_at > now:
        return "waiting", _("Planned"), True
    return "done", pgettext("an announcement now", "Shown"), True
