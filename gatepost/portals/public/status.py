"""The status of the service in words for families."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.portals import words
from gatepost.portals.frame import page
from gatepost.portals.moment import now_of
from gatepost.portals.public import condition
from gatepost.portals.public.condition import Condition

PATH = "/status/"
CHANNELS: dict[str, Promise] = {
    "email": gettext_lazy("Messages by email"),
    "line": gettext_lazy("Messages by LINE"),
    "push": gettext_lazy("Messages by app"),
    "sms": gettext_lazy("Text messages"),
}


class NobodyMiddleware:
    """The status knows nobody, so that it answers when no table does. Before the session is looked at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == PATH:
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return self.get_response(request)


@open_to(PUBLIC)
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """What works and what does not, as of some seconds ago. 503 when the database is away."""
    now = condition.kept.at(now_of(request))
    return page(
        request,
        "public/status.html",
        {},
        status=200 if now.has_database else 503,
        updated=words.clock_seconds(now.at, settings.TIME_ZONE),
        refresh_url=PATH,
        headline=headline(now),
        is_fine=now.is_fine,
        parts=_parts(now),
        has_database=now.has_database,
    )


def headline(now: Condition) -> str:
    """The condition in one sentence."""
    if not now.has_database:
        return _("Our data cannot be reached at the moment. We are on it.")
    if now.stopped_since is not None:
        return _("Messages stand still since {time}. Nothing is lost.").format(time=_clock(now.stopped_since))
    if now.late_since is not None:
        return _late(now.late_since, now.at)
    if now.schools_silent:
        return _silent(now)
    return _("Everything works.")


def _late(since: datetime, at: datetime) -> str:
    minutes = max(1, round((at - since) / timedelta(minutes=1)))
    text = ngettext(
        "Messages are late by about {n} minute: the oldest waits since {time}.",
        "Messages are late by about {n} minutes: the oldest waits since {time}.",
        minutes,
    )
    return text.format(n=minutes, time=_clock(since))


def _silent(now: Condition) -> str:
    text = ngettext(
        "At {n} school a reader gives no sign. It calls the roll.",
        "At {n} schools a reader gives no sign. They call the roll.",
        now.schools_silent,
    )
    return text.format(n=now.schools_silent)


def _parts(now: Condition) -> list[dict[str, Any]]:
    """A row for each thing that a family relies on."""
    if not now.has_database:
        return []
    stopped = now.stopped_since
    channels = [(CHANNELS[one], now.messages_since.get(one) or stopped) for one in CHANNELS if one in settings.CHANNELS]
    rows = [(_("Taps at the school gates"), now.taps_since or stopped), *channels]
    return [_part(str(name), since, now.at) for name, since in rows] + _readers(now)


def _part(name: str, since: datetime | None, at: datetime) -> dict[str, Any]:
    if since is None:
        return {"name": name, "state": "done", "word": _("Works"), "note": ""}
    minutes = max(1, round((at - since) / timedelta(minutes=1)))
    word = ngettext("About {n} minute late", "About {n} minutes late", minutes).format(n=minutes)
    return {"name": name, "state": "held", "word": word, "note": _("since {time}").format(time=_clock(since))}


def _readers(now: Condition) -> list[dict[str, Any]]:
    if not now.schools:
        return []
    counted = ngettext("{n} school", "{n} schools", now.schools).format(n=now.schools)
    row = {"name": _("Readers at the gates"), "note": counted}
    if not now.schools_silent:
        return [row | {"state": "done", "word": _("Works")}]
    silent = ngettext("Silent at {n} school", "Silent at {n} schools", now.schools_silent)
    return [row | {"state": "held", "word": silent.format(n=now.schools_silent)}]


def _clock(moment: datetime) -> str:
    return words.clock(moment, settings.TIME_ZONE)
