"""What home is told of a circular: of a class notice that there is one, of a message all of it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gatepost.circulars.models import Circular
from gatepost.notify.notices import Post
from gatepost.notify.topics import Topic, Words
from gatepost.roster.models import Student

CLASS_NOTICE, SCHOOL_MESSAGE = "class_notice", "school_message"
TOPIC_OF = {Circular.Kind.NOTICE: CLASS_NOTICE, Circular.Kind.MESSAGE: SCHOOL_MESSAGE}
BEST_BEFORE = timedelta(hours=36)


def data_of(circular: Circular, student: Student) -> dict[str, Any]:
    """What the words are made of. The text itself only where it is to be sent."""
    data: dict[str, Any] = {
        "school": circular.school.short_name,
        "student": student.name,
        "title": circular.title,
    }
    if circular.kind == Circular.Kind.MESSAGE:
        return data | {"body": circular.body}
    assert circular.until is not None  # noqa: S101 - a constraint says so
    return data | {"until": circular.until.isoformat(), "sign": circular.asks_receipt}


def first(circular: Circular, student: Student, *, now: datetime) -> Post:
    """That there is something to read."""
    return _post(circular, student, circular.key, now=now)


def correction(circular: Circular, student: Student, *, now: datetime) -> Post:
    """That what was said before reads otherwise now."""
    return _post(circular, student, correction_key(circular, circular.wording), now=now, again="corrected")


def correction_key(circular: Circular, wording: int) -> str:
    """Under which the change to that wording is told once."""
    return f"{circular.key}:{wording}"


def reminder(circular: Circular, student: Student, *, on_date: date, now: datetime) -> Post:
    """That it waits to be read, or signed. Once a day about each child."""
    key = f"{circular.key}:reminder"
    return _post(circular, student, key, now=now, on_date=on_date, again="reminded")


def _post(circular: Circular, student: Student, key: str, *, now: datetime, **more: Any) -> Post:
    on_date = more.pop("on_date", circular.on_date)
    return Post(
        key=key,
        topic=TOPIC_OF[Circular.Kind(circular.kind)],
        about=student.pk,
        on_date=on_date,
        data=data_of(circular, student) | more,
        best_before=now + BEST_BEFORE,
    )


def _notice(data: Mapping[str, Any], now: datetime) -> Words:
    until = date_format(date.fromisoformat(data["until"]), gettext("l, j F"))
    if data["sign"]:
        what = gettext("Please read it in Gatepost under “Class notices”, and sign it by {day}.").format(day=until)
    else:
        what = gettext("Please read it in Gatepost under “Class notices”. It is current until {day}.").format(day=until)
    match data.get("again"):
        case "corrected":
            line = gettext("The school has corrected this class notice.")
        case "reminded":
            line = gettext("A reminder: nobody has signed it yet.") if data["sign"] else gettext("A reminder.")
        case _:
            line = ""
    return _words(data, line, what)


def _message(data: Mapping[str, Any], now: datetime) -> Words:
    corrected = data.get("again") == "corrected"
    line = gettext("A correction: this takes the place of our earlier message.") if corrected else ""
    return _words(data, line, data["body"])


def _words(data: Mapping[str, Any], *lines: str) -> Words:
    headline = gettext("{school}: {title}").format(school=data["school"], title=data["title"])
    about = gettext("For the family of {student}").format(student=data["student"])
    return Words(subject=headline, headline=headline, lines=(about, *(line for line in lines if line)))


TOPICS = (
    Topic(CLASS_NOTICE, _("Class notices"), _notice, may_wait=True),
    Topic(SCHOOL_MESSAGE, _("Messages from the school"), _message, may_wait=True),
)
