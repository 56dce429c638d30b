"""What a simulated morning left in the tables, compared with what was handed in: figures, and promises that broke."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import connection

from gatepost.attendance import leaves
from gatepost.attendance.models import Day
from gatepost.demo import catcher
from gatepost.demo.morning import Played
from gatepost.gates.models import Tap
from gatepost.kit.clock import month_of
from gatepost.roster.models import Student

NAMED: Final = 5  # how many ids a complaint shows
CATCHER_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, in seconds."""

    count: int
    p50: float
    p95: float
    p99: float


@dataclass
class Findings:
    """Figures of one simulated morning. `broken` are sentences about promises that were not kept."""

    taps_sent: int = 0
    taps_unsent: int = 0  # still in the reader that stayed offline
    stored: int = 0
    repeats: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by reason, at the door or when followed
    retries: int = 0
    students: int = 0
    arrived: int = 0
    by_hand: int = 0
    on_leave: int = 0
    told_not_arrived: int = 0
    seen_after_all: int = 0
    waiting: int = 0  # neither seen nor told nor on leave: the alarm is held
    mails: Counter[str] = field(default_factory=Counter)  # by state, and by reason where there is one
    caught: int | None = None  # by the catcher; None: it was not asked, or did not answer
    post: Spread | None = None
    to_marked: Spread | None = None
    to_mail: Spread | None = None
    broken: list[str] = field(default_factory=list)

    def complain(self, what: str, whom: Iterable[object]) -> None:
        """Add a sentence if there is anything to complain of."""
        some = list(whom)
        if some:
            self.broken.append(f"{what}: {len(some)} (first: {', '.join(str(one) for one in some[:NAMED])})")


def look(played: Played, *, mailbox_url: str = "") -> Findings:
    """Read the tables, and the catcher if its address is given."""
    found = Findings()
    _taps(found, played)
    _days(found, played)
    letters = _letters(played)
    _mails(found, played, letters)
    _promises(found, played)
    _times(found, played, letters)
    if mailbox_url:
        _caught(found, played, mailbox_url)
    if not played.settled:
        found.broken.append("Not everything was done in time: is the worker running?")
    return found


def _taps(found: Findings, played: Played) -> None:
    answers = played.journal.answers
    found.taps_sent, found.retries = len(answers), played.journal.retries
    found.taps_unsent = sum(len(act.plan.unsent) for act in played.acts)
    statuses = Counter(answer.status for answer in answers.values())
    found.stored, found.repeats = statuses["stored"], statuses["repeat"]
    kept = {nonce: reason for act in played.acts for nonce, reason in _kept(played, act.school.pk)}
    found.refused = Counter(reason for nonce, reason in kept.items() if reason and nonce in answers)
    planned = {tap.nonce for act in played.acts for tap in act.plan.taps()}
    found.complain("Taps that were never acknowledged", planned - answers.keys())
    found.complain("Acknowledged taps that are not in the tables", answers.keys() - kept.keys())


def _kept(played: Played, school_id: int) -> list[tuple[UUID, str]]:
    since = played.began_at
    rows = Tap.objects.filter(school_id=school_id, month__gte=month_of(since.date()), received_at__gte=since)
    return list(rows.values_list("nonce", "reason"))


def _days(found: Findings, played: Played) -> None:
    for act in played.acts:
        days = {day.student_id: day for day in Day.objects.filter(school_id=act.school.pk, date=act.date)}
        expected = act.expected()
        students = Student.objects.filter(school=act.school, left_on=None, study_state__in=Student.ATTENDING)
        everybody = set(students.values_list("pk", flat=True))
        away = set(leaves.standing(act.date, act.date).filter(student__in=everybody).values_list("student", flat=True))
        seen = {pk for pk, day in days.items() if day.seen_at}
        told = {pk for pk, day in days.items() if day.not_arrived_at}
        found.students += len(everybody)
        found.arrived += len(seen)
        found.by_hand += len(act.entered)
        found.on_leave += len(away - seen)
        found.told_not_arrived += len(told)
        found.seen_after_all += len(told & seen)
        found.waiting += len(everybody - seen - told - away)
        found.complain(
            f"Students of {act.school.code} who tapped and are not marked",
            (pk for pk in expected if pk not in days or days[pk].arrived_at is None),
        )


@dataclass(frozen=True, slots=True)
class Letter:
    """One delivery of the morning."""

    topic: str
    about: UUID
    address: int
    state: str
    because: str
    response: str


def _letters(played: Played) -> list[Letter]:
    return [Letter(*row) for act in played.acts for row in _rows(_LETTERS, act.school.pk, act.date)]


