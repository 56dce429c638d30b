from collections.abc import Callable, Sequence
from datetime import date, datetime

import pytest

from gatepost.accounts.models import Account
from gatepost.allowances import budgets, grants, rules
from gatepost.allowances.models import Budget
from gatepost.attendance import notices as words
from gatepost.channels.sms.gateway import Outcome, OutgoingSms, Receipt, Take
from gatepost.notify import addresses, notices, recipients, sender
from gatepost.notify.models import Address, Channel
from gatepost.notify.sms import SmsCarrier
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY, at

NOW = at("07:42:05")
NOVEMBER = date(2026, 11, 1)


class Telephones:
    """A gateway of ours that keeps what it was given; `answer` says what it takes."""

    is_down = False

    def __init__(self) -> None:
        self.given: list[OutgoingSms] = []
        self.known: list[Receipt] = []
        self.answer: Callable[[OutgoingSms], Outcome] | None = None

    def send_many(self, messages: Sequence[OutgoingSms]) -> list[Outcome]:
        self.given += messages
        return [self.answer(one) if self.answer else Outcome(references=(f"ref-{one.key}",)) for one in messages]

    def collect(self, waiting: Sequence[str], take: Take) -> int:
        for receipt in self.known:
            take(receipt)
        return len(self.known)

    def close(self) -> None:
        """Nothing stays open."""


@pytest.fixture
def school(db: None) -> School:
    return builders.a_school()


@pytest.fixture
def child(school: School) -> Student:
    return builders.a_student(builders.a_class(school))


@pytest.fixture
def mother(child: Student) -> Account:
    """She has one proven number, and wants every topic there."""
    account = builders.a_guardian(child, subscribed=[])
    number = addresses.count_as_proven(account, "+886912345678", channel=Channel.SMS, label="0912…678", now=NOW)
    wanted = [(topic, number) for topic in (words.ARRIVED, words.LEFT, words.NOT_ARRIVED)]
    recipients.subscribe(account.pk, child.pk, choices=wanted)
    return account


@pytest.fixture
def telephones() -> Telephones:
    return Telephones()


def a_budget(school: School, granted: int = 100) -> Budget:
    return budgets.set_budget(school, NOVEMBER, granted=granted, segment_price=85, monthly_fee=30, by=None)


def a_granted_month(account: Account, child: Student) -> None:
    grants.ask(account, child, [NOVEMBER], now=NOW, today=MONDAY)
    waiting = grants.waiting(child.school, MONDAY)
    grants.answer(child.school, [one.pk for one in waiting], approve=True, by=None, now=NOW)


def say(child: Student, topic: str, *, now: datetime = NOW, key: str = "") -> None:
    data = {
        "student": child.name,
        "school": "雙園國小",
        "timezone": "Asia/Taipei",
        "at": now.isoformat(),
        "source": "card",
    }
    post = notices.Post(
        key=key or words.key(topic, child.pk, MONDAY),
        topic=topic,
        about=child.pk,
        on_date=MONDAY,
        data={**data, "place": "南門 2 號機"},
        best_before=now + words.BEST_BEFORE[topic],
    )
    notices.post([post], now=now)


def send(telephones: Telephones, *, now: datetime = NOW) -> int:
    return sender.send_due("sms", SmsCarrier(telephones, rules.allow), now=now)


def number_of(account: Account) -> Address:
    return Address.objects.get(account=account, channel=Channel.SMS)
