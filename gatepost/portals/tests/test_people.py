"""Roles are given by invitation, by whom may give them, and accepted by the owner of the mailbox."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from gatepost.access import appointments, queries
from gatepost.access.models import Invitation, Role
from gatepost.accounts import second_factor
from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.channels.email.tests.relays import Script
from gatepost.guardians.applications import approvals
from gatepost.guardians.applications.models import Desk
from gatepost.guardians.tests.test_applications import MOTHER, submitted
from gatepost.guardians.tests.test_applications import NOW as SUBMITTED
from gatepost.notify import activations
from gatepost.portals.tests import mails
from gatepost.portals.tests.mails import link_in, text_in
from gatepost.portals.tests.test_second_factor import code_of, secret_on
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

EMAIL = "registrar@example.org"
PASSWORD = "gate-and-home-1"
BOTH = {"password": PASSWORD, "again": PASSWORD}
REGISTRAR = {"email": EMAIL, "name": "張雅文", "role": "registrar"}


@pytest.fixture
def relay(settings: Any) -> Iterator[Script]:
    with mails.kept(settings) as script:
        yield script


@pytest.fixture
def school() -> School:
    return builders.a_school("373602")


@pytest.fixture
def administrator(school: School) -> Account:
    return builders.an_office(school, "school_administrator", account=builders.an_account(name="周志明"))


def people(school: School, rest: str = "") -> str:
    return f"/schools/{school.code}/people/{rest}"


def invited(by: Account, school: School, **more: str) -> Invitation:
    """Invited by the page; the mail has left."""
    answer = visit(by).post(people(school, "new/"), REGISTRAR | more)
    assert answer.headers["Location"] == people(school), text_of(answer)
    activations.send_due(now=NOW)
    return Invitation.objects.latest("invited_at")


def accepted(relay: Script, browser: Client | None = None) -> Client:
    """The newest mail's link was opened, a password set, and an app set up where one is asked for."""
    browser = browser or visit()
    assert browser.get(link_in(relay)).headers["Location"] == "/activate/"
    answer = browser.post("/activate/", BOTH)
    if answer.headers["Location"] == "/sign-in/second-factor/":
        set_up(browser)
    return browser


def set_up(browser: Client) -> None:
    code = code_of(secret_on(text_of(browser.get("/sign-in/second-factor/"))))
    browser.post("/sign-in/second-factor/", {"code": code})
    browser.post("/sign-in/second-factor/codes/")


def roles_of(email: str = EMAIL) -> list[str]:
    return sorted(queries.in_force().filter(account__email=email).values_list("name", flat=True))


def role_of(account: Account) -> Role:
    return Role.objects.get(account=account)


