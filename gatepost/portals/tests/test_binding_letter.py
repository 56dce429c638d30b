"""A family comes in with the letter that its school printed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gatepost.audit.models import Entry
from gatepost.guardians.applications import entrance, invitations
from gatepost.guardians.applications.family_access import FailedSignIn, FamilyAccess, Invitation
from gatepost.guardians.applications.limits import Limit
from gatepost.guardians.applications.models import Applicant, Application, Desk
from gatepost.portals.binding import human
from gatepost.portals.tests.test_binding import FATHER, ID_NUMBER, MOTHER, NUMBER, PASSWORD, said, sign_in, typed
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

NOW = at("20:00")


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school)
    student = builders.a_student(builders.a_class(school), number=NUMBER)
    student.seal_id_number(ID_NUMBER, settings.KEY_RING)
    student.save()
    return student


@pytest.fixture
def teacher(child: Student) -> Any:
    return builders.a_teacher(child.school_class)


@pytest.fixture
def code(child: Student, teacher: Any) -> str:
    return a_letter(child, teacher)


@pytest.fixture(autouse=True)
def easy_human_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(human, "COST", 1)


def a_letter(child: Student, by: Any, *, now: datetime = NOW) -> str:
    """A new letter; its code."""
    drawn = invitations.draw([child], {child.pk: "zh-hant"}, now=now)
    invitations.keep(drawn, by=by, ring=settings.KEY_RING, seen_at=now, now=now)
    return drawn[0].code


def begin(code: str, *, now: datetime = NOW) -> Client:
    """A browser that has pressed the button."""
    browser = visit(now=now)
    browser.post("/apply/letter/", {"code": code})
    return browser


def set_password(browser: Client, password: str = PASSWORD) -> Any:
    return browser.post("/apply/password/", {"password": password, "again": password})


class TestLooking:
    def test_the_link_names_neither_child_nor_school_and_uses_nothing_up(self, child: Student, code: str) -> None:
        for method in ("get", "head"):
            assert getattr(visit(now=NOW), method)(f"/apply/letter/{code}/").status_code == 200
        page = text_of(visit(now=NOW).get(f"/apply/letter/{code}/"))
        for secret in (child.name, child.number, child.school.short_name, child.school_class.name):
            assert secret not in page
        assert Invitation.objects.get().used_at is None

    def test_a_looker_is_not_in(self, child: Student, code: str) -> None:
        browser = visit(now=NOW)
        browser.get(f"/apply/letter/{code}/")
        assert browser.get("/apply/password/")["Location"] == "/apply/status/"

    def test_nothing_but_a_password_opens_after_the_press(self, child: Student, code: str) -> None:
        browser = begin(code)
        for page in ("status", "data", "consent", "people", "summary"):
            assert browser.get(f"/apply/{page}/")["Location"] == "/apply/password/", page
        assert child.name not in text_of(browser.get("/apply/password/"))
        assert Invitation.objects.get().used_at is None


class TestComingIn:
    def test_the_family_sets_its_password_and_goes_on_as_usual(self, child: Student, code: str) -> None:
        browser = begin(code)
        assert f"P{NUMBER}" in said(browser.get("/apply/password/"))
        assert set_password(browser)["Location"] == "/apply/status/"
        assert child.name in said(browser.get("/apply/data/"))
        letter = Invitation.objects.get()
        assert letter.used_at == NOW
        assert Entry.objects.get(action="family-access:set").facts == {"letter": str(letter.pk)}

    def test_on_another_device_it_comes_back_with_that_password(self, child: Student, code: str) -> None:
        set_password(begin(code))
        assert sign_in(visit(now=NOW), child.school, PASSWORD)["Location"] == "/apply/status/"
        assert "兩者不符" in said(sign_in(visit(now=NOW), child.school, ID_NUMBER))

    @pytest.mark.parametrize("shape", ["{0} {1} {2}", "{0}-{1}-{2}", "０{0}{1}{2}"])
    def test_the_code_is_understood_however_it_is_typed(self, child: Student, code: str, shape: str) -> None:
        typed_code = shape.format(code[:4], code[4:8], code[8:]).lower().removeprefix("０")
        assert begin(typed_code).get("/apply/password/").status_code == 200

    def test_what_looks_alike_is_the_same(self) -> None:
        assert invitations.plain("oil1-ＯＩＬ1") == "01110111"

    def test_the_browser_that_closed_before_the_password_can_begin_again(self, child: Student, code: str) -> None:
        begin(code)
        assert set_password(begin(code))["Location"] == "/apply/status/"

    def test_of_two_that_began_the_first_password_counts(self, child: Student, code: str) -> None:
        first, second = begin(code), begin(code)
        set_password(first)
        assert set_password(second, "another-umbrella-7")["Location"] == "/apply/status/"
        assert sign_in(visit(now=NOW), child.school, PASSWORD).status_code == 302
        assert second.get("/apply/status/")["Location"] == "/apply/"

    def test_the_review_shows_that_it_came_by_a_letter_and_who_printed_it(self, child: Student, code: str) -> None:
        applied(set_up(begin(code)))
        registrar = visit(builders.an_office(child.school, "registrar"), now=NOW)
        page = said(registrar.get(f"/schools/{child.school.code}/applications/{Application.objects.get().pk}/"))
        assert "憑通知單申請" in page
        assert "陳美玲列印" in page

    def test_without_one_the_review_says_nothing_of_letters(self, child: Student) -> None:
        browser = visit(now=NOW)
        sign_in(browser, child.school, ID_NUMBER)
        applied(set_up(browser))
        registrar = visit(builders.an_office(child.school, "registrar"), now=NOW)
        page = said(registrar.get(f"/schools/{child.school.code}/applications/{Application.objects.get().pk}/"))
        assert "通知單" not in page

    def test_a_letter_alone_binds_nobody(self, child: Student, code: str) -> None:
        applied(set_up(begin(code)))
        assert Application.objects.get().state == "submitted"
        assert not child.guardianships.exists()


class TestRefused:
    """Each with a sentence of its own, the same for the link and for the typed code."""

    def both_say(self, sentence: str, code: str, *, now: datetime = NOW) -> bool:
        by_link = visit(now=now).get(f"/apply/letter/{code}/")
        by_hand = visit(now=now).post("/apply/letter/", {"code": code})
        assert by_link.status_code in (404, 410)
        assert 'role="alert"' in text_of(by_hand)
        return sentence in said(by_link) and sentence in said(by_hand)

    def test_used(self, child: Student, code: str) -> None:
        set_password(begin(code))
        entrance.forget_password(child, by=builders.an_office(child.school, "registrar"))
        assert self.both_say("已經用過", code)
        assert begin(code).get("/apply/password/").status_code == 302

    def test_revoked_by_the_office(self, child: Student, code: str) -> None:
        begun = begin(code)
        assert invitations.revoke(Invitation.objects.get(), by=builders.an_office(child.school), now=NOW)
        assert self.both_say("已經失效", code)
        set_password(begun)
        assert not FamilyAccess.objects.exists()

    def test_replaced_by_a_newer_one(self, child: Student, code: str, teacher: Any) -> None:
        newer = a_letter(child, teacher)
        assert self.both_say("已經失效", code)
        assert begin(newer).get("/apply/password/").status_code == 200

    def test_run_out_after_the_seventh_day(self, child: Student, code: str) -> None:
        last = Invitation.objects.get().until - timedelta(seconds=1)
        assert begin(code, now=last).get("/apply/password/").status_code == 200
        assert self.both_say("已過期", code, now=last + timedelta(seconds=1))

    def test_begun_in_time_and_ended_too_late_sets_nothing(self, child: Student, code: str) -> None:
        until = Invitation.objects.get().until
        early = begin(code, now=until - timedelta(minutes=5))
        late = visit(now=until)
        late.cookies = early.cookies
        set_password(late)
        assert not FamilyAccess.objects.exists()

    def test_unknown(self, child: Student) -> None:
        assert self.both_say("沒有這個代碼", "AAAABBBBCCCC")

    def test_a_school_that_has_closed_its_desk(self, child: Student, code: str) -> None:
        Desk.objects.update(closed_at=NOW)
        assert self.both_say("不受理", code)

    def test_a_student_who_has_left(self, child: Student, code: str) -> None:
        Student.objects.update(study_state="graduated")
        assert self.both_say("已不在這所學校", code)


class TestAFamilyWithAPassword:
    """The letter neither locks it out nor lets in who found the paper."""

    def test_a_letter_opens_nothing_and_is_not_used_up(self, child: Student, code: str) -> None:
        entrance.set_password(child, PASSWORD, now=NOW)
        assert "已經設定過密碼" in said(visit(now=NOW).get(f"/apply/letter/{code}/"))
        stranger = begin(code)
        set_password(stranger, "i-found-a-letter-9")
        assert sign_in(visit(now=NOW), child.school, PASSWORD).status_code == 302
        assert Invitation.objects.get().used_at is None

    def test_one_who_began_before_the_password_was_set_is_out(self, child: Student, code: str) -> None:
        stranger = begin(code)
        entrance.set_password(child, PASSWORD, now=NOW)
        set_password(stranger, "i-found-a-letter-9")
        assert sign_in(visit(now=NOW), child.school, PASSWORD).status_code == 302
        assert Invitation.objects.get().used_at is None

    def test_once_the_school_has_set_the_password_back_the_letter_opens(self, child: Student, code: str) -> None:
        entrance.set_password(child, PASSWORD, now=NOW)
        entrance.forget_password(child, by=builders.an_office(child.school, "registrar"))
        assert set_password(begin(code), "a-new-umbrella-42")["Location"] == "/apply/status/"


class TestGuessing:
    def test_an_address_that_guesses_has_to_wait(
        self, child: Student, code: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(entrance.LIMITS, "address", (Limit(3, timedelta(minutes=10)),))
        browser = visit(now=NOW)
        browser.get("/apply/letter/AAAABBBBCCC0/")
        for serial in (1, 2):
            browser.post("/apply/letter/", {"code": f"AAAABBBBCCC{serial}"})
        assert browser.get(f"/apply/letter/{code}/").status_code == 429
        assert "10 分鐘" in said(browser.post("/apply/letter/", {"code": code}))
        assert begin(code, now=at("20:11")).get("/apply/password/").status_code == 200

    def test_it_counts_with_the_sign_in_of_the_same_address(
        self, child: Student, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(entrance.LIMITS, "address", (Limit(2, timedelta(minutes=10)),))
        for serial in (1, 2):
            visit(now=NOW).post("/apply/letter/", {"code": f"AAAABBBBCCC{serial}"})
        assert "10 分鐘" in said(sign_in(visit(now=NOW), child.school, ID_NUMBER))

    def test_looking_at_a_letter_that_exists_counts_for_nobody(self, child: Student, code: str) -> None:
        for _ in range(3):
            visit(now=NOW).get(f"/apply/letter/{code}/")
        assert not FailedSignIn.objects.exists()


def set_up(browser: Client) -> Client:
    set_password(browser)
    return browser


def applied(browser: Client) -> None:
    """From the student's data to the school."""
    browser.post("/apply/data/", {"answer": "correct"})
    browser.post("/apply/consent/", {"binding": "agree", "services": "disagree"})
    browser.post("/apply/kind/", {"kind": "parents"})
    browser.post("/apply/people/", typed(MOTHER, FATHER))
    Applicant.objects.update(email_proven_at=NOW)
    browser.post("/apply/summary/", {"version": str(Application.objects.get().version)})
