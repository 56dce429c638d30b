"""One message a day about all children: once, honest, and only of children one may be told about when it is sent."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import pytest
from django.utils import translation

from gatepost.accounts.models import Account
from gatepost.attendance import digests, leaves
from gatepost.attendance.models import Digest, Event, Leave, SchoolDay
from gatepost.guardians import bonds
from gatepost.guardians.restrictions import restrict
from gatepost.kit.clock import utc_now
from gatepost.notify import recipients, sender, topics
from gatepost.notify.models import Address, Delivery, Notice, Subscription
from gatepost.notify.queries import subscribed
from gatepost.notify.recipients import SubscriptionRefused
from gatepost.notify.sender import Leased, Outcome
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, ZONE, at

pytestmark = pytest.mark.django_db

SIX = at("18:00")


class Written:
    """A carrier that keeps the words of what it carried, as its reader gets them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        for one in deliveries:
            with translation.override(one.language):
                self.texts.append(topics.get(one.topic).words(one.data, now).text)
        return [Outcome() for _ in deliveries]


@pytest.fixture
def ming() -> Student:
    student = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_school_day(student.school)
    return student


@pytest.fixture
def hua(ming: Student) -> Student:
    return builders.a_student(builders.a_class(ming.school, 4), "王小華")


@pytest.fixture
def mother(ming: Student, hua: Student) -> Account:
    mother = builders.a_guardian(ming, hua)
    digests.choose(mother, address_of(mother), at=time(18), timezone=ZONE, now=at("12:00"))
    return mother


def address_of(account: Account) -> Address:
    return Address.objects.get(account=account)


def evening(*, now: datetime = SIX) -> list[str]:
    """What is sent when the workers have looked."""
    digests.post_due(now=now)
    written = Written()
    sender.send_due("email", written, now=now)
    return written.texts


def test_all_children_stand_in_one_message_with_what_is_missing(mother: Account, ming: Student, hua: Student) -> None:
    builders.entered(ming, Event.Side.IN, at("07:42"))
    builders.entered(ming, Event.Side.OUT, at("16:05"))
    builders.entered(hua, Event.Side.IN, at("07:31"))
    sender.send_due("email", Written(), now=at("16:06"))
    [text] = evening()
    lines = text.splitlines()
    assert "王小華 07:31 到校（學校登記）、尚無離校紀錄" in lines
    assert "王小明 07:42 到校（學校登記）、16:05 離校（學校登記）" in lines
    assert "紀錄截至 18:00。" in lines


def test_a_child_on_leave_and_one_without_any_record_are_said_to_be_so(
    mother: Account, ming: Student, hua: Student
) -> None:
    leaves.grant(ming, first=MONDAY, last=MONDAY, kind=Leave.Kind.SICK, by=mother, now=at("07:00"))
    builders.a_reader(ming.school, heard_at=at("07:00"))
    [text] = evening()
    assert "王小明 病假" in text
    assert "王小華 沒有刷卡或登記紀錄" in text
    assert f"{ming.school.short_name}有讀卡機離線" in text


def test_it_is_sent_once_a_day_whoever_looks_and_however_often(mother: Account) -> None:
    assert len(evening()) == 1
    Digest.objects.update(next_at=SIX)  # as if the worker had died before it noted what is due next
    assert evening(now=SIX + timedelta(minutes=1)) == []
    assert Notice.objects.filter(topic="digest").count() == 1


def test_what_was_due_hours_ago_is_left_out_and_the_next_day_comes(mother: Account) -> None:
    assert evening(now=at("00:30", MONDAY + timedelta(days=1))) == []
    assert Digest.objects.get().next_at == at("18:00", MONDAY + timedelta(days=1))


def test_nothing_comes_on_a_day_without_school_even_if_it_was_closed_after_posting(
    mother: Account, ming: Student
) -> None:
    digests.post_due(now=SIX)
    SchoolDay.objects.update(kind=SchoolDay.Kind.CLOSURE)
    assert evening() == []
    assert Delivery.objects.values_list("state", flat=True).get() == "dropped"


def test_a_child_whose_bond_ends_or_is_restricted_before_it_is_sent_is_not_in_it(
    mother: Account, ming: Student, hua: Student
) -> None:
    digests.post_due(now=SIX)
    restrict(mother.pk, ming, by=None, now=utc_now())
    [text] = evening()
    assert "王小明" not in text
    assert "王小華" in text


def test_nothing_is_sent_when_no_child_is_left(mother: Account, ming: Student, hua: Student) -> None:
    digests.post_due(now=SIX)
    for bond in mother.guardianships.all():
        bonds.end_bond(bond, by=None, now=SIX)
    assert evening() == []


def test_it_comes_in_its_readers_language(mother: Account, ming: Student) -> None:
    Account.objects.filter(pk=mother.pk).update(language="en")
    builders.entered(ming, Event.Side.IN, at("07:42"))
    sender.send_due("email", Written(), now=at("07:43"))
    [text] = evening()
    assert "王小明: arrived 07:42 (entered by the school), no departure on record yet" in text


def test_it_stands_in_place_of_the_single_messages_at_that_address_until_it_is_given_up(
    mother: Account, ming: Student
) -> None:
    address = address_of(mother)
    all_topics = {(topic.code, address.pk) for topic in topics.choosable()}
    others = all_topics - {("arrived", address.pk), ("left", address.pk)}
    assert subscribed(mother.pk, ming.pk) == others
    with pytest.raises(SubscriptionRefused, match="replaced"):
        recipients.subscribe(mother.pk, ming.pk, choices=[("arrived", address)])
    younger = builders.a_student(builders.a_class(ming.school, 1), "王小美")
    bonds.open_bond(mother, younger, relation="母", source="test", by=None, now=SIX)
    assert subscribed(mother.pk, younger.pk) == others
    digests.stop(mother, now=SIX)
    assert subscribed(mother.pk, ming.pk) == all_topics
    assert evening() == []


def test_one_click_in_the_mail_ends_it(mother: Account) -> None:
    recipients.unsubscribe(mother.pk, mother.pk, topic="digest", address_id=address_of(mother).pk)
    assert evening() == []
    assert digests.of(mother) is None


@pytest.mark.parametrize("channel", ["sms", "push"])
def test_an_address_that_cannot_carry_it_or_is_not_ones_own_is_refused(ming: Student, channel: str) -> None:
    father = builders.a_guardian(ming)
    short = Address.objects.create(account=father, channel=channel, target="x", verified_at=SIX)
    for address in (short, builders.an_address(builders.an_account())):
        with pytest.raises(digests.DigestRefused, match="unproven"):
            digests.choose(father, address, at=time(18), timezone=ZONE, now=SIX)
    assert not Subscription.objects.filter(topic="digest").exists()
