"""Which short messages may go, asked by the sender just before it hands them over; what may is paid for by then.

Arrivals and departures go in months that were granted to that family for that child. "Not arrived" goes once the school
has confirmed. What corrects them follows them. Everything else reaches people by other channels. Whatever goes is taken
from the school's budget first, under a lock: two workers cannot spend the same segment.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from gatepost.allowances.models import Budget, Grant, Spending
from gatepost.attendance.models import Sweep
from gatepost.attendance.notices import ARRIVED, CORRECTED, FOUND, LEFT, NOT_ARRIVED
from gatepost.notify.sms import Verdict, Wish
from gatepost.roster.models import Student

ASK_AGAIN = timedelta(seconds=30)
GIVEN_BACK_AT_ONCE = 1_000
LOOKED_AT = timedelta(days=3)
LOOKED_AT_HOURLY = timedelta(days=40)  # what lay while no worker ran is settled, and given back, when one runs again

YES = Verdict()
NOT_OFFERED, NOT_GRANTED, UNCONFIRMED, SPENT = (
    Verdict(dropped_because=code) for code in ("not_by_sms", "not_granted", "unconfirmed", "budget")
)


def allow(wishes: Sequence[Wish], *, now: datetime) -> list[Verdict]:
    """A verdict for each. Those that may go are taken from their budgets when this returns, each once."""
    students = {one.delivery.about for one in wishes}
    schools = dict(Student.objects.filter(pk__in=students).values_list("pk", "school_id"))
    granted, confirmed = _granted(wishes), _confirmed(wishes, set(schools.values()))
    verdicts = [_verdict(one, schools, granted, confirmed, now) for one in wishes]
    going = [place for place, verdict in enumerate(verdicts) if verdict == YES]
    paid = _pay([wishes[place] for place in going], schools, now=now)
    for place, is_paid in zip(going, paid, strict=True):
        if not is_paid:
            verdicts[place] = SPENT
    return verdicts


def may_climb(abouts: Sequence[UUID], *, topic: str, on_date: date) -> set[UUID]:
    """Those of `abouts` about whom home may be told `topic` by short message besides what was chosen (`notify.ladder`).

    "Not arrived", once the school has confirmed, and while its budget lasts.
    """
    if topic != NOT_ARRIVED:
        return set()
    schools = dict(Student.objects.filter(pk__in=abouts).values_list("pk", "school_id"))
    budgets = Budget.objects.with_some_left().filter(school__in=set(schools.values()), month=first_of(on_date))
    paid = set(budgets.values_list("school_id", flat=True))
    confirmed = Sweep.objects.filter(school__in=paid, date=on_date, confirmed_at__isnull=False)
    may = set(confirmed.values_list("school_id", flat=True))
    return {about for about, school in schools.items() if school in may}


def give_back(*, now: datetime, back: timedelta = LOOKED_AT) -> int:
    """Return to the budgets what was taken for messages that never left. Returns how many messages that were.

    Looks at those of the days since `back` before `now`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_NEVER_LEFT, {"since": (now - back).date(), "limit": GIVEN_BACK_AT_ONCE})
        rows = list(Spending.objects.filter(pk__in=[pk for (pk,) in cursor.fetchall()]))
        budgets = _locked({(row.budget_id) for row in rows})
        for row in rows:
            budget = budgets[row.budget_id]
            if row.is_beyond:
                budget.beyond -= row.segments
            else:
                budget.used -= row.segments
        Budget.objects.bulk_update(budgets.values(), ["used", "beyond"])
        Spending.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def first_of(day: date) -> date:
    """The month a day is in."""
    return day.replace(day=1)


