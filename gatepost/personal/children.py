"""The sections about one child: what its guardian may see at this moment, and no more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.accounts.models import Account
from gatepost.attendance.models import Day, Event, Leave
from gatepost.audit.queries import looks_at
from gatepost.cards.models import Card
from gatepost.kit.clock import local_date
from gatepost.notify.models import Delivery, Notice
from gatepost.personal.sections import ROWS_MOST, Row
from gatepost.roster.models import Student
from gatepost.sso.models import GivenChild

DAYS_BACK = 1_100  # three years: what is older is past its retention
LOOKS_GO_BACK = timedelta(days=180)  # as on the page of looks


@dataclass(frozen=True, slots=True)
class ChildSection:
    """`rows` gives what one guardian may see of one child."""

    name: str
    title: Promise
    rows: Callable[[Account, Student, datetime], list[Row]]
    columns: tuple[str, ...]
    needs_told: bool = False  # what was said to the guardian: for who may be told


def child(_account: Account, student: Student, _now: datetime) -> list[Row]:
    return [
        {
            "name": student.name,
            "school": student.school.short_name,
            "number": student.number,
            "class": student.school_class.name if student.school_class else "",
            "seat": student.seat,
            "birthday": student.birthday,
        }
    ]


def days(_account: Account, student: Student, now: datetime) -> list[Row]:
    found = Day.objects.filter(school_id=student.school_id, student_id=student.pk, date__in=_dates(student, now))
    return [
        {"date": one.date, "arrived_at": one.arrived_at, "left_at": one.left_at, "not_arrived_at": one.not_arrived_at}
        for one in found.order_by("date")[:ROWS_MOST]
    ]


def events(_account: Account, student: Student, now: datetime) -> list[Row]:
    """Every event with its source; who entered it at the school is not named."""
    found = Event.objects.filter(school_id=student.school_id, student_id=student.pk, date__in=_dates(student, now))
    return [
        {"at": one.at, "side": one.side, "source": one.source, "voided_at": one.voided_at}
        for one in found.order_by("-date", "-at")[:ROWS_MOST]
    ]


def leave(_account: Account, student: Student, _now: datetime) -> list[Row]:
    """The days and what became of it; not which guardian asked."""
    found = Leave.objects.filter(student=student).order_by("-first_date", "-pk")[:ROWS_MOST]
    return [
        {"first_date": one.first_date, "last_date": one.last_date, "what": one.kind, "state": _answer(one)}
        for one in found
    ]


def _answer(one: Leave) -> str:
    if one.withdrawn_at:
        return "withdrawn"
    return "approved" if one.approved_at else "refused" if one.refused_at else "waiting"


def cards(_account: Account, student: Student, _now: datetime) -> list[Row]:
    """Without the number that a reader reads: who has it could make another card."""
    found = Card.objects.filter(student=student, loan_on=None).order_by("-issued_at")[:ROWS_MOST]
    return [{"at": one.issued_at, "state": one.state, "ended_at": one.ended_at} for one in found]


def messages(account: Account, student: Student, now: datetime) -> list[Row]:
    """What was said to this guardian about this child, and what became of it, with the last word of the channel."""
    found = Delivery.of([student.pk], on_date__in=_dates(student, now)).filter(account_id=account.pk)
    deliveries = list(found.order_by("-on_date", "-pk")[:ROWS_MOST])
    topics = dict(
        Notice.objects.filter(
            on_date__in={one.on_date for one in deliveries}, pk__in=[one.notice_id for one in deliveries]
        ).values_list("pk", "topic")
    )
    return [
        {
            "date": one.on_date,
            "topic": topics.get(one.notice_id, ""),
            "channel": one.channel,
            "state": one.state,
            "because": one.because,
            "at": one.settled_at,
        }
        for one in deliveries
    ]


def given(account: Account, student: Student, _now: datetime) -> list[Row]:
    """Services this guardian gave the child to."""
    found = GivenChild.objects.filter(student=student, consent__account=account).select_related("consent__service")
    return [
        {"service": one.consent.service.name, "at": one.given_at, "ended_at": one.withdrawn_at}
        for one in found.order_by("pk")[:ROWS_MOST]
    ]


def looks(_account: Account, student: Student, now: datetime) -> list[Row]:
    """Who looked: as a role at a school, as on its page."""
    found = looks_at(student.pk, since=now - LOOKS_GO_BACK)[:ROWS_MOST]
    return [
        {
            "at": one.at,
            "school": one.school_code,
            "role": str(one.facts.get("role", "")),
            "page": str(one.facts.get("page", "")),
        }
        for one in found
    ]


OF_CHILD = (
    ChildSection("child", _("The child"), child, ("name", "school", "class", "number")),
    ChildSection("days", _("Days"), days, ("date", "arrived_at", "left_at", "not_arrived_at")),
    ChildSection("events", _("Arrivals and departures"), events, ("at", "side", "source")),
    ChildSection("leave", _("Leave"), leave, ("first_date", "last_date", "what", "state")),
    ChildSection("cards", _("Cards"), cards, ("at", "state", "ended_at")),
    ChildSection("messages", _("Messages to you"), messages, ("date", "topic", "channel", "state"), needs_told=True),
    ChildSection("given_to_services", _("Given to services"), given, ("service", "at", "ended_at")),
    ChildSection("looks", _("Who looked"), looks, ("at", "school", "role", "page")),
)


def _dates(student: Student, now: datetime) -> list[date]:
    """Each day by itself: days lie by school and date, and a child's are found one by one."""
    today = local_date(now, student.school.timezone)
    return [today - timedelta(days=number) for number in range(DAYS_BACK)]
