from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from gatepost.accounts.models import Account
from gatepost.channels.email import pool
from gatepost.channels.errors import ChannelError
from gatepost.guardians import restrictions
from gatepost.notify import addresses, notices, queries, recipients, sender
from gatepost.notify.models import Address, Channel, Delivery, Notice, Subscription
from gatepost.notify.sender import Leased, Outcome
from gatepost.roster.models import Student
from gatepost.watch import tally
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("07:42:01")


class Post:
    """A carrier of ours that keeps what it carried and answers as told."""

    def __init__(self, answer: Callable[[Leased], Outcome] = lambda _: Outcome(response="250 ok")) -> None:
        self.answer = answer
        self.carried: list[Leased] = []

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        self.carried += deliveries
        return [self.answer(delivery) for delivery in deliveries]


def refusing(*, permanent: bool, after: timedelta | None = None) -> Post:
    return Post(lambda _: Outcome(ChannelError("450 busy", permanent=permanent, retry_after=after)))


@pytest.fixture
def student(db: None) -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def guardian(student: Student) -> Account:
    return builders.a_guardian(student)


def say(student: Student, *, topic: str = "arrived", key: str = "", best_before: datetime | None = None) -> int:
    return notices.post(
        [
            notices.Post(
                key=key or f"{topic}:{student.pk}",
                topic=topic,
                about=student.pk,
                on_date=MONDAY,
                data={"student": "王小明"},
                best_before=best_before or NOW + timedelta(hours=1),
            )
        ],
        now=NOW,
    )


def state() -> tuple[str, str]:
    row = Delivery.objects.get()
    return row.state, row.because


def test_a_notice_goes_to_every_subscription_and_is_noted(student: Student, guardian: Account) -> None:
    say(student)
    post = Post()
    assert sender.send_due("email", post, now=NOW) == 1
    assert post.carried[0].target == guardian.email
    assert state() == ("sent", "")
    assert Delivery.objects.get().response == "250 ok"
    assert sender.send_due("email", post, now=NOW) == 0


def test_what_its_carrier_decided_not_to_send_is_dropped_with_the_reason(student: Student, guardian: Account) -> None:
    say(student)
    post = Post(lambda _: Outcome(dropped_because="budget"))
    assert sender.send_due("email", post, now=NOW) == 1
    assert state() == ("dropped", "budget")
    assert sender.send_due("email", post, now=NOW) == 0


def test_each_channel_sends_its_own(student: Student, guardian: Account) -> None:
    chat = addresses.count_as_proven(guardian, "U4af4980629", channel=Channel.LINE, label="小明媽媽", now=NOW)
    wanted = [("arrived", Address.objects.get(account=guardian, channel=Channel.EMAIL)), ("arrived", chat)]
    recipients.subscribe(guardian.pk, student.pk, choices=wanted)
    say(student)
    mail, line = Post(), Post()
    assert (sender.send_due("email", mail, now=NOW), sender.send_due("line", line, now=NOW)) == (1, 1)
    assert ([one.target for one in mail.carried], [one.target for one in line.carried]) == (
        [guardian.email],
        ["U4af4980629"],
    )
    assert mail.carried[0].key != line.carried[0].key
    assert [told.masked for told in queries.told_about(student.pk, MONDAY) if told.channel == "line"] == ["小明媽媽"]


def test_the_same_key_is_said_once(student: Student, guardian: Account) -> None:
    assert say(student) == 1
    assert say(student) == 0
    assert Delivery.objects.count() == 1


def test_without_a_verified_bond_nothing_leaves(student: Student) -> None:
    stranger = builders.an_account()
    builders.an_address(stranger)
    say(student)
    assert Notice.objects.exists()
    assert not Delivery.objects.exists()
    with pytest.raises(recipients.SubscriptionRefused) as refused:
        recipients.subscribe(stranger.pk, student.pk, choices=[("arrived", Address.objects.get(account=stranger))])
    assert refused.value.code == "stranger"


def test_an_unproven_address_gets_nothing_and_cannot_be_chosen(student: Student, guardian: Account) -> None:
    second = builders.an_address(guardian, "second@example.org", proven=False)
    with pytest.raises(recipients.SubscriptionRefused) as refused:
        recipients.subscribe(guardian.pk, student.pk, choices=[("arrived", second)])
    assert refused.value.code == "unproven"
    assert Subscription.objects.filter(address__target=guardian.email).exists()  # and nothing else changed


