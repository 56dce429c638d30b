"""What a school writes reaches exactly those it is for, once, and is corrected to exactly those."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gatepost.audit.models import Entry
from gatepost.circulars import posting, receipts, writing
from gatepost.circulars.models import Addressee, Circular, Receipt
from gatepost.guardians import restrictions
from gatepost.notify import sender
from gatepost.notify.models import Delivery
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("09:00")


class Mailbox:
    """A channel's server that takes everything, and what it was given to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def carry(self, deliveries: Any, *, now: Any) -> list[sender.Outcome]:
        self.said += [(one.account_name, one.data["title"]) for one in deliveries]
        return [sender.Outcome() for _ in deliveries]


@pytest.fixture
def students() -> list[Student]:
    school_class = builders.a_class(builders.a_school())
    return [builders.a_student(school_class, name) for name in ("王小明", "陳以樂")]


def a_message(*students: Student, **changes: Any) -> Circular:
    usual: dict[str, Any] = {
        "kind": Circular.Kind.MESSAGE,
        "title": "明天停水",
        "body": "請自備飲用水。",
        "audience": {"all": True},
        "form_id": uuid4(),
    }
    draft = writing.Draft(**(usual | changes))
    by = builders.an_account(name="陳美玲")
    return writing.write(
        students[0].school, draft, [one.pk for one in students], by=by, office="student_affairs", now=NOW
    )


def test_each_family_is_told_once_however_often_the_worker_looks(students: list[Student]) -> None:
    for student in students:
        builders.a_guardian(student)
    one = a_message(*students)
    assert [posting.post_due(now=NOW) for _ in range(2)] == [2, 0]
    one.addressees.update(due_at=NOW, wording=None)  # as if the worker had died after its commit was lost to it
    posting.post_due(now=NOW)
    assert Delivery.objects.count() == 2
    assert Entry.objects.get(action="message:written").facts == {"circular": one.pk, "children": 2}


def test_the_same_form_handed_in_twice_is_written_once(students: list[Student]) -> None:
    by, form_id = builders.an_account(), uuid4()
    draft = writing.Draft(Circular.Kind.MESSAGE, "停水", "請帶水。", {"all": True}, form_id)
    ids = [one.pk for one in students]
    both = [writing.write(students[0].school, draft, ids, by=by, office="registrar", now=NOW) for _ in range(2)]
    assert both[0] == both[1]
    assert Addressee.objects.count() == 2


def test_a_batch_is_bounded(students: list[Student], monkeypatch: Any) -> None:
    monkeypatch.setattr(posting, "BATCH", 1)
    a_message(*students)
    assert [posting.post_due(now=NOW) for _ in range(3)] == [1, 1, 0]


def test_stopping_it_under_way_tells_nobody_more(students: list[Student], monkeypatch: Any) -> None:
    builders.a_guardian(students[0])
    builders.a_guardian(students[1])
    one = a_message(*students)
    monkeypatch.setattr(posting, "BATCH", 1)
    posting.post_due(now=NOW)
    assert writing.stop(one, by=one.by, now=NOW) == 1
    assert posting.post_due(now=NOW) == 0
    assert set(Delivery.objects.values_list("state", "because")) == {("dropped", "withdrawn")}
    assert writing.stop(one, by=one.by, now=NOW) == 0


def test_a_correction_goes_to_exactly_those_who_got_it(students: list[Student]) -> None:
    mailbox = Mailbox()
    builders.a_guardian(students[0], name="林淑芬")
    late = builders.a_guardian(students[1], name="陳建宏")
    one = a_message(*students, title="明天停電")
    posting.post_due(now=NOW)
    Delivery.objects.filter(account_id=late.pk).update(due_at=NOW + timedelta(hours=1))  # waits, as one of the night
    sender.send_due("email", mailbox, now=NOW)
    writing.correct(one, title="明天停水", body="請自備飲用水。", by=one.by, now=NOW)
    posting.post_due(now=NOW)
    sender.send_due("email", mailbox, now=NOW + timedelta(hours=1))
    assert mailbox.said[0] == ("林淑芬", "明天停電")
    assert sorted(mailbox.said[1:]) == [("林淑芬", "明天停水"), ("陳建宏", "明天停水")]
    assert [wording.title for wording in one.wordings.order_by("number")] == ["明天停電", "明天停水"]


