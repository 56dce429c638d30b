"""The not-arrived sweep: who has not been seen, asked of the tables once a school's cut-off has passed.

It doubts its own eyes first. Only when every reader in use was heard from after the cut-off with nothing left to
send, no tap waits in our own queue and the calendar says it is a school day, is silence about a student a fact. A list
that is unusually long waits for a person, and so does every list of a day on which the database was restored from a
backup. What is held says why; nothing is said to anybody meanwhile.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction

from gatepost.attendance import notices as words
from gatepost.attendance.models import Day, Rules, SchoolDay, Sweep
from gatepost.audit import entries
from gatepost.gates.models import Reader, TapQueue
from gatepost.kit.clock import at_local, local_date
from gatepost.notify import notices
from gatepost.roster.models import School, Student

log = logging.getLogger(__name__)

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
    date: date
    cutoff_at: datetime
    expected: int
    missing: Sequence[Missing]
    held: str = ""
    facts: dict[str, object] = field(default_factory=dict)


def sweep_due(*, now: datetime) -> int:
    """Ask every school that is past its cut-off and undecided today. Returns how many were asked.

    One school's trouble does not keep the others from being asked.
    """
    asked = 0
    for school_id in _schools_due(now):
        try:
            sweep_school(school_id, now=now)
            asked += 1
        except Exception:
            log.exception("sweep failed school=%d", school_id)
    return asked


def sweep_school(school_id: int, *, now: datetime) -> Sweep | None:
    """Ask one school, in one transaction; None if its day has no question (not a school day, before the cut-off)."""
    with transaction.atomic():
        sweep = _lock(school_id, now)
        if sweep is None or sweep.decided_at is not None:
            return sweep
        finding = look(School.objects.get(pk=school_id), now=now)
        if finding is None:
            sweep.delete()
            return None
        if sweep.held_because == Sweep.Held.RESTORED:
            # Taps that were kept and then lost are missing until their readers send them again, and no heartbeat
            # tells when all have.
            finding = replace(finding, held=sweep.held_because, facts=sweep.held_facts)
        sweep.asked_at, sweep.expected, sweep.missing = now, finding.expected, len(finding.missing)
        if finding.held:
            _hold(sweep, finding, now=now)
        else:
            _decide(sweep, finding, now=now, by=None)
        sweep.save()
    return sweep


def release(school: School, *, by: object, now: datetime) -> Sweep:
    """A person has seen the names and says: tell home. Decides the held sweep of today, whatever held it.

    Releasing what is already decided changes nothing. Raises `Sweep.DoesNotExist` if nothing is held.
    """
    today = local_date(now, school.timezone)
    with transaction.atomic():
        sweep = Sweep.objects.select_for_update().get(school=school, date=today)
        if sweep.decided_at is None:
            finding = look(school, now=now)
            if finding is not None:
                sweep.asked_at, sweep.expected, sweep.missing = now, finding.expected, len(finding.missing)
                _decide(sweep, finding, now=now, by=by)
                entries.record("sweep:released", by=by, school_code=school.code, missing=len(finding.missing))
                sweep.save()
    return sweep


def correct(school: School, *, by: object, now: datetime) -> int:
    """Take back today's "not arrived" messages of `school`, for everybody who got one and in one act.

    For an alarm that was wrong as a whole. What is still queued is dropped; who got it is told the correction by the
    same channels; the day lines say "not arrived" no more. Returns how many deliveries that makes; a second call
    makes none.
    """
    today = local_date(now, school.timezone)
    with transaction.atomic():
        Sweep.objects.select_for_update().get(school=school, date=today)
        told = told_today(school, now=now)
        names = dict(Student.objects.filter(pk__in=told).values_list("pk", "name"))
        keys = {student_id: words.key(words.NOT_ARRIVED, student_id, today) for student_id in names}
        notices.withdraw(list(keys.values()), on_date=today, because="withdrawn", now=now)
        made = 0
        for student_id, name in names.items():
            made += notices.follow(_correction(school, today, student_id, name, now), keys[student_id], now=now)
        Day.objects.filter(school_id=school.pk, date=today).update(not_arrived_at=None)
        entries.record("sweep:corrected", by=by, school_code=school.code, deliveries=made)
    return made


def told_today(school: School, *, now: datetime) -> list[UUID]:
    """The students of `school` about whom home was told "not arrived" today, and not corrected."""
    today = local_date(now, school.timezone)
    told = Day.objects.filter(school_id=school.pk, date=today, not_arrived_at__isnull=False)
    return list(told.values_list("student_id", flat=True))


def _correction(school: School, today: date, student_id: UUID, name: str, now: datetime) -> notices.Post:
    return notices.Post(
        key=words.key(f"{words.CORRECTED}-{words.NOT_ARRIVED}", student_id, today),
        topic=words.CORRECTED,
        about=student_id,
        on_date=today,
        data={"student": name, "school": school.short_name, "timezone": school.timezone, "at": now.isoformat()},
        best_before=now + words.BEST_BEFORE[words.CORRECTED],
    )


def look(school: School, *, now: datetime) -> Finding | None:
    """What is known of `school` today, without changing anything. None before the cut-off or without school."""
    rules = rules_of(school)
    today = local_date(now, school.timezone)
    cutoff_at = at_local(today, rules.cutoff, school.timezone)
    if now < cutoff_at or not SchoolDay.objects.filter(school=school, date=today, kind__in=SchoolDay.OPEN).exists():
        return None
    expected, missing = _missing(school, today)
    held, facts = _reason_to_hold(school, rules, today, cutoff_at, expected, missing)
    return Finding(school, today, cutoff_at, expected, missing, held, facts)


def rules_of(school: School) -> Rules:
    """The school's rules, or the defaults (unsaved) for a school that set none."""
    return Rules.objects.filter(pk=school.pk).first() or Rules(school=school)


