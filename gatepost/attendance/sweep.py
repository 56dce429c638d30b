"""The not-arrived sweep: who has not been seen, asked of the tables once a school's cut-off has passed.

It doubts its own eyes first. Only when every reader in use was heard from after the cut-off with nothing left to
send, no tap waits in our own queue and the calendar says it is a school day, is silence about a student a fact. A list
that is unusually long waits for a person, and so does every list of a day on which the database was restored from a
backup. What is held says why; nothing is said to anybody meanwhile.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction

from gatepost.attendance import notices as words
from gatepost.attendance.missing import Finding, Missing, look_at
from gatepost.attendance.models import Day, Rules, Sweep
from gatepost.audit import entries
from gatepost.kit.clock import at_local, local_date
from gatepost.kit.prepared import prepared
from gatepost.notify import notices
from gatepost.roster.models import School, Student

log = logging.getLogger(__name__)

SCHOOLS_AT_ONCE = 40


def sweep_due(*, now: datetime) -> int:
    """Ask every school that is past its cut-off and undecided today. Returns how many were asked.

    One school's trouble does not keep the others from being asked.
    """
    due = _schools_due(now)
    return sum(_ask_some(due[start : start + SCHOOLS_AT_ONCE], now) for start in range(0, len(due), SCHOOLS_AT_ONCE))


def _ask_some(school_ids: Sequence[int], now: datetime) -> int:
    """Ask them together, and where that fails each by itself."""
    try:
        _ask(school_ids, now=now)
    except Exception:
        if len(school_ids) > 1:
            return sum(_ask_some([school_id], now) for school_id in school_ids)
        log.exception("sweep failed school=%d", school_ids[0])
        return 0
    return len(school_ids)


def sweep_school(school_id: int, *, now: datetime) -> Sweep | None:
    """Ask one school, in one transaction; None if its day has no question (not a school day, before the cut-off)."""
    return next(iter(_ask([school_id], now=now)), None)


def _ask(school_ids: Sequence[int], *, now: datetime) -> list[Sweep]:
    """Ask several schools in one transaction. Returns their sweeps of today."""
    with transaction.atomic():
        schools = School.objects.in_bulk(school_ids)
        sweeps = _lock(list(schools.values()), now)
        undecided = [sweep for sweep in sweeps if sweep.decided_at is None]
        found = look_at([schools[sweep.school_id] for sweep in undecided], now=now)
        without = [sweep.pk for sweep in undecided if sweep.school_id not in found]
        Sweep.objects.filter(pk__in=without).delete()
        asked = [sweep for sweep in undecided if sweep.school_id in found]
        free = [sweep for sweep in asked if not _note(sweep, found[sweep.school_id], now=now)]
        _decide(free, found, now=now, by=None)
        Sweep.objects.bulk_update(asked, _WRITTEN)
    return [sweep for sweep in sweeps if sweep.pk not in without]


def _note(sweep: Sweep, finding: Finding, *, now: datetime) -> str:
    """Write down what was found. Returns why it is held; empty if it may be told."""
    if sweep.held_because == Sweep.Held.RESTORED:
        # Taps that were kept and then lost are missing until their readers send them again, and no heartbeat
        # tells when all have.
        finding = replace(finding, held=sweep.held_because, facts=sweep.held_facts)
    sweep.asked_at, sweep.expected, sweep.missing = now, finding.expected, len(finding.missing)
    if finding.held:
        _hold(sweep, finding, now=now)
    return finding.held


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
                _decide([sweep], {school.pk: finding}, now=now, by=by)
                entries.record("sweep:released", by=by, school_code=school.code, missing=len(finding.missing))
                sweep.confirmed_at, sweep.confirmed_by = now, by  # type: ignore[assignment] # they saw the names
                sweep.save()
    return sweep


def confirm(school: School, *, by: object, now: datetime) -> Sweep | None:
    """The school called the roll: those about whom home was told today are not there. None if nothing was decided.

    Messages that wait for this (short ones) may go from now on. Confirming again changes nothing.
    """
    today = local_date(now, school.timezone)
    with transaction.atomic():
        sweep = Sweep.objects.select_for_update().filter(school=school, date=today, decided_at__isnull=False).first()
        if sweep is not None and sweep.confirmed_at is None:
            sweep.confirmed_at, sweep.confirmed_by = now, by  # type: ignore[assignment]
            sweep.save(update_fields=["confirmed_at", "confirmed_by"])
            entries.record("sweep:confirmed", by=by, school_code=school.code)
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
        notices.withdraw(keys, on_date=today, because="withdrawn", now=now)
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
    return look_at([school], now=now).get(school.pk)


def rules_of(school: School) -> Rules:
    """The school's rules, or the defaults (unsaved) for a school that set none."""
    return Rules.objects.filter(pk=school.pk).first() or Rules(school=school)