def _mails(found: Findings, played: Played, letters: Sequence[Letter]) -> None:
    found.mails = Counter(f"{one.state} ({one.because})" if one.because else one.state for one in letters)
    arrived = Counter((one.about, one.address) for one in letters if one.topic == "arrived")
    sent = {
        (one.about, one.address) for one in letters if one.topic == "arrived" and one.state in ("sent", "delivered")
    }
    dead = {one.address for one in letters if one.because == "refused"}  # found out this morning, then switched off
    wanted = {pair for act in played.acts for pair in _rows(_WANTED, act.school.pk, act.date, played.began_at)}
    unsent = (pair for pair in wanted - sent if pair[1] not in dead)
    found.complain("Arrival mails that were not sent", unsent)
    found.complain("Arrival mails written twice", (pair for pair, many in arrived.items() if many > 1))
    found.complain("Arrival mails nobody asked for", arrived.keys() - wanted)
    away = {pk for act in played.acts for pk in act.on_leave - act.expected()}
    found.complain("Mails about students on leave", (one.about for one in letters if one.about in away))


def _promises(found: Findings, played: Played) -> None:
    for act in played.acts:
        wrong = _rows(_TOLD_THOUGH_SEEN, act.school.pk, act.date)
        found.complain("Told “not arrived” of a student whose tap we had", (student for (student,) in wrong))


def _times(found: Findings, played: Played, letters: Sequence[Letter]) -> None:
    """From the moment a reader first sent a tap, as the world saw it."""
    answers = played.journal.answers
    found.post = spread(played.journal.post_seconds)
    found.to_marked = spread([at - answers[nonce].sent for nonce, at in played.marked.items() if nonce in answers])
    arrived_by = {
        student: nonce for act in played.acts for student, nonce in _rows(_ARRIVED_BY, act.school.pk, act.date)
    }
    handed_over = (
        (arrived_by.get(one.about), number / 1e9)
        for one in letters
        if one.topic == "arrived" and (number := catcher.number_in(one.response))
    )
    found.to_mail = spread([at - answers[nonce].sent for nonce, at in handed_over if nonce in answers])


def spread(seconds: Sequence[float]) -> Spread | None:
    """The middle and the slow end of some durations; None where there are none."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    return Spread(len(ordered), p50, p95, p99)


def _caught(found: Findings, played: Played, url: str) -> None:
    """Every mail that was handed over is in the catcher, once. What is on its way right now is waited for."""
    since = int(played.began_at.timestamp() * 1e9)
    for _attempt in range(CATCHER_TRIES):
        try:
            mails = catcher.caught_since(url, since)
        except catcher.Unreachable:
            return
        numbers = (catcher.number_in(text) for (text,) in _rows(_RESPONSES, played.began_at))
        kept = {number for number in numbers if number and number > since}
        if kept == mails.keys():
            break
        time.sleep(1)
    found.caught = len(mails)
    if found.caught >= catcher.KEEPS:
        return  # it has begun to forget
    found.complain("Mails that were handed over and are not in the catcher", kept - mails.keys())
    found.complain("Mails in the catcher that nobody handed over, or twice", (mails.keys() - kept))


def _rows(query: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


_LETTERS = """
SELECT notice.topic, delivery.about, delivery.address_id, delivery.state, delivery.because, delivery.response
FROM notify_delivery delivery
JOIN notify_notice notice ON notice.id = delivery.notice_id AND notice.on_date = delivery.on_date
JOIN roster_student student ON student.id = delivery.about
WHERE student.school_id = %s AND delivery.on_date = %s
"""

# Who is to hear of an arrival: asked of the bonds and wishes, not of what was sent.
_WANTED = """
SELECT recipient.about, address.id
FROM attendance_day day
JOIN notify_recipient recipient ON recipient.about = day.student_id AND recipient.ended_at IS NULL
JOIN notify_subscription subscription ON subscription.recipient_id = recipient.id AND subscription.topic = 'arrived'
JOIN notify_address address ON address.id = subscription.address_id AND address.verified_at IS NOT NULL
WHERE day.school_id = %s AND day.date = %s AND day.arrived_at IS NOT NULL
  AND (address.disabled_at IS NULL OR address.disabled_at > %s)
"""

_TOLD_THOUGH_SEEN = """
SELECT DISTINCT day.student_id FROM attendance_day day
JOIN attendance_event event
    ON event.school_id = day.school_id AND event.date = day.date AND event.student_id = day.student_id
WHERE day.school_id = %s AND day.date = %s AND event.voided_at IS NULL AND event.recorded_at < day.not_arrived_at
"""

_ARRIVED_BY = """
SELECT day.student_id, event.nonce FROM attendance_day day
JOIN attendance_event event ON event.id = day.arrived_event_id AND event.date = day.date
WHERE day.school_id = %s AND day.date = %s AND event.nonce IS NOT NULL
"""

_RESPONSES = "SELECT response FROM notify_delivery WHERE on_date >= %s::date - 1 AND response LIKE '%%kept as%%'"
