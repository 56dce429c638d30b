from datetime import timedelta

import pytest

from gatepost.attendance import entries
from gatepost.attendance.models import Day, Event
from gatepost.audit.models import Entry
from gatepost.notify.models import Delivery, Notice
from gatepost.roster.models import Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db


def sent() -> None:
    Delivery.objects.filter(state="queued").update(state="sent", settled_at=at("07:51"))


def test_a_tap_without_a_card_names_its_author_and_tells_home(student: Student) -> None:
    builders.a_guardian(student)
    author = builders.an_office(student.school)
    builders.entered(student, "in", at("07:50"), by=author)
    event = Event.objects.get()
    assert (event.source, event.by_id) == ("office", author.pk)
    assert Notice.objects.get().data["source"] == "office"
    assert Entry.objects.get(action="attendance:entered_in").actor_id == author.pk


def test_seen_in_class_is_an_arrival_without_an_hour(student: Student) -> None:
    builders.a_guardian(student)
    builders.entered(student, "seen", at("08:05"))
    assert Day.objects.get().arrived_at is None
    assert Notice.objects.get().data["seen_only"] is True


@pytest.mark.parametrize(("offset", "code"), [(timedelta(minutes=10), "future"), (-timedelta(days=20), "too_old")])
def test_a_time_that_cannot_be_is_refused(student: Student, offset: timedelta, code: str) -> None:
    with pytest.raises(entries.EntryRefused) as refused:
        builders.entered(student, "in", at("07:50") + offset, now=at("07:50"))
    assert refused.value.code == code
    assert not Event.objects.exists()


def test_voiding_a_wrong_entry_corrects_exactly_those_who_were_told(student: Student) -> None:
    told = builders.a_guardian(student, subscribed=["arrived"])
    builders.a_guardian(student, subscribed=["left"])
    event_id = builders.entered(student, "in", at("07:50"))
    sent()
    author = builders.an_office(student.school)
    entries.void(Event.objects.get(pk=event_id), by=author.pk, because="wrong student", now=at("07:55"))
    assert Day.objects.get().arrived_at is None
    correction = Notice.objects.get(topic="corrected")
    assert [d.account_id for d in Delivery.objects.filter(notice_id=correction.pk)] == [told.pk]
    assert Event.objects.get().voided_by_id == author.pk


def test_what_was_not_sent_yet_is_withdrawn_instead_of_corrected(student: Student) -> None:
    builders.a_guardian(student)
    event_id = builders.entered(student, "in", at("07:50"))
    entries.void(
        Event.objects.get(pk=event_id), by=builders.an_account().pk, because="wrong student", now=at("07:50:10")
    )
    assert list(Delivery.objects.values_list("state", "because")) == [("dropped", "withdrawn")]


def test_after_a_correction_the_true_arrival_is_news_again(student: Student) -> None:
    builders.a_guardian(student, subscribed=["arrived"])
    event_id = builders.entered(student, "in", at("07:50"))
    sent()
    entries.void(Event.objects.get(pk=event_id), by=builders.an_account().pk, because="wrong", now=at("07:55"))
    builders.entered(student, "in", at("08:05"))
    assert Notice.objects.filter(topic="arrived").count() == 2


def test_voiding_twice_keeps_the_first(student: Student) -> None:
    event_id = builders.entered(student, "in", at("07:50"))
    first, second = builders.an_account(), builders.an_account()
    for by in (first, second):
        entries.void(Event.objects.get(pk=event_id), by=by.pk, because="wrong", now=at("07:55"))
    assert Event.objects.get().voided_by_id == first.pk
