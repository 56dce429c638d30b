"""The ladder: another way, then another person, until somebody gives a sign."""

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from gatepost.accounts.models import Account
from gatepost.channels.errors import ChannelError
from gatepost.guardians import restrictions
from gatepost.notify import addresses, climbs, ladder, notices, recipients, sender
from gatepost.notify.models import Address, Channel, Climb, Delivery, Recipient, Rung
from gatepost.notify.sender import Outcome
from gatepost.notify.tests.test_sender import Post
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("08:10:30")
TOPIC = "not_arrived"


@pytest.fixture(autouse=True)
def channels(settings: Any) -> None:
    settings.CHANNELS = ["email", "line", "push", "sms"]
    settings.LADDER_WAIT = timedelta(minutes=5)


@pytest.fixture
def child(db: None) -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    """She chose email, and has LINE and a telephone besides."""
    account = builders.a_guardian(child)
    a_way(account, Channel.LINE)
    a_way(account, Channel.SMS)
    return account


@pytest.fixture
def father(child: Student, mother: Account) -> Account:
    """Bound after her, and chose nothing."""
    account = builders.a_guardian(child, name="王大明", subscribed=[])
    Recipient.objects.filter(account=account).update(opened_at=at("12:00", date(2026, 10, 1)))
    Recipient.objects.filter(account=mother).update(opened_at=at("12:00", date(2026, 9, 1)))
    Delivery.objects.all().delete()  # she was told of him
    return account


def a_way(account: Account, channel: Channel) -> Address:
    return addresses.count_as_proven(account, f"{channel}-{account.pk}", channel=channel, label="…", now=NOW)


def say(child: Student, *, topic: str = TOPIC, best_before: datetime = NOW + timedelta(minutes=90)) -> None:
    post = notices.Post(
        key=f"{topic}:{child.pk}",
        topic=topic,
        about=child.pk,
        on_date=MONDAY,
        data={"student": child.name},
        best_before=best_before,
    )
    notices.post([post], now=NOW)


def nobody(abouts: Collection[UUID], *, topic: str, on_date: date) -> Collection[UUID]:
    return ()


def everybody(abouts: Collection[UUID], *, topic: str, on_date: date) -> Collection[UUID]:
    return abouts


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def carry(now: datetime, answer: Callable[[Any], Outcome] = lambda _: Outcome()) -> list[str]:
    """All channels send what is due. Returns where it went."""
    post = Post(answer)
    for channel in Channel.values:
        sender.send_due(channel, post, now=now)
    return [one.target for one in post.carried]


def went_to() -> list[tuple[str, str]]:
    names = dict(Account.objects.values_list("pk", "name"))
    rows = Delivery.objects.order_by("pk").values_list("account_id", "channel")
    return [(names[account], channel) for account, channel in rows]


def climb(now: datetime, may: ladder.MayBySms = everybody) -> int:
    return ladder.climb(may, now=now)


def only_climb() -> Climb:
    return Climb.objects.get()


def test_without_a_sign_it_goes_to_the_other_ways_then_to_the_next_guardian(
    child: Student, mother: Account, father: Account
) -> None:
    say(child)
    carry(NOW)
    assert climb(after(4.9)) == 0
    made = []
    for minutes in (5, 10, 15):
        assert climb(after(minutes)) == 1
        assert climb(after(minutes)) == 0
        made += carry(after(minutes))
    assert went_to() == [("林淑芬", "email"), ("林淑芬", "line"), ("林淑芬", "sms"), ("王大明", "email")]
    assert len(made) == 3  # they left, though nobody chose the topic there
    assert list(Rung.objects.order_by("number").values_list("number", "because", "to_another")) == [
        (1, "silent", False),
        (2, "silent", False),
        (3, "silent", True),
    ]
    assert only_climb().exhausted_at is None
    assert climb(after(20)) == 1
    assert climb(after(20)) == 0
    assert (only_climb().exhausted_at, Delivery.objects.count()) == (after(20), 4)


def test_it_stops_at_the_first_receipt(child: Student, mother: Account) -> None:
    say(child)
    carry(NOW)
    climb(after(5))
    carry(after(5))
    Delivery.objects.filter(channel="line").update(state="delivered", settled_at=after(6))
    assert climb(after(6.1)) == 1
    assert (only_climb().ended_because, only_climb().proven_by, only_climb().ended_at) == (
        "delivered",
        mother.pk,
        after(6),
    )
    assert climb(after(30)) == 0
    assert Delivery.objects.count() == 2


def test_it_stops_when_a_guardian_looked_and_what_waits_stays_here(
    child: Student, mother: Account, father: Account
) -> None:
    say(child)
    carry(NOW)
    climb(after(5))
    assert ladder.seen(father.pk, [child.pk], on_date=MONDAY, now=after(5.1)) == 1
    assert ladder.seen(mother.pk, [child.pk], on_date=MONDAY, now=after(5.2)) == 0
    assert (only_climb().ended_because, only_climb().proven_by) == ("seen", father.pk)
    assert carry(after(6)) == []
    assert Delivery.objects.filter(state="dropped", because="proven").count() == 1
    assert climb(after(30)) == 0


