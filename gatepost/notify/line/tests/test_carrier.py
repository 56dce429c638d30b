from collections.abc import Coroutine, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gatepost.accounts.models import Account
from gatepost.attendance.notices import ARRIVED, NOT_ARRIVED
from gatepost.channels.line.tests.platform import Platform, user
from gatepost.channels.line.transport import LineTransport
from gatepost.notify import notices, sender
from gatepost.notify.line import budget, line_settings
from gatepost.notify.line.carrier import LineCarrier
from gatepost.notify.line.tests.linked import linked
from gatepost.notify.models import Address, Channel, Delivery, LineMonth
from gatepost.notify.queries import unreached
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("07:42:05")
MOTHER, FATHER = user(1), user(2)


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student, line: Platform) -> Account:
    account = builders.a_guardian(child)
    linked(account, MOTHER, child)
    return account


@pytest.fixture
def carrier(line: Platform) -> Iterator[LineCarrier]:
    transport = LineTransport(line_settings())
    yield LineCarrier(transport)
    transport.close()


def say(child: Student, topic: str = ARRIVED, *, key: str = "") -> None:
    school = child.school
    data = {
        "student": child.name,
        "school": school.short_name,
        "at": at("07:42").isoformat(),
        "timezone": school.timezone,
        "source": "card",
        "place": "南門",
    }
    post = notices.Post(key or f"{topic}:{child.pk}", topic, child.pk, MONDAY, data, NOW + timedelta(hours=1))
    notices.post([post], now=NOW)


def send(carrier: LineCarrier, now: datetime = NOW) -> int:
    return sender.send_due("line", carrier, now=now, handful=sender.BATCH)


def states() -> list[tuple[str, str]]:
    return list(Delivery.objects.filter(channel="line").order_by("pk").values_list("state", "because"))


def test_a_message_says_who_what_when_and_from_where(
    line: Platform, child: Student, mother: Account, carrier: LineCarrier
) -> None:
    say(child)
    send(carrier)
    [text] = line.texts(MOTHER)
    for part in (child.name, "07:42", "到校", child.school.short_name, "11月23日", "南門"):
        assert part in text
    assert states() == [("sent", "")]


@pytest.mark.parametrize(("language", "word"), [("en", "arrived"), ("vi", "trường"), ("id", "sekolah")])
def test_it_is_in_the_readers_language(
    line: Platform, child: Student, mother: Account, carrier: LineCarrier, language: str, word: str
) -> None:
    Account.objects.filter(pk=mother.pk).update(language=language)
    say(child)
    send(carrier)
    assert word in line.texts(MOTHER)[0]


@pytest.mark.parametrize("topic", [ARRIVED, NOT_ARRIVED])
def test_it_carries_no_link(line: Platform, child: Student, mother: Account, carrier: LineCarrier, topic: str) -> None:
    say(child, topic)
    send(carrier)
    assert not any(part in line.texts(MOTHER)[0] for part in ("http", "://", "www.", "gatepost"))


def test_a_process_that_dies_before_it_notes_tells_nobody_twice(
    line: Platform, child: Student, mother: Account, carrier: LineCarrier
) -> None:
    say(child)
    leased = sender._lease("line", now=NOW)
    carrier.carry(leased, now=NOW)  # and here it dies
    send(carrier, NOW + sender.LEASE)
    assert len(line.texts(MOTHER)) == 1
    assert states() == [("sent", "")]
    assert "taken before" in Delivery.objects.get(channel="line").response


def test_both_parents_are_told_each_on_their_line(
    line: Platform, child: Student, mother: Account, carrier: LineCarrier
) -> None:
    linked(builders.a_guardian(child), FATHER, child)
    say(child)
    send(carrier)
    assert len(line.texts(MOTHER)) == len(line.texts(FATHER)) == 1


def test_a_line_user_who_is_gone_is_switched_off(
    line: Platform, child: Student, mother: Account, carrier: LineCarrier
) -> None:
    line.users.discard(MOTHER)
    say(child)
    send(carrier)
    assert states() == [("failed", "refused")]
    assert Address.objects.get(channel=Channel.LINE).disabled_because == "refused"


def test_line_in_trouble_leaves_the_message_for_later_and_the_address_alone(
    line: Platform, child: Student, mother: Account, carrier: LineCarrier
) -> None:
    line.script += [(503, {"message": "Service unavailable"})] * 2
    say(child)
    send(carrier)
    assert states() == [("queued", "")]
    assert carrier.is_down
    send(carrier, NOW + timedelta(minutes=1))
    assert line.texts(MOTHER)
    assert Address.objects.get(channel=Channel.LINE).is_usable


