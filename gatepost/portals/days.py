"""A student's day as families and schools both see it: facts, the week around it, events with their messages."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from datetime import time as wall
from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from gatepost.attendance import timeline
from gatepost.attendance.daylines import weeks
from gatepost.attendance.leaves import standing
from gatepost.attendance.models import Day, Event
from gatepost.attendance.notices import source_line
from gatepost.attendance.timeline import Seen
from gatepost.kit.clock import at_local
from gatepost.notify.queries import Told
from gatepost.portals import words
from gatepost.roster.models import Student

DAYS_BACK = 400  # a school year and a summer

_EVENT_STATES = {Event.Side.IN: "arrived", Event.Side.OUT: "left", Event.Side.SEEN: "arrived"}
_TOPIC_STATES = {"not_arrived": "absent", "corrected": "info"}


def check(day: date, *, today: date) -> None:
    """Raises `Http404` for a day that has not come, or is too long ago to be looked at."""
    if not today - timedelta(days=DAYS_BACK) <= day <= today:
        raise Http404("no such day")


def facts(student: Student, day: date) -> list[str]:
    """School day or not, earliest leaving time, leave: what was expected of the day."""
    planned = timeline.plan_of(student, day)
    if planned is None:
        found = [_("No school")]
    else:
        found = [" ".join(part for part in (str(words.DAY_KINDS[planned.kind]), planned.name) if part)]
    found += [str(words.LEAVES[leave.kind]) for leave in standing(day, day).filter(student=student)]
    return found


def week(student: Student, day: date, *, today: date, url_name: str, args: Sequence[object]) -> dict[str, Any]:
    """The seven days up to today if `day` is among them, else those up to `day`."""
    last = today if today - day < timedelta(days=7) else day
    zone = student.school.timezone
    shown = weeks([student], now=at_local(last, wall(12), zone))[student.pk]
    urls = [reverse(url_name, args=[*args, one.date]) for one in shown]
    return words.week_strip(shown, zone, today=today, urls=urls)


def around(day: date, *, today: date, url_name: str, args: Sequence[object]) -> dict[str, str]:
    """Where the day before and the day after are; nothing beyond what may be looked at."""
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    return {
        "previous_url": reverse(url_name, args=[*args, before]) if today - before <= timedelta(days=DAYS_BACK) else "",
        "previous": words.long_date(before),
        "next_url": reverse(url_name, args=[*args, after]) if after <= today else "",
        "next": words.long_date(after),
    }


def entries(
    student: Student, day: date, told: Sequence[Told], *, act: Callable[[Event], Any] | None = None
) -> list[dict[str, Any]]:
    """The day's events in the order of the clock, each with the messages it caused; messages without one stand alone.

    `act` gives what a person may do with an event, drawn under it.
    """
    zone = student.school.timezone
    seen = timeline.events_of(student, day)
    caused = _caused(timeline.day_of(student, day), seen, told)
    rows = [(one.event.at, _event(one, caused.get(one.event.pk, []), zone, act)) for one in seen]
    alone = [one for one in told if not any(one in group for group in caused.values())]
    rows += [(group[0].posted_at, _message(topic, group, zone)) for topic, group in _by_topic(alone).items()]
    return [row for _at, row in sorted(rows, key=lambda row: row[0])]


def _caused(day: Day | None, seen: Sequence[Seen], told: Sequence[Told]) -> dict[int, list[Told]]:
    """Which event made which messages: arrival and departure are the day's; a sighting alone counts as an arrival."""
    standing_events = [one.event.pk for one in seen if one.event.voided_at is None]
    first = standing_events[0] if standing_events else None
    source = {
        "arrived": (day.arrived_event_id if day else None) or first,
        "found": (day.arrived_event_id if day else None) or first,
        "left": day.left_event_id if day else None,
    }
    caused: dict[int, list[Told]] = {}
    for one in told:
        event_id = source.get(one.topic)
        if event_id is not None:
            caused.setdefault(event_id, []).append(one)
    return caused


def _event(seen: Seen, told: Sequence[Told], zone: str, act: Callable[[Event], Any] | None) -> dict[str, Any]:
    event = seen.event
    title: Any = words.SIDES[event.side]
    notes = [event.note] if event.note else []
    if event.voided_at is not None:
        title = format_html("<s>{}</s> {}", title, _("(taken back)"))
        notes.append(
            _("Taken back at {time}: {reason}").format(
                time=words.clock(event.voided_at, zone), reason=event.voided_because
            )
        )
    return {
        "time": words.clock(event.at, zone),
        "state": "dropped" if event.voided_at else _EVENT_STATES[Event.Side(event.side)],
        "title": title,
        "source": _source(seen, zone),
        "note": " ".join(notes),
        "deliveries": [words.delivery(one, zone) for one in told],
        "act": act(event) if act and event.voided_at is None else None,
    }


def _source(seen: Seen, zone: str) -> str:
    event = seen.event
    where = source_line(event.source, place=seen.place)
    if (event.recorded_at - event.at).total_seconds() < 120:
        return where
    late = _("Received at {time}.") if event.source == Event.Source.CARD else _("Recorded at {time}.")
    return words.sentences(where, late.format(time=words.clock(event.recorded_at, zone)))


def _message(topic: str, told: Sequence[Told], zone: str) -> dict[str, Any]:
    return {
        "time": words.clock(told[0].posted_at, zone),
        "state": _TOPIC_STATES.get(topic, "mail"),
        "title": words.topic_title(topic),
        "source": _("Message to guardians"),
        "note": "",
        "deliveries": [words.delivery(one, zone) for one in told],
        "act": None,
    }


def _by_topic(told: Sequence[Told]) -> dict[str, list[Told]]:
    groups: dict[str, list[Told]] = {}
    for one in told:
        groups.setdefault(one.topic, []).append(one)
    return groups
