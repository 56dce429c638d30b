"""Messages from a school on the pages of who sends and who gets them."""

from typing import Any
from uuid import uuid4

import pytest

from gatepost.circulars import posting
from gatepost.circulars.models import Circular
from gatepost.guardians import restrictions
from gatepost.notify import sender
from gatepost.notify.models import Delivery, Notice
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db


class Carrier:
    """Takes everything."""

    def carry(self, deliveries: Any, *, now: Any) -> list[sender.Outcome]:
        return [sender.Outcome() for _ in deliveries]


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def office(child: Student) -> Any:
    return visit(builders.an_office(child.school))


def form(**changes: Any) -> dict[str, Any]:
    return {"title": "明天停水", "body": "請自備飲用水。", "to": ["all"], "form_id": str(uuid4())} | changes


def url(child: Student, rest: str = "") -> str:
    return f"/schools/{child.school.code}/messages/{rest}"


class TestSending:
    def test_it_says_whom_it_reaches_by_which_ways_and_whom_not(self, child: Student, office: Any) -> None:
        builders.a_student(child.school_class, "陳以樂")
        builders.a_guardian(child)
        page = text_of(office.post(url(child, "new/"), form()))
        assert '<span class="confirm__count">2</span>' in page
        for said in ("Email 1", "有帳號的監護人 1 位", "有 1 位學生沒有人會收到通知", "不會以簡訊發送"):
            assert said in page
        assert not Circular.objects.exists()

    def test_once_sure_it_is_sent_whole_and_its_progress_is_found_again(self, child: Student, office: Any) -> None:
        builders.a_guardian(child)
        said = form(sure="1")
        for _ in range(2):  # a second tap on the button
            office.post(url(child, "new/"), said)
        one = Circular.objects.get()
        assert "0 / 1" in text_of(office.get(url(child, f"{one.pk}/")))
        assert "發送中" in text_of(office.get(url(child)))
        posting.post_due(now=NOW)
        sender.send_due("email", Carrier(), now=NOW)
        assert Notice.objects.get().data["body"] == "請自備飲用水。"
        page = text_of(office.get(url(child, f"{one.pk}/")))
        assert "已交給郵件伺服器 1" in page
        assert "0 / 1" not in page

    @pytest.mark.parametrize("wrong", [{"title": ""}, {"body": "長" * 501}, {"to": ["class:0"]}, {"to": ["grade:x"]}])
    def test_a_mistake_sends_nothing(self, child: Student, office: Any, wrong: dict[str, Any]) -> None:
        assert office.post(url(child, "new/"), form(sure="1") | wrong).status_code == 200
        assert not Circular.objects.exists()

    def test_stopping_it_asks_first_with_how_many_are_to_come(self, child: Student, office: Any) -> None:
        builders.a_guardian(child)
        one = builders.a_message(child, told=False)
        assert '<span class="confirm__count">1</span>' in text_of(office.get(url(child, f"{one.pk}/stop/")))
        office.post(url(child, f"{one.pk}/stop/"))
        posting.post_due(now=NOW)
        assert not Delivery.objects.exists()
        assert "已停止" in text_of(office.get(url(child, f"{one.pk}/")))

    def test_a_correction_follows_it_and_the_old_words_are_kept(self, child: Student, office: Any) -> None:
        builders.a_guardian(child)
        one = builders.a_message(child, title="明天停電")
        sender.send_due("email", Carrier(), now=NOW)
        said = {"title": "明天停水", "body": "請自備飲用水。"}
        assert office.post(url(child, f"{one.pk}/correction/"), said).status_code == 302
        posting.post_due(now=NOW)
        assert Delivery.objects.filter(state="queued").count() == 1
        page = text_of(office.get(url(child, f"{one.pk}/")))
        assert page.index("明天停水") < page.index("明天停電")
        again = text_of(office.post(url(child, f"{one.pk}/correction/"), said))
        assert "內容和目前的一樣" in again


class TestReading:
    def test_a_family_finds_what_it_was_sent_and_what_became_of_it(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        builders.a_message(child)
        sender.send_due("email", Carrier(), now=NOW)
        page = text_of(visit(mother).get("/family/messages/"))
        for said in ("明天停水", "請自備飲用水。", child.name, "學務處", "已交給郵件伺服器"):
            assert said in page

    def test_what_another_family_was_sent_is_not_shown_nor_to_who_is_cut_off(self, child: Student) -> None:
        other = builders.a_student(builders.a_class(child.school, 3, 1), "陳以樂")
        father, stranger = builders.a_guardian(child, other), builders.a_guardian(other)
        builders.a_message(child)
        assert "明天停水" in text_of(visit(father).get("/family/messages/"))
        assert "明天停水" not in text_of(visit(stranger).get("/family/messages/"))
        restrictions.restrict(father.pk, child, by=None, now=NOW)
        assert "明天停水" not in text_of(visit(father).get("/family/messages/"))

    def test_a_page_of_many_costs_no_more_questions(self, child: Student, django_assert_max_num_queries: Any) -> None:
        mother = visit(builders.a_guardian(child))
        for number in range(12):
            builders.a_message(child, title=f"訊息{number}")
        with django_assert_max_num_queries(14):
            assert "訊息11" in text_of(mother.get("/family/messages/"))