def _verdict(
    wish: Wish,
    schools: Mapping[UUID, int],
    granted: set[tuple[UUID, UUID, date]],
    confirmed: set[tuple[int, date]],
    now: datetime,
) -> Verdict:
    one = wish.delivery
    school = schools.get(one.about)
    if school is None:
        return NOT_OFFERED
    if one.topic in (FOUND, CORRECTED) and one.is_follow_up:
        return YES
    if one.topic in (ARRIVED, LEFT):
        return YES if (one.about, one.account_id, first_of(one.on_date)) in granted else NOT_GRANTED
    if one.topic != NOT_ARRIVED:
        return NOT_OFFERED
    if (school, one.on_date) in confirmed:
        return YES
    return UNCONFIRMED if now + ASK_AGAIN >= one.best_before else Verdict(wait=ASK_AGAIN)


def _granted(wishes: Sequence[Wish]) -> set[tuple[UUID, UUID, date]]:
    asked = [one.delivery for one in wishes if one.delivery.topic in (ARRIVED, LEFT)]
    found = Grant.objects.filter(
        student__in={one.about for one in asked},
        account__in={one.account_id for one in asked},
        month__in={first_of(one.on_date) for one in asked},
        approved_at__isnull=False,
    )
    return set(found.values_list("student_id", "account_id", "month"))


def _confirmed(wishes: Sequence[Wish], schools: set[int]) -> set[tuple[int, date]]:
    days = {one.delivery.on_date for one in wishes if one.delivery.topic == NOT_ARRIVED}
    found = Sweep.objects.filter(school__in=schools, date__in=days, confirmed_at__isnull=False)
    return set(found.values_list("school_id", "date"))


def _pay(wishes: Sequence[Wish], schools: Mapping[UUID, int], *, now: datetime) -> list[bool]:
    """Take each from its budget, in order, unless it was taken at an earlier attempt. Whether each is paid for."""
    if not wishes:
        return []
    with transaction.atomic():
        rows = Budget.objects.filter(
            school__in=set(schools.values()), month__in={first_of(one.delivery.on_date) for one in wishes}
        )
        budgets = {(row.school_id, row.month): row for row in _locked(set(rows.values_list("pk", flat=True))).values()}
        known = Spending.objects.filter(
            delivery_id__in=[one.delivery.id for one in wishes], on_date__in={one.delivery.on_date for one in wishes}
        )
        before = set(known.values_list("delivery_id", "on_date"))
        spent: list[Spending] = []
        paid = []
        for one in wishes:
            budget = budgets.get((schools[one.delivery.about], first_of(one.delivery.on_date)))
            if (one.delivery.id, one.delivery.on_date) in before:
                paid.append(True)
            elif budget is None:
                paid.append(False)
            else:
                row = _take(budget, one, now)
                paid.append(row is not None)
                spent += [row] if row else []
        Spending.objects.bulk_create(spent)
        Budget.objects.bulk_update(budgets.values(), ["used", "beyond"])
    return paid


def _take(budget: Budget, wish: Wish, now: datetime) -> Spending | None:
    is_beyond = wish.segments > budget.left
    if is_beyond and wish.delivery.topic not in (FOUND, CORRECTED):
        return None
    if is_beyond:
        budget.beyond += wish.segments
    else:
        budget.used += wish.segments
    return Spending(
        budget=budget,
        delivery_id=wish.delivery.id,
        on_date=wish.delivery.on_date,
        segments=wish.segments,
        is_beyond=is_beyond,
        spent_at=now,
    )


def _locked(ids: set[int]) -> dict[int, Budget]:
    """In one order everywhere, so that two workers wait for each other and never both."""
    return {row.pk: row for row in Budget.objects.select_for_update().filter(pk__in=ids).order_by("pk")}


# Settled without the gateway ever having named it: refused, too late, withdrawn, or never tried.
_NEVER_LEFT = """
SELECT spending.id FROM allowances_spending spending
JOIN notify_delivery delivery ON delivery.id = spending.delivery_id AND delivery.on_date = spending.on_date
WHERE spending.on_date >= %(since)s AND delivery.on_date >= %(since)s
  AND delivery.state IN ('failed', 'dropped') AND delivery.because <> 'undelivered'
  AND NOT EXISTS (SELECT FROM notify_smspart part WHERE part.delivery_id = spending.delivery_id)
LIMIT %(limit)s
FOR UPDATE OF spending SKIP LOCKED
"""
