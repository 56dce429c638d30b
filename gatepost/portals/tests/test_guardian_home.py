from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from gatepost.attendance import entries
from gatepost.attendance.models import Event
from gatepost.guardians import restrictions
from gatepost.guardians.models import Guardianship
from gatepost.kit import questions
from gatepost.kit.clock import utc_now
from gatepost.notify.models import Delivery
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def child() -> Student:
    student = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_school_day(student.school)
    builders.a_reader(student.school, heard_at=at("08:12:30"))
    return student


class TestHome:
    def test_a_child_who_arrived_has_the_time_large_and_its_source(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        builders.entered(child, Event.Side.IN, at("07:42"))
        page = text_of(visit(mother).get("/family/"))
        assert 'data-state="arrived"' in page
        assert '<time class="day__time">07:42</time>' in page
        assert "王小明" in page

    def test_a_mail_is_called_mailed_only_once_it_has_gone(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        builders.entered(child, Event.Side.IN, at("07:42"))
        assert "07:42:09" not in text_of(visit(mother).get("/family/"))
        Delivery.objects.filter(on_date=MONDAY).update(state="sent", settled_at=at("07:42:09"))
        assert "07:42:09" in text_of(visit(mother).get("/family/"))

    def test_silence_is_explained_by_the_reader_that_is_offline(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        builders.a_reader(child.school, gate="北門", name="讀卡機", heard_at=at("07:31"))
        page = text_of(visit(mother).get("/family/"))
        assert 'data-state="held"' in page
        assert "北門 讀卡機" in page
        assert "07:31" in page

    def test_the_week_links_to_each_day(self, child: Student) -> None:
        page = text_of(visit(builders.a_guardian(child)).get("/family/"))
        assert f"/family/children/{child.pk}/days/2026-11-17/" in page
        assert f"/family/children/{child.pk}/days/2026-11-23/" in page

    def test_nobody_elses_child_is_shown(self, child: Student) -> None:
        other = builders.a_student(child.school_class or builders.a_class(child.school), "陳以樂")
        builders.a_guardian(other)
        assert "陳以樂" not in text_of(visit(builders.a_guardian(child)).get("/family/"))

    def test_a_restriction_takes_the_child_away_at_once(self, child: Student) -> None:
        father = builders.a_guardian(child)
        browser = visit(father)
        assert "王小明" in text_of(browser.get("/family/"))
        restrictions.restrict(father.pk, child, by=None, now=utc_now())
        assert "王小明" not in text_of(browser.get("/family/"))
        assert browser.get(f"/family/children/{child.pk}/").status_code == 403  # no child left: no family pages

    def test_without_a_child_the_page_says_what_to_do(self) -> None:
        page = text_of(visit(builders.an_account()).get("/family/"))
        assert 'class="empty"' in page

    def test_news_of_the_childs_school_stands_beside_the_citys(self, child: Student) -> None:
        builders.an_announcement("全市公告")
        builders.an_announcement("本校公告", school=child.school)
        builders.an_announcement("他校公告", school=builders.a_school())
        page = text_of(visit(builders.a_guardian(child)).get("/family/"))
        assert "全市公告" in page
        assert "本校公告" in page
        assert "他校公告" not in page

    def test_however_many_children_the_page_asks_eight_questions(
        self, child: Student, django_assert_num_queries: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sister = builders.a_student(builders.a_class(child.school, 6), "王小美")
        mother = builders.a_guardian(child, sister)
        builders.entered(child, Event.Side.IN, at("07:42"))
        builders.entered(sister, Event.Side.IN, at("07:43"))
        browser = visit(mother)
        asked: list[str] = []
        ask = questions.ask

        def counted(statement: str, values: Mapping[str, Any]) -> questions.Rows:
            asked.append(statement)
            return ask(statement, values)

        monkeypatch.setattr(questions, "ask", counted)
        with django_assert_num_queries(0):  # nothing by the model layer
            browser.get("/family/")
        # session, account, second factor, children, what is known of their days, what was mailed, the news, and whether
        # this person would be reached at all
        assert len(asked) == 8

    def test_what_changed_is_on_the_very_next_page(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        browser = visit(mother)
        assert "07:42" not in text_of(browser.get("/family/"))
        builders.entered(child, Event.Side.IN, at("07:42"))
        builders.an_announcement("停課通知", school=child.school)
        page = text_of(browser.get("/family/"))
        assert "07:42" in page
        assert "停課通知" in page
        Guardianship.objects.filter(account=mother).update(ended_at=utc_now())
        assert "王小明" not in text_of(browser.get("/family/"))

    def test_a_family_page_is_kept_in_no_cache(self, child: Student) -> None:
        assert visit(builders.a_guardian(child)).get("/family/").headers["Cache-Control"] == "no-store"


class TestAttendance:
    def test_attendance_is_the_only_childs_day_or_the_choice_of_a_child(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        page = reverse("child", args=[child.pk])
        assert visit(mother).get(reverse("family-attendance")).headers["Location"] == page
        sister = builders.a_student(builders.a_class(child.school, 4), "王小華")
        builders.a_guardian(sister, account=mother)
        answer = text_of(visit(mother).get(reverse("family-attendance")))
        assert page in answer
        assert reverse("child", args=[sister.pk]) in answer

    def test_who_may_see_no_child_is_led_to_the_page_that_says_why(self, child: Student) -> None:
        stranger = builders.an_account()
        assert visit(stranger).get(reverse("family-attendance")).headers["Location"] == reverse("family")


class TestDay:
    def test_every_event_names_its_source_and_every_message_its_state(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        builders.entered(child, Event.Side.IN, at("07:42"))
        page = text_of(visit(mother).get(f"/family/children/{child.pk}/"))
        assert "07:42" in page
        assert "pe…@example.org" in page
        assert 'data-state="queued"' in page

    def test_what_was_taken_back_stays_struck_through_with_its_reason(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        event_id = builders.entered(child, Event.Side.OUT, at("08:02"))
        entries.void(Event.objects.get(pk=event_id), by=mother.pk, because="登錯學生", now=at("08:06"))
        page = text_of(visit(mother).get(f"/family/children/{child.pk}/"))
        assert "<s>" in page
        assert "登錯學生" in page

    def test_the_other_parents_messages_are_not_mine_to_see(self, child: Student) -> None:
        mother, father = builders.a_guardian(child), builders.a_guardian(child, subscribed=[])
        builders.entered(child, Event.Side.IN, at("07:42"))
        address = f"/family/children/{child.pk}/"
        assert "pe…@example.org" in text_of(visit(mother).get(address))
        assert "pe…@example.org" not in text_of(visit(father).get(address))

    def test_one_turns_from_day_to_day_but_not_into_the_future(self, child: Student) -> None:
        browser = visit(builders.a_guardian(child))
        here = f"/family/children/{child.pk}/days"
        page = text_of(browser.get(f"{here}/2026-11-22/"))
        assert f"{here}/2026-11-21/" in page
        assert f"{here}/2026-11-23/" in page
        assert f"{here}/2026-11-24/" not in text_of(browser.get(f"{here}/2026-11-23/"))
        assert browser.get(f"{here}/2026-11-24/").status_code == 404

    @pytest.mark.parametrize("day", ["2026-13-01", "2026-02-30", "2020-01-01", "yesterday"])
    def test_a_day_that_is_none_has_no_page(self, child: Student, day: str) -> None:
        answer = visit(builders.a_guardian(child)).get(f"/family/children/{child.pk}/days/{day}/")
        assert answer.status_code == 404

    def test_a_message_whose_event_is_gone_still_stands_with_its_fate(self, child: Student) -> None:
        mother = builders.a_guardian(child)
        event_id = builders.entered(child, Event.Side.IN, at("07:42"))
        entries.void(Event.objects.get(pk=event_id), by=mother.pk, because="誤刷", now=at("07:50"))
        page = text_of(visit(mother).get(f"/family/children/{child.pk}/"))
        assert 'data-state="dropped"' in page

    def test_every_reason_for_silence_has_words(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        from gatepost.portals import words

        assert {"refused", "stale", "withdrawn", "ended", "unsubscribed", "unreachable", "too_late"} <= set(
            words.DELIVERY_REASONS
        )
        assert set(Delivery.State.values) == set(words.DELIVERY_STATES)

    def test_an_old_day_shows_the_week_before_it(self, child: Student) -> None:
        browser = visit(builders.a_guardian(child), now=NOW)
        day = date(2026, 10, 15)
        page = text_of(browser.get(f"/family/children/{child.pk}/days/{day}/"))
        assert f"/days/{day - timedelta(days=6)}/" in page
