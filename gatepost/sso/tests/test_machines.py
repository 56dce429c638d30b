"""Machines that speak for themselves: which schools and classes there are, and nothing about anybody."""

import json
from typing import Any

import pytest

from gatepost.kit.clock import utc_now
from gatepost.sso import directory, services
from gatepost.sso.models import AccessToken, RefreshToken
from gatepost.sso.tests.conversations import Rp, a_browser, a_device, a_machine, a_service
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine() -> Rp:
    return a_machine()


def token(machine: Rp, **changes: str) -> str:
    answer = machine.post("/sso/token", {"grant_type": "client_credentials", **changes})
    assert answer.status_code == 200, answer.content
    assert "refresh_token" not in answer.json()
    assert "id_token" not in answer.json()
    return str(answer.json()["access_token"])


def schools(bearer: str, **query: str) -> Any:
    return a_browser().get("/sso/schools", query, headers={"Authorization": f"Bearer {bearer}"})


def test_it_reads_schools_and_classes_and_no_person(machine: Rp) -> None:
    school = builders.a_school()
    in_class = builders.a_class(school, 2, 1)
    child = builders.a_student(in_class)
    teacher = builders.a_teacher(in_class)
    answer = schools(token(machine))
    assert answer.status_code == 200
    [told] = answer.json()["schools"]
    assert (told["o"], told["description"]) == (school.code, school.name)
    assert told["classes"] == [{"ou": "201", "description": in_class.name, "grade": 2}]
    for of_a_person in (child.name, child.number, teacher.get_full_name(), teacher.email, str(child.pk)):
        assert of_a_person not in json.dumps(answer.json(), ensure_ascii=False)


def test_they_come_a_page_at_a_time(machine: Rp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "A_PAGE", 2)
    codes = sorted(builders.a_school().code for _number in range(3))
    bearer = token(machine)
    first = schools(bearer).json()
    assert [one["o"] for one in first["schools"]] == codes[:2]
    assert first["next"].endswith(f"?after={codes[1]}")
    last = schools(bearer, after=codes[1]).json()
    assert ([one["o"] for one in last["schools"]], last["next"]) == (codes[2:], None)


def test_its_token_opens_nothing_of_people(machine: Rp) -> None:
    bearer = token(machine)
    assert machine.userinfo(bearer).status_code == 401
    for scope in ("openid", "profile", "children", "schools openid"):
        answer = machine.post("/sso/token", {"grant_type": "client_credentials", "scope": scope})
        assert answer.json()["error"] == "invalid_scope"
    assert machine.authorize(a_browser(builders.an_account())).status_code == 400


def test_it_can_ask_whether_its_token_counts(machine: Rp) -> None:
    bearer = token(machine)
    told = machine.post("/sso/introspection", {"token": bearer}).json()
    assert (told["active"], told["scope"]) == (True, "schools")
    assert "sub" not in told
    assert a_machine("另一個系統").post("/sso/introspection", {"token": bearer}).json() == {"active": False}


def test_only_a_machine_gets_such_a_token(machine: Rp) -> None:
    for other in (a_service(), a_device()):
        answer = other.post("/sso/token", {"grant_type": "client_credentials"})
        assert answer.status_code in (400, 401)
    wrong = Rp(machine.service, "0" * 64, machine.client)
    assert wrong.post("/sso/token", {"grant_type": "client_credentials"}).status_code == 401
    anonymous = {"grant_type": "client_credentials", "client_id": machine.service.client_id}
    assert a_browser().post("/sso/token", anonymous).status_code == 401
    assert not AccessToken.objects.exists()


def test_a_persons_token_does_not_open_it(machine: Rp) -> None:
    rp = a_service()
    bearer = rp.tokens(a_browser(builders.an_account()))["access_token"]
    assert schools(bearer).status_code == 401
    assert schools("").status_code == 401
    assert a_browser().get("/sso/schools", {"access_token": token(machine)}).status_code == 401


def test_parameters_of_the_librarys_names_give_it_no_person(machine: Rp) -> None:
    mother = builders.an_account()
    rp = a_service()
    rp.tokens(a_browser(mother))
    session = AccessToken.objects.get().session_id
    bearer = token(machine, user=str(mother.pk), session=str(session), refresh_token_instance="x")
    assert machine.userinfo(bearer).status_code == 401
    made = AccessToken.objects.get(application=machine.service)
    assert (made.user_id, made.session_id) == (None, None)
    assert not RefreshToken.objects.filter(application=machine.service).exists()


def test_a_stopped_machine_opens_nothing(machine: Rp) -> None:
    bearer = token(machine)
    services.stop(machine.service, by=None, now=utc_now())
    assert schools(bearer).status_code == 401
    assert machine.post("/sso/token", {"grant_type": "client_credentials"}).status_code == 401