def test_somebody_elses_address_cannot_be_chosen(student: Student, guardian: Account) -> None:
    other = builders.an_address(builders.an_account())
    with pytest.raises(recipients.SubscriptionRefused):
        recipients.subscribe(guardian.pk, student.pk, choices=[("arrived", other)])


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda s, g: restrictions.restrict(g.pk, s, by=None, now=NOW), "ended"),
        (lambda s, g: Subscription.objects.all().delete(), "unsubscribed"),
        (lambda s, g: Address.objects.update(disabled_at=NOW), "unreachable"),
        (lambda s, g: Account.objects.update(is_active=False), "unreachable"),
    ],
)
def test_what_changed_since_it_was_queued_stops_it(
    student: Student, guardian: Account, change: Callable[[Student, Account], object], because: str
) -> None:
    say(student)
    change(student, guardian)
    post = Post()
    sender.send_due("email", post, now=NOW)
    assert not post.carried
    assert state() == ("dropped", because)


def test_a_message_past_its_best_before_is_not_sent(student: Student, guardian: Account) -> None:
    say(student, best_before=NOW + timedelta(minutes=30))
    post = Post()
    sender.send_due("email", post, now=NOW + timedelta(minutes=30))
    assert not post.carried
    assert state() == ("dropped", "stale")


def test_what_lay_for_longer_than_the_sender_looks_back_is_settled_as_stale(
    student: Student, guardian: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "DROPPED_AT_ONCE", 2)
    for number in range(3):
        say(student, key=f"arrived:{number}", best_before=NOW + timedelta(days=30))
    last_day, later = NOW + timedelta(days=3), NOW + timedelta(days=4)  # in UTC it is Sunday still
    assert sender.drop_old(now=last_day) == 0
    assert sender.send_due("email", refusing(permanent=False, after=timedelta(0)), now=last_day) == 3

    assert sender.send_due("email", Post(), now=later) == 0
    assert [sender.drop_old(now=later) for _ in range(3)] == [2, 1, 0]
    assert set(Delivery.objects.values_list("state", "because", "settled_at")) == {("dropped", "stale", later)}
    assert tally.totals()["deliveries_settled", "email", "dropped", "stale"] == 3


def test_what_is_old_and_still_leased_is_left_to_who_leased_it(student: Student, guardian: Account) -> None:
    say(student)
    later = NOW + timedelta(days=4)
    Delivery.objects.update(state="sending", due_at=later)
    assert sender.drop_old(now=later - timedelta(seconds=1)) == 0
    assert sender.drop_old(now=later) == 1


def test_a_refusal_for_now_is_tried_again_later_until_it_is_no_news(student: Student, guardian: Account) -> None:
    say(student, best_before=NOW + timedelta(minutes=10))
    moments = []
    now = NOW
    for _ in range(30):
        row = Delivery.objects.get()
        if row.state != "queued":
            break
        now = max(now, row.due_at)
        moments.append(now)
        sender.send_due("email", refusing(permanent=False), now=now)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert gaps[0] == sender.RETRY_FIRST
    assert gaps == sorted(gaps)
    assert state() == ("failed", "too_late")
    assert moments[-1] < NOW + timedelta(minutes=10)


def test_a_mail_that_a_slow_relay_left_untried_does_not_wait_for_it(student: Student, guardian: Account) -> None:
    say(student)
    for _ in range(5):
        assert sender.send_due("email", refusing(permanent=False, after=timedelta(0)), now=NOW) == 1
    assert sender.send_due("email", Post(), now=NOW) == 1
    assert state() == ("sent", "")


def test_an_address_that_will_never_work_is_switched_off(student: Student, guardian: Account) -> None:
    say(student)
    sender.send_due("email", refusing(permanent=True), now=NOW)
    assert state() == ("failed", "refused")
    assert Address.objects.get().disabled_because == "refused"
    say(student, topic="left")
    assert Delivery.objects.count() == 1  # no more to this address


def test_a_lease_that_ran_out_is_taken_again_with_the_same_key(student: Student, guardian: Account) -> None:
    say(student)

    class Crash(Exception):
        pass

    first = Post(lambda _: (_ for _ in ()).throw(Crash()))
    with pytest.raises(Crash):
        sender.send_due("email", first, now=NOW)
    post = Post()
    assert sender.send_due("email", post, now=NOW + timedelta(seconds=30)) == 0  # still leased
    assert sender.send_due("email", post, now=NOW + sender.LEASE) == 1
    assert post.carried[0].key == first.carried[0].key