def silent_readers(school: School, *, since: datetime) -> list[Reader]:
    """Readers in use that were not heard from since then with an empty queue: their taps may still be on the way."""
    in_use = Reader.objects.filter(school=school, revoked_at=None, rested_at=None).select_related("gate", "health")
    return [
        reader
        for reader in in_use.order_by("gate__name", "name")
        if reader.health.heard_at < since or reader.health.queue > 0
    ]


def _schools_due(now: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": now})
        return [school for (school,) in cursor.fetchall()]


def _lock(school_id: int, now: datetime) -> Sweep | None:
    school = School.objects.get(pk=school_id)
    today = local_date(now, school.timezone)
    Sweep.objects.bulk_create([Sweep(school=school, date=today, asked_at=now)], ignore_conflicts=True)
    return Sweep.objects.select_for_update().filter(school=school, date=today).first()


def _missing(school: School, today: date) -> tuple[int, list[Missing]]:
    with connection.cursor() as cursor:
        cursor.execute(_EXPECTED, {"school": school.pk, "today": today})
        rows = cursor.fetchall()
    return len(rows), [Missing(student, name) for student, name, seen in rows if not seen]


def _reason_to_hold(
    school: School, rules: Rules, today: date, cutoff_at: datetime, expected: int, missing: Sequence[Missing]
) -> tuple[str, dict[str, object]]:
    silent = silent_readers(school, since=cutoff_at)
    if silent or not Reader.objects.filter(school=school, revoked_at=None, rested_at=None).exists():
        return Sweep.Held.READERS, {"readers": [str(reader.pk) for reader in silent]}
    waiting = TapQueue.objects.filter(shard=school.pk % TapQueue.SHARDS, school_id=school.pk).count()
    if waiting:
        return Sweep.Held.TAPS, {"waiting": waiting}
    usual = _usual(school, today)
    share = expected * rules.brake_percent / 100
    most = min(share, usual * rules.brake_times_usual) if usual is not None else share
    if len(missing) >= rules.brake_at_least and len(missing) > most:
        return Sweep.Held.BRAKE, {"missing": len(missing), "most": round(most), "usual": round(usual or 0)}
    return "", {}


def _usual(school: School, today: date) -> float | None:
    """The mean of the last decided lists; None where there are too few to speak of a usual."""
    past = list(
        Sweep.objects.filter(school=school, date__lt=today, decided_at__isnull=False)
        .order_by("-date")
        .values_list("missing", flat=True)[:USUAL_DAYS]
    )
    return sum(past) / len(past) if len(past) >= USUAL_NEEDS else None


def _hold(sweep: Sweep, finding: Finding, *, now: datetime) -> None:
    if sweep.held_because != finding.held:
        sweep.held_at = now
        log.info("sweep held school=%d because=%s missing=%d", finding.school.pk, finding.held, len(finding.missing))
    sweep.held_because, sweep.held_facts = finding.held, finding.facts


def _decide(sweep: Sweep, finding: Finding, *, now: datetime, by: object | None) -> None:
    """Tell home, once for each student and day, and remember that it was said."""
    sweep.decided_at, sweep.released_by = now, by  # type: ignore[assignment]
    rules = rules_of(finding.school)
    if now >= at_local(finding.date, rules.not_arrived_until, finding.school.timezone) and by is None:
        log.info("sweep too late to tell school=%d missing=%d", finding.school.pk, len(finding.missing))
        return
    with connection.cursor() as cursor:
        ids = [one.student_id for one in finding.missing]
        cursor.execute(_MARK, {"school": finding.school.pk, "today": finding.date, "ids": ids, "now": now})
    notices.post([_post(finding, one, now=now) for one in finding.missing], now=now)
    log.info("sweep told school=%d missing=%d", finding.school.pk, len(finding.missing))


def _post(finding: Finding, one: Missing, *, now: datetime) -> notices.Post:
    return notices.Post(
        key=words.key(words.NOT_ARRIVED, one.student_id, finding.date),
        topic=words.NOT_ARRIVED,
        about=one.student_id,
        on_date=finding.date,
        data={
            "student": one.name,
            "school": finding.school.short_name,
            "timezone": finding.school.timezone,
            "at": now.isoformat(),
        },
        best_before=now + words.BEST_BEFORE[words.NOT_ARRIVED],
    )


_DUE = """
SELECT school.id FROM roster_school school
LEFT JOIN attendance_rules rules ON rules.school_id = school.id
LEFT JOIN attendance_sweep sweep
    ON sweep.school_id = school.id AND sweep.date = (%(now)s AT TIME ZONE school.timezone)::date
WHERE school.opened_at IS NOT NULL AND sweep.decided_at IS NULL
  AND (%(now)s AT TIME ZONE school.timezone)::time >= coalesce(rules.cutoff, time '08:10')
  AND EXISTS (
    SELECT 1 FROM attendance_schoolday day
    WHERE day.school_id = school.id AND day.date = (%(now)s AT TIME ZONE school.timezone)::date
      AND day.kind IN ('school', 'half', 'make_up')
  )
ORDER BY school.id
"""

# Everybody expected today, and whether anything at all was seen of them. A pending leave counts as leave.
_EXPECTED = """
SELECT student.id, student.name, day.seen_at IS NOT NULL
FROM roster_student student
JOIN attendance_schoolday school_day ON school_day.school_id = student.school_id
    AND school_day.date = %(today)s AND school_day.grade = student.grade
    AND school_day.kind IN ('school', 'half', 'make_up')
LEFT JOIN attendance_day day
    ON day.school_id = student.school_id AND day.date = %(today)s AND day.student_id = student.id
WHERE student.school_id = %(school)s AND student.left_on IS NULL AND student.study_state = 'enrolled'
  AND NOT EXISTS (
    SELECT 1 FROM attendance_leave leave
    WHERE leave.student_id = student.id AND leave.first_date <= %(today)s AND leave.last_date >= %(today)s
      AND leave.refused_at IS NULL AND leave.withdrawn_at IS NULL
  )
ORDER BY student.grade, student.school_class_id, student.seat
"""

_MARK = """
INSERT INTO attendance_day AS day (school_id, date, student_id, not_arrived_at)
SELECT %(school)s, %(today)s, id, %(now)s FROM unnest(%(ids)s::uuid[]) AS t(id)
ON CONFLICT (school_id, date, student_id) DO UPDATE SET not_arrived_at = %(now)s WHERE day.not_arrived_at IS NULL
"""