def test_what_failed_is_not_waited_for(child: Student, mother: Account, father: Account) -> None:
    say(child)
    carry(NOW, lambda _: Outcome(ChannelError("550 no such user", permanent=True)))
    assert climb(after(0.1)) == 1
    carry(after(0.1), lambda _: Outcome(dropped_because="budget"))
    assert climb(after(0.2)) == 1
    assert [channel for _, channel in went_to()] == ["email", "line", "sms"]
    assert set(Rung.objects.values_list("because", flat=True)) == {"failed"}
    assert climb(after(0.3)) == 0  # the text message is on its way


def test_a_chosen_address_that_is_switched_off_is_not_waited_for(child: Student, mother: Account) -> None:
    Address.objects.filter(channel="email").update(disabled_at=NOW, disabled_because="bounced")
    say(child)
    assert climb(NOW) == 1
    assert went_to() == [("林淑芬", "line")]
    assert Rung.objects.get().because == "unaddressed"


def test_what_nobody_chose_and_what_is_no_safety_topic_does_not_climb(child: Student, mother: Account) -> None:
    say(child, topic="arrived")
    recipients.subscribe(mother.pk, child.pk, choices=[])
    say(child)
    assert not Climb.objects.exists()


def test_a_short_message_goes_only_where_the_rules_let_it(child: Student, mother: Account) -> None:
    say(child)
    carry(NOW)
    climb(after(5), nobody)
    climb(after(10), nobody)
    assert [channel for _, channel in went_to()] == ["email", "line"]
    assert (only_climb().exhausted_at, ladder.would_reach("sms", [child.pk], on_date=MONDAY)) == (after(10), 1)
    climb(after(15), everybody)
    assert [channel for _, channel in went_to()] == ["email", "line", "sms"]
    assert (only_climb().exhausted_at, ladder.would_reach("sms", [child.pk], on_date=MONDAY)) == (None, 0)


def test_a_restricted_guardian_an_ended_bond_and_an_address_that_is_off_are_no_rungs(
    child: Student, mother: Account, father: Account
) -> None:
    uncle = builders.a_guardian(child, name="林小弟", subscribed=[])
    recipients.end_for(uncle.pk, child.pk, now=NOW)
    Delivery.objects.all().delete()  # the others were told of him
    Address.objects.filter(account=mother).exclude(channel="email").update(disabled_at=NOW, disabled_because="x")
    say(child)
    carry(NOW)
    restrictions.restrict(father.pk, child, by=None, now=after(1))
    climb(after(5))
    assert went_to() == [("林淑芬", "email")]
    assert only_climb().exhausted_at == after(5)


def test_a_restriction_that_comes_after_the_rung_keeps_it_here(
    child: Student, mother: Account, father: Account
) -> None:
    Address.objects.filter(account=mother).exclude(channel="email").delete()
    say(child)
    carry(NOW)
    climb(after(5))
    restrictions.restrict(father.pk, child, by=None, now=after(5.1))
    assert carry(after(5.2)) == []


def test_when_the_child_is_found_nobody_else_is_told_and_everybody_who_was_hears_of_it(
    child: Student, mother: Account, father: Account
) -> None:
    say(child)
    carry(NOW)
    climb(after(5))
    carry(after(5))
    climb(after(10))  # queued, and not sent any more
    notices.withdraw({child.pk: f"{TOPIC}:{child.pk}"}, on_date=MONDAY, because="withdrawn", now=after(11))
    found = notices.Post(f"found:{child.pk}", "found", child.pk, MONDAY, {"student": child.name}, after(240))
    assert notices.follow(found, f"{TOPIC}:{child.pk}", now=after(11)) == 2
    assert only_climb().ended_because == "withdrawn"
    assert climb(after(60)) == 0
    assert sorted(one.partition("-")[0] for one in carry(after(11))) == sorted([mother.email, "line"])


def test_after_the_best_before_nobody_is_told_any_more(child: Student, mother: Account) -> None:
    say(child, best_before=after(7))
    carry(NOW)
    climb(after(5))
    assert climb(after(8)) == 1
    assert only_climb().ended_because == "over"
    assert Delivery.objects.count() == 2


@pytest.mark.parametrize("ending", ["withdrawn", "seen"])
def test_nobody_is_left_to_telephone_when_the_child_is_there_or_a_guardian_has_looked(
    child: Student, mother: Account, ending: str
) -> None:
    say(child, best_before=after(7))
    carry(NOW)
    climb(after(8))
    assert [one.about for one in climbs.unconfirmed([child.pk], MONDAY)] == [child.pk]
    if ending == "seen":
        ladder.seen(mother.pk, [child.pk], on_date=MONDAY, now=after(90))
    else:
        notices.withdraw({child.pk: f"{TOPIC}:{child.pk}"}, on_date=MONDAY, because="withdrawn", now=after(90))
    assert only_climb().ended_because == ending
    assert not climbs.unconfirmed([child.pk], MONDAY)


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_rung(child: Student, mother: Account) -> None:
    with transaction.atomic():
        say(child)
    together, done = Barrier(2), []

    def work() -> None:
        together.wait(10)
        done.append(climb(after(5)))
        connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(done) == [0, 1]
    assert list(Rung.objects.values_list("number", flat=True)) == [1]
    assert [channel for _, channel in went_to()] == ["email", "line"]
    again = Rung.objects.get()
    again.delivery_id += 1
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)