def test_a_second_correction_overtakes_the_first(students: list[Student]) -> None:
    mailbox = Mailbox()
    builders.a_guardian(students[0])
    one = a_message(students[0], title="一")
    posting.post_due(now=NOW)
    sender.send_due("email", mailbox, now=NOW)
    for title in ("二", "三"):
        writing.correct(one, title=title, body="文", by=one.by, now=NOW)
        posting.post_due(now=NOW)
    sender.send_due("email", mailbox, now=NOW)
    assert [title for _name, title in mailbox.said] == ["一", "三"]


def test_what_nobody_was_told_yet_is_told_in_the_new_words_alone(students: list[Student]) -> None:
    mailbox = Mailbox()
    builders.a_guardian(students[0])
    one = a_message(students[0], title="明天停電")
    writing.correct(one, title="明天停水", body="文", by=one.by, now=NOW)
    posting.post_due(now=NOW)
    sender.send_due("email", mailbox, now=NOW)
    assert [title for _name, title in mailbox.said] == ["明天停水"]


def test_a_correction_that_could_reach_nobody_is_refused(students: list[Student]) -> None:
    one = a_message(students[0])
    with pytest.raises(writing.WritingRefused, match="too_late"):
        writing.correct(one, title="改", body="文", by=one.by, now=NOW + timedelta(days=2))
    with pytest.raises(writing.WritingRefused, match="unchanged"):
        writing.correct(one, title=one.title, body=one.body, by=one.by, now=NOW)


def test_a_restricted_guardian_is_told_nothing(students: list[Student]) -> None:
    mailbox = Mailbox()
    for name in ("林淑芬", "王大明"):
        account = builders.a_guardian(students[0], name=name)
    a_message(students[0])
    posting.post_due(now=NOW)
    restrictions.restrict(account.pk, students[0], by=None, now=NOW)
    sender.send_due("email", mailbox, now=NOW)
    assert [name for name, _title in mailbox.said] == ["林淑芬"]


def test_each_guardian_signs_once_and_for_themselves(students: list[Student]) -> None:
    parents = [builders.a_guardian(students[0]) for _ in range(2)]
    one = builders.a_class_notice(students[0]).addressees.get()
    assert receipts.sign(one, parents[0], reply="好", now=NOW)
    assert not receipts.sign(one, parents[0], reply="不好", now=NOW + timedelta(hours=1))
    assert receipts.sign(one, parents[1], reply="", now=NOW)
    signed = Receipt.objects.order_by("pk").values_list("account", "signed_at", "reply")
    assert list(signed) == [(parents[0].pk, NOW, "好"), (parents[1].pk, NOW, "")]


def test_a_reminder_goes_where_nobody_has_signed_and_once_a_day(students: list[Student]) -> None:
    mother = builders.a_guardian(students[0])
    builders.a_guardian(students[1])
    one, office = builders.a_class_notice(*students), builders.an_account()
    receipts.sign(one.addressees.get(student=students[0]), mother, reply="", now=NOW)

    def remind(day: date) -> list[Any]:
        return list(receipts.remind(one, Student.objects.all(), today=day, by=office, now=NOW))

    assert [remind(MONDAY), remind(MONDAY), remind(MONDAY + timedelta(days=1))] == [
        [students[1].pk],
        [],
        [students[1].pk],
    ]


def test_the_signature_of_a_guardian_who_was_cut_off_does_not_count(students: list[Student]) -> None:
    father = builders.a_guardian(students[0])
    one = builders.a_class_notice(students[0])
    receipts.sign(one.addressees.get(), father, reply="", now=NOW)
    assert not receipts.waiting(one, Student.objects.all(), today=MONDAY).exists()
    restrictions.restrict(father.pk, students[0], by=None, now=NOW)
    assert receipts.waiting(one, Student.objects.all(), today=MONDAY).exists()


def test_what_is_a_school_year_old_is_forgotten(students: list[Student]) -> None:
    builders.a_class_notice(students[0])
    assert posting.forget(now=NOW + timedelta(days=399)) == 0
    assert posting.forget(now=NOW + timedelta(days=401)) == 1
    assert not Addressee.objects.exists()
