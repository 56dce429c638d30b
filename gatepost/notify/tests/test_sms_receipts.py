"""What gateways say of short messages: kept first, applied forward only."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from gatepost.accounts.models import Account
from gatepost.allowances.tests.conftest import Telephones
from gatepost.channels.sms.gateway import Outcome, Receipt, Take
from gatepost.notify import addresses, notices, recipients, sender, sms_receipts
from gatepost.notify.models import Address, Channel, Delivery, SmsPart
from gatepost.notify.sms import SmsCarrier, Verdict, Wish
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("07:42:05")


def everything(wishes: list[Wish], *, now: object) -> list[Verdict]:
    return [Verdict() for _ in wishes]


@pytest.fixture
def mother() -> Account:
    child = builders.a_student(builders.a_class(builders.a_school()))
    account = builders.a_guardian(child, subscribed=[])
    number = addresses.count_as_proven(account, "+886912345678", channel=Channel.SMS, now=NOW)
    recipients.subscribe(account.pk, child.pk, choices=[("arrived", number)])
    return account


@pytest.fixture
def child(mother: Account) -> Student:
    return Student.objects.get()


def send(telephones: Telephones, child: Student) -> None:
    data = {
        "student": "王小明",
        "school": "雙園國小",
        "timezone": "Asia/Taipei",
        "at": NOW.isoformat(),
        "source": "card",
    }
    post = notices.Post("arrived", "arrived", child.pk, MONDAY, data, NOW + timedelta(hours=1))
    notices.post([post], now=NOW)
    sender.send_due("sms", SmsCarrier(telephones, everything), now=NOW)


def state() -> tuple[str, str]:
    row = Delivery.objects.get()
    return row.state, row.because


def test_a_receipt_makes_it_delivered_and_a_later_one_changes_nothing(child: Student) -> None:
    send(Telephones(), child)
    reference = SmsPart.objects.get().reference
    sms_receipts.take(Receipt(reference, delivered=None), now=NOW)
    assert state() == ("sent", "")
    sms_receipts.take(Receipt(reference, delivered=True), now=NOW)
    sms_receipts.take(Receipt(reference, delivered=False, permanent=True), now=NOW)
    assert state() == ("delivered", "")
    assert Address.objects.get(channel="sms").is_usable


def test_a_number_that_will_never_work_is_switched_off(child: Student) -> None:
    send(Telephones(), child)
    sms_receipts.take(Receipt(SmsPart.objects.get().reference, delivered=False, permanent=True, said="6"), now=NOW)
    assert state() == ("failed", "undelivered")
    address = Address.objects.get(channel="sms")
    assert (address.is_usable, address.disabled_because) == (False, "undelivered")


def test_a_receipt_that_is_quicker_than_our_note_is_not_lost(child: Student) -> None:
    telephones = Telephones()

    def quick(_message: object) -> Outcome:
        sms_receipts.take(Receipt("quick", delivered=True), now=NOW)
        return Outcome(references=("quick",))

    telephones.answer = quick
    send(telephones, child)
    assert state() == ("delivered", "")


def test_the_end_of_an_older_message_of_that_name_is_no_sign_for_a_new_one(child: Student) -> None:
    older = {"delivery_id": 7, "on_date": MONDAY, "noted_at": NOW, "asked_at": NOW}
    SmsPart.objects.create(reference="m1", **older, delivered_at=NOW)
    telephones = Telephones()
    telephones.answer = lambda _: Outcome(references=("m1",))  # its numbers began again
    send(telephones, child)
    assert state() == ("sent", "")
    sms_receipts.take(Receipt("m1", delivered=False, said="8"), now=NOW)
    assert state() == ("failed", "undelivered")


def test_a_long_message_is_delivered_with_its_last_part(child: Student) -> None:
    telephones = Telephones()
    telephones.answer = lambda _: Outcome(references=("one", "two"))
    send(telephones, child)
    sms_receipts.take(Receipt("one", delivered=True), now=NOW)
    assert state() == ("sent", "")
    sms_receipts.take(Receipt("two", delivered=True), now=NOW)
    assert state() == ("delivered", "")


def test_what_is_open_is_asked_for_once_a_minute_and_for_a_day(child: Student) -> None:
    class Asked(Telephones):
        waiting: list[list[str]] = []

        def collect(self, waiting: Sequence[str], take: Take) -> int:
            self.waiting.append(list(waiting))
            return 0

    asked = Asked()
    send(asked, child)
    reference = SmsPart.objects.get().reference
    for minutes in (0, 1, 1.5, 2, 60 * 26):
        sms_receipts.collect(asked, now=NOW + timedelta(minutes=minutes))
    assert asked.waiting == [[], [reference], [], [reference], []]
    assert sms_receipts.forget(now=NOW + timedelta(days=61)) == 1
