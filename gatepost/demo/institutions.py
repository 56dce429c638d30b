"""Schools of the demonstration city, without their people: classes come with their teachers, in `staff`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from django.db import connection

from gatepost.attendance.models import Rules, Timetable
from gatepost.attendance.taiwan_calendar import plan_year
from gatepost.cards.numbers import AS_THE_CHIP, CardRule
from gatepost.demo.blueprint import SchoolPlan
from gatepost.demo.reader_keys import reader_id, reader_key
from gatepost.gates import keys
from gatepost.gates.models import Gate, Reader, ReaderHealth
from gatepost.roster import school_list
from gatepost.roster.models import District, School, SchoolYear, Term
from gatepost.roster.roc_dates import school_year_days

# Gates and how many readers each has; schools take turns.
GATES: Final = (
    (("南門", 3), ("北門", 1)),
    (("正門", 2), ("側門", 1)),
    (("正門", 3), ("東側門", 1), ("後門", 1)),
)
# How a school's readers print numbers, in turn. A reader that reads four bytes needs cards of four.
PRINTING: Final = (
    (AS_THE_CHIP, CardRule("hex", "plain", "reversed")),
    (CardRule("decimal", "8H10D", "reversed", 4), CardRule("hex", "plain", "chip", 4)),
)
# The bell, the cut-off, and when lessons end, by what the school is.
TIMES: Final = {
    "elementary": (time(7, 50), time(8, 10), time(15, 50)),
    "junior_high": (time(7, 40), time(8, 0), time(16, 10)),
    "senior_high": (time(7, 50), time(8, 10), time(16, 10)),
    "vocational_high": (time(7, 50), time(8, 10), time(16, 10)),
    "special": (time(8, 20), time(8, 40), time(15, 30)),
}
# Afternoons off at elementary schools: grade, and the weekdays (Monday is 1) that end at `NOON`.
NOON: Final = time(12, 40)
AFTERNOONS_OFF: Final = {1: (1, 3, 4, 5), 2: (1, 3, 4, 5), 3: (3, 5), 4: (3, 5), 5: (3,), 6: (3,)}


@dataclass
class Institution:
    """A school of the city with what its people need to know of it."""

    plan: SchoolPlan
    school: School
    long_cards: bool  # whether its readers can read cards of seven bytes
    classes: dict[tuple[int, int], int] = field(default_factory=dict)  # their keys, by grade and number
    teachers: dict[tuple[int, int], UUID] = field(default_factory=dict)  # homeroom accounts, by grade and number
    office: dict[str, UUID] = field(default_factory=dict)  # accounts by role; the first of several


def found(plans: Sequence[SchoolPlan], *, seed: int, opened_at: datetime, now: datetime) -> list[Institution]:
    """Write the schools of `plans` with their gates, readers and times; in use since `opened_at`."""
    made = [
        Institution(plan, school, long_cards=_printing(nth)[0].width is None)
        for nth, (plan, school) in enumerate(zip(plans, _schools(plans, opened_at=opened_at), strict=True))
    ]
    _gates(made, seed=seed, now=now)
    _times(made)
    return made


def open_year(year: int) -> SchoolYear:
    """Write a school year and its two terms; term 1 ends on 31 January by law."""
    first, last = school_year_days(year)
    made = SchoolYear.objects.create(year=year, starts_on=first, ends_on=last)
    Term.objects.create(school_year=made, number=1, starts_on=first, ends_on=date(last.year, 1, 31))
    Term.objects.create(school_year=made, number=2, starts_on=date(last.year, 2, 1), ends_on=last)
    return made


def fill_calendar(year: int) -> None:
    """Put the year's school days into the calendar of every grade that has a class, in one statement."""
    planned = plan_year(year)
    with connection.cursor() as cursor:
        cursor.execute(
            _CALENDAR,
            [
                [day.date for day in planned],
                [day.kind.value for day in planned],
                [day.name for day in planned],
                [day.leave_from for day in planned],
            ],
        )


_CALENDAR = """
INSERT INTO attendance_schoolday (school_id, grade, date, kind, name, leave_from)
SELECT taught.school_id, taught.grade, day.date, day.kind, day.name, day.leave_from
FROM (SELECT DISTINCT school_id, grade FROM roster_schoolclass) taught
CROSS JOIN unnest(%s::date[], %s::text[], %s::text[], %s::time[]) AS day(date, kind, name, leave_from)
"""


def _schools(plans: Sequence[SchoolPlan], *, opened_at: datetime) -> list[School]:
    wanted = {plan.entry.district_code for plan in plans}
    District.objects.bulk_create(
        District(code=one.code, name=one.name, name_en=one.name_en, postal_code=one.postal_code)
        for one in school_list.districts()
        if one.code in wanted
    )
    return School.objects.bulk_create(
        School(
            code=plan.entry.code,
            name=plan.entry.name,
            short_name=plan.entry.short_name,
            district_id=plan.entry.district_code,
            level=plan.entry.level,
            domain=plan.entry.domain,
            opened_at=opened_at,
        )
        for plan in plans
    )


def _printing(nth: int) -> tuple[CardRule, ...]:
    return PRINTING[nth % len(PRINTING)]


def _gates(made: Sequence[Institution], *, seed: int, now: datetime) -> None:
    gates: list[Gate] = []
    readers: list[Reader] = []
    for nth, one in enumerate(made):
        for name, many in GATES[nth % len(GATES)]:
            gate = Gate(school=one.school, name=name)
            gates.append(gate)
            rules = _printing(nth)
            readers += [_reader(one, gate, number, rules[number % len(rules)], seed) for number in range(many)]
    Gate.objects.bulk_create(gates)
    Reader.objects.bulk_create(readers)
    ReaderHealth.objects.bulk_create(
        ReaderHealth(reader=reader, heard_at=now, sent_at=now, queue=0, skew_ms=0) for reader in readers
    )


def _reader(one: Institution, gate: Gate, number: int, rule: CardRule, seed: int) -> Reader:
    key = reader_id(seed, one.school.code, gate.name, number)
    return Reader(
        id=key,
        school=one.school,
        gate=gate,
        name=f"{number + 1} 號機",
        key_digest=keys.digest(reader_key(key)),
        card_rule={} if rule == AS_THE_CHIP else rule.to_json(),
    )


def _times(made: Sequence[Institution]) -> None:
    rules: list[Rules] = []
    timetable: list[Timetable] = []
    for one in made:
        bell, cutoff, leave = TIMES[one.plan.entry.level]
        rules.append(Rules(school=one.school, late_after=bell, cutoff=cutoff, leave_from=leave))
        for grade in one.plan.grades:
            off = AFTERNOONS_OFF.get(grade, ()) if one.plan.entry.level == "elementary" else ()
            timetable += [
                Timetable(school=one.school, grade=grade, weekday=weekday, leave_from=NOON if weekday in off else leave)
                for weekday in range(1, 6)
            ]
    Rules.objects.bulk_create(rules)
    Timetable.objects.bulk_create(timetable, batch_size=2_000)