class TestInviting:
    def test_leads_from_the_mail_over_password_and_app_to_the_page(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        invited(administrator, school)
        assert "周志明" in text_in(relay)
        assert school.short_name in text_in(relay)
        browser = visit()
        browser.get(link_in(relay))
        assert school.short_name in text_of(browser.get("/activate/"))
        assert browser.post("/activate/", BOTH).headers["Location"] == "/sign-in/second-factor/"
        assert browser.get("/schools/").status_code == 302
        set_up(browser)
        assert browser.get(f"/schools/{school.code}/students/").status_code == 200
        role = Role.objects.get(account__email=EMAIL)
        assert (role.name, role.granted_by) == ("registrar", administrator)

    def test_opens_nothing_before_it_is_accepted(self, administrator: Account, school: School, relay: Script) -> None:
        account = builders.an_account(EMAIL)
        invited(administrator, school)
        assert not roles_of()
        assert visit(account).get(f"/schools/{school.code}/students/").status_code == 403

    def test_looking_at_the_link_accepts_nothing(self, administrator: Account, school: School, relay: Script) -> None:
        builders.an_account(EMAIL)
        invited(administrator, school)
        for _look in range(3):
            assert visit().get(link_in(relay), follow=True).status_code == 200
        assert not roles_of()

    def test_a_teacher_is_invited_to_a_class_and_needs_no_app(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        school_class = builders.a_class(school)
        invited(administrator, school, role="teacher", school_class=str(school_class.pk))
        browser = accepted(relay)
        assert browser.get(f"/schools/{school.code}/today/").status_code == 200
        assert Role.objects.get(account__email=EMAIL).school_class == school_class

    def test_a_role_can_have_a_last_day(self, administrator: Account, school: School, relay: Script) -> None:
        invited(administrator, school, last="2026-11-30")
        accepted(relay)
        assert Role.objects.get(account__email=EMAIL).valid_until == at("00:00", date(2026, 12, 1))

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"email": "nobody"}, "email"),
            ({"name": ""}, "name"),
            ({"role": ""}, "role"),
            ({"role": "bureau_officer"}, "role"),
            ({"role": "operator"}, "role"),
            ({"role": "teacher"}, "school_class"),
            ({"last": "2026-11-22"}, "last"),
        ],
    )
    def test_a_slip_is_named_and_nothing_typed_is_lost(
        self, administrator: Account, school: School, wrong: dict[str, str], field: str
    ) -> None:
        answer = visit(administrator).post(people(school, "new/"), REGISTRAR | wrong)
        page = text_of(answer)
        assert f'href="#id_{field}' in page
        assert "registrar@example.org" in page or field == "email"
        assert not Invitation.objects.exists()

    def test_a_class_of_another_school_is_no_choice(self, administrator: Account, school: School) -> None:
        elsewhere = builders.a_class(builders.a_school())
        form = REGISTRAR | {"role": "teacher", "school_class": str(elsewhere.pk)}
        assert visit(administrator).post(people(school, "new/"), form).status_code == 200
        assert not Invitation.objects.exists()

    def test_somebody_who_has_the_role_is_not_invited_again(self, administrator: Account, school: School) -> None:
        builders.an_office(school, "registrar", account=builders.an_account(EMAIL))
        page = text_of(visit(administrator).post(people(school, "new/"), REGISTRAR | {"email": EMAIL.upper()}))
        assert 'aria-invalid="true"' in page
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize("role", ["student_affairs", "registrar"])
    def test_a_registrar_gives_no_roles(self, school: School, role: str) -> None:
        assert visit(builders.an_office(school, role)).post(people(school, "new/"), REGISTRAR).status_code == 403
        assert not Invitation.objects.exists()

    def test_an_administrator_gives_none_at_another_school(self, administrator: Account) -> None:
        elsewhere = builders.a_school()
        assert visit(administrator).post(people(elsewhere, "new/"), REGISTRAR).status_code == 404
        assert not Invitation.objects.exists()

    def test_five_mails_a_day_are_enough_for_a_mailbox(self, administrator: Account, school: School) -> None:
        browser = visit(administrator)
        for _time in range(5):
            assert browser.post(people(school, "new/"), REGISTRAR).status_code == 302
        assert browser.post(people(school, "new/"), REGISTRAR).status_code == 200

    def test_every_act_is_in_the_log(self, administrator: Account, school: School, relay: Script) -> None:
        invited(administrator, school)
        accepted(relay)
        appointments.end(Role.objects.get(account__email=EMAIL), by=administrator, now=NOW)
        acts = Entry.objects.filter(school_code=school.code).order_by("pk").values_list("action", "actor")
        expected = ["invitation:sent", "role:given", "role:ended"]
        assert list(acts) == [(act, administrator.pk) for act in expected]


