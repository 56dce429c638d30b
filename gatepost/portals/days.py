"""A student's day as families and schools both see it: facts, the week around it, events with their messages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from datetime import time as wall
from typing import Any
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from gatepost.accounts.models import Account
from gatepost.attendance import timeline
from gatepost.attendance.daylines import weeks
from gatepost.attendance.leaves import standing
from gatepost.attendance.models import Day, Event
from gatepost.attendance.notices import source_line
from gatepost.attendance.timeline import Seen
from gatepost.guardians.models import Guardianship
from gatepost.kit.clock import at_local, local_date
from gatepost.notify import topics
from gatepost.notify.climbs import climbs_about
from gatepost.notify.queries import Told
from gatepost.portals import words
from gatepost.roster.models import Student

DAYS_BACK = 400  # a school year and a summer
LATE_SECONDS = 120  # what is known of an event only then is said to have come late

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


@dataclass(frozen=True, slots=True)
class Reading:
    """How one person reads a day. A family reads what happened; the school also who did it and who was told."""

    zone: str
    names: Mapping[UUID, str] = field(default_factory=dict)  # of staff, by account: nobody's name for a family
    readers: Mapping[UUID, str] = field(default_factory=dict)  # who got a message, by account: empty for a family
    act: Callable[[Event], Any] | None = None  # what may be done with an event, drawn under it
    climbed: Mapping[str, str] = field(default_factory=dict)  # whether somebody confirmed it, by topic


def entries(
    student: Student, day: date, told: Sequence[Told], *, act: Callable[[Event], Any] | None = None, staff: bool = False
) -> list[dict[str, Any]]:
    """The day's events in the order of the clock, each with the messages it caused; messages without one stand alone.

    `act` gives what a person may do with an event, drawn under it. For `staff` whoever entered something or took it
    back is named, and each message says to whose guardian it went.
    """
    seen = timeline.events_of(student, day)
    reading = _reading(student, seen, act) if staff else Reading(student.school.timezone, act=act)
    reading = replace(reading, climbed=_climbed(student, day, told, staff=staff))
    caused = _caused(timeline.day_of(student, day), seen, told)
    rows = [(one.event.at, _event(one, caused.get(one.event.pk, []), reading)) for one in seen]
    alone = [one for one in told if not any(one in group for group in caused.values())]
    rows += [(group[0].posted_at, _message(topic, group, reading)) for topic, group in _by_topic(alone).items()]
    return [row for _at, row in sorted(rows, key=lambda row: row[0])]


def _reading(student: Student, seen: Sequence[Seen], act: Callable[[Event], Any] | None) -> Reading:
    authors = {one.event.by_id for one in seen} | {one.event.voided_by_id for one in seen}
    accounts = Account.objects.filter(pk__in=[one for one in authors if one])
    bonds = Guardianship.objects.filter(student=student).exclude(relation="").order_by("pk")
    return Reading(
        student.school.timezone,
        names={account.pk: account.get_full_name() for account in accounts},
        readers=dict(bonds.values_list("account_id", "relation")),
        act=act,
    )


def _climbed(student: Student, day: date, told: Sequence[Told], *, staff: bool) -> dict[str, str]:
    """What is to be said of each safety message. A family reads only what went to one account: that of `told`."""
    if not any(topics.is_safety(one.topic) for one in told):
        return {}
    reader = None if staff else told[0].account_id
    found = climbs_about(student.pk, day)
    return {one.topic: words.climbed(one, student.school.timezone, reader=reader) for one in found}


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


def _event(seen: Seen, told: Sequence[Told], reading: Reading) -> dict[str, Any]:
    event, zone, act = seen.event, reading.zone, reading.act
    title: Any = words.SIDES[event.side]
    notes = [event.note] if event.note else []
    if event.voided_at is not None:
        title = format_html("<s>{}</s> {}", title, _("(taken back)"))
        notes.append(
            _("Taken back by {who} at {time}: {reason}").format(
                who=reading.names.get(event.voided_by_id, _("the school")) if event.voided_by_id else _("the school"),
                time=_moment(event.voided_at, event.date, zone),
                reason=event.voided_because,
            )
        )
    return {
        "time": words.clock(event.at, zone),
        "state": "dropped" if event.voided_at else _EVENT_STATES[Event.Side(event.side)],
        "title": title,
        "source": _source(seen, reading),
        "note": " ".join(notes),
        "deliveries": _deliveries(told, reading),
        "act": act(event) if act and event.voided_at is None else None,
    }


def _source(seen: Seen, reading: Reading) -> str:
    event = seen.event
    name = reading.names.get(seen.by, "") if seen.by else ""
    said = [source_line(event.source, place=seen.place), _("By {name}.").format(name=name) if name else ""]
    if (event.recorded_at - event.at).total_seconds() >= LATE_SECONDS:
        late = _("Received late, at {time}.") if event.source == Event.Source.CARD else _("Recorded at {time}.")
        said.append(late.format(time=_moment(event.recorded_at, event.date, reading.zone)))
    return words.sentences(*said)


def _moment(at: datetime, day: date, zone: str) -> str:
    """The time on the wall, with its date where that is another than the day's."""
    on = local_date(at, zone)
    return words.clock(at, zone) if on == day else f"{words.slashed(on)} {words.clock(at, zone)}"


def _deliveries(told: Sequence[Told], reading: Reading) -> list[dict[str, Any]]:
    """Each delivery in words: the one place where the timeline says what became of a message."""
    drawn = [words.delivery(one, reading.zone) for one in told]
    return [
        row | {"to": reading.readers.get(one.account_id, "")} if reading.readers else row
        for one, row in zip(told, drawn, strict=True)
    ]


def _message(topic: str, told: Sequence[Told], reading: Reading) -> dict[str, Any]:
    zone = reading.zone
    return {
        "time": words.clock(told[0].posted_at, zone),
        "state": _TOPIC_STATES.get(topic, "mail"),
        "title": words.topic_title(topic),
        "source": _("Message to guardians"),
        "note": reading.climbed.get(topic, ""),
        "deliveries": _deliveries(told, reading),
        "act": None,
    }


def _by_topic(told: Sequence[Told]) -> dict[str, list[Told]]:
    groups: dict[str, list[Told]] = {}
    for one in told:
        groups.setdefault(one.topic, []).append(one)
    return groups