def _schools_due(now: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": now})
        return [school for (school,) in cursor.fetchall()]


def _lock(schools: Sequence[School], now: datetime) -> list[Sweep]:
    todays = {school.pk: local_date(now, school.timezone) for school in schools}
    new = [Sweep(school_id=pk, date=today, asked_at=now) for pk, today in todays.items()]
    Sweep.objects.bulk_create(new, ignore_conflicts=True)
    locked = Sweep.objects.select_for_update().filter(school__in=todays, date__in=set(todays.values()))
    return [sweep for sweep in locked.order_by("school_id", "date") if sweep.date == todays[sweep.school_id]]


def _hold(sweep: Sweep, finding: Finding, *, now: datetime) -> None:
    if sweep.held_because != finding.held:
        sweep.held_at = now
        log.info("sweep held school=%d because=%s missing=%d", finding.school.pk, finding.held, len(finding.missing))
    sweep.held_because, sweep.held_facts = finding.held, finding.facts


def _decide(sweeps: Sequence[Sweep], found: Mapping[int, Finding], *, now: datetime, by: object | None) -> None:
    """Tell home, once for each student and day, and remember that it was said."""
    telling = []
    for sweep in sweeps:
        finding = found[sweep.school_id]
        sweep.decided_at, sweep.released_by = now, by  # type: ignore[assignment]
        too_late_at = at_local(finding.date, finding.rules.not_arrived_until, finding.school.timezone)
        if now >= too_late_at and by is None:
            log.info("sweep too late to tell school=%d missing=%d", sweep.school_id, len(finding.missing))
        else:
            telling.append(finding)
            log.info("sweep told school=%d missing=%d", sweep.school_id, len(finding.missing))
    _tell(telling, now=now)


def _tell(telling: Sequence[Finding], *, now: datetime) -> None:
    """Mark the days and post the notices; not of a student who was seen since we looked."""
    missing = [(finding, one) for finding in telling for one in finding.missing]
    columns = {
        "schools": [finding.school.pk for finding, _ in missing],
        "dates": [finding.date for finding, _ in missing],
        "ids": [one.student_id for _, one in missing],
        "now": now,
    }
    marked = {student for (student,) in prepared(_MARK, columns)} if missing else set()
    notices.post([_post(finding, one, now=now) for finding, one in missing if one.student_id in marked], now=now)


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


_WRITTEN = ["asked_at", "expected", "missing", "held_at", "held_because", "held_facts", "decided_at", "released_by"]

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

_MARK = """
INSERT INTO attendance_day AS day (school_id, date, student_id, not_arrived_at)
SELECT school_id, date, student_id, %(now)s::timestamptz
FROM unnest(%(schools)s::int[], %(dates)s::date[], %(ids)s::uuid[]) AS t(school_id, date, student_id)
ORDER BY school_id, date, student_id
ON CONFLICT (school_id, date, student_id) DO UPDATE
SET not_arrived_at = coalesce(day.not_arrived_at, %(now)s::timestamptz)
WHERE day.seen_at IS NULL
RETURNING student_id
"""
