"""Announcements: a school's own, changing what is shown, and finding one."""

from datetime import timedelta
from typing import Any

import pytest

from gatepost.announcements import publishing
from gatepost.announcements.models import Announcement, Edition
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def school() -> School:
    return builders.a_school()


@pytest.fixture
def office(school: School) -> Any:
    return visit(builders.an_office(school, "registrar"))


def form(**changes: str) -> dict[str, str]:
    usual = {
        "title": "校慶",
        "body": "歡迎家長。",
        "kind": "event",
        "published_at": "2026-11-23T08:12",
        "expires_at": "",
    }
    return usual | changes


def test_a_school_writes_to_its_own_families_alone(school: School, office: Any) -> None:
    mother = builders.a_guardian(builders.a_student(builders.a_class(school)))
    stranger = builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
    assert office.post(f"/schools/{school.code}/announcements/new/", form()).status_code == 302
    later = {"now": NOW + timedelta(seconds=5)}
    assert "校慶" in text_of(visit(mother, **later).get("/family/"))
    assert "校慶" not in text_of(visit(stranger, **later).get("/announcements/"))
    assert "校慶" not in text_of(visit(**later).get("/"))


@pytest.mark.parametrize(("language", "day"), [("vi", "20/11/2026"), ("id", "20/11/2026"), ("en", "2026/11/20")])
def test_a_date_stands_in_the_order_of_the_readers_language(language: str, day: str) -> None:
    builders.an_announcement()
    page = visit().get("/announcements/", headers={"accept-language": language})
    assert f'datetime="2026-11-20">{day}</time>' in page.content.decode()


def test_the_citys_and_another_schools_are_not_a_schools_to_change_or_end(school: School, office: Any) -> None:
    for one in (builders.an_announcement(), builders.an_announcement(school=builders.a_school())):
        for rest in ("", "end/"):
            assert office.post(f"/schools/{school.code}/announcements/{one.pk}/{rest}", form()).status_code == 404
    mine = builders.an_announcement(school=school)
    assert office.post(f"/schools/{school.code}/announcements/{mine.pk}/end/").status_code == 302
    assert visit(builders.a_role("bureau_officer")).get(f"/bureau/announcements/{mine.pk}/").status_code == 404


def test_a_change_says_when_and_keeps_what_it_said_before(school: School, office: Any) -> None:
    mother = visit(builders.a_guardian(builders.a_student(builders.a_class(school))))
    one = builders.an_announcement("校慶在星期五", school=school, published_at=NOW - timedelta(hours=1))
    assert office.post(f"/schools/{school.code}/announcements/{one.pk}/", form(title="校慶在星期六")).status_code == 302
    page = text_of(mother.get(f"/announcements/{one.pk}/"))
    assert "2026/11/23 08:12" in page
    assert "校慶在星期六" in page
    assert "校慶在星期五" not in page
    assert "校慶在星期五" in text_of(office.get(f"/schools/{school.code}/announcements/{one.pk}/"))


def test_what_nobody_could_read_yet_is_changed_without_a_trace_and_may_move(school: School, office: Any) -> None:
    one = builders.an_announcement("草稿", school=school, published_at=NOW + timedelta(days=1))
    office.post(f"/schools/{school.code}/announcements/{one.pk}/", form(published_at="2026-11-25T09:00"))
    one.refresh_from_db()
    assert (one.title, one.published_at > NOW + timedelta(days=1), one.updated_at) == ("校慶", True, None)
    assert not Edition.objects.exists()


def test_a_mistake_changes_nothing_and_what_is_past_stays(school: School, office: Any) -> None:
    one = builders.an_announcement("校慶", school=school, published_at=NOW - timedelta(days=2))
    url = f"/schools/{school.code}/announcements/{one.pk}/"
    assert "這個時間已經過了" in text_of(office.post(url, form(title="改", expires_at="2026-11-22T08:00")))
    office.post(f"{url}end/")
    assert office.post(url, form(title="改")).status_code == 302
    assert Announcement.objects.get().title == "校慶"


def test_the_history_stands_apart_and_important_ones_first() -> None:
    past = builders.an_announcement("舊的", important=True, published_at=NOW - timedelta(days=3))
    Announcement.objects.filter(pk=past.pk).update(expires_at=NOW - timedelta(days=1))
    builders.an_announcement("新的", published_at=NOW - timedelta(hours=1))
    builders.an_announcement("要緊的", important=True, published_at=NOW - timedelta(days=2))
    page = text_of(visit().get("/announcements/"))
    assert page.index("要緊的") < page.index("新的") < page.index("歷史公告") < page.index("舊的")


def test_it_is_found_by_words_kind_and_school(school: School) -> None:
    mother = visit(builders.a_guardian(builders.a_student(builders.a_class(school))))
    builders.an_announcement("停電公告")
    builders.an_announcement("流感疫苗", school=school)
    for query, found in {"q=疫苗": {"流感疫苗"}, "of=city": {"停電公告"}, f"of={school.code}": {"流感疫苗"}}.items():
        page = text_of(mother.get(f"/announcements/?{query}"))
        assert {title for title in ("停電公告", "流感疫苗") if title in page} == found
    assert "停電公告" not in text_of(mother.get("/announcements/?kind=event"))
    for nonsense in ("q=%00", "kind=x", "of=%27", "page=x"):
        assert mother.get(f"/announcements/?{nonsense}").status_code == 200


def test_what_ran_out_years_ago_is_forgotten() -> None:
    one = builders.an_announcement()
    Announcement.objects.filter(pk=one.pk).update(expires_at=NOW)
    assert publishing.forget(now=NOW + timedelta(days=1000)) == 0
    assert publishing.forget(now=NOW + timedelta(days=1100)) == 1
