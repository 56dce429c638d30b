"""What attendance says to guardians: fact, source, time, what the school is doing. No blame, no alarm."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, gettext_noop
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
_FROM_SCHOOL = gettext_noop("{school}: {said}")
_ARRIVED = gettext_noop("{student} arrived at school at {time}")
_IS_AT_SCHOOL = gettext_noop("{student} is at school ({time})")
_LEFT = gettext_noop("{student} left school at {time}")
_FOUND = gettext_noop("{student} is at school: {time}")
LATE = timedelta(minutes=10)  # a notice sent later than this after the fact says so


def key(topic: str, student_id: object, date: object) -> str:
    """The key under which `topic` is said once for a student and a day."""
    return f"{topic}:{student_id}:{date}"


def _arrived(data: Mapping[str, Any], now: datetime) -> Words:
    seen_only = data["source"] != "card" and data.get("seen_only")
    return _words(data, now, headline=_IS_AT_SCHOOL if seen_only else _ARRIVED)


def _left(data: Mapping[str, Any], now: datetime) -> Words:
    return _words(data, now, headline=_LEFT)


def _not_arrived(data: Mapping[str, Any], now: datetime) -> Words:
    slots = {"student": data["student"], "time": _clock(data)}
    headline = gettext("No card tap of {student} has been seen yet ({time})").format(**slots)
    lines = (
        _where(data),
        gettext("The school's gate readers are working normally, and the school is calling the roll."),
        gettext("If your child is not coming today, please tell the homeroom teacher."),
    )
    # A short message goes only after the school has confirmed, so it says more.
    short = gettext("{school}: {student} is not at school ({time}); the school has checked. Please call the school.")
    return Words(subject=headline, headline=headline, lines=lines, short=short.format(school=data["school"], **slots))


def _found(data: Mapping[str, Any], now: datetime) -> Words:
    words = _words(data, now, headline=_FOUND)
    return Words(
        subject=words.subject,
        headline=words.headline,
        lines=(*words.lines, gettext("This follows our earlier message that no tap had been seen.")),
        short=words.short,
    )


def _corrected(data: Mapping[str, Any], now: datetime) -> Words:
    """What was wrong is said again: who got several messages that day must know which one it was."""
    slots = {"student": data["student"], "time": _clock(data)}
    headline = gettext("Correction: please disregard our earlier message about {student}").format(**slots)
    ask = gettext("Questions? Please ask the homeroom teacher.")
    return Words(
        subject=headline,
        headline=headline,
        lines=(_where(data), _wrong(data).format(**slots), ask),
        short=_short(data["school"], headline),
    )


def _wrong(data: Mapping[str, Any]) -> str:
    match data.get("topic"):
        case "arrived":
            return gettext("We wrote: arrived at school at {time}. That was wrong, and the entry was taken back.")
        case "left":
            return gettext("We wrote: left school at {time}. That was wrong, and the entry was taken back.")
    return gettext("We wrote that no card tap had been seen. That was wrong, and we are sorry for the worry.")


def _words(data: Mapping[str, Any], now: datetime, *, headline: str) -> Words:
    language, at = get_language() or "", _at(data)
    said = _said(headline, language).format(student=data["student"], time=at.strftime("%H:%M"))
    lines = [
        _where_and_when(data["school"], at.date(), language),
        _source_line(data["source"], data.get("place", ""), language),
    ]
    short = _short(data["school"], said)
    if now - at > LATE:
        late = gettext("This message is late; the time above is when it happened.")
        lines.append(late)
        short += f" {late}"
    return Words(subject=said, headline=said, lines=tuple(lines), short=short)


def _short(school: str, said: str) -> str:
    return _said(_FROM_SCHOOL, get_language() or "").format(school=school, said=said)


def _clock(data: Mapping[str, Any]) -> str:
    return _at(data).strftime("%H:%M")


def _at(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["at"]).astimezone(ZoneInfo(data["timezone"]))


def where_and_when(data: Mapping[str, Any]) -> tuple[str, str]:
    """The school and the day (雙園國小 · 11月23日 星期一), and the time by the school's clock (07:42)."""
    return _where(data), _clock(data)


def _where(data: Mapping[str, Any]) -> str:
    return _where_and_when(data["school"], _at(data).date(), get_language() or "")


# Thousands of mails of a morning share these. `language` is the one in force, by which the answers are told apart.


@lru_cache(maxsize=64)
def _said(message: str, language: str) -> str:
    return gettext(message)


@lru_cache(maxsize=4096)
def _where_and_when(school: str, day: date, language: str) -> str:
    """The school and the day: 雙園國小 · 11月23日 星期一."""
    written = date_format(day, gettext("l, j F"))
    return f"{school} · {written}"


@lru_cache(maxsize=8192)
def _source_line(source: str, place: str, language: str) -> str:
    return source_line(source, place=place)


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
    Topic(ARRIVED, _("Arrived"), _arrived, routine=True),
    Topic(LEFT, _("Left"), _left, routine=True),
    # A safety message: no single click of a mail program ends it. The settings page does.
    Topic(NOT_ARRIVED, _("Not arrived"), _not_arrived, optional=False, safety=True),
    Topic(FOUND, _("At school after all"), _found, optional=False, choosable=False),
    Topic(CORRECTED, _("Correction"), _corrected, optional=False, choosable=False),
)
