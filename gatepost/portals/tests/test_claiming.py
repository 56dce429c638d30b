"""Somebody signed in adds a child, page by page; the pages are the same whether or not the child exists."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.guardians import bonds, proofs, restrictions
from gatepost.guardians.applications import claims, letters, review
from gatepost.guardians.applications.mailbox import Letter
from gatepost.guardians.applications.models import Application, Consent, Desk
from gatepost.guardians.restrictions import Person
from gatepost.guardians.tests.test_claims import CHILD_NUMBER, MINE, NOW, a_child, a_record
from gatepost.portals.tests.test_binding import easy_human_check, picture, said, solved
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

__all__ = ["easy_human_check"]  # a fixture

CHILD = {"number": "113021", "name": "王小明", "id_number": CHILD_NUMBER, "birthday": "107/03/15"}
ME = {"p1-name": "林淑芬", "p1-relation": "mother_son", "p1-id_number": MINE, "p1-mobile": "0912-345-678"}
YES = {"binding": "agree", "services": "disagree"}
NOBODY = {"number": "999999"}


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school, contact="註冊組 02-2345-6789 轉 101")
    cache.clear()
    return a_child(school)


@pytest.fixture
def mother() -> Account:
    return builders.an_account("mother@example.org")


def ask(client: Client, child: Student, **changes: str) -> Any:
    form = {**CHILD, "human": solved(), **changes}
    return client.post(f"/family/children/new/{child.school.code}/", form)


def url_of(account: Account) -> str:
    return f"/family/claims/{Application.objects.get(account=account).pk}/"


def version(url: str) -> str:
    return str(Application.objects.values_list("version", flat=True).get(pk=url.split("/")[3]))


def submitted(account: Account, child: Student, **changes: str) -> Client:
    client = visit(account, now=NOW)
    ask(client, child, **changes)
    url = url_of(account)
    client.post(f"{url}consent/", YES)
    client.post(f"{url}person/", {**ME, "version": version(url)})
    client.post(f"{url}summary/", {"version": version(url)})
    return client


class TestTheWayIn:
    def test_who_has_no_child_is_led_there_from_the_start_page(self, child: Student, mother: Account) -> None:
        client = visit(mother)
        assert "/family/children/new/" in text_of(client.get("/home/"))
        assert "/family/children/new/" in text_of(client.get("/family/"))
        page = text_of(client.get("/family/children/new/?q=雙園"))
        assert f"/family/children/new/{child.school.code}/" in page

    def test_who_has_one_is_led_there_from_the_home_page(self, child: Student) -> None:
        assert "/family/children/new/" in text_of(visit(builders.a_guardian(child)).get("/family/"))

    def test_a_teacher_comes_there_by_the_menu(self, child: Student) -> None:
        teacher = builders.a_teacher(child.school_class)
        assert 'href="/family/"' in text_of(visit(teacher).get(f"/schools/{child.school.code}/today/"))

    def test_a_school_that_has_not_opened_the_service_says_so(self, mother: Account) -> None:
        school = builders.a_school()
        assert "尚未開放" in said(visit(mother).get(f"/family/children/new/{school.code}/"))
        assert visit(mother).get("/family/children/new/000000/").status_code == 404


class TestBoundAtOnce:
    def test_with_the_consent_the_child_is_on_the_home_page(self, child: Student, mother: Account) -> None:
        a_record(child)
        proofs.keep(mother, settings.KEY_RING.digest(MINE), how="review", by=None, now=NOW)
        client = visit(mother, now=NOW)
        answer = ask(client, child)
        assert answer["Location"] == f"{url_of(mother)}consent/"
        assert "王小明" not in said(client.get(answer["Location"]))
        answer = client.post(answer["Location"], YES)
        assert answer["Location"] == "/family/"
        assert "王小明" in said(client.get("/family/"))
        assert Consent.objects.get(purpose="binding").answer == "agree"

    def test_without_the_consent_it_is_not(self, child: Student, mother: Account) -> None:
        a_record(child)
        proofs.keep(mother, settings.KEY_RING.digest(MINE), how="review", by=None, now=NOW)
        client = visit(mother, now=NOW)
        ask(client, child)
        answer = client.post(f"{url_of(mother)}consent/", {"binding": "disagree", "services": "disagree"})
        assert "到這裡結束" in said(answer)
        assert not bonds.in_force().exists()
        assert Application.objects.get().state == "withdrawn"


class TestAnApplication:
    def test_goes_to_the_school_and_the_child_comes_with_its_yes(self, child: Student, mother: Account) -> None:
        client = submitted(mother, child)
        assert "已送出，等候學校" in said(client.get(url_of(mother)))
        registrar = visit(builders.an_office(child.school, "registrar"), now=NOW)
        application = Application.objects.get()
        url = f"/schools/{child.school.code}/applications/{application.pk}/"
        assert "還不知道這個孩子" in said(registrar.get(url))
        registrar.post(f"{url}approval/", {"version": application.version})
        assert "可以查看的都在您的首頁上" in said(client.get(url_of(mother)))
        assert "王小明" in said(client.get("/family/"))
        assert queries.children(mother).get() == child

    def test_nothing_is_activated_again(self, child: Student, mother: Account) -> None:
        submitted(mother, child)
        application = Application.objects.get()
        review.approve(application, by=builders.an_office(child.school, "registrar"), now=NOW)
        assert [one.topic for one in Letter.objects.order_by("pk")].count("approved") == 1
        assert not mother.activations.exists()

    def test_what_the_school_says_is_read_corrected_and_submitted_again(self, child: Student, mother: Account) -> None:
        client = submitted(mother, child)
        office = builders.an_office(child.school, "registrar")
        review.return_to_family(Application.objects.get(), "請更正手機號碼", by=office, now=NOW)
        url = url_of(mother)
        assert "請更正手機號碼" in said(client.get(url))
        me = {**ME, "p1-mobile": "0911222333", "p1-id_number": ""}
        client.post(f"{url}person/", {**me, "version": version(url)})
        client.post(f"{url}summary/", {"version": version(url)})
        assert Application.objects.get().state == "submitted"
        assert Application.objects.get().applicants.get().mobile == "0911222333"

    def test_another_guardian_hands_in_a_document(self, child: Student, mother: Account) -> None:
        client = visit(mother, now=NOW)
        ask(client, child)
        url = url_of(mother)
        client.post(f"{url}consent/", YES)
        answer = client.post(f"{url}person/", {**ME, "p1-relation": "uncle_aunt", "version": version(url)})
        assert answer["Location"] == f"{url}documents/"
        client.post(f"{url}summary/", {"version": version(url)})
        assert Application.objects.get().submitted_at is None
        client.post(f"{url}documents/", {"kind": "court", "file": SimpleUploadedFile("a.jpg", picture())})
        client.post(f"{url}summary/", {"version": version(url)})
        assert Application.objects.get().state == "submitted"

    def test_saved_for_later_and_gone_on_with_on_another_device(self, child: Student, mother: Account) -> None:
        client = visit(mother, now=NOW)
        ask(client, child)
        url = url_of(mother)
        client.post(f"{url}consent/", YES)
        client.post(f"{url}person/", {**ME, "p1-mobile": "02", "version": version(url), "later": "1"})
        page = text_of(visit(mother, now=NOW).get(f"{url}person/"))
        assert 'value="02"' in page
        assert MINE not in page
        assert f"{url}person/" in text_of(client.get(url))

    def test_nobody_else_opens_it(self, child: Student, mother: Account) -> None:
        submitted(mother, child)
        other = visit(builders.an_account(), now=NOW)
        for page in ("", "consent/", "person/", "documents/", "summary/", "withdrawal/"):
            assert other.get(f"{url_of(mother)}{page}").status_code == 404

    def test_is_withdrawn_and_asked_for_again_with_what_was_typed(self, child: Student, mother: Account) -> None:
        client = submitted(mother, child)
        client.post(f"{url_of(mother)}withdrawal/")
        page = text_of(client.get(url_of(mother)))
        again = f"/family/children/new/{child.school.code}/?again={Application.objects.get().pk}"
        assert again in page
        form = text_of(client.get(again))
        assert 'value="113021"' in form
        assert 'value="王小明"' in form
        assert CHILD_NUMBER not in form
        assert 'value="113021"' not in text_of(visit(builders.an_account(), now=NOW).get(again))


class TestNobodyLearnsWhetherAChildExists:
    """The ex-partner who knows name, birthday and ID number, and looks for the school."""

    def walk(self, account: Account, child: Student, **changes: str) -> tuple[list[str], list[list[str]]]:
        """What every page of the way says, and what is asked of the database for it."""
        pages, questions = [], []
        client = visit(account, now=NOW)
        with CaptureQueriesContext(connection) as asked:
            answer = ask(client, child, **changes)
        questions.append([one["sql"].split()[0] for one in asked])
        url = url_of(account)
        assert answer["Location"] == f"{url}consent/"
        for act, page, form in (
            ("get", "consent/", {}),
            ("post", "consent/", YES),
            ("get", "person/", {}),
            ("post", "person/", ME),
            ("get", "summary/", {}),
            ("post", "summary/", {}),
            ("get", "", {}),
        ):
            more = {"version": version(url)} if act == "post" else {}
            with CaptureQueriesContext(connection) as asked:
                answer = getattr(client, act)(f"{url}{page}", {**form, **more})
            pages.append(said(answer) or answer["Location"].replace(url, ""))
            questions.append([one["sql"].split()[0] for one in asked])
        for days in (6, 59, 60):
            late = visit(account, now=NOW + timedelta(days=days))
            claims.follow(now=NOW + timedelta(days=days))
            pages += [said(late.get(url)), said(late.get("/family/children/new/"))]
        return pages, questions

    @pytest.mark.parametrize(
        "changes",
        [{"number": "113022"}, {"id_number": invented(8)}],
        ids=["no such student", "another student's ID number"],
    )
    def test_every_page_on_the_way_and_for_sixty_days_is_the_same(
        self, child: Student, changes: dict[str, str]
    ) -> None:
        changes = {"number": "113021", "id_number": CHILD_NUMBER} | changes
        fits, asked = self.walk(builders.an_account("one@example.org"), child)
        nobody, asked_too = self.walk(builders.an_account("two@example.org"), child, **changes)
        masked = f"{changes['id_number'][:2]}******{changes['id_number'][-2:]}"
        plain = [
            page.replace(changes["number"], "113021")
            .replace(masked, f"{CHILD_NUMBER[:2]}******{CHILD_NUMBER[-2:]}")
            .replace("two@example.org", "one@example.org")
            for page in nobody
        ]
        assert plain == fits
        assert asked_too == asked

    def test_who_is_restricted_sees_the_same_as_well(self, child: Student) -> None:
        fits, asked = self.walk(builders.an_account("one@example.org"), child)
        restrictions.restrict(None, child, person=Person("林淑芬", MINE), by=None, now=NOW)
        met, asked_too = self.walk(builders.an_account("two@example.org"), child)
        assert [page.replace("two@", "one@") for page in met] == fits
        assert asked_too == asked

    def test_a_claim_put_away_says_that_it_is_with_the_school(self, child: Student, mother: Account) -> None:
        client = submitted(mother, child)
        client.get(url_of(mother))  # what was to be said once is said
        before = said(client.get(url_of(mother)))
        registrar = visit(builders.an_office(child.school, "registrar"), now=NOW)
        application = Application.objects.get()
        url = f"/schools/{child.school.code}/applications/{application.pk}/"
        assert "擱置不答覆" in said(registrar.get(url))
        assert "等於告訴對方" in said(registrar.get(f"{url}refusal/"))
        assert "60 天" in said(registrar.get(f"{url}aside/"))
        registrar.post(f"{url}aside/", {"version": application.version})
        assert said(client.get(url_of(mother))) == before
        assert registrar.get(url).status_code == 404

    def test_letters_name_no_child_and_are_the_same_for_both(self, child: Student, mother: Account) -> None:
        submitted(mother, child)
        submitted(builders.an_account("two@example.org"), child, **NOBODY)
        claims.follow(now=NOW + claims.RUNS)
        topics = {target: [] for target in ("mother@example.org", "two@example.org")}  # type: dict[str, list[str]]
        for letter in Letter.objects.order_by("written_at", "pk"):
            topics[letter.target].append(letter.topic)
        assert topics == {"mother@example.org": ["claimed", "lapsed"], "two@example.org": ["claimed", "lapsed"]}

    def test_what_fits_nobody_is_in_no_queue(self, child: Student, mother: Account) -> None:
        submitted(mother, child, **NOBODY)
        registrar = visit(builders.an_office(child.school, "registrar"), now=NOW)
        assert "林淑芬" not in said(registrar.get(f"/schools/{child.school.code}/applications/"))

    def test_once_the_promise_is_over_the_page_says_whom_to_ask(self, child: Student, mother: Account) -> None:
        submitted(mother, child, **NOBODY)
        page = said(visit(mother, now=NOW + timedelta(days=5)).get(url_of(mother)))
        assert "註冊組 02-2345-6789" in page
        assert "已超過這段時間" in page

    @pytest.mark.parametrize("language", ["zh-hant", "en", "vi", "id"])
    @pytest.mark.parametrize("topic", ["claimed", "approved", "lapsed"])
    def test_a_letter_is_written_in_every_language(self, topic: str, language: str) -> None:
        assert letters._template(topic, language).slots == frozenset()


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"id_number": "A123456788"}, "檢查碼不符"),
            ({"id_number": ""}, "請填寫學生的身分證"),
            ({"birthday": "107/13/01"}, "沒有這一天"),
            ({"birthday": "2027-01-01"}, "年份"),
            ({"birthday": "15/03/2018"}, "年"),
            ({"birthday": ""}, "請填寫出生年月日"),
            ({"number": ""}, "請填寫學號"),
            ({"name": ""}, "請填寫學生姓名"),
            ({"human": " "}, "我是真人"),
        ],
    )
    def test_each_fault_is_said_and_nothing_typed_is_lost(
        self, child: Student, mother: Account, changes: dict[str, str], sentence: str
    ) -> None:
        page = text_of(ask(visit(mother, now=NOW), child, **changes))
        assert sentence in page
        for name, value in (CHILD | changes).items():
            assert not value or name == "human" or f'value="{value}"' in page
        assert not Application.objects.exists()

    def test_ones_own_data_too(self, child: Student, mother: Account) -> None:
        client = visit(mother, now=NOW)
        ask(client, child)
        url = url_of(mother)
        client.post(f"{url}consent/", YES)
        wrong = {"p1-name": "", "p1-relation": "", "p1-id_number": "A123456788", "p1-mobile": "02-23456789"}
        page = text_of(client.post(f"{url}person/", {**wrong, "version": version(url)}))
        for sentence in ("請填寫姓名", "請選擇與孩子的關係", "檢查碼不符", "09 開頭"):
            assert sentence in page, sentence
        assert 'value="02-23456789"' in page
        page = text_of(client.post(f"{url}person/", {**ME, "p1-id_number": CHILD_NUMBER, "version": version(url)}))
        assert "學生本人" in page

    def test_the_same_child_twice_leads_to_the_first(self, child: Student, mother: Account) -> None:
        client = submitted(mother, child, **NOBODY)
        page = text_of(ask(client, child, **NOBODY))
        assert "已申請過這個學號" in page
        assert f'href="{url_of(mother)}"' in page

    def test_a_child_that_is_on_ones_own_page(self, child: Student) -> None:
        assert "已經在您的首頁上" in said(ask(visit(builders.a_guardian(child), now=NOW), child))

    def test_too_many_in_a_short_time(self, child: Student, mother: Account) -> None:
        client = visit(mother, now=NOW)
        for serial in range(5):
            ask(client, child, number=f"99999{serial}")
        assert "15 分鐘後" in said(ask(client, child))

    def test_a_graduate_is_told_no_more_than_a_stranger(self, child: Student, mother: Account) -> None:
        Student.objects.update(study_state="graduated")
        client = submitted(mother, child)
        assert "已送出，等候學校" in said(client.get(url_of(mother)))

    def test_a_school_that_closed_its_desk_meanwhile(self, child: Student, mother: Account) -> None:
        client = visit(mother, now=NOW)
        ask(client, child)
        url = url_of(mother)
        client.post(f"{url}consent/", YES)
        client.post(f"{url}person/", {**ME, "version": version(url)})
        Desk.objects.update(closed_at=NOW)
        assert "目前不受理申請" in said(client.post(f"{url}summary/", {"version": version(url)}))

    def test_a_page_from_before_is_not_lost_and_not_written_over(self, child: Student, mother: Account) -> None:
        client = visit(mother, now=NOW)
        ask(client, child)
        url = url_of(mother)
        client.post(f"{url}consent/", YES)
        old = version(url)
        client.post(f"{url}person/", {**ME, "p1-name": "林淑芳", "version": old, "later": "1"})
        page = text_of(client.post(f"{url}person/", {**ME, "version": old}))
        assert "另一個裝置" in page
        assert 'value="林淑芬"' in page
        assert Application.objects.get().applicants.get().name == "林淑芳"
        assert "另一個裝置" in said(client.post(f"{url}summary/", {"version": old}))

    def test_a_human_check_counts_once(self, child: Student, mother: Account) -> None:
        answer = solved()
        ask(visit(mother, now=NOW), child, human=answer)
        assert "已經用過" in said(ask(visit(mother, now=NOW), child, number="999999", human=answer))


def test_consent_beyond_the_necessary_can_be_taken_back(child: Student, mother: Account) -> None:
    client = visit(mother, now=NOW)
    ask(client, child)
    client.post(f"{url_of(mother)}consent/", {"binding": "agree", "services": "agree"})
    client.post(f"{url_of(mother)}consent/end/", {"purpose": "services"})
    assert Consent.objects.get(purpose="services").withdrawn_at == NOW
    client.post(f"{url_of(mother)}consent/end/", {"purpose": "binding"})
    assert Consent.objects.get(purpose="binding").withdrawn_at is None