class TestBudget:
    def test_what_line_takes_is_counted(
        self, line: Platform, child: Student, mother: Account, carrier: LineCarrier
    ) -> None:
        say(child)
        send(carrier)
        assert budget.this_month(now=NOW).used == 1

    def test_the_end_of_the_months_messages_is_a_drop_that_staff_see(
        self, line: Platform, child: Student, mother: Account, carrier: LineCarrier
    ) -> None:
        line.quota = line.used = 200
        say(child)
        send(carrier)
        assert states() == [("dropped", "budget")]
        assert [one.because for one in unreached([child.pk], MONDAY)] == ["budget"]
        assert budget.this_month(now=NOW).is_used_up

    def test_once_it_is_known_line_is_not_asked_again_and_again(
        self, line: Platform, child: Student, mother: Account, carrier: LineCarrier
    ) -> None:
        budget.note_used_up(now=NOW)
        say(child)
        send(carrier)
        assert (states(), line.asked) == ([("dropped", "budget")], [])

    def test_a_quota_that_was_raised_lets_messages_through(
        self, line: Platform, child: Student, mother: Account, carrier: LineCarrier
    ) -> None:
        budget.note_used_up(now=NOW)
        line.quota, line.used = 3_000, 200
        budget.ask(line_settings(), now=NOW)
        say(child)
        send(carrier)
        assert states() == [("sent", "")]

    def test_the_next_month_begins_anew(self, line: Platform) -> None:
        budget.note_used_up(now=NOW)
        december = at("07:42", MONDAY + timedelta(days=10))
        assert not budget.this_month(now=december).is_used_up

    def test_the_last_tenth_is_kept_for_safety_messages(
        self, line: Platform, child: Student, mother: Account, carrier: LineCarrier
    ) -> None:
        line.quota, line.used = 100, 95
        budget.ask(line_settings(), now=NOW)
        say(child, ARRIVED)
        say(child, NOT_ARRIVED)
        send(carrier)
        assert sorted(states()) == [("dropped", "budget"), ("sent", "")]
        assert "到校" not in line.texts(MOTHER)[0].partition("\n")[0]

    @pytest.mark.parametrize(
        ("used", "said"),
        [
            (60, (True, False, False)),  # 79 at this rate
            (70, (False, False, False)),  # 91: the last arrivals would fall into what is kept
            (90, (False, True, False)),
            (100, (False, False, True)),
        ],
    )
    def test_it_is_said_what_will_go_and_not_only_what_is_left(
        self, line: Platform, used: int, said: tuple[bool, bool, bool]
    ) -> None:
        line.quota, line.used = 100, used
        budget.ask(line_settings(), now=NOW)
        month = budget.this_month(now=NOW)
        assert (month.will_last, month.is_for_safety_only, month.is_used_up) == said

    def test_what_goes_while_line_is_asked_is_not_forgotten(
        self, line: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slowly(asked: Coroutine[Any, Any, Any]) -> tuple[int, int]:
            asked.close()
            budget.count(5, now=NOW)
            return 200, 100

        LineMonth.objects.create(month=MONDAY.replace(day=1), sent=10)
        monkeypatch.setattr(budget, "asyncio", SimpleNamespace(run=slowly))
        budget.ask(line_settings(), now=NOW)
        assert budget.this_month(now=NOW).used == 105

    def test_when_little_is_left_safety_goes_first(self, line: Platform) -> None:
        room = budget.Room(3, kept=2)
        assert [room.take(safety=False), room.take(safety=False), room.take(safety=True), room.take(safety=True)] == [
            True, False, True, True,
        ]  # fmt: skip
        assert not room.take(safety=True)

    def test_what_others_send_from_the_account_counts_as_well(self, line: Platform) -> None:
        LineMonth.objects.create(month=MONDAY.replace(day=1), sent=40, sent_when_asked=30, used=100, quota=200)
        assert budget.this_month(now=NOW).used == 110

    @pytest.mark.parametrize(
        ("used", "day", "expected"), [(0, 23, 0), (160, 23, 210), (21, 30, 21), (5, 2, 105), (7, 1, 7)]
    )
    def test_the_forecast_goes_by_weekdays(self, used: int, day: int, expected: int) -> None:
        assert budget.forecast(used, MONDAY.replace(day=day)) == expected

    def test_line_that_does_not_answer_changes_nothing(self, line: Platform, settings: Any) -> None:
        from gatepost.config import schedule

        line.script += [(500, {"message": "Internal error"})]
        assert schedule.ask_line(line_settings(), NOW) == 0
        assert not LineMonth.objects.exists()