class TestTheLink:
    def test_works_once(self, administrator: Account, school: School, relay: Script) -> None:
        invited(administrator, school)
        accepted(relay)
        assert visit().get(link_in(relay)).status_code == 410

    def test_works_for_seven_days_and_nobody_has_it_renewed_after_that(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        invited(administrator, school)
        late = NOW + timedelta(days=7)
        assert visit(now=late - timedelta(seconds=1)).get(link_in(relay)).status_code == 302
        assert visit(now=late).get(link_in(relay)).status_code == 410
        visit(now=late).post("/activate/again/", {"email": EMAIL})
        activations.send_due(now=late)
        assert len(relay.mails) == 1

    def test_that_was_renewed_gives_no_role_after_the_invitations_time(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        invited(administrator, school)
        visit(now=NOW + timedelta(days=6)).post("/activate/again/", {"email": EMAIL})
        activations.send_due(now=NOW + timedelta(days=6))
        assert visit(now=NOW + timedelta(days=8)).get(link_in(relay)).status_code == 410

    def test_of_an_invitation_that_was_taken_back_opens_nothing(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        one = invited(administrator, school)
        waiting = visit()
        waiting.get(link_in(relay))
        assert visit(administrator).post(people(school, f"invitations/{one.pk}/withdrawal/")).status_code == 302
        assert visit().get(link_in(relay)).status_code == 410
        assert waiting.post("/activate/", BOTH).status_code == 410
        assert not Account.objects.filter(email=EMAIL).exists()
        visit().post("/activate/again/", {"email": EMAIL})
        activations.send_due(now=NOW)
        assert len(relay.mails) == 1

    def test_taken_back_and_sent_anew_works(self, administrator: Account, school: School, relay: Script) -> None:
        one = invited(administrator, school)
        visit(administrator).post(people(school, f"invitations/{one.pk}/withdrawal/"))
        invited(administrator, school)
        accepted(relay)
        assert roles_of() == ["registrar"]

    def test_in_the_browser_of_somebody_else_opens_nothing(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        invited(administrator, school)
        other = builders.an_account("other@example.org")
        browser = visit(other)
        assert browser.get(link_in(relay), follow=True).status_code == 403
        assert browser.post("/activate/").status_code == 403
        assert not Role.objects.filter(account=other).exists()

    def test_sent_again_runs_for_seven_more_days(self, administrator: Account, school: School, relay: Script) -> None:
        one = invited(administrator, school)
        later = NOW + timedelta(days=9)
        visit(administrator, now=later).post(people(school, f"invitations/{one.pk}/again/"))
        activations.send_due(now=later)
        browser = visit(now=later)
        browser.get(link_in(relay))
        browser.post("/activate/", BOTH)
        assert roles_of() == ["registrar"]

    def test_of_somebody_who_may_not_give_the_role_any_more_gives_none(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        invited(administrator, school)
        Role.objects.filter(account=administrator).update(ended_at=NOW)
        accepted(relay)
        assert not roles_of()

    def test_of_a_family_stays_when_an_invitation_is_taken_back(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        """The same mailbox waits for a child's application as well."""
        Desk.objects.create(school=school)
        application = submitted(builders.a_student(builders.a_class(school)))
        approvals.approve(application, by=administrator, ring=django_settings.KEY_RING, now=SUBMITTED)
        activations.send_due(now=SUBMITTED)
        one = invited(administrator, school, email=MOTHER.email)
        visit(administrator).post(people(school, f"invitations/{one.pk}/withdrawal/"))
        assert visit(now=SUBMITTED).get(link_in(relay)).status_code == 302


class TestSomebodyWithAnAccount:
    @pytest.fixture
    def parent(self) -> Account:
        """A guardian, who is also going to work at a school."""
        student = builders.a_student(builders.a_class(builders.a_school()))
        return builders.a_guardian(student, account=builders.an_account(EMAIL, password=PASSWORD))

    def test_keeps_it_confirms_and_then_sets_up_an_app(
        self, parent: Account, administrator: Account, school: School, relay: Script
    ) -> None:
        invited(administrator, school)
        browser = visit(parent)
        elsewhere = visit(parent)
        assert school.short_name in text_of(browser.get(link_in(relay), follow=True))
        assert browser.post("/activate/").headers["Location"] == "/sign-in/second-factor/"
        assert browser.get("/family/").headers["Location"] == "/sign-in/?next=/family/"
        set_up(browser)
        assert browser.get("/family/").status_code == 200
        assert browser.get(f"/schools/{school.code}/students/").status_code == 200
        assert Account.objects.filter(email__iexact=EMAIL).count() == 1
        assert elsewhere.get("/family/").status_code == 302  # a browser that never showed the app

    def test_signs_in_first(self, parent: Account, administrator: Account, school: School, relay: Script) -> None:
        invited(administrator, school)
        browser = visit()
        assert 'href="/sign-in/?next=/activate/"' in text_of(browser.get(link_in(relay), follow=True))
        browser.post("/activate/", BOTH)
        assert not roles_of()

    def test_a_role_that_is_there_gets_its_new_last_day(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        builders.an_office(school, "registrar", account=builders.an_account(EMAIL))
        invited(administrator, school, last="2026-12-31")
        browser = visit(Account.objects.get(email=EMAIL))
        browser.get(link_in(relay))
        assert browser.post("/activate/").headers["Location"] == "/home/"
        assert [role.valid_until for role in Role.objects.filter(account__email=EMAIL)] == [
            at("00:00", date(2027, 1, 1))
        ]


class TestTheBureauAndTheOperator:
    def test_the_bureau_gives_a_school_its_administrator(self, school: School, relay: Script) -> None:
        officer = builders.a_role("bureau_officer")
        form = REGISTRAR | {"role": "school_administrator", "school": str(school.pk)}
        assert visit(officer).post("/bureau/people/new/", form).headers["Location"] == "/bureau/people/"
        activations.send_due(now=NOW)
        browser = accepted(relay)
        assert browser.get(people(school)).status_code == 200

    def test_an_administrator_without_a_school_is_asked_for_one(self) -> None:
        officer = builders.a_role("bureau_officer")
        page = text_of(visit(officer).post("/bureau/people/new/", REGISTRAR | {"role": "school_administrator"}))
        assert 'href="#id_school' in page

    @pytest.mark.parametrize("role", ["registrar", "teacher", "operator"])
    def test_the_bureau_gives_no_other_role_of_a_school(self, school: School, role: str) -> None:
        officer = builders.a_role("bureau_officer")
        form = REGISTRAR | {"role": role, "school": str(school.pk)}
        assert visit(officer).post("/bureau/people/new/", form).status_code == 200
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize(("by", "status"), [("bureau_officer", 302), ("operator", 302)])
    def test_officers_are_invited_by_officers_and_by_the_operator(self, by: str, status: int, relay: Script) -> None:
        place = {"bureau_officer": "/bureau", "operator": "/operator"}[by]
        form = REGISTRAR | {"role": "bureau_officer"}
        assert visit(builders.a_role(by)).post(f"{place}/people/new/", form).status_code == status
        activations.send_due(now=NOW)
        assert accepted(relay).get("/bureau/today/").status_code == 200

    @pytest.mark.parametrize("role", ["school_administrator", "operator"])
    def test_the_operator_invites_nobody_else(self, school: School, role: str) -> None:
        form = REGISTRAR | {"role": role, "school": str(school.pk)}
        assert visit(builders.a_role("operator")).post("/operator/people/new/", form).status_code == 200
        assert not Invitation.objects.exists()

    def test_the_bureau_sees_which_schools_have_no_administrator(self, school: School) -> None:
        led = builders.a_school(short_name="有人國小")
        builders.an_office(led, "school_administrator")
        page = text_of(visit(builders.a_role("bureau_officer")).get("/bureau/people/"))
        without = page.partition("沒有管理者的學校")[2].partition("</section>")[0]
        assert school.code in without
        assert led.code not in without

    def test_the_bureau_finds_people_by_school(self, administrator: Account, school: School) -> None:
        builders.an_office(builders.a_school(), "school_administrator", account=builders.an_account(name="別校管理者"))
        page = text_of(visit(builders.a_role("bureau_officer")).get(f"/bureau/people/?q={school.code}"))
        assert "周志明" in page
        assert "別校管理者" not in page


class TestEnding:
    def test_closes_every_page_at_once(self, administrator: Account, school: School) -> None:
        registrar = builders.an_office(school, "registrar")
        browser, url = visit(registrar), people(school, f"roles/{role_of(registrar).pk}/end/")
        assert browser.get(f"/schools/{school.code}/students/").status_code == 200
        assert visit(administrator).get(url).status_code == 200
        assert browser.get(f"/schools/{school.code}/students/").status_code == 200  # looking ends nothing
        assert visit(administrator).post(url).headers["Location"] == people(school)
        assert browser.get(f"/schools/{school.code}/students/").status_code == 403

    def test_is_not_a_registrars_to_do(self, administrator: Account, school: School) -> None:
        registrar, colleague = builders.an_office(school, "registrar"), builders.an_office(school, "registrar")
        url = people(school, f"roles/{role_of(colleague).pk}/end/")
        assert visit(registrar).post(url).status_code == 403
        assert role_of(colleague).ended_at is None

    def test_of_another_school_is_not_found(self, administrator: Account, school: School) -> None:
        elsewhere = builders.an_office(builders.a_school(), "registrar")
        url = people(school, f"roles/{role_of(elsewhere).pk}/end/")
        assert visit(administrator).post(url).status_code == 404
        assert role_of(elsewhere).ended_at is None

    def test_one_of_two_administrators_can_go(self, administrator: Account, school: School) -> None:
        other = builders.an_office(school, "school_administrator")
        visit(administrator).post(people(school, f"roles/{role_of(other).pk}/end/"))
        assert role_of(other).ended_at is not None

    def test_the_last_administrator_cannot_give_the_role_up(self, administrator: Account, school: School) -> None:
        url = people(school, f"roles/{role_of(administrator).pk}/end/")
        browser = visit(administrator)
        assert 'role="status"' in text_of(browser.get(url, follow=True))
        browser.post(url)
        browser.post(url + "?last=1")
        assert role_of(administrator).ended_at is None

    def test_with_a_second_one_it_can_be_given_up(self, administrator: Account, school: School) -> None:
        builders.an_office(school, "school_administrator")
        url = people(school, f"roles/{role_of(administrator).pk}/end/")
        assert visit(administrator).get(url).status_code == 200
        assert visit(administrator).post(url).headers["Location"] == "/home/"
        assert role_of(administrator).ended_at is not None

    def test_the_bureau_ends_the_last_one_only_after_it_was_told_so(
        self, administrator: Account, school: School
    ) -> None:
        browser = visit(builders.a_role("bureau_officer"))
        url = f"/bureau/people/roles/{role_of(administrator).pk}/end/"
        browser.post(url)
        assert role_of(administrator).ended_at is None
        assert browser.get(url).headers["Location"] == f"{url}?last=1"
        assert browser.get(f"{url}?last=1").status_code == 200
        browser.post(f"{url}?last=1")
        assert role_of(administrator).ended_at is not None

    def test_the_last_officer_stays_until_the_operator_says_so(self) -> None:
        officer, operator = builders.a_role("bureau_officer"), builders.a_role("operator")
        visit(officer).post(f"/bureau/people/roles/{role_of(officer).pk}/end/?last=1")
        assert role_of(officer).ended_at is None
        visit(operator).post(f"/operator/people/roles/{role_of(officer).pk}/end/?last=1")
        assert role_of(officer).ended_at is not None

    def test_a_past_date_ends_a_role_by_itself(self, school: School) -> None:
        registrar = builders.an_office(school, "registrar")
        Role.objects.filter(account=registrar).update(valid_until=at("00:00", date(2026, 1, 1)))
        assert visit(registrar).get(f"/schools/{school.code}/students/").status_code == 403


class TestALostDevice:
    def off(self, place: str, account: Account) -> str:
        return f"{place}people/{account.pk}/second-factor/"

    def test_is_helped_by_the_administrator_and_the_person_gets_a_mail(
        self, administrator: Account, school: School, relay: Script
    ) -> None:
        registrar = builders.an_office(school, "registrar", account=builders.an_account(EMAIL, password=PASSWORD))
        browser, url = visit(registrar), self.off(f"/schools/{school.code}/", registrar)
        assert visit(administrator).get(url).status_code == 200
        assert second_factor.is_set_up(registrar)
        assert visit(administrator).post(url).headers["Location"] == people(school)
        assert browser.get(f"/schools/{school.code}/students/").status_code == 302
        activations.send_due(now=NOW)
        assert relay.mails[-1].recipient == EMAIL
        assert "/sign-in/" in text_in(relay)
        assert Entry.objects.filter(action="second_factor:taken_away", actor=administrator).count() == 1
        fresh = visit()
        answer = fresh.post("/sign-in/", {"login": EMAIL, "password": PASSWORD})
        assert answer.headers["Location"] == "/sign-in/second-factor/"

    @pytest.mark.parametrize("role", ["school_administrator"])
    def test_of_a_peer_is_helped_by_who_stands_above(self, administrator: Account, school: School, role: str) -> None:
        peer = builders.an_office(school, role)
        assert visit(administrator).post(self.off(f"/schools/{school.code}/", peer)).status_code == 404
        assert second_factor.is_set_up(peer)
        assert visit(builders.a_role("bureau_officer")).post(self.off("/bureau/", peer)).status_code == 302
        assert not second_factor.is_set_up(peer)

    def test_opens_no_door_higher_up(self, administrator: Account, school: School) -> None:
        """A registrar who is also an officer of the bureau: a school must not weaken that account."""
        both = builders.an_office(school, "registrar")
        builders.a_role("bureau_officer", account=both)
        assert visit(administrator).post(self.off(f"/schools/{school.code}/", both)).status_code == 404
        assert second_factor.is_set_up(both)

    def test_an_officer_is_helped_by_the_operator(self) -> None:
        officer, colleague = builders.a_role("bureau_officer"), builders.a_role("bureau_officer")
        assert visit(colleague).post(self.off("/bureau/", officer)).status_code == 404
        assert visit(builders.a_role("operator")).post(self.off("/operator/", officer)).status_code == 302
        assert not second_factor.is_set_up(officer)

    def test_is_offered_only_where_it_may_be_done(self, administrator: Account, school: School) -> None:
        registrar = builders.an_office(school, "registrar")
        peer = builders.an_office(school, "school_administrator")
        teacher = builders.a_teacher(builders.a_class(school))
        page = text_of(visit(administrator).get(people(school)))
        offered = [account for account in (registrar, peer, teacher, administrator) if f"{account.pk}/second" in page]
        assert offered == [registrar]

    def test_nobody_takes_off_their_own(self, administrator: Account, school: School) -> None:
        assert visit(administrator).post(self.off(f"/schools/{school.code}/", administrator)).status_code == 404


def test_the_page_says_who_has_which_role_since_when_by_whom(
    administrator: Account, school: School, relay: Script
) -> None:
    invited(administrator, school)
    accepted(relay)
    invited(administrator, school, email="second@example.org", name="王大文")
    page = text_of(visit(administrator).get(people(school)))
    for said in ("張雅文", EMAIL, "周志明", "王大文", "second@example.org"):
        assert said in page
    assert MOTHER.email not in page
