from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from gatepost.accounts.models import Account
from gatepost.allowances import budgets, grants, rules
from gatepost.allowances.models import Budget, Grant
from gatepost.allowances.tests.conftest import (
    NOVEMBER,
    NOW,
    Telephones,
    a_budget,
    a_granted_month,
    number_of,
    say,
    send,
)
from gatepost.attendance import notices as words
from gatepost.attendance import sweep
from gatepost.attendance.models import Sweep
from gatepost.audit.models import Entry
from gatepost.channels.errors import ChannelError
from gatepost.channels.sms.gateway import Outcome, Receipt
from gatepost.config import carriers
from gatepost.notify import addresses, notices, recipients, sender, sms_receipts
from gatepost.notify.models import Channel, Delivery, SmsPart
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY

pytestmark = pytest.mark.django_db


def states() -> list[tuple[str, str]]:
    return [(one.state, one.because) for one in Delivery.objects.filter(channel="sms", on_date=MONDAY).order_by("id")]


def decided(school: School) -> Sweep:
    return Sweep.objects.create(school=school, date=MONDAY, asked_at=NOW, decided_at=NOW, expected=20, missing=1)


def test_an_arrival_goes_in_a_granted_month_and_is_taken_from_the_budget(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    a_granted_month(mother, child)
    say(child, words.ARRIVED)
    send(telephones)
    (sent,) = telephones.given
    assert (sent.to, sent.text) == ("+886912345678", "雙園國小：王小明 07:42 到校")
    assert "http" not in sent.text
    assert states() == [("sent", "")]
    budget = Budget.objects.get()
    assert (budget.used, budget.left, str(budget.cost)) == (1, 99, "0.85")


def test_an_arrival_does_not_go_in_a_month_that_was_only_asked_for_or_refused(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    grants.ask(mother, child, [NOVEMBER], now=NOW, today=MONDAY)
    say(child, words.ARRIVED)
    send(telephones)
    waiting = grants.waiting(school, MONDAY)
    grants.answer(school, [waiting[0].pk], approve=False, because="本月已額滿", by=None, now=NOW)
    say(child, words.LEFT)
    send(telephones)
    assert states() == [("dropped", "not_granted")] * 2
    assert not telephones.given
    assert Budget.objects.get().used == 0


def test_a_month_granted_for_another_child_or_to_another_guardian_does_not_count(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    sister = builders.a_student(child.school_class, name="王小美")
    builders.a_guardian(sister, account=mother, subscribed=[])
    a_granted_month(mother, sister)
    a_granted_month(builders.a_guardian(child), child)
    say(child, words.ARRIVED)
    send(telephones)
    assert ("dropped", "not_granted") in states()
    assert not telephones.given


def test_without_a_budget_nothing_goes_and_a_spent_one_says_so(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    Grant.objects.create(school=school, student=child, account=mother, month=NOVEMBER, asked_at=NOW, approved_at=NOW)
    say(child, words.ARRIVED)
    send(telephones)
    a_budget(school, granted=0)
    say(child, words.LEFT)
    send(telephones)
    assert states() == [("dropped", "budget")] * 2
    assert not telephones.given


def test_not_arrived_waits_until_the_school_has_confirmed(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    decided(school)
    say(child, words.NOT_ARRIVED)
    send(telephones)
    assert states() == [("queued", "")]
    sweep.confirm(school, by=None, now=NOW)
    send(telephones, now=NOW + timedelta(seconds=31))
    (sent,) = telephones.given
    assert "學校已確認" in sent.text
    assert states() == [("sent", "")]
    assert Entry.objects.filter(action="sweep:confirmed").count() == 1


def test_not_arrived_that_nobody_confirmed_is_dropped_before_it_is_stale(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    decided(school)
    say(child, words.NOT_ARRIVED)
    send(telephones, now=NOW + words.BEST_BEFORE[words.NOT_ARRIVED] - timedelta(seconds=20))
    assert states() == [("dropped", "unconfirmed")]


def test_a_child_who_comes_meanwhile_is_not_spoken_of(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    decided(school)
    say(child, words.NOT_ARRIVED)
    send(telephones)
    key = words.key(words.NOT_ARRIVED, child.pk, MONDAY)
    notices.withdraw({child.pk: key}, on_date=MONDAY, because="withdrawn", now=NOW)
    sweep.confirm(school, by=None, now=NOW)
    send(telephones, now=NOW + timedelta(minutes=1))
    assert not telephones.given


def test_a_correction_follows_even_when_the_budget_is_used_up(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school, granted=1)
    a_granted_month(mother, child)
    say(child, words.ARRIVED)
    send(telephones)
    correction = notices.Post(
        key="corrected",
        topic=words.CORRECTED,
        about=child.pk,
        on_date=MONDAY,
        data={"student": child.name, "school": "雙園國小", "timezone": "Asia/Taipei", "at": NOW.isoformat()},
        best_before=NOW + timedelta(hours=1),
    )
    notices.follow(correction, words.key(words.ARRIVED, child.pk, MONDAY), now=NOW)
    send(telephones)
    assert len(telephones.given) == 2
    budget = Budget.objects.get()
    assert (budget.used, budget.beyond, budget.left) == (1, 1, 0)
    raised = budgets.set_budget(school, MONDAY.replace(day=1), granted=5, segment_price=85, monthly_fee=0, by=None)
    assert (raised.left, raised.cost) == (3, Decimal("1.70"))  # what was sent and what is left add up


def test_what_is_no_news_from_the_gate_goes_by_other_channels(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    post = notices.Post("bond", "bond_added", child.pk, MONDAY, {"student": "王小明"}, NOW + timedelta(hours=1))
    notices.tell(post, now=NOW)
    assert not Delivery.objects.filter(channel="sms").exists()  # not queued, to be dropped later
    assert Delivery.objects.filter(channel="email").count() == 1
    send(telephones)
    assert not telephones.given


def test_a_second_attempt_is_not_paid_for_twice_and_has_the_same_key(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    a_granted_month(mother, child)
    say(child, words.ARRIVED)
    telephones.answer = lambda _: Outcome(ChannelError("away", permanent=False))
    send(telephones)
    telephones.answer = None
    send(telephones, now=NOW + timedelta(minutes=1))
    first, second = telephones.given
    assert first.key == second.key
    assert len(first.key) == 36
    assert Budget.objects.get().used == 1


def test_what_never_left_is_given_back(school: School, child: Student, mother: Account, telephones: Telephones) -> None:
    a_budget(school)
    a_granted_month(mother, child)
    say(child, words.ARRIVED)
    telephones.answer = lambda _: Outcome(ChannelError("no such number", permanent=True))
    send(telephones)
    assert states() == [("failed", "refused")]
    assert not number_of(mother).is_usable
    assert rules.give_back(now=NOW) == 1
    assert Budget.objects.get().used == 0
    assert rules.give_back(now=NOW) == 0


def test_what_was_sent_and_not_delivered_is_not_given_back(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    a_granted_month(mother, child)
    say(child, words.ARRIVED)
    send(telephones)
    reference = SmsPart.objects.get().reference
    sms_receipts.take(Receipt(reference, delivered=False, said="8"), now=NOW)
    assert states() == [("failed", "undelivered")]
    assert rules.give_back(now=NOW) == 0
    assert number_of(mother).is_usable


def test_what_lay_while_no_worker_ran_is_given_back_when_one_runs_again(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    a_granted_month(mother, child)
    say(child, words.ARRIVED)
    telephones.answer = lambda _: Outcome(ChannelError("away", permanent=False))
    send(telephones)
    later = NOW + timedelta(days=9)
    assert sender.drop_old(now=later) >= 1
    assert states() == [("dropped", "stale")]
    assert sum(loop.work(later) for loop in carriers.sms().beside if loop.name == "sms-returned") == 1
    assert Budget.objects.get().used == 0


def test_what_the_carrier_wants_paid_is_not_given_back_when_it_begins_its_numbers_again(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    a_granted_month(mother, child)
    telephones.answer = lambda _: Outcome(references=("m1",))
    say(child, words.ARRIVED)
    send(telephones)
    sms_receipts.take(Receipt("m1", delivered=False, said="8"), now=NOW)
    say(child, words.LEFT)
    send(telephones)
    assert states() == [("failed", "undelivered"), ("sent", "")]
    assert rules.give_back(now=NOW) == 0
    assert Budget.objects.get().used == 2


def test_a_budget_that_corrections_used_up_makes_no_rung(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school, granted=2)
    decided(school)
    sweep.confirm(school, by=None, now=NOW)
    asked = {"topic": words.NOT_ARRIVED, "on_date": MONDAY}
    assert rules.may_climb([child.pk], **asked) == {child.pk}
    Budget.objects.update(used=1, beyond=1)
    assert rules.may_climb([child.pk], **asked) == set()


def test_a_budget_cannot_be_set_below_what_is_spent(
    school: School, child: Student, mother: Account, telephones: Telephones
) -> None:
    a_budget(school)
    a_granted_month(mother, child)
    say(child, words.ARRIVED)
    send(telephones)
    with pytest.raises(budgets.BudgetRefused):
        a_budget(school, granted=0)
    assert a_budget(school, granted=1).left == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_cannot_spend_the_same_segment(school: School, child: Student, mother: Account) -> None:
    a_budget(school, granted=1)
    a_granted_month(mother, child)
    father = builders.a_guardian(child, subscribed=[])
    number = addresses.count_as_proven(father, "+886922345678", channel=Channel.SMS, now=NOW)
    recipients.subscribe(father.pk, child.pk, choices=[(words.ARRIVED, number)])
    a_granted_month(father, child)
    with transaction.atomic():
        say(child, words.ARRIVED)
    together, phones = Barrier(2), [Telephones(), Telephones()]

    def work(one: Telephones) -> None:
        together.wait(10)
        send(one)
        connection.close()

    workers = [Thread(target=work, args=[one]) for one in phones]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(len(one.given) for one in phones) == 1
    assert sorted(states()) == [("dropped", "budget"), ("sent", "")]
    assert Budget.objects.get().left == 0
