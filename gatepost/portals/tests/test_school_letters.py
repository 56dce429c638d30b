"""A school prints letters for its families, sees what became of them, and takes them back."""

import re
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest

from gatepost.audit.models import Entry
from gatepost.guardians.applications import entrance
from gatepost.guardians.applications.family_access import Invitation
from gatepost.guardians.applications.models import Desk
from gatepost.portals.tests.test_binding import said
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NINE = at("09:00")
TEN = at("10:00")


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school, contact="註冊組 02-2345-6789 轉 101")
    return builders.a_student(builders.a_class(school), seat=12)


@pytest.fixture
def registrar(child: Student) -> Any:
    return visit(builders.an_office(child.school, "registrar"), now=NINE)


def letters_of(child: Student) -> str:
    return f"/schools/{child.school.code}/letters/"


def press(browser: Any, child: Student, asked: str, **more: str) -> Any:
    """The page with its button pressed, as the browser would."""
    url = f"{letters_of(child)}print/?{asked}"
    page = text_of(browser.get(url))
    made_at = re.search(r'name="at" value="([^"]+)"', page)
    assert made_at, said(browser.get(url))
    return browser.post(url, {"at": made_at[1], "language": "own", **more})


def pages(response: Any) -> list[str]:
    """The text of each page of the PDF that came."""
    assert response["Content-Type"] == "application/pdf", said(response)
    return [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(response.content)]


class TestPrinting:
    def test_a_class_gets_a_letter_each_by_seat(self, child: Student, registrar: Any) -> None:
        builders.a_student(child.school_class, "陳以樂", seat=3)
        builders.a_student(builders.a_class(child.school, 2, 2), "別班生")
        answer = press(registrar, child, f"class={child.school_class_id}")
        first, second = pages(answer)
        assert "陳以樂" in first
        assert "王小明" in second
        assert answer["Cache-Control"] == "no-store"
        assert answer["Content-Disposition"].startswith("attachment")
        assert Invitation.objects.count() == 2

    def test_who_printed_and_when_is_kept_and_shown(self, child: Student, registrar: Any) -> None:
        press(registrar, child, f"student={child.pk}")
        letter = Invitation.objects.get()
        assert (letter.student, letter.printed_at, letter.until) == (
            child,
            NINE,
            at("00:00", MONDAY + timedelta(days=8)),
        )
        entry = Entry.objects.get(action="letter:printed")
        assert (entry.about, entry.actor_id, entry.facts) == (
            child.pk,
            letter.printed_by_id,
            {"letter": str(letter.pk)},
        )
        assert "2026/11/23 陳美玲" in said(registrar.get(f"{letters_of(child)}?class={child.school_class_id}"))

    def test_the_code_is_nowhere_but_on_the_paper(self, child: Student, registrar: Any) -> None:
        (page,) = pages(press(registrar, child, f"student={child.pk}"))
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", page)
        assert code
        row = Invitation.objects.values_list().get()
        kept = str(row) + str(list(Entry.objects.values_list("facts")))
        assert code[0] not in kept
        assert code[0].replace("-", "") not in kept

    def test_looking_at_the_page_prints_nothing(self, child: Student, registrar: Any) -> None:
        registrar.get(f"{letters_of(child)}print/?student={child.pk}")
        assert not Invitation.objects.exists()

    def test_only_those_nobody_is_bound_to(self, child: Student, registrar: Any) -> None:
        builders.a_guardian(builders.a_student(child.school_class, "已綁定"))
        (page,) = pages(press(registrar, child, "only=unbound"))
        assert "王小明" in page

    def test_a_letter_that_is_still_good_is_not_replaced_unless_asked_for(self, child: Student, registrar: Any) -> None:
        asked = f"class={child.school_class_id}"
        press(registrar, child, asked)
        later = visit(builders.an_office(child.school), now=TEN)
        assert "沒有需要列印" in said(press(later, child, asked))
        assert len(pages(press(later, child, asked, again="on"))) == 1
        old, new = Invitation.objects.order_by("printed_at")
        assert (old.revoked_at, old.revoked_by, new.revoked_at) == (TEN, new.printed_by, None)

    def test_a_second_press_of_the_button_does_not_spoil_the_first_pdf(self, child: Student, registrar: Any) -> None:
        url = f"{letters_of(child)}print/?student={child.pk}"
        form = {"at": at("08:59").isoformat(), "language": "own"}
        assert registrar.post(url, form)["Content-Type"] == "application/pdf"
        again = registrar.post(url, form)
        assert "已經列印過" in said(again)
        assert Invitation.objects.get().revoked_at is None
        assert len(pages(press(registrar, child, f"student={child.pk}"))) == 1

    def test_each_family_reads_its_own_language_where_it_is_known(self, child: Student, registrar: Any) -> None:
        builders.a_guardian(child, language="vi")
        builders.a_student(child.school_class, "陳以樂", seat=13)
        first, second = pages(press(registrar, child, f"class={child.school_class_id}"))
        assert "Thư đăng ký" in first
        assert "綁定通知單" in second
        assert [one.language for one in Invitation.objects.order_by("student__seat")] == ["vi", "zh-hant"]

    def test_or_one_language_for_all(self, child: Student, registrar: Any) -> None:
        assert "Kepada keluarga" in pages(press(registrar, child, f"student={child.pk}", language="id"))[0]

    def test_a_family_with_a_password_needs_none_and_the_page_says_so(self, child: Student, registrar: Any) -> None:
        entrance.set_password(child, "river-umbrella-42", now=NINE)
        page = said(registrar.get(f"{letters_of(child)}print/?student={child.pk}"))
        assert "家長已自訂密碼" in page
        assert "沒有需要列印" in page

    def test_a_name_with_a_character_that_cannot_be_printed_is_named_before(
        self, child: Student, registrar: Any
    ) -> None:
        Student.objects.update(name="王𡍼明")
        assert "會印成空格，請用筆補上：王𡍼明" in said(registrar.get(f"{letters_of(child)}print/?student={child.pk}"))

    def test_a_school_that_takes_no_applications_prints_none(self, child: Student, registrar: Any) -> None:
        Desk.objects.update(closed_at=TEN)
        url = f"{letters_of(child)}print/?student={child.pk}"
        assert "不受理申請" in said(registrar.get(url))
        registrar.post(url, {"at": NINE.isoformat(), "language": "own"})
        assert not Invitation.objects.exists()


