"""Class notices on the pages of who writes, reads and signs them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from gatepost.accounts.models import Account
from gatepost.circulars import posting
from gatepost.circulars.models import Circular, Receipt
from gatepost.guardians import restrictions
from gatepost.notify.models import Delivery, Notice
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import SchoolClass, Student
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine() -> SchoolClass:
    return builders.a_class(builders.a_school(), 2, 1)


@pytest.fixture
def child(mine: SchoolClass) -> Student:
    return builders.a_student(mine)


@pytest.fixture
def teacher(mine: SchoolClass) -> Account:
    return builders.a_teacher(mine)


def form(*classes: SchoolClass, **changes: Any) -> dict[str, Any]:
    usual = {
        "title": "校外教學",
        "body": "請帶水壺。\n\n詳見 https://zoo.example/map 。<b>粗</b>",
        "to": [f"class:{one.pk}" for one in classes],
        "until": "2026-11-27",
        "asks_receipt": "on",
        "form_id": str(uuid4()),
    }
    return usual | changes


def new_url(of: SchoolClass) -> str:
    return f"/schools/{of.school.code}/notices/new/"


class TestWriting:
    def test_it_says_whom_it_reaches_and_writes_nothing_yet(
        self, mine: SchoolClass, child: Student, teacher: Account
    ) -> None:
        builders.a_student(mine, "陳以樂")
        builders.a_guardian(child)
        page = text_of(visit(teacher).post(new_url(mine), form(mine)))
        assert '<span class="confirm__count">2</span>' in page
        assert "有帳號的監護人 1 位，其中 1 位會收到通知" in page
        assert "有 1 位學生沒有人會收到通知" in page
        assert not Circular.objects.exists()

    def test_once_sure_it_is_written_and_told_with_its_title_alone(
        self, mine: SchoolClass, child: Student, teacher: Account
    ) -> None:
        builders.a_guardian(child)
        said = form(mine, sure="1")
        assert visit(teacher).post(new_url(mine), said).status_code == 302
        assert visit(teacher).post(new_url(mine), said).status_code == 302  # a second tap on the button
        posting.post_due(now=NOW)
        notice = Notice.objects.get()
        assert (notice.topic, notice.data["title"]) == ("class_notice", "校外教學")
        assert "水壺" not in str(notice.data)
        assert Delivery.objects.count() == 1

    def test_going_back_to_change_it_loses_nothing(self, mine: SchoolClass, child: Student, teacher: Account) -> None:
        page = text_of(visit(teacher).post(new_url(mine), form(mine, change="1")))
        assert "請帶水壺。" in page
        assert f'value="class:{mine.pk}" checked' in page
        assert not Circular.objects.exists()

    @pytest.mark.parametrize(
        "wrong",
        [{"title": " "}, {"body": ""}, {"to": []}, {"until": "2026-11-20"}, {"until": "2027-11-20"}, {"form_id": "x"}],
    )
    def test_a_mistake_writes_nothing_and_loses_nothing(
        self, mine: SchoolClass, child: Student, teacher: Account, wrong: dict[str, Any]
    ) -> None:
        answer = visit(teacher).post(new_url(mine), form(mine, sure="1") | wrong)
        assert answer.status_code == 200
        assert wrong.get("body") == "" or "請帶水壺。" in text_of(answer)
        assert not Circular.objects.exists()

    def test_another_class_is_not_a_teachers_to_write_to_and_the_offices_it_is(
        self, mine: SchoolClass, child: Student, teacher: Account
    ) -> None:
        other = builders.a_class(mine.school, 2, 2)
        builders.a_student(other)
        for choice in (f"class:{other.pk}", "grade:2", "all"):
            visit(teacher).post(new_url(mine), form(sure="1", to=[choice]))
        assert not Circular.objects.exists()
        office = visit(builders.an_office(mine.school))
        for choice, children in ((f"class:{other.pk}", 1), ("grade:2", 2), ("all", 2)):
            office.post(new_url(mine), form(sure="1", to=[choice]))
            assert Circular.objects.latest("pk").children == children

    def test_the_office_writes_to_single_students_by_number(self, mine: SchoolClass, child: Student) -> None:
        office = visit(builders.an_office(mine.school))
        stranger = builders.a_student(builders.a_class(builders.a_school()))
        page = text_of(office.post(new_url(mine), form(sure="1", numbers=f"{child.number} {stranger.number}")))
        assert stranger.number in page
        assert not Circular.objects.exists()
        office.post(new_url(mine), form(sure="1", numbers=child.number))
        assert Circular.objects.get().addressees.get().student == child


class TestReading:
    def test_it_is_new_until_opened_and_to_be_signed_until_signed_by_each(self, child: Student) -> None:
        mother, father = (visit(builders.a_guardian(child)) for _ in range(2))
        url = f"/family/notices/{builders.a_class_notice(child).addressees.get().pk}/"
        assert "請簽收" in text_of(mother.get("/family/notices/"))
        assert "請帶水壺" in text_of(mother.get(url))
        mother.post(f"{url}receipt/", {"reply": "好的"})
        mother.post(f"{url}receipt/", {"reply": "第二次"})
        assert "好的" in text_of(mother.get(url))
        assert "請簽收" not in text_of(mother.get("/family/notices/"))
        assert "請簽收" in text_of(father.get("/family/notices/"))
        assert Receipt.objects.get().reply == "好的"

    def test_its_text_is_text_and_its_links_are_links(
        self, mine: SchoolClass, child: Student, teacher: Account
    ) -> None:
        visit(teacher).post(new_url(mine), form(mine, sure="1"))
        posting.post_due(now=NOW)
        page = text_of(visit(builders.a_guardian(child)).get(f"/family/notices/{_addressee(child)}/"))
        assert '<a href="https://zoo.example/map" rel="nofollow noopener noreferrer">' in page
        assert "&lt;b&gt;粗&lt;/b&gt;" in page

    def test_after_its_last_day_it_is_among_the_earlier_ones_and_asks_for_nothing(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        builders.a_class_notice(child)
        page = text_of(visit(mother, now=NOW + timedelta(days=8)).get("/family/notices/"))
        assert page.index("目前沒有需要閱讀的通知") < page.index("校外教學同意書")
        assert "請簽收" not in page

    def test_a_restricted_guardian_sees_and_signs_nothing(self, child: Student) -> None:
        father, other = builders.a_guardian(child), builders.a_student(builders.a_class(builders.a_school()))
        builders.a_guardian(other, account=father)
        addressee = builders.a_class_notice(child).addressees.get().pk
        assert visit(father).get(f"/family/notices/{addressee}/").status_code == 200
        restrictions.restrict(father.pk, child, by=None, now=NOW)
        assert visit(father).get(f"/family/notices/{addressee}/").status_code == 404
        assert visit(father).post(f"/family/notices/{addressee}/receipt/").status_code == 404
        assert "校外教學同意書" not in text_of(visit(father).get("/family/notices/"))

    def test_a_page_of_many_costs_no_more_questions(self, child: Student, django_assert_max_num_queries: Any) -> None:
        mother = visit(builders.a_guardian(child))
        for number in range(12):
            builders.a_class_notice(child, title=f"通知{number}")
        with django_assert_max_num_queries(14):
            assert "通知11" in text_of(mother.get("/family/notices/"))


class TestWhoHasReadIt:
    def test_the_teacher_sees_each_guardian_of_each_child(self, child: Student, teacher: Account) -> None:
        mother = visit(builders.a_guardian(child, name="林淑芬"))
        builders.a_guardian(child, name="王大明")
        cut = builders.a_guardian(child, name="王二明")
        restrictions.restrict(cut.pk, child, by=None, now=NOW)
        one = builders.a_class_notice(child, by=teacher)
        mother.post(f"/family/notices/{one.addressees.get().pk}/receipt/", {"reply": "沒問題"})
        page = text_of(visit(teacher).get(f"/schools/{child.school.code}/notices/{one.pk}/"))
        for said in ("林淑芬", "已簽收", "沒問題", "王大明", "未讀", "1 / 1"):
            assert said in page
        assert "王二明" not in page

    def test_of_an_office_notice_a_teacher_sees_the_own_class_only(self, child: Student, teacher: Account) -> None:
        other = builders.a_student(builders.a_class(child.school, 2, 2), "陳以樂")
        one = builders.a_class_notice(child, other)
        page = text_of(visit(teacher).get(f"/schools/{child.school.code}/notices/{one.pk}/"))
        assert child.name in page
        assert "陳以樂" not in page
        assert visit(teacher).post(f"/schools/{child.school.code}/notices/{one.pk}/end/").status_code == 404

    def test_many_children_are_shown_a_class_at_a_time(self, child: Student, monkeypatch: Any) -> None:
        monkeypatch.setattr("gatepost.portals.school.notices.LISTED_MOST", 1)
        other = builders.a_student(builders.a_class(child.school, 2, 2), "陳以樂")
        one, office = builders.a_class_notice(child, other), visit(builders.an_office(child.school))
        url = f"/schools/{child.school.code}/notices/{one.pk}/"
        assert "陳以樂" not in text_of(office.get(url))
        assert "陳以樂" in text_of(office.get(f"{url}?class={other.school_class_id}"))

    def test_reminding_says_whom_it_reaches_first_and_goes_once_a_day(self, child: Student, teacher: Account) -> None:
        builders.a_guardian(child)
        one, browser = builders.a_class_notice(child, by=teacher), visit(teacher)
        url = f"/schools/{child.school.code}/notices/{one.pk}/reminder/"
        assert '<span class="confirm__count">1</span>' in text_of(browser.get(url))
        before = Delivery.objects.count()
        for _ in range(2):
            browser.post(url)
        assert Delivery.objects.count() == before + 1
        assert "都已回覆，或今天已經提醒過" in text_of(browser.get(url, follow=True))

    def test_ending_it_takes_it_from_what_is_current(self, child: Student, teacher: Account) -> None:
        mother = visit(builders.a_guardian(child))
        one = builders.a_class_notice(child, by=teacher)
        visit(teacher).post(f"/schools/{child.school.code}/notices/{one.pk}/end/")
        assert "請簽收" not in text_of(mother.get("/family/notices/"))
        assert "學校已結束" in text_of(mother.get(f"/family/notices/{one.addressees.get().pk}/"))


def _addressee(child: Student) -> int:
    return int(Circular.objects.get().addressees.get(student=child).pk)
