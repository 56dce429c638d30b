from typing import Any

import pytest

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.guardians.models import Guardianship, Right
from gatepost.notify.models import Recipient
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

ALL = "told,see,sign,pay,collect"


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def father(child: Student) -> Account:
    return builders.a_guardian(child, name="王大明")


@pytest.fixture
def registrar(child: Student) -> Any:
    return visit(builders.an_office(child.school, "registrar"))


def page_of(child: Student) -> str:
    return f"/schools/{child.school.code}/students/{child.pk}/guardians/{Guardianship.objects.get().pk}/rights/"


def chosen(*rights: str, held: str = ALL, **more: str) -> dict[str, Any]:
    return {"held": held, "rights": list(rights), **more}


def held() -> list[str]:
    return [str(right) for right in Guardianship.objects.get().rights]


def test_first_it_says_what_stops_and_does_nothing(child: Student, father: Account, registrar: Any) -> None:
    assert "王大明" in text_of(registrar.get(page_of(child)))
    page = text_of(registrar.post(page_of(child), chosen("told", "see")))
    assert 'name="confirmed"' in page
    assert "不可以接這位學生" in page
    assert held() == [*Right]


def test_confirmed_it_holds_at_once_and_is_recorded(child: Student, father: Account, registrar: Any) -> None:
    browser = visit(father)
    assert child.name in text_of(browser.get("/family/"))
    registrar.post(page_of(child), chosen("pay", "collect", confirmed="1"))
    assert held() == ["pay", "collect"]
    assert child.name not in text_of(browser.get("/family/"))
    assert not Recipient.objects.filter(account=father, ended_at=None).exists()
    entry = Entry.objects.get(action="bond:changed")
    assert entry.facts == {"account": str(father.pk), "rights": "pay,collect"}
    assert entry.actor_id is not None


def test_a_right_is_given_back(child: Student, father: Account, registrar: Any) -> None:
    registrar.post(page_of(child), chosen("told", confirmed="1"))
    page = text_of(registrar.post(page_of(child), chosen("told", "see", held="told")))
    assert 'name="confirmed"' in page
    registrar.post(page_of(child), chosen("told", "see", held="told", confirmed="1"))
    assert queries.children(father).get() == child


def test_taking_everything_is_refused_and_says_to_end_the_bond(child: Student, father: Account, registrar: Any) -> None:
    page = text_of(registrar.post(page_of(child), chosen(confirmed="1")))
    assert 'role="alert"' in page
    assert "結束親子綁定" in page
    assert held() == [*Right]


def test_a_page_from_before_somebody_elses_change_asks_again(child: Student, father: Account, registrar: Any) -> None:
    registrar.post(page_of(child), chosen("told", "see", confirmed="1"))
    page = text_of(registrar.post(page_of(child), chosen("pay", confirmed="1")))
    assert 'role="alert"' in page
    assert f'value="{ALL}"' not in page
    assert 'value="pay" id="id_rights_3" checked' in page
    assert held() == ["told", "see"]


def test_change_something_leads_back_to_what_was_chosen(child: Student, father: Account, registrar: Any) -> None:
    page = text_of(registrar.post(page_of(child), chosen("pay", again="1")))
    assert 'value="pay" id="id_rights_3" checked' in page
    assert held() == [*Right]


def test_a_bond_that_has_ended_is_not_found(child: Student, father: Account, registrar: Any) -> None:
    url = page_of(child)
    registrar.post(url.replace("/rights/", "/end/"))
    assert registrar.post(url, chosen("pay", confirmed="1")).status_code == 404
