from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.attendance import arrivals
from gatepost.attendance.models import Event
from gatepost.attendance.tests.taps import tapped
from gatepost.audit.models import Entry
from gatepost.cards import holders
from gatepost.cards.models import Card
from gatepost.gates.models import Reader
from gatepost.guardians import bonds, restrictions
from gatepost.guardians.models import Guardianship, Right
from gatepost.notify.models import Delivery, Notice
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

CARDS = "/family/cards/"


@pytest.fixture
def school() -> School:
    return builders.a_school()


@pytest.fixture
def child(school: School) -> Student:
    builders.a_school_day(school)
    return builders.a_student(builders.a_class(school))


@pytest.fixture
def mother(child: Student) -> Account:
    return builders.a_guardian(child)


@pytest.fixture
def card(child: Student) -> Card:
    return builders.a_card(child, "2A83155E")


@pytest.fixture
def reader(school: School) -> Reader:
    return builders.a_reader(school, gate="北門", name="1 號機")[0]


def state(card: Card) -> str:
    return Card.objects.get(pk=card.pk).state


def place(card: Card, what: str) -> str:
    return reverse(f"card-{what}", args=[card.pk])


class TestTheFamily:
    def test_sees_each_card_by_its_last_digits_only(self, mother: Account, card: Card) -> None:
        shown = text_of(visit(mother).get(CARDS))
        assert "155E" in shown
        assert "2A83" not in shown

    def test_freezes_at_once_and_takes_it_back(self, mother: Account, card: Card) -> None:
        assert place(card, "thaw") in text_of(visit(mother).post(place(card, "freeze"), follow=True))
        assert state(card) == "frozen"
        visit(mother).post(place(card, "thaw"))
        assert state(card) == "active"
        acts = Entry.objects.filter(about=card.student_id, actor=mother, action__startswith="card:")
        assert [entry.action for entry in acts.order_by("pk")] == ["card:frozen", "card:thawed"]

    def test_reports_lost_only_after_reading_what_it_means(self, mother: Account, card: Card) -> None:
        answer = visit(mother).post(place(card, "loss"))
        assert answer.status_code == 422
        assert state(card) == "active"
        visit(mother).post(place(card, "loss"), {"read": "on"})
        assert state(card) == "lost"

    def test_what_is_reported_lost_stays_so(self, mother: Account, card: Card) -> None:
        visit(mother).post(place(card, "loss"), {"read": "on"})
        shown = text_of(visit(mother).post(place(card, "thaw"), follow=True))
        assert state(card) == "lost"
        assert place(card, "thaw") not in shown

    def test_an_older_card_is_the_schools_to_end(self, mother: Account, card: Card, child: Student) -> None:
        holders.issue(child, "04C43BC2", by=None, now=NOW - timedelta(days=1))
        visit(mother).post(place(card, "loss"), {"read": "on"})
        assert state(card) == "active"

    def test_who_may_only_look_changes_nothing(self, mother: Account, card: Card) -> None:
        Guardianship.objects.update(**{Right.SIGN.column: None})
        assert place(card, "freeze") not in text_of(visit(mother).get(CARDS))
        assert visit(mother).post(place(card, "freeze")).status_code == 404
        assert visit(mother).post(place(card, "loss"), {"read": "on"}).status_code == 404
        assert state(card) == "active"

    def test_a_restricted_guardian_neither_sees_nor_freezes(self, mother: Account, card: Card, child: Student) -> None:
        restrictions.restrict(mother.pk, child, by=None, now=NOW)
        assert bonds.in_force().count() == 0
        assert "155E" not in text_of(visit(mother).get(CARDS))
        assert visit(mother).post(place(card, "freeze")).status_code in (403, 404)
        assert state(card) == "active"


class TestATapOfAStoppedCard:
    def follow(self, reader: Reader, card: Card, *times: str) -> None:
        for time in times:
            tapped(reader, card.uid, at(time))
        while arrivals.follow_taps(now=at("07:50")):
            pass

    @pytest.mark.parametrize("how", ["frozen", "lost"])
    def test_counts_for_nothing_and_home_is_told_once(
        self, mother: Account, card: Card, reader: Reader, child: Student, how: str
    ) -> None:
        if how == "frozen":
            holders.freeze(card, by=mother, now=at("07:00"))
        else:
            holders.report_lost(card, by=mother, now=at("07:00"))
        self.follow(reader, card, "07:40", "07:41", "07:42")
        self.follow(reader, card, "07:43")
        assert not Event.objects.exists()
        notice = Notice.objects.get()
        assert (notice.topic, notice.data["why"], notice.data["place"]) == (
            "stopped_card",
            f"{how}_card",
            "北門 1 號機",
        )
        assert Delivery.objects.get().account_id == mother.pk

    def test_the_school_sees_it_on_its_board(self, mother: Account, card: Card, reader: Reader, school: School) -> None:
        holders.freeze(card, by=mother, now=at("07:00"))
        self.follow(reader, card, "07:40", "07:41")
        today = reverse("school-today", args=[school.code])
        shown = text_of(visit(builders.an_office(school, "student_affairs"), now=at("07:50")).get(today))
        assert "07:41" in shown
        assert f"{card.student.name}" in shown
        assert "北門 1 號機 · 2" in shown

    def test_a_card_given_back_or_replaced_is_no_news(self, mother: Account, card: Card, reader: Reader) -> None:
        holders.end(card, Card.End.REPLACED, by=None, now=at("07:00"))
        self.follow(reader, card, "07:40")
        assert not Notice.objects.exists()


class TestTheSchool:
    def page(self, school: School, child: Student) -> str:
        return reverse("school-student-cards", args=[school.code, child.pk])

    def hold(self, reader: Reader, uid: str, time: str) -> None:
        tapped(reader, uid, at(time))
        while arrivals.follow_taps(now=at(time)):
            pass

    def test_gives_the_card_that_was_just_held_to_a_reader(
        self, school: School, child: Student, card: Card, reader: Reader
    ) -> None:
        self.hold(reader, "04C43BC2", "07:40")
        office = visit(builders.an_office(school, Role.Name.REGISTRAR), now=at("07:41"))
        assert "3BC2" in text_of(office.get(self.page(school, child)))
        office.post(self.page(school, child), {"uid": "04C43BC2"})
        assert [(one.uid, one.state) for one in child.cards.order_by("issued_at")] == [
            ("2A83155E", "replaced"),
            ("04C43BC2", "active"),
        ]
        self.hold(reader, "04C43BC2", "07:44")
        assert Event.objects.get().student_id == child.pk

    @pytest.mark.parametrize("uid", ["", "04C43BC3", "DEADBEEF", "x" * 300, "\0"])
    def test_gives_no_number_that_was_typed(self, school: School, child: Student, reader: Reader, uid: str) -> None:
        self.hold(reader, "04C43BC2", "07:40")
        office: Any = visit(builders.an_office(school, Role.Name.REGISTRAR), now=at("07:41"))
        office.post(self.page(school, child), {"uid": uid})
        assert not Card.objects.exists()

    def test_after_a_quarter_of_an_hour_it_must_be_held_again(
        self, school: School, child: Student, reader: Reader
    ) -> None:
        self.hold(reader, "04C43BC2", "07:40")
        office = visit(builders.an_office(school, Role.Name.REGISTRAR), now=at("07:56"))
        assert "3BC2" not in text_of(office.get(self.page(school, child)))
        office.post(self.page(school, child), {"uid": "04C43BC2"})
        assert not Card.objects.exists()
