"""The registrar's queue: the oldest first, side by side with the roster, and every decision as it was looked at."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gatepost.accounts import activation
from gatepost.accounts.models import Account, Activation
from gatepost.audit.models import Entry
from gatepost.guardians.applications.models import Application, Desk, Document
from gatepost.guardians.tests.test_applications import FATHER, MOTHER, known, submitted
from gatepost.guardians.tests.test_applications import NOW as SUBMITTED
from gatepost.guardians.tests.test_approvals import restrict
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import School, SchoolClass, Student
from tests import builders

pytestmark = pytest.mark.django_db

NOW = SUBMITTED + timedelta(hours=12)


@pytest.fixture
def school() -> School:
    school = builders.a_school()
    Desk.objects.create(school=school, promised_days=3)
    return school


@pytest.fixture
def school_class(school: School) -> SchoolClass:
    return builders.a_class(school)


@pytest.fixture
def child(school_class: SchoolClass) -> Student:
    return builders.a_student(school_class, "王小明")


@pytest.fixture
def registrar(school: School) -> Account:
    return builders.an_office(school, "registrar")


@pytest.fixture
def application(child: Student) -> Application:
    return submitted(child)


def url(name: str, school: School, *more: object) -> str:
    return reverse(f"school-{name}", args=[school.code, *more])


def waits_since(child: Student, days: int) -> Application:
    application = submitted(child)
    at = SUBMITTED - timedelta(days=days)
    Application.objects.filter(pk=application.pk).update(opened_at=at, data_confirmed_at=at, submitted_at=at)
    return application


class TestTheQueue:
    def test_has_the_oldest_first(self, school: School, school_class: SchoolClass, registrar: Account) -> None:
        for name, days in (("甲生", 1), ("乙生", 9), ("丙生", 4)):
            waits_since(builders.a_student(school_class, name), days)
        page = text_of(visit(registrar, now=NOW).get(url("applications", school)))
        assert page.index("乙生") < page.index("丙生") < page.index("甲生")

    def test_finds_by_name_number_and_applicant(
        self, school: School, school_class: SchoolClass, application: Application, registrar: Account
    ) -> None:
        submitted(builders.a_student(school_class, "乙生"), MOTHER, kind="parent")
        browser = visit(registrar, now=NOW)
        for wanted in ("小明", application.student.number, "大同"):
            page = text_of(browser.get(url("applications", school), {"q": wanted}))
            assert "王小明" in page
            assert "乙生" not in page

    def test_shows_only_the_late_ones_if_asked(
        self, school: School, school_class: SchoolClass, child: Student, registrar: Account
    ) -> None:
        submitted(child)
        waits_since(builders.a_student(school_class, "乙生"), 4)
        page = text_of(visit(registrar, now=NOW).get(url("applications", school), {"only": "late"}))
        assert "乙生" in page
        assert "王小明" not in page

    def test_needs_as_many_queries_for_fifty_as_for_one(
        self, school: School, school_class: SchoolClass, application: Application, registrar: Account
    ) -> None:
        def queries() -> int:
            browser = visit(registrar, now=NOW)
            with CaptureQueriesContext(connection) as asked:
                assert browser.get(url("applications", school)).status_code == 200
            return len(asked)

        queries()
        one = queries()
        for number in range(30):
            other = builders.a_student(school_class, f"生{number}")
            known(other, MOTHER)
            submitted(other, MOTHER, kind="parent")
        assert queries() <= one + 1  # the guardian records, of which the first had none
        assert one < 30

    def test_of_another_school_stays_there(self, application: Application) -> None:
        other = builders.a_school()
        browser = visit(builders.an_office(other, "registrar"), now=NOW)
        assert "王小明" not in text_of(browser.get(url("applications", other)))
        assert browser.get(url("application", other, application.pk)).status_code == 404
        assert browser.post(url("application-approval", other, application.pk)).status_code == 404

    def test_of_nothing_says_so(self, school: School, registrar: Account) -> None:
        assert 'class="empty"' in text_of(visit(registrar, now=NOW).get(url("applications", school)))

    def test_is_for_registrars_and_administrators_only(self, school: School) -> None:
        for role, status in (("registrar", 200), ("school_administrator", 200), ("student_affairs", 403)):
            browser = visit(builders.an_office(school, role), now=NOW)
            assert browser.get(url("applications", school)).status_code == status


class TestOneApplication:
    def test_stands_beside_the_roster_with_each_difference_in_words(
        self, school: School, child: Student, application: Application, registrar: Account
    ) -> None:
        known(child, MOTHER, name="林淑芳")
        page = text_of(visit(registrar, now=NOW).get(url("application", school, application.pk)))
        assert "林淑芬" in page
        assert "林淑芳" in page
        assert 'class="compare__differs"' in page
        assert "不同" in page

    def test_never_shows_a_whole_id_number(
        self, school: School, child: Student, application: Application, registrar: Account
    ) -> None:
        known(child, MOTHER)
        page = text_of(visit(registrar, now=NOW).get(url("application", school, application.pk)))
        assert MOTHER.id_number is not None
        assert MOTHER.id_number not in page
        assert MOTHER.id_number[2:8] not in page

    def test_leaves_an_entry_of_who_looked(
        self, school: School, child: Student, application: Application, registrar: Account
    ) -> None:
        visit(registrar, now=NOW).get(url("application", school, application.pk))
        assert Entry.objects.filter(action="student:looked", about=child.pk, actor=registrar).count() == 1

    def test_is_approved_as_it_was_looked_at(
        self, school: School, application: Application, registrar: Account
    ) -> None:
        form = {"version": application.version}
        answer = visit(registrar, now=NOW).post(url("application-approval", school, application.pk), form)
        assert answer.headers["Location"] == url("applications", school)
        application.refresh_from_db()
        assert (application.state, application.decided_by) == (Application.State.APPROVED, registrar)
        assert Activation.objects.count() == 2

    def test_a_stale_page_approves_nothing_and_leads_back(
        self, school: School, application: Application, registrar: Account
    ) -> None:
        for version in (application.version - 1, "", "x"):
            answer = visit(registrar, now=NOW).post(
                url("application-approval", school, application.pk), {"version": version}, follow=True
            )
            assert answer.redirect_chain[-1][0] == url("application", school, application.pk)
            assert 'role="status"' in text_of(answer) or 'role="alert"' in text_of(answer)
        application.refresh_from_db()
        assert application.state == Application.State.SUBMITTED

    def test_with_a_restriction_needs_another_person(
        self, school: School, child: Student, application: Application, registrar: Account
    ) -> None:
        restrict(child, registrar)
        where, first = url("application-approval", school, application.pk), visit(registrar, now=NOW)
        first.post(where, {"version": application.version})
        application.refresh_from_db()
        first.post(where, {"version": application.version})
        application.refresh_from_db()
        assert application.state == Application.State.SUBMITTED
        other = visit(builders.an_office(school, "school_administrator"), now=NOW)
        other.post(where, {"version": application.version})
        application.refresh_from_db()
        assert application.decision == Application.Decision.APPROVED


class TestADocument:
    @pytest.fixture
    def paper(self, application: Application) -> Document:
        paper = Document(
            application=application, kind="court", form="image/jpeg", size=3, sha256=bytes(32), added_at=SUBMITTED
        )
        paper.sealed_bytes = settings.KEY_RING.seal_bytes(b"\xff\xd8\xff", place=paper.place)
        paper.save()
        return paper

    def test_is_linked_and_shown_without_anything_in_it_running(
        self, school: School, application: Application, paper: Document, registrar: Account
    ) -> None:
        where = url("application-document", school, application.pk, paper.pk)
        browser = visit(registrar, now=NOW)
        assert where in text_of(browser.get(url("application", school, application.pk)))
        answer = browser.get(where)
        assert (answer.content, answer.headers["Content-Type"]) == (b"\xff\xd8\xff", "image/jpeg")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_that_is_a_pdf_is_saved_not_opened(
        self, school: School, application: Application, paper: Document, registrar: Account
    ) -> None:
        Document.objects.update(form="application/pdf")
        answer = visit(registrar, now=NOW).get(url("application-document", school, application.pk, paper.pk))
        assert answer.headers["Content-Disposition"].startswith("attachment")

    def test_of_another_application_is_not_found_here(
        self, school: School, school_class: SchoolClass, paper: Document, registrar: Account
    ) -> None:
        other = submitted(builders.a_student(school_class, "乙生"), MOTHER, kind="parent")
        where = url("application-document", school, other.pk, paper.pk)
        assert visit(registrar, now=NOW).get(where).status_code == 404


class TestReturningAndRefusing:
    def test_the_family_reads_the_template_in_its_language_and_the_words_as_written(
        self, school: School, application: Application, registrar: Account
    ) -> None:
        Application.objects.update(language="vi")
        form = {"version": application.version, "code": "name", "more": "請洽 123"}
        visit(registrar, now=NOW).post(url("application-return", school, application.pk), form)
        application.refresh_from_db()
        assert application.state == Application.State.RETURNED
        assert application.reason.endswith("\n請洽 123")
        assert "tên" in application.reason.lower()

    def test_a_refusal_is_kept_with_who_and_why(
        self, school: School, application: Application, registrar: Account
    ) -> None:
        form = {"version": application.version, "code": "unknown", "more": ""}
        visit(registrar, now=NOW).post(url("application-refusal", school, application.pk), form)
        step = application.steps.get(act="refused")
        assert step.by == registrar
        assert step.reason

    def test_without_any_reason_nothing_happens(
        self, school: School, application: Application, registrar: Account
    ) -> None:
        form = {"version": application.version, "code": "", "more": " "}
        answer = visit(registrar, now=NOW).post(url("application-return", school, application.pk), form)
        assert 'role="alert"' in text_of(answer)
        application.refresh_from_db()
        assert application.state == Application.State.SUBMITTED

    def test_a_stale_page_says_so_and_keeps_what_was_typed(
        self, school: School, application: Application, registrar: Account
    ) -> None:
        form = {"version": application.version - 1, "code": "name", "more": "寫了很久的說明"}
        browser = visit(registrar, now=NOW)
        answer = browser.post(url("application-return", school, application.pk), form)
        page = text_of(answer)
        assert 'role="alert"' in page
        assert "寫了很久的說明" in page
        assert f'name="version" value="{application.version}"' in page


class TestExactMatches:
    @pytest.fixture
    def exact(self, child: Student) -> Application:
        known(child, MOTHER)
        known(child, FATHER, relation="父子")
        return submitted(child)

    def test_are_named_before_they_are_approved(self, school: School, exact: Application, registrar: Account) -> None:
        browser = visit(registrar, now=NOW)
        page = text_of(browser.get(url("applications-exact", school)))
        assert "王小明" in page
        assert "林淑芬" in page
        browser.post(url("applications-exact", school), {"chosen": f"{exact.pk}:{exact.version}"})
        exact.refresh_from_db()
        assert exact.state == Application.State.APPROVED

    def test_what_changed_since_is_left_out_and_named(
        self, school: School, exact: Application, registrar: Account
    ) -> None:
        chosen = {"chosen": [f"{exact.pk}:{exact.version - 1}", "nonsense", "x:1"]}
        answer = visit(registrar, now=NOW).post(url("applications-exact", school), chosen, follow=True)
        assert "有變動" in text_of(answer)
        exact.refresh_from_db()
        assert exact.state == Application.State.SUBMITTED


class TestTheClock:
    def test_what_is_older_than_the_promise_stands_on_today(
        self, school: School, child: Student, registrar: Account
    ) -> None:
        waits_since(child, 2)
        link = url("applications", school) + "?only=late"
        today = url("today", school)
        assert link not in text_of(visit(registrar, now=NOW).get(today))
        assert link in text_of(visit(registrar, now=NOW + timedelta(days=1)).get(today))

    def test_is_not_for_those_who_do_not_review(self, school: School, child: Student) -> None:
        waits_since(child, 9)
        office = builders.an_office(school, "student_affairs")
        assert "?only=late" not in text_of(visit(office, now=NOW).get(url("today", school)))


def test_the_whole_way_from_the_approval_to_the_child(
    school: School, child: Student, application: Application, registrar: Account
) -> None:
    """Approve → the mail's link → a password → the child's page."""
    form = {"version": application.version}
    visit(registrar, now=NOW).post(url("application-approval", school, application.pk), form)
    mails = {one.activation.email: one for one in activation.lease_mails(most=9, lease=timedelta(minutes=2), now=NOW)}
    for email in ("mother@example.org", "father@example.org"):
        browser = visit(now=NOW)
        browser.get(reverse("activation-link", args=[mails[email].secret]))
        answer = browser.post("/activate/", {"password": "gate-and-home-1", "again": "gate-and-home-1"}, follow=True)
        assert answer.redirect_chain[-1][0] == "/family/"
        assert "王小明" in text_of(answer)
    assert settings.FIRST_PASSWORD_BY_ID_NUMBER
