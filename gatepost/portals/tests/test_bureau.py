from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import localtime

from gatepost.announcements.models import Announcement
from gatepost.attendance.models import Event, SchoolDay, Sweep
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def bureau() -> Any:
    return visit(builders.a_role("bureau_officer"))


class TestToday:
    def test_figures_come_without_names(self, bureau: Any) -> None:
        school = builders.a_school(short_name="雙園國小")
        builders.a_school_day(school)
        student = builders.a_student(builders.a_class(school))
        builders.entered(student, Event.Side.IN, at("07:42"))
        page = text_of(bureau.get("/bureau/today/"))
        assert "雙園國小" in page
        assert "王小明" not in page
        assert str(student.pk) not in page

    def test_who_needs_attention_comes_first(self, bureau: Any) -> None:
        fine, held = builders.a_school("100001", short_name="甲國小"), builders.a_school("100002", short_name="乙國小")
        builders.a_school_day(fine, held)
        for school in (fine, held):
            builders.a_student(builders.a_class(school))
        Sweep.objects.create(school=held, date=MONDAY, asked_at=NOW, held_at=NOW, held_because="brake")
        page = text_of(bureau.get("/bureau/today/"))
        assert page.index("乙國小") < page.index("甲國小")
        assert 'data-state="held"' in page

    def test_one_district_or_a_name_can_be_asked_for(self, bureau: Any) -> None:
        south = builders.a_district("37", name="萬華區")
        builders.a_school(short_name="甲國小", name="甲國小", district=south)
        builders.a_school(short_name="乙國小", name="乙國小")
        for query in ("district=37", "q=甲", "q=萬華"):
            page = text_of(bureau.get(f"/bureau/today/?{query}"))
            assert "甲國小" in page
            assert "乙國小" not in page

    @pytest.mark.parametrize("nonsense", ["q=%00", "district=%00", "district=x", "page=x", "page=-1"])
    def test_nonsense_in_the_address_breaks_nothing(self, bureau: Any, nonsense: str) -> None:
        assert bureau.get(f"/bureau/today/?{nonsense}").status_code == 200

    def test_a_school_that_does_not_use_gatepost_is_no_concern(self, bureau: Any) -> None:
        builders.a_school(short_name="丙國小", in_use=False)
        assert "丙國小" not in text_of(bureau.get("/bureau/today/"))

    def test_many_schools_cost_no_more_questions(self, bureau: Any, django_assert_max_num_queries: Any) -> None:
        for _number in range(60):
            builders.a_school_day(builders.a_school(), grades=[1])
        with django_assert_max_num_queries(15):
            page = text_of(bureau.get("/bureau/today/"))
        assert "?page=2" in page


