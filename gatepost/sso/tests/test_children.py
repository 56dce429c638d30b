"""A service learns of a child only what the guardian gave it for that child, while the bond lets them; then no more."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.guardians import bonds
from gatepost.guardians.applications import consents as answers
from gatepost.guardians.applications.models import Applicant, Application
from gatepost.guardians.models import Guardianship, Restriction, Right
from gatepost.guardians.restrictions import lift, restrict
from gatepost.kit.clock import utc_now
from gatepost.roster.models import Student
from gatepost.sso import consents
from gatepost.sso.models import Consent as ServiceConsent
from gatepost.sso.models import GivenChild, ServiceSession
from gatepost.sso.tests.conversations import Rp, a_browser, a_service, sent
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

SCOPE = "openid children"


@pytest.fixture
def rp() -> Rp:
    return a_service()


@pytest.fixture
def ming() -> Student:
    return builders.a_student(
        builders.a_class(builders.a_school("353602", name="臺北市雙園國小")), number="11301", seat=12
    )


@pytest.fixture
def hua(ming: Student) -> Student:
    assert ming.school_class is not None
    return builders.a_student(ming.school_class, "王小華")


@pytest.fixture
def mother(ming: Student, hua: Student) -> Account:
    return builders.a_guardian(ming, hua)


def children_of(rp: Rp, token: str) -> list[dict[str, Any]]:
    answer = rp.userinfo(token)
    assert answer.status_code == 200
    return list(answer.json()["child"])


def agreed_to_services(account: Account, child: Student) -> None:
    """The application by which `account` came to `child`, with a yes to connected services."""
    then = at("09:00")
    application = Application.objects.create(
        student=child, kind="parent", opened_at=then, data_confirmed_at=then, submitted_at=then, decided_at=then,
        decision="approved",
    )  # fmt: skip
    Applicant.objects.create(application=application, position=1, account=account)
    answers.answer(application, "services", agrees=True, version=1, language="en", text_hash=bytes(32), now=then)


class TestGiving:
    def test_a_child_has_the_shape_of_the_directory(self, rp: Rp, ming: Student, mother: Account) -> None:
        token = rp.tokens(a_browser(mother), scope=SCOPE, children=[ming])["access_token"]
        child = children_of(rp, token)[0]
        number = child.pop("uuid")
        assert number != str(ming.pk)
        assert child == {
            "name": "王小明",
            "o": "353602",
            "organization": "臺北市雙園國小",
            "studentId": "11301",
            "class": "201",
            "className": "2年01班",
            "seat": 12,
        }

    def test_a_child_that_was_not_chosen_is_not_given(self, rp: Rp, ming: Student, mother: Account) -> None:
        browser = a_browser(mother)
        page = rp.authorize(browser, scope=SCOPE).content.decode()
        assert "王小明" in page
        assert "王小華" in page
        assert "checked" not in page, "nobody is chosen for the guardian"
        token = rp.tokens(browser, scope=SCOPE, children=[ming])["access_token"]
        assert [child["name"] for child in children_of(rp, token)] == ["王小明"]

    def test_a_child_of_somebody_else_cannot_be_given(self, rp: Rp, ming: Student, mother: Account) -> None:
        assert ming.school_class is not None
        stranger = builders.a_student(ming.school_class, "陳以樂")
        token = rp.tokens(a_browser(mother), scope=SCOPE, children=[ming, stranger])["access_token"]
        assert [child["name"] for child in children_of(rp, token)] == ["王小明"]

    def test_what_was_given_to_one_service_is_unknown_to_another(self, rp: Rp, ming: Student, mother: Account) -> None:
        browser = a_browser(mother)
        rp.tokens(browser, scope=SCOPE, children=[ming])
        other = a_service("社團報名")
        token = other.tokens(browser, scope=SCOPE)["access_token"]
        assert children_of(other, token) == []

    def test_both_parents_give_the_same_number_and_two_services_get_two(
        self, rp: Rp, ming: Student, mother: Account
    ) -> None:
        father = builders.a_guardian(ming)
        other = a_service("社團報名")
        told = [
            children_of(who, who.tokens(a_browser(parent), scope=SCOPE, children=[ming])["access_token"])[0]["uuid"]
            for who, parent in ((rp, mother), (rp, father), (other, mother))
        ]
        assert told[0] == told[1] != told[2]

    def test_without_the_scope_nothing_is_said_of_children(self, rp: Rp, ming: Student, mother: Account) -> None:
        browser = a_browser(mother)
        rp.tokens(browser, scope=SCOPE, children=[ming])
        assert "child" not in rp.userinfo(rp.tokens(browser, scope="openid")["access_token"]).json()

    def test_a_service_that_may_not_ask_is_told_so(self, mother: Account) -> None:
        rp = a_service(reasons={"profile": "To greet you."})
        assert sent(rp.authorize(a_browser(mother), scope=SCOPE))["error"] == "invalid_scope"

    def test_a_code_that_was_made_while_all_was_taken_back_opens_nothing(self, rp: Rp, mother: Account) -> None:
        browser = a_browser(mother)
        rp.tokens(browser)
        code = sent(rp.authorize(browser))["code"]
        # As if the request for the code had looked before the consent was taken back, and written after.
        ServiceConsent.objects.update(withdrawn_at=utc_now())
        assert rp.redeem(code).json()["error"] == "invalid_grant"
        assert rp.redeem(rp.code(browser)).status_code == 200

    def test_giving_and_taking_are_acts_that_the_log_keeps(self, rp: Rp, ming: Student, mother: Account) -> None:
        rp.tokens(a_browser(mother), scope=SCOPE, children=[ming])
        consent = consents.of(mother, rp.service)
        assert consent is not None
        consents.withdraw(consent, by=mother, now=utc_now())
        kept = Entry.objects.filter(about=ming.pk, action__startswith="service:").values_list("action", "actor")
        assert list(kept.order_by("pk")) == [
            ("service:child_given", mother.pk),
            ("service:child_taken_back", mother.pk),
        ]


class TestTheMomentItEnds:
    """Each way in which a guardian loses a child, and the tokens with it."""

    @pytest.fixture
    def tokens(self, rp: Rp, ming: Student, hua: Student, mother: Account) -> dict[str, Any]:
        return rp.tokens(a_browser(mother), scope=SCOPE, children=[ming, hua])

    def ended(self, rp: Rp, tokens: dict[str, Any]) -> bool:
        return bool(
            rp.userinfo(tokens["access_token"]).status_code == 401
            and rp.post("/sso/introspection", {"token": tokens["access_token"]}).json() == {"active": False}
            and rp.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        )

    @pytest.mark.parametrize("right", [Right.SEE, Right.SIGN])
    def test_a_restriction(self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account, right: Right) -> None:
        assert rp.userinfo(tokens["access_token"]).status_code == 200
        restrict(mother.pk, ming, by=None, now=utc_now(), rights=[right])
        assert self.ended(rp, tokens)

    def test_a_restriction_on_what_services_do_not_need_ends_nothing(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account
    ) -> None:
        restrict(mother.pk, ming, by=None, now=utc_now(), rights=[Right.COLLECT])
        assert len(children_of(rp, tokens["access_token"])) == 2

    def test_the_end_of_the_bond(self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account) -> None:
        bonds.end_bond(Guardianship.objects.get(account=mother, student=ming), by=None, now=utc_now())
        assert self.ended(rp, tokens)

    def test_a_no_to_connected_services(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, hua: Student, mother: Account
    ) -> None:
        agreed_to_services(mother, ming)
        assert rp.userinfo(tokens["access_token"]).status_code == 200
        a_browser(mother).post("/family/consents/", {"student": ming.pk, "purpose": "services"})
        assert self.ended(rp, tokens)
        anew = rp.tokens(a_browser(mother), scope=SCOPE)
        assert [child["name"] for child in children_of(rp, anew["access_token"])] == ["王小華"]
        consents.give(mother, rp.service, ["children"], children=[ming.pk, hua.pk], now=utc_now())  # a later yes
        assert len(children_of(rp, rp.tokens(a_browser(mother), scope=SCOPE)["access_token"])) == 2

    def test_the_refresh_token_alone_gets_nothing_either(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account
    ) -> None:
        restrict(mother.pk, ming, by=None, now=utc_now())
        assert rp.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_a_code_on_its_way_gets_nothing_either(self, rp: Rp, ming: Student, mother: Account) -> None:
        code = rp.code(a_browser(mother), scope=SCOPE, children=[ming])
        restrict(mother.pk, ming, by=None, now=utc_now())
        assert rp.redeem(code).json()["error"] == "invalid_grant"

    def test_the_worker_tells_the_service_without_being_asked(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account
    ) -> None:
        assert consents.follow(utc_now()) == 0
        restrict(mother.pk, ming, by=None, now=utc_now())
        assert consents.follow(utc_now()) == 1
        assert ServiceSession.objects.get().ended_because == "child"
        assert GivenChild.objects.get(student=ming).withdrawn_because == "bond"

    def test_a_right_that_was_taken_is_found_by_the_longer_look(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account
    ) -> None:
        bond = Guardianship.objects.get(account=mother, student=ming)
        bonds.set_rights(bond, [Right.SEE], by=None, now=utc_now())
        assert consents.follow(utc_now()) == 0
        assert consents.follow(utc_now(), everything=True) == 1
        assert ServiceSession.objects.get().ended_because == "child"

    def test_an_ended_bond_is_found_at_once(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account
    ) -> None:
        bonds.end_bond(Guardianship.objects.get(account=mother, student=ming), by=None, now=utc_now())
        assert consents.follow(utc_now()) == 1

    def test_the_other_child_is_there_after_signing_in_anew(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account
    ) -> None:
        restrict(mother.pk, ming, by=None, now=utc_now())
        anew = rp.tokens(a_browser(mother), scope=SCOPE)
        assert [child["name"] for child in children_of(rp, anew["access_token"])] == ["王小華"]

    def test_when_it_is_lifted_the_child_is_not_given_by_itself(
        self, rp: Rp, tokens: dict[str, Any], ming: Student, mother: Account
    ) -> None:
        order = restrict(mother.pk, ming, by=None, now=utc_now())
        consents.follow(utc_now())
        lift(order, by=None, now=utc_now())
        anew = rp.tokens(a_browser(mother), scope=SCOPE)
        assert [child["name"] for child in children_of(rp, anew["access_token"])] == ["王小華"]

    def test_the_guardian_takes_one_child_back(
        self, rp: Rp, tokens: dict[str, Any], hua: Student, mother: Account
    ) -> None:
        browser = a_browser(mother)
        browser.post(f"/family/services/{rp.service.pk}/", {"child": [str(hua.pk)]})
        assert self.ended(rp, tokens)
        anew = rp.tokens(browser, scope=SCOPE)
        assert [child["name"] for child in children_of(rp, anew["access_token"])] == ["王小華"]

    def test_the_guardian_takes_everything_back(self, rp: Rp, tokens: dict[str, Any], mother: Account) -> None:
        browser = a_browser(mother)
        browser.post(f"/family/services/{rp.service.pk}/withdrawal/")
        assert self.ended(rp, tokens)
        page = rp.authorize(browser, scope=SCOPE)
        assert page.status_code == 200
        assert "checked" not in page.content.decode()

    def test_nobody_else_can_take_it_back(self, rp: Rp, tokens: dict[str, Any], ming: Student) -> None:
        father = a_browser(builders.a_guardian(ming))
        assert father.post(f"/family/services/{rp.service.pk}/withdrawal/").status_code == 404
        assert rp.userinfo(tokens["access_token"]).status_code == 200


class TestWhateverHappens(TestCase):
    """In whatever order things happen, the service knows exactly the children given, bound and not restricted."""

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        acts=st.lists(
            st.tuples(
                st.sampled_from(["give", "take", "restrict", "lift", "end", "open", "rights"]), st.integers(0, 1)
            ),
            max_size=8,
        )
    )
    def test_it_knows_what_it_may(self, acts: list[tuple[str, int]]) -> None:
        rp = a_service()
        room = builders.a_class(builders.a_school())
        children = [builders.a_student(room), builders.a_student(room, "王小華")]
        mother = builders.a_guardian(*children)
        browser, now = a_browser(mother), utc_now()
        given_now: set[int] = set()
        for act, which in acts:
            now += timedelta(microseconds=1)
            self._do(act, children[which], mother, now)
            given_now &= self._may(children, mother)
            if act in ("give", "take"):
                wanted = given_now | {which} if act == "give" else given_now - {which}
                given_now = wanted & self._may(children, mother)
                rp.consent(browser, scope=SCOPE, children=[children[one] for one in wanted])
            self._looks_right(rp, browser, children, given_now)

    def _do(self, act: str, child: Student, mother: Account, now: Any) -> None:
        standing = Guardianship.objects.filter(account=mother, student=child, ended_at=None).first()
        order = Restriction.objects.in_force().filter(account=mother, student=child).first()
        if act == "restrict" and order is None:
            restrict(mother.pk, child, by=None, now=now)
        elif act == "lift" and order is not None:
            lift(order, by=None, now=now)
        elif act == "end" and standing is not None:
            bonds.end_bond(standing, by=None, now=now)
        elif act == "rights" and standing is not None:
            bonds.set_rights(standing, [Right.SEE, Right.TOLD], by=None, now=now)
        elif act == "open" and standing is None and order is None:
            bonds.open_bond(mother, child, relation="母", source="test", by=None, now=now)

    def _may(self, children: list[Student], mother: Account) -> set[int]:
        held = [
            set(bonds.in_force(right).filter(account=mother).values_list("student", flat=True))
            for right in consents.NEEDED
        ]
        return {place for place, child in enumerate(children) if all(child.pk in one for one in held)}

    def _looks_right(self, rp: Rp, browser: Client, children: list[Student], given_now: set[int]) -> None:
        answer = rp.authorize(browser, scope=SCOPE)
        if answer.status_code == 200:  # nothing was given to this service yet
            assert not given_now
            return
        told = children_of(rp, rp.redeem(sent(answer)["code"]).json()["access_token"])
        assert sorted(one["name"] for one in told) == sorted(children[place].name for place in given_now)