class TestWhoMay:
    def test_a_teacher_prints_for_the_own_class_only(self, child: Student) -> None:
        neighbour = builders.a_student(builders.a_class(child.school, 2, 2), "別班生")
        teacher = visit(builders.a_teacher(child.school_class), now=NINE)
        assert "別班生" not in said(teacher.get(letters_of(child)))
        assert len(pages(press(teacher, child, f"class={neighbour.school_class_id}"))) == 1
        teacher.post(f"{letters_of(child)}print/?student={neighbour.pk}", {"at": NINE.isoformat(), "language": "own"})
        assert not Invitation.objects.filter(student=neighbour).exists()

    def test_a_teacher_of_one_class_is_not_shown_the_rest_without_a_guardian(self, child: Student) -> None:
        builders.a_student(builders.a_class(child.school, 2, 2), "別班生")
        teacher = visit(builders.a_teacher(child.school_class), now=NINE)
        assert len(pages(press(teacher, child, "only=unbound"))) == 1

    def test_a_teacher_takes_none_back(self, child: Student, registrar: Any) -> None:
        press(registrar, child, f"student={child.pk}")
        teacher = visit(builders.a_teacher(child.school_class), now=NINE)
        assert teacher.post(f"/schools/{child.school.code}/students/{child.pk}/letter/revocation/").status_code == 403

    def test_another_school_finds_nothing(self, child: Student) -> None:
        other = visit(builders.an_office(builders.a_school()), now=NINE)
        assert other.get(f"{letters_of(child)}print/?student={child.pk}").status_code == 404


class TestTakingBack:
    def test_after_a_confirmation_it_counts_no_more(self, child: Student, registrar: Any) -> None:
        press(registrar, child, f"student={child.pk}")
        url = f"/schools/{child.school.code}/students/{child.pk}/letter/revocation/"
        assert "王小明" in said(registrar.get(url))
        assert Invitation.objects.get().revoked_at is None
        registrar.post(url)
        assert Invitation.objects.get().state_at(NINE) is Invitation.State.REVOKED
        assert Entry.objects.get(action="letter:revoked").about == child.pk
        assert "撤銷" in said(registrar.get(f"{letters_of(child)}?class={child.school_class_id}"))

    def test_where_none_is_good_the_page_says_so(self, child: Student, registrar: Any) -> None:
        url = f"/schools/{child.school.code}/students/{child.pk}/letter/revocation/"
        answer = registrar.post(url, follow=True)
        assert "沒有王小明的有效通知單" in said(answer).replace("目前", "")


class TestStates:
    @pytest.mark.parametrize(
        ("change", "word"),
        [({}, "有效至"), ({"used_at": TEN}, "使用"), ({"until": at("09:30")}, "已過期")],
    )
    def test_the_list_says_what_became_of_it(
        self, child: Student, registrar: Any, change: dict[str, Any], word: str
    ) -> None:
        press(registrar, child, f"student={child.pk}")
        Invitation.objects.update(**change)
        later = visit(builders.an_office(child.school), now=TEN)
        assert word in said(later.get(f"{letters_of(child)}?class={child.school_class_id}"))

    def test_beside_the_students_guardians_it_stands_too(self, child: Student, registrar: Any) -> None:
        url = f"/schools/{child.school.code}/students/{child.pk}/guardians/"
        assert f"letters/print/?student={child.pk}" in text_of(registrar.get(url))
        press(registrar, child, f"student={child.pk}")
        assert "有效至 2026/11/30" in said(registrar.get(url))
        entrance.set_password(child, "river-umbrella-42", invitation_id=Invitation.objects.get().pk, now=NINE)
        page = registrar.get(url)
        assert "憑通知單自訂密碼" in said(page)
        assert f"letters/print/?student={child.pk}" not in text_of(page)
