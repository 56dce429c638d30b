"""What attendance says to guardians: fact, source, time, what the school is doing. No blame, no alarm."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gatepost.notify.topics import Topic, Words

ARRIVED, LEFT, NOT_ARRIVED, FOUND, CORRECTED = "arrived", "left", "not_arrived", "found", "corrected"

# How long a notice is news. "Arrived" is not sent at noon.
BEST_BEFORE = {
    ARRIVED: timedelta(minutes=60),
    LEFT: timedelta(minutes=60),
    NOT_ARRIVED: timedelta(minutes=90),
    FOUND: timedelta(hours=4),
    CORRECTED: timedelta(hours=12),
}
LATE = timedelta(minutes=10)  # a notice sent later than this after the fact says so


def key(topic: str, student_id: object, date: object) -> str:
    """The key under which `topic` is said once for a student and a day."""
    return f"{topic}:{student_id}:{date}"


def _arrived(data: Mapping[str, Any], now: datetime) -> Words:
    if data["source"] != "card" and data.get("seen_only"):
        headline = gettext("{student} is at school ({time})")
    else:
        headline = gettext("{student} arrived at school at {time}")
    return _words(data, now, headline=headline, subject=headline)


def _left(data: Mapping[str, Any], now: datetime) -> Words:
    headline = gettext("{student} left school at {time}")
    return _words(data, now, headline=headline, subject=headline)


def _not_arrived(data: Mapping[str, Any], now: datetime) -> Words:
    slots = {"student": data["student"], "time": _clock(data)}
    headline = gettext("No card tap of {student} has been seen yet ({time})").format(**slots)
    lines = (
        _where(data),
        gettext("The school's gate readers are working normally, and the school is calling the roll."),
        gettext("If your child is not coming today, please tell the homeroom teacher."),
    )
    return Words(subject=headline, headline=headline, lines=lines)


def _found(data: Mapping[str, Any], now: datetime) -> Words:
    headline = gettext("{student} is at school: {time}")
    words = _words(data, now, headline=headline, subject=headline)
    return Words(
        subject=words.subject,
        headline=words.headline,
        lines=(*words.lines, gettext("This follows our earlier message that no tap had been seen.")),
    )


def _corrected(data: Mapping[str, Any], now: datetime) -> Words:
    """What was wrong is said again: who got several messages that day must know which one it was."""
    slots = {"student": data["student"], "time": _clock(data)}
    headline = gettext("Correction: please disregard our earlier message about {student}").format(**slots)
    ask = gettext("Questions? Please ask the homeroom teacher.")
    return Words(subject=headline, headline=headline, lines=(_where(data), _wrong(data).format(**slots), ask))


def _wrong(data: Mapping[str, Any]) -> str:
    match data.get("topic"):
        case "arrived":
            return gettext("We wrote: arrived at school at {time}. That was wrong, and the entry was taken back.")
        case "left":
            return gettext("We wrote: left school at {time}. That was wrong, and the entry was taken back.")
    return gettext("We wrote that no card tap had been seen. That was wrong, and we are sorry for the worry.")


def _words(data: Mapping[str, Any], now: datetime, *, headline: str, subject: str) -> Words:
    slots = {"student": data["student"], "time": _clock(data)}
    lines = [_where(data), source_line(data["source"], place=data.get("place", ""))]
    if now - datetime.fromisoformat(data["at"]) > LATE:
        lines.append(gettext("This message is late; the time above is when it happened."))
    return Words(subject=subject.format(**slots), headline=headline.format(**slots), lines=tuple(lines))


def _clock(data: Mapping[str, Any]) -> str:
    return _at(data).strftime("%H:%M")


def _at(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["at"]).astimezone(ZoneInfo(data["timezone"]))


def _where(data: Mapping[str, Any]) -> str:
    """The school and the day: 雙園國小 · 11月23日 星期一."""
    day = date_format(_at(data), gettext("l, j F"))
    return f"{data['school']} · {day}"


def source_line(source: str, *, place: str = "") -> str:
    """Where an event comes from, in a sentence: every event names its source. `place` is the reader's, of a tap."""
    match source:
        case "card":
            return gettext("Card tapped at {place}.").format(place=place)
        case "guard":
            return gettext("Entered by the guard, without a card.")
        case "teacher":
            return gettext("Confirmed by the homeroom teacher, without a card.")
    return gettext("Entered by the school office, without a card.")


TOPICS = (
    Topic(ARRIVED, _("Arrived"), _arrived),
    Topic(LEFT, _("Left"), _left),
    # A safety message: no single click of a mail program ends it. The settings page does.
    Topic(NOT_ARRIVED, _("Not arrived"), _not_arrived, optional=False),
    Topic(FOUND, _("At school after all"), _found, optional=False, choosable=False),
    Topic(CORRECTED, _("Correction"), _corrected, optional=False, choosable=False),
)
