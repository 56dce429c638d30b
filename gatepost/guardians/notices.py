"""What this room says to guardians about bonds. No name of another guardian, and no link."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gatepost.guardians.models import Guardianship
from gatepost.kit.clock import local_date
from gatepost.notify import notices
from gatepost.notify.topics import Topic, Words
from gatepost.roster.models import Student

BOND_OPENED, BOND_ENDING = "bond_opened", "bond_ending"
BEST_BEFORE = timedelta(hours=36)


def tell_of_new_bond(bond: Guardianship, student: Student, *, now: datetime) -> None:
    """Tell the child's other guardians, in the caller's transaction, that one more was verified."""
    notices.tell(_post(BOND_OPENED, bond, student, now=now), now=now, but_not=bond.account_id)


def tell_of_ending(bond: Guardianship, student: Student, *, ends_on: date, now: datetime) -> None:
    """Tell the guardian that the bond will end by itself, since the child has left the city's schools."""
    post = _post(BOND_ENDING, bond, student, now=now, ends_on=ends_on.isoformat())
    notices.tell(post, now=now, only=bond.account_id)


def _post(topic: str, bond: Guardianship, student: Student, *, now: datetime, **more: str) -> notices.Post:
    school = student.school
    day = local_date(now, school.timezone)
    return notices.Post(
        key=f"{topic}:{bond.pk}:{day}",
        topic=topic,
        about=student.pk,
        on_date=day,
        data={"student": student.name, "school": school.short_name, "day": day.isoformat(), **more},
        best_before=now + BEST_BEFORE,
    )


def _opened(data: Mapping[str, Any], now: datetime) -> Words:
    headline = gettext("Another guardian is now bound to {student}").format(student=data["student"])
    lines = (
        _where(data),
        gettext("The school has verified that the child is theirs."),
        gettext("If you did not expect this, please telephone the school’s registrar."),
    )
    return Words(subject=headline, headline=headline, lines=lines)


def _ending(data: Mapping[str, Any], now: datetime) -> Words:
    day = _day(data["ends_on"])
    headline = gettext("Your account’s bond with {student} ends on {day}").format(student=data["student"], day=day)
    lines = (
        _where(data),
        gettext("{student} no longer attends a school of the city. You need not do anything.").format(
            student=data["student"]
        ),
        gettext("If this is wrong, please telephone the school’s registrar before that day."),
    )
    return Words(subject=headline, headline=headline, lines=lines)


def _where(data: Mapping[str, Any]) -> str:
    return f"{data['school']} · {_day(data['day'])}"


def _day(iso: str) -> str:
    return date_format(date.fromisoformat(iso), gettext("l, j F"))


TOPICS = (
    Topic(BOND_OPENED, _("New guardian"), _opened, optional=False, choosable=False, may_wait=True),
    Topic(BOND_ENDING, _("Bond ends"), _ending, optional=False, choosable=False, may_wait=True),
)
