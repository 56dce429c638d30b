from datetime import date
from typing import Any

import pytest
from django.conf import settings

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.guardians import restrictions
from gatepost.guardians.models import Guardianship, Restriction, Right
from gatepost.guardians.restrictions import Person
from gatepost.kit.clock import local_midnight
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster import identity_numbers
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

NUMBER = identity_numbers.invented(7)


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
    return f"/schools/{child.school.code}/students/{child.pk}/guardians/"


def form_of(child: Student) -> str:
    return f"/schools/{child.school.code}/students/{child.pk}/restrictions/new/"


def order(**changes: Any) -> dict[str, Any]:
    chosen = {"whom": str(Guardianship.objects.get().pk)} if Guardianship.objects.exists() else {"whom": "unbound"}
    return chosen | {"rights": [right.value for right in Right], "document": "家護字第 1 號"} | changes


class TestStudent:
    def test_the_guardians_and_their_rights_are_listed_and_the_look_is_kept(
        self, child: Student, father: Account, registrar: Any
    ) -> None:
        assert "王大明" in text_of(registrar.get(page_of(child)))
        assert Entry.objects.get(action="student:looked").facts == {"page": "guardians", "role": "registrar"}

    def test_a_bond_is_ended_after_a_confirmation(self, child: Student, father: Account, registrar: Any) -> None:
        url = f"{page_of(child)}{Guardianship.objects.get().pk}/end/"
        assert "王大明" in text_of(registrar.get(url))
        assert queries.children(father).exists()
        registrar.post(url)
        assert not queries.children(father).exists()
        assert Guardianship.objects.get().ended_because == "school"

    def test_the_bond_of_another_student_is_not_found(self, child: Student, father: Account, registrar: Any) -> None:
        neighbour = builders.a_student(child.school_class, "陳以樂")
        assert registrar.post(f"{page_of(neighbour)}{Guardianship.objects.get().pk}/end/").status_code == 404


