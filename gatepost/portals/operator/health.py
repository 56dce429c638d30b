"""Whether everything runs: what waits, what went out, who is silent, when the clocks last ticked."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.attendance.daylines import SILENT_AFTER
from gatepost.attendance.models import Sweep
from gatepost.gates import queries as gates
from gatepost.gates.models import Reader
from gatepost.notify import queries as notify
from gatepost.notify.line import budget
from gatepost.portals import words
from gatepost.portals.frame import operator_frame, page
from gatepost.portals.moment import now_of
from gatepost.portals.versions import versions

LATE_SECONDS = 60  # what has waited longer needs somebody to look
READERS_SHOWN = 50
ZONE = "Asia/Taipei"


@open_to(Role.Name.OPERATOR)
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """The platform at a look."""
    now = now_of(request)
    silent = _silent(now)
    return page(
        request,
        "operator/health.html",
        operator_frame(request, current="health"),
        updated=words.clock_seconds(now, ZONE),
        refresh_url=reverse("operator-health"),
        columns=[{"label": _("Part")}, {"label": _("State")}, {"label": _("Figures"), "figure": True}],
        rows=[_taps(now), _deliveries(now), _sweeps(now), *_line_messages(now)],
        sent_columns=[{"label": _("Deliveries")}, {"label": _("Number"), "figure": True}],
        sent_rows=_states(now),
        readers=[_reader(one, now) for one in silent[:READERS_SHOWN]],
        readers_more=len(silent) > READERS_SHOWN,
        readers_in_use=Reader.objects.filter(revoked_at=None, rested_at=None).count(),
        versions=_versions(),
    )


def _taps(now: datetime) -> dict[str, Any]:
    waiting = gates.queued(now=now)
    return _part(_("Taps to follow"), waiting.number, waiting.oldest_seconds)


def _deliveries(now: datetime) -> dict[str, Any]:
    waiting = notify.queued(now=now)
    return _part(_("Deliveries to send"), waiting.number, waiting.oldest_seconds)


def _part(name: str, number: int, oldest_seconds: float | None) -> dict[str, Any]:
    late = oldest_seconds is not None and oldest_seconds > LATE_SECONDS
    detail = ""
    if oldest_seconds is not None:
        detail = _("the oldest for {duration}").format(duration=words.duration(oldest_seconds))
    state = ("held", _("Late")) if late else ("done", _("Working"))
    return _line(name, state, f"{number:,}", detail)


def _sweeps(now: datetime) -> dict[str, Any]:
    asked = Sweep.objects.aggregate(last=Max("asked_at"))["last"]
    held = Sweep.objects.filter(date=localdate(now), decided_at=None).exclude(held_because="").count()
    detail = _("last asked {time}").format(time=localtime(asked).strftime("%Y/%m/%d %H:%M:%S")) if asked else ""
    state = ("held", _("Needs people")) if held else ("done", _("Working"))
    return _line(_("Not-arrived lists"), state, ngettext("{n} held", "{n} held", held).format(n=held), detail)


def _line_messages(now: datetime) -> list[dict[str, Any]]:
    """The month's messages on LINE, and whether they will last. Nothing where LINE is off."""
    if "line" not in settings.CHANNELS:
        return []
    month = budget.this_month(now=now)
    state = ("done", _("Will last"))
    if month.is_used_up:
        state = ("held", _("Used up: nothing more is sent on LINE"))
    elif month.is_for_safety_only:
        state = ("held", _("Only safety messages go: the last tenth is kept for them"))
    elif not month.will_last:
        state = ("held", _("Will not last"))
    of = f" / {month.quota:,}" if month.quota is not None else ""
    detail = _("about {n} by the end of the month").format(n=f"{month.forecast:,}")
    if month.asked_at is None:
        detail = _("LINE was not asked yet")
    return [_line(_("LINE messages of this month"), state, f"{month.used:,}{of}", detail)]


def _line(name: str, state: tuple[str, str], figures: str, detail: str) -> dict[str, Any]:
    return {
        "cells": [
            {"text": name},
            {"text": state[1], "state": state[0], "label": _("State")},
            {"text": figures, "detail": detail, "figure": True, "label": _("Figures")},
        ]
    }


def _states(now: datetime) -> list[dict[str, Any]]:
    counted = notify.states_on(localdate(now))
    rows = []
    for state, word in {**words.DELIVERY_STATES, "sent": _("Handed over")}.items():  # by every channel
        number = sum(count for (_channel, one), count in counted.items() if one == state)
        rows.append({"cells": [{"text": word}, {"text": f"{number:,}", "figure": True, "label": _("Number")}]})
    return rows


def _silent(now: datetime) -> list[Reader]:
    in_use = Reader.objects.filter(revoked_at=None, rested_at=None, health__heard_at__lt=now - SILENT_AFTER)
    return list(in_use.select_related("gate", "school", "health").order_by("health__heard_at")[: READERS_SHOWN + 1])


def _reader(one: Reader, now: datetime) -> dict[str, Any]:
    silent_for = now - one.health.heard_at
    heard = words.clock(one.health.heard_at, one.school.timezone)
    if silent_for > timedelta(days=1):
        heard = words.slashed(localdate(one.health.heard_at))
    return {
        "name": f"{one.school.short_name} {one.gate.name} {one.name}",
        "state": "off",
        "word": _("Offline {duration}").format(duration=words.duration(silent_for.total_seconds())),
        "heard": _("last heard {time}").format(time=heard),
    }


def _versions() -> list[dict[str, str]]:
    connection.ensure_connection()
    major, minor = divmod(connection.pg_version, 10_000)  # type: ignore[attr-defined]
    known = versions() | {"PostgreSQL": f"{major}.{minor}"}
    return [{"label": name, "value": value} for name, value in known.items()]
