"""Who is missing, and whether the tables can be believed: asked of many schools in a few queries, changing nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from django.db import connection, transaction

from gatepost.attendance.models import Rules, SchoolDay, Sweep
from gatepost.gates.models import Reader, TapQueue
from gatepost.kit.clock import at_local, local_date
from gatepost.kit.prepared import prepared
from gatepost.roster.models import School

USUAL_DAYS = 20  # how many past school days make "the usual number"
USUAL_NEEDS = 5  # fewer of them say nothing


@dataclass(frozen=True, slots=True)
class Missing:
    """A student nobody has seen: expected today, no event, no leave."""

    student_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the question found at one school: held with a reason, or free to be told."""

    school: School
    rules: Rules
    date: date
    cutoff_at: datetime
    expected: int
    missing: Sequence[Missing]
    held: str = ""
    facts: dict[str, object] = field(default_factory=dict)


def look_at(schools: Iterable[School], *, now: datetime) -> dict[int, Finding]:
    """What is known of `schools` today, by school id. Left out: those before their cut-off or without school today."""
    found: dict[int, Finding] = {}
    asked = sorted(schools, key=lambda school: (local_date(now, school.timezone), school.pk))
    rules = Rules.objects.in_bulk([school.pk for school in asked])
    for today, group in groupby(asked, key=lambda school: local_date(now, school.timezone)):
        due = {
            school.pk: (school, own, cutoff_at)
            for school in group
            for own in [rules.get(school.pk) or Rules(school=school)]
            for cutoff_at in [at_local(today, own.cutoff, school.timezone)]
            if now >= cutoff_at
        }
        facts = _facts(list(due), today)
        for pk in facts.open:
            school, own, cutoff_at = due[pk]
            expected, missing = facts.expected.get(pk, (0, ()))
            held, why = _reason_to_hold(facts, pk, own, cutoff_at, expected, missing)
            found[pk] = Finding(school, own, today, cutoff_at, expected, missing, held, why)
    return found


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the tables say of some schools on one day, each by the school's id."""

    open: Sequence[int]
    expected: Mapping[int, tuple[int, Sequence[Missing]]]
    readers: Mapping[int, Sequence[Reader]]  # those in use
    waiting: Mapping[int, int]  # taps in our own queue
    usual: Mapping[int, float]  # the mean of the last decided lists, where there are enough to speak of a usual


def _facts(school_ids: Sequence[int], today: date) -> _Facts:
    schools = SchoolDay.objects.filter(school__in=school_ids, date=today, kind__in=SchoolDay.OPEN)
    is_open = sorted(set(schools.values_list("school_id", flat=True)))
    return _Facts(is_open, _expected(is_open, today), _readers(is_open), _waiting(is_open), _usual(is_open, today))


def _expected(school_ids: Sequence[int], today: date) -> dict[int, tuple[int, Sequence[Missing]]]:
    with transaction.atomic():
        rows = prepared(_EXPECTED, {"schools": school_ids, "today": today})
    counted = {school: number for school, number, student, _ in rows if student is None}
    missing: dict[int, list[Missing]] = {school: [] for school in counted}
    for school, _, student, name in rows:
        if student is not None:
            missing[school].append(Missing(student, name))
    return {school: (number, missing[school]) for school, number in counted.items()}


def _readers(school_ids: Sequence[int]) -> dict[int, list[Reader]]:
    in_use = Reader.objects.filter(school__in=school_ids, revoked_at=None, rested_at=None)
    by_school: dict[int, list[Reader]] = {}
    for reader in in_use.select_related("gate", "health").order_by("gate__name", "name"):
        by_school.setdefault(reader.school_id, []).append(reader)
    return by_school


def _waiting(school_ids: Sequence[int]) -> dict[int, int]:
    shards = sorted({pk % TapQueue.SHARDS for pk in school_ids})
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [shards, list(school_ids)])
        return dict(cursor.fetchall())


def _usual(school_ids: Sequence[int], today: date) -> dict[int, float]:
    with connection.cursor() as cursor:
        cursor.execute(_USUAL, {"schools": list(school_ids), "today": today, "days": USUAL_DAYS, "needs": USUAL_NEEDS})
        return {school: float(mean) for school, mean in cursor.fetchall()}


def _reason_to_hold(
    facts: _Facts, pk: int, rules: Rules, cutoff_at: datetime, expected: int, missing: Sequence[Missing]
) -> tuple[str, dict[str, object]]:
    readers = facts.readers.get(pk, ())
    silent = silent_since(cutoff_at, readers)
    if silent or not readers:
        return Sweep.Held.READERS, {"readers": [str(reader.pk) for reader in silent]}
    if waiting := facts.waiting.get(pk, 0):
        return Sweep.Held.TAPS, {"waiting": waiting}
    usual = facts.usual.get(pk)
    share = expected * rules.brake_percent / 100
    most = min(share, usual * rules.brake_times_usual) if usual is not None else share
    if len(missing) >= rules.brake_at_least and len(missing) > most:
        return Sweep.Held.BRAKE, {"missing": len(missing), "most": round(most), "usual": round(usual or 0)}
    return "", {}


def silent_since(since: datetime, readers: Iterable[Reader]) -> list[Reader]:
    """Those of `readers` not heard from since then with an empty queue: their taps may still be on the way."""
    return [reader for reader in readers if reader.health.heard_at < since or reader.health.queue > 0]


# How many are expected today, and then, one by one, of whom nothing at all was seen. A pending leave counts as leave.
# The days of the schools are read as they lie (OFFSET keeps them apart), not looked up student by student.
_EXPECTED = """
WITH expected AS MATERIALIZED (
    SELECT student.school_id, student.id, student.name, student.grade, student.school_class_id, student.seat,
        day.seen_at
    FROM roster_student student
    JOIN attendance_schoolday school_day ON school_day.school_id = student.school_id
        AND school_day.date = %(today)s::date AND school_day.grade = student.grade
        AND school_day.kind IN ('school', 'half', 'make_up')
    LEFT JOIN (
        SELECT student_id, seen_at FROM attendance_day
        WHERE school_id = ANY(%(schools)s::int[]) AND date = %(today)s::date OFFSET 0
    ) day ON day.student_id = student.id
    WHERE student.school_id = ANY(%(schools)s::int[]) AND student.left_on IS NULL AND student.study_state = 'enrolled'
      AND NOT EXISTS (
        SELECT 1 FROM attendance_leave leave
        WHERE leave.student_id = student.id AND leave.first_date <= %(today)s::date
          AND leave.last_date >= %(today)s::date AND leave.refused_at IS NULL AND leave.withdrawn_at IS NULL
      )
)
SELECT school_id, count(*), NULL::uuid, NULL FROM expected GROUP BY school_id
UNION ALL
(SELECT school_id, 0, id, name FROM expected WHERE seen_at IS NULL ORDER BY grade, school_class_id, seat)
"""

_WAITING = """
SELECT school_id, count(*) FROM gates_tapqueue WHERE shard = ANY(%s) AND school_id = ANY(%s) GROUP BY school_id
"""

_USUAL = """
SELECT asked.school_id, avg(past.missing)
FROM unnest(%(schools)s::int[]) AS asked(school_id), LATERAL (
    SELECT missing FROM attendance_sweep sweep
    WHERE sweep.school_id = asked.school_id AND date < %(today)s AND decided_at IS NOT NULL
    ORDER BY date DESC LIMIT %(days)s
) past
GROUP BY asked.school_id HAVING count(*) >= %(needs)s
"""