class TestPlacing:
    def test_first_it_says_what_stops_and_does_nothing(self, child: Student, father: Account, registrar: Any) -> None:
        page = text_of(registrar.post(form_of(child), order()))
        assert "王大明" in page
        assert 'name="confirmed"' in page
        assert not Restriction.objects.exists()

    def test_confirmed_it_is_in_force_and_attributed(self, child: Student, father: Account, registrar: Any) -> None:
        registrar.post(form_of(child), order(confirmed="1", last="2026-12-31"))
        row = Restriction.objects.get()
        assert (row.account, row.document, len(row.rights)) == (father, "家護字第 1 號", 5)
        assert row.until == local_midnight(date(2027, 1, 1), "Asia/Taipei")
        assert row.placed_by is not None
        assert Entry.objects.get(action="restriction:placed").actor_id == row.placed_by.pk

    def test_an_open_session_sees_nothing_in_the_very_next_request(
        self, child: Student, father: Account, registrar: Any
    ) -> None:
        browser = visit(father)
        assert child.name in text_of(browser.get("/family/"))
        registrar.post(form_of(child), order(confirmed="1"))
        for url in (
            "/family/",
            f"/family/children/{child.pk}/",
            "/family/settings/",
            f"/family/children/{child.pk}/looks/",
        ):
            assert child.name not in text_of(browser.get(url))

    def test_only_what_was_ticked_is_cut(self, child: Student, father: Account, registrar: Any) -> None:
        registrar.post(form_of(child), order(rights=["collect"], confirmed="1"))
        assert Restriction.objects.get().rights == ["collect"]
        assert queries.children(father).exists()

    def test_somebody_not_bound_is_named_by_their_number(self, child: Student, registrar: Any) -> None:
        registrar.post(form_of(child), order(person_name="王大明", id_number=NUMBER.lower(), confirmed="1"))
        assert restrictions.meets(child, id_number=NUMBER) == list(Right)
        page = text_of(registrar.get(page_of(child)))
        assert identity_numbers.mask(NUMBER) in page
        assert NUMBER not in page

    @pytest.mark.parametrize(
        "wrong",
        [
            {"whom": ""},
            {"whom": "999999"},
            {"whom": "unbound"},
            {"whom": "unbound", "person_name": "王大明", "id_number": NUMBER[:-1]},
            {"rights": []},
            {"rights": ["everything"]},
            {"last": "2026-11-22"},
            {"document": ""},
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
        self, child: Student, father: Account, registrar: Any, wrong: dict[str, Any]
    ) -> None:
        page = text_of(registrar.post(form_of(child), order(confirmed="1", **{"person_name": "留著"} | wrong)))
        assert 'role="alert"' in page
        assert wrong.get("person_name", "留著") in page
        assert not Restriction.objects.exists()

    def test_change_something_leads_back_to_what_was_typed(
        self, child: Student, father: Account, registrar: Any
    ) -> None:
        page = text_of(registrar.post(form_of(child), order(again="1")))
        assert 'value="家護字第 1 號"' in page
        assert not Restriction.objects.exists()


class TestLifting:
    def test_it_is_an_act_too(self, child: Student, father: Account, registrar: Any) -> None:
        row = restrictions.restrict(father.pk, child, by=None, now=NOW)
        url = f"/schools/{child.school.code}/restrictions/{row.pk}/lift/"
        registrar.get(url)
        assert not queries.children(father).exists()
        registrar.post(url)
        assert queries.children(father).get() == child
        row.refresh_from_db()
        assert row.lifted_by is not None


class TestOverview:
    def test_it_lists_what_is_in_force_at_this_school_and_who_is_new(
        self, child: Student, father: Account, registrar: Any
    ) -> None:
        restrictions.restrict(None, child, by=None, now=NOW, person=Person("施暴者", NUMBER), document="甲")
        elsewhere = builders.a_student(builders.a_class(builders.a_school()), "別校生")
        restrictions.restrict(builders.an_account().pk, elsewhere, by=None, now=NOW)
        Guardianship.objects.update(verified_at=NOW)
        page = text_of(registrar.get(f"/schools/{child.school.code}/guardians/"))
        assert "施暴者" in page
        assert "王大明" in page
        assert "別校生" not in page


class TestAChangedIdNumber:
    """The old residence number of a foreign guardian became a new one."""

    OLD = identity_numbers.invented(3, identity_numbers.IdentityKind.RESIDENT_OLD)
    NEW = identity_numbers.invented(3, identity_numbers.IdentityKind.RESIDENT)

    @pytest.fixture
    def url(self, child: Student, father: Account) -> str:
        Guardianship.objects.update(person_digest=settings.KEY_RING.digest(self.OLD))
        return f"{page_of(child)}{Guardianship.objects.get().pk}/number/"

    def known(self) -> bytes:
        return bytes(Guardianship.objects.get().person_digest or b"")

    def test_the_page_of_the_guardians_leads_there_and_the_bond_stays(
        self, child: Student, father: Account, registrar: Any, url: str
    ) -> None:
        assert url in text_of(registrar.get(page_of(child)))
        assert registrar.post(url, {"old": self.OLD.lower(), "new": self.NEW}).status_code == 302
        assert self.known() == settings.KEY_RING.digest(self.NEW)
        assert queries.children(father).get() == child
        assert Entry.objects.filter(action="bond:number", about=child.pk).exists()

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"old": identity_numbers.invented(9)}, "不是系統所知"),
            ({"new": "A123456788"}, "檢查碼不符"),
            ({"new": OLD}, "這是舊號碼"),
            ({"new": ""}, "請輸入新號碼"),
        ],
    )
    def test_what_is_wrong_is_said_and_changes_nothing(
        self, registrar: Any, url: str, changes: dict[str, str], sentence: str
    ) -> None:
        page = text_of(registrar.post(url, {"old": self.OLD, "new": self.NEW} | changes))
        assert sentence in page
        assert changes.get("new", self.NEW) in page
        assert self.known() == settings.KEY_RING.digest(self.OLD)

    def test_it_is_for_those_who_review_applications(self, child: Student, url: str) -> None:
        office = visit(builders.an_office(child.school, "student_affairs"))
        assert url not in text_of(office.get(page_of(child)))
        assert office.post(url, {"old": self.OLD, "new": self.NEW}).status_code == 403

    def test_a_bond_whose_number_nobody_knows_has_none_to_change(
        self, child: Student, father: Account, registrar: Any
    ) -> None:
        url = f"{page_of(child)}{Guardianship.objects.get().pk}/number/"
        assert url not in text_of(registrar.get(page_of(child)))
        assert registrar.get(url).status_code == 404