def test_a_mail_that_a_restored_database_makes_again_has_the_key_of_the_first(
    student: Student, guardian: Account
) -> None:
    """What is said to whom makes the key. Numbers of rows begin again with the backup, and would name other mails."""
    say(student)
    first = Post()
    sender.send_due("email", first, now=NOW)
    Delivery.objects.all().delete()
    Notice.objects.all().delete()
    say(student)
    second = Post()
    sender.send_due("email", second, now=NOW)
    assert first.carried[0].id != second.carried[0].id
    assert first.carried[0].key == second.carried[0].key


def test_what_is_said_again_after_it_was_taken_back_has_a_key_of_its_own(student: Student, guardian: Account) -> None:
    """A mail program that knows the key would hide it. What was in flight when it was taken back keeps its key."""
    key = f"arrived:{student.pk}"
    say(student)
    first, again, news = Post(), Post(), Post()
    sender.send_due("email", first, now=NOW)
    Delivery.objects.update(state="sending", settled_at=None)
    notices.retire(key, about=student.pk, on_date=MONDAY)
    sender.send_due("email", again, now=NOW + sender.LEASE)
    say(student)
    sender.send_due("email", news, now=NOW + sender.LEASE)
    assert [one.carried[0].key for one in (first, again)] == [first.carried[0].key] * 2
    assert news.carried[0].key != first.carried[0].key


def test_two_addresses_of_one_family_have_a_key_each(student: Student, guardian: Account) -> None:
    builders.a_guardian(student)
    say(student)
    post = Post()
    assert sender.send_due("email", post, now=NOW) == 2
    assert len({one.key for one in post.carried}) == 2


def test_a_slow_relay_is_broken_off_while_the_lease_still_holds() -> None:
    """The last handful of a batch as well. Time to connect to a relay cannot be broken off; so much must be left."""
    assert sender.SENDING + timedelta(seconds=pool.END_SECONDS + 15) < sender.LEASE
    assert pool.BEGIN_SECONDS < pool.END_SECONDS


def test_a_finished_delivery_stays_finished(student: Student, guardian: Account) -> None:
    """Two workers held the same lease: the first to note wins, the late one changes nothing."""
    say(student)

    def overtaken(delivery: Leased) -> Outcome:
        sender.send_due("email", Post(), now=NOW + sender.LEASE)
        return Outcome(ChannelError("cut off", permanent=False))

    sender.send_due("email", Post(overtaken), now=NOW)
    assert state() == ("sent", "")


def test_a_follow_up_goes_to_exactly_those_who_got_the_first(student: Student, guardian: Account) -> None:
    builders.a_guardian(student, subscribed=["left"])
    failed = builders.a_guardian(student, subscribed=["arrived"])
    say(student, key="first")
    Delivery.objects.update(state="sent", settled_at=NOW)
    Delivery.objects.filter(account_id=failed.pk).update(state="failed", because="refused")
    correction = notices.Post(
        "second", "corrected", student.pk, MONDAY, {"student": "王小明"}, NOW + timedelta(hours=1)
    )
    assert notices.follow(correction, "first", now=NOW) == 1
    assert Delivery.objects.get(state="queued").account_id == guardian.pk


def test_a_follow_up_does_not_reach_who_was_restricted_meanwhile(student: Student, guardian: Account) -> None:
    say(student, key="first")
    Delivery.objects.update(state="sent", settled_at=NOW)
    restrictions.restrict(guardian.pk, student, by=None, now=NOW)
    correction = notices.Post(
        "second", "corrected", student.pk, MONDAY, {"student": "王小明"}, NOW + timedelta(hours=1)
    )
    assert notices.follow(correction, "first", now=NOW) == 0


def test_two_workers_never_hold_the_same_delivery(student: Student, guardian: Account) -> None:
    say(student)
    inner = Post()

    def while_leased(delivery: Leased) -> Outcome:
        assert sender.send_due("email", inner, now=NOW) == 0
        return Outcome()

    sender.send_due("email", Post(while_leased), now=NOW)
    assert not inner.carried
