"""Finding a school, and what everybody sees of it."""

import pytest
from django.urls import reverse

from gatepost.guardians.applications.models import Desk
from gatepost.portals.binding.schools import SHOWN_MOST
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import School, Stage
from tests import builders

pytestmark = pytest.mark.django_db

HERE = "/find-school/"


def a_city_of_many() -> None:
    """More schools than one page lists, in two districts."""
    for district in (builders.a_district("37"), builders.a_district("38", name="文山區")):
        codes = [f"{district.pk}36{number:02}" for number in range(SHOWN_MOST // 2 + 5)]
        School.objects.bulk_create(
            School(code=code, name=f"臺北市{code}國民小學", short_name=code, district=district, level=Stage.ELEMENTARY)
            for code in codes
        )


def test_a_city_of_many_schools_begins_with_its_districts_and_narrows_down_by_links_and_a_form() -> None:
    a_city_of_many()
    page = text_of(visit().get(HERE))
    assert f'href="{HERE}?district=38"' in page
    assert "臺北市383600國民小學" not in page
    there = text_of(visit().get(HERE, {"district": "38", "stage": "elementary"}))
    assert f'href="{HERE}383600/"' in there
    assert f'href="{HERE}373600/"' not in there


def test_a_school_is_found_by_a_part_of_its_name_however_tai_is_written() -> None:
    school = builders.a_school(name="臺北市立雙園國民小學")
    assert f'href="{HERE}{school.code}/"' in text_of(visit().get(HERE, {"q": "台北市立雙園"}))
    nothing = text_of(visit().get(HERE, {"q": "沒有這所"}))
    assert "找不到學校" in nothing
    assert 'value="沒有這所"' in nothing
    assert visit().get(HERE, {"q": "\0", "district": "x" * 900}).status_code == 200


def test_a_school_leads_to_its_application_if_it_takes_any() -> None:
    school = builders.a_school()
    way_in = f'href="{reverse("binding-sign-in", args=[school.code])}"'
    assert way_in not in text_of(visit().get(f"{HERE}{school.code}/"))
    Desk.objects.create(school=school)
    assert way_in in text_of(visit().get(f"{HERE}{school.code}/"))


def test_a_school_that_does_not_take_part_yet_says_so() -> None:
    school = builders.a_school(in_use=False)
    page = text_of(visit().get(f"{HERE}{school.code}/"))
    assert "還沒有使用" in page
    assert visit().get(f"{HERE}999999/").status_code == 404


def test_everybody_sees_a_schools_headlines_and_its_families_what_they_say() -> None:
    student = builders.a_student(builders.a_class(builders.a_school()))
    news = builders.an_announcement("運動會延期", school=student.school)
    mother, link = builders.a_guardian(student), f'href="/announcements/{news.pk}/"'
    stranger = text_of(visit().get(f"{HERE}{student.school.code}/"))
    assert "運動會延期" in stranger
    assert link not in stranger
    assert link in text_of(visit(mother).get(f"{HERE}{student.school.code}/"))
