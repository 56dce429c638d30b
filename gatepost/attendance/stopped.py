"""Taps of cards that are frozen or reported lost: they count for nothing, and are news to home and school."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gatepost.attendance.notices import key, where_and_when
from gatepost.kit.clock import local_date, local_midnight
from gatepost.notify import notices
from gatepost.notify.topics import Topic, Words
from gatepost.roster.models import School

FROZEN, LOST = "frozen_card", "lost_card"  # why such a tap is refused
CARDS = (FROZEN, LOST)
STOPPED_CARD = "stopped_card"
BEST_BEFORE = timedelta(hours=4)
SHOWN_MOST = 20


def tell(refusal: str, day: date, students: str, readers: str | None, nonces: str | None, *, now: datetime) -> int:
    """Tell everybody who may be told about each student, once a day and kind; in the transaction that refused the taps.

    The columns are arrays as PostgreSQL writes them. Returns how many deliveries were made.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, {"date": day, "students": students, "readers": readers, "nonces": nonces})
        first = cursor.fetchall()
    made = 0
    for student, name, school, zone, at, place in first:
        post = notices.Post(
            key=key(f"{STOPPED_CARD}-{refusal}", student, day),
            topic=STOPPED_CARD,
            about=student,
            on_date=day,
            data={"student": name, "school": school, "timezone": zone, "at": at.isoformat(), "place": place}
            | {"why": refusal},
            best_before=now + BEST_BEFORE,
        )
        made += notices.tell(post, now=now)
    return made


@dataclass(frozen=True, slots=True)
class StoppedTap:
    """The last tap today of a card that counts for nothing."""

    uid: str
    student: str  # the name of who held it
    why: str
    at: datetime
    place: str
    times: int


def tapped_today(school: School, *, now: datetime) -> list[StoppedTap]:
    """Cards that are frozen or lost and were held to a reader of `school` today, the latest first."""
    since = local_midnight(local_date(now, school.timezone), school.timezone)
    month, why = since.date().replace(day=1), list(CARDS)
    with connection.cursor() as cursor:
        cursor.execute(_TODAY, {"school": school.pk, "since": since, "month": month, "why": why, "most": SHOWN_MOST})
        return [StoppedTap(*row) for row in cursor.fetchall()]


def _words(data: Mapping[str, Any], now: datetime) -> Words:
    where, time = where_and_when(data)
    headline = gettext("A stopped card of {student} was tapped at {time}").format(student=data["student"], time=time)
    why = {
        FROZEN: gettext("At {place}. The card is frozen, so the tap does not count as an arrival or departure."),
        LOST: gettext("At {place}. The card was reported lost, so the tap does not count as an arrival or departure."),
    }[data["why"]]
    ask = gettext("If it was your child, please tell the homeroom teacher, so that the school can enter it.")
    return Words(subject=headline, headline=headline, lines=(where, why.format(place=data["place"]), ask))


TOPIC = Topic(STOPPED_CARD, _("Stopped card"), _words, optional=False, choosable=False)

# The first tap of each student in the batch. Months as in `arrivals._REFUSE`.
_FIRST = """
SELECT DISTINCT ON (refused.student_id) refused.student_id, student.name, school.short_name, school.timezone,
    tap.tapped_at, concat_ws(' ', gate.name, reader.name)
FROM unnest(%(students)s::uuid[], %(readers)s::uuid[], %(nonces)s::uuid[]) AS refused(student_id, reader_id, nonce)
JOIN gates_tap tap ON tap.reader_id = refused.reader_id AND tap.nonce = refused.nonce
    AND tap.month BETWEEN date_trunc('month', %(date)s::date - 2) AND date_trunc('month', %(date)s::date + 2)
JOIN roster_student student ON student.id = refused.student_id
JOIN gates_reader reader ON reader.id = refused.reader_id
JOIN gates_gate gate ON gate.id = reader.gate_id
JOIN roster_school school ON school.id = reader.school_id
ORDER BY refused.student_id, tap.tapped_at
"""

_TODAY = """
SELECT tap.uid, coalesce(student.name, ''), max(tap.reason), max(tap.tapped_at),
    (array_agg(concat_ws(' ', gate.name, reader.name) ORDER BY tap.tapped_at DESC))[1], count(*)
FROM gates_tap tap
JOIN gates_reader reader ON reader.id = tap.reader_id
JOIN gates_gate gate ON gate.id = reader.gate_id
LEFT JOIN LATERAL (
    SELECT student_id FROM cards_card card WHERE card.uid = tap.uid AND card.loan_on IS NULL
    ORDER BY card.issued_at DESC LIMIT 1
) card ON true
LEFT JOIN roster_student student ON student.id = card.student_id
WHERE tap.school_id = %(school)s AND tap.month >= %(month)s AND tap.tapped_at >= %(since)s AND tap.reason = ANY(%(why)s)
GROUP BY tap.uid, student.name ORDER BY max(tap.tapped_at) DESC LIMIT %(most)s
"""