class TestAnnouncements:
    def form(self, **changes: str) -> dict[str, str]:
        usual = {
            "title": "停電公告",
            "body": "請注意。",
            "kind": "news",
            "published_at": "2026-11-23T08:12",
            "expires_at": "",
        }
        return usual | changes

    def test_it_stands_on_the_front_page_at_once(self, bureau: Any) -> None:
        assert bureau.post("/bureau/announcements/new/", self.form(important="on")).status_code == 302
        assert "停電公告" in text_of(visit(now=NOW + timedelta(seconds=5)).get("/"))
        assert Announcement.objects.get().important

    def test_a_later_hour_is_kept(self, bureau: Any) -> None:
        bureau.post("/bureau/announcements/new/", self.form(published_at="2026-11-24T09:00"))
        assert localtime(Announcement.objects.get().published_at).strftime("%H:%M") == "09:00"
        assert "停電公告" not in text_of(visit().get("/"))
        assert "停電公告" in text_of(bureau.get("/bureau/announcements/"))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"title": " "},
            {"kind": "joke"},
            {"published_at": "soon"},
            {"published_at": "0001-01-01T00:00"},
            {"expires_at": "9999-12-31T23:59"},
            {"expires_at": "2026-11-23T08:00"},
            {"published_at": "2026-11-20T08:00", "expires_at": "2026-11-21T08:00"},
        ],
    )
    def test_a_mistake_publishes_nothing_and_loses_nothing(self, bureau: Any, wrong: dict[str, str]) -> None:
        answer = bureau.post("/bureau/announcements/new/", self.form() | wrong)
        assert answer.status_code == 200
        assert "請注意。" in text_of(answer)
        assert not Announcement.objects.exists()

    def test_ending_it_takes_it_off_the_front_page_but_not_out_of_the_history(self, bureau: Any) -> None:
        news = builders.an_announcement("停電公告")
        bureau.post(f"/bureau/announcements/{news.pk}/end/")
        later = visit(now=NOW + timedelta(seconds=5))
        assert "停電公告" not in text_of(later.get("/"))
        assert "停電公告" in text_of(later.get("/announcements/"))

    def test_one_that_was_still_planned_is_never_shown(self, bureau: Any) -> None:
        news = builders.an_announcement("停電公告", published_at=NOW + timedelta(days=1))
        bureau.post(f"/bureau/announcements/{news.pk}/end/")
        assert "停電公告" not in text_of(visit(now=NOW + timedelta(days=2)).get("/announcements/"))

    def test_a_schools_own_news_is_not_the_bureaus_to_end(self, bureau: Any) -> None:
        news = builders.an_announcement(school=builders.a_school())
        assert bureau.post(f"/bureau/announcements/{news.pk}/end/").status_code == 404


class TestClosingADay:
    def form(self, **changes: str) -> dict[str, str]:
        return {"day": "2026-11-24", "district": "", "name": "颱風停課"} | changes

    def confirmed(self, page: str) -> dict[str, str]:
        return {"confirmed": page.partition('name="confirmed" value="')[2].partition('"')[0]}

    def test_it_asks_with_the_number_of_schools_and_changes_nothing_yet(self, bureau: Any) -> None:
        builders.a_school_day(builders.a_school(), builders.a_school())
        builders.a_school(in_use=False)
        page = text_of(bureau.post("/bureau/closures/new/", self.form()))
        assert '<span class="confirm__count">2</span>' in page
        assert not SchoolDay.objects.filter(kind="closure").exists()

    def test_once_confirmed_it_holds_for_every_school(self, bureau: Any) -> None:
        school = builders.a_school()
        page = text_of(bureau.post("/bureau/closures/new/", self.form()))
        bureau.post("/bureau/closures/new/", self.confirmed(page))
        days = SchoolDay.objects.filter(school=school, date=MONDAY + timedelta(days=1))
        assert {(day.kind, day.name) for day in days} == {("closure", "颱風停課")}
        assert days.count() == 12

    def test_one_district_leaves_the_others_alone(self, bureau: Any) -> None:
        south = builders.a_school(district=builders.a_district("37", name="萬華區"))
        builders.a_school()
        page = text_of(bureau.post("/bureau/closures/new/", self.form(district="37")))
        bureau.post("/bureau/closures/new/", self.confirmed(page))
        assert set(SchoolDay.objects.values_list("school", flat=True)) == {south.pk}

    def test_a_confirmation_that_was_made_up_closes_nothing(self, bureau: Any) -> None:
        builders.a_school()
        bureau.post("/bureau/closures/new/", {"confirmed": "2026-11-24"})
        assert not SchoolDay.objects.exists()

    @pytest.mark.parametrize("wrong", [{"day": "2026-11-22"}, {"day": ""}, {"name": ""}, {"district": "99"}])
    def test_a_mistake_is_said_before_anything_is_asked(self, bureau: Any, wrong: dict[str, str]) -> None:
        answer = bureau.post("/bureau/closures/new/", self.form() | wrong)
        assert answer.status_code == 200
        assert 'aria-invalid="true"' in text_of(answer)
