"""The letter as paper: what stands on it, in whose language, and how large it gets."""

import re
import unicodedata
from datetime import datetime

import pypdfium2
import pytest
import zxingcpp
from django.utils import translation

from gatepost.guardians.applications import invitations, paper
from gatepost.roster.models import School, SchoolClass, Student
from tests.builders import at

ADDRESS = "https://gatepost.example/apply/letter"
CONTACT = "註冊組 02-2345-6789 轉 101"
NOW = at("09:00")
LANGUAGES = ("zh-hant", "en", "vi", "id")


def a_student(name: str = "王小明", *, seat: int = 12) -> Student:
    """One in no table: paper asks for nothing else."""
    school = School(code="353601", name="臺北市雙園國小", short_name="雙園國小", timezone="Asia/Taipei")
    return Student(school=school, school_class=SchoolClass(name="2年01班"), name=name, seat=seat, number="10301123")


def a_pdf(*students: Student, language: str = "zh-hant", now: datetime = NOW) -> bytes:
    drawn = invitations.draw(students, {one.pk: language for one in students}, now=now)
    return paper.typeset(drawn, address=ADDRESS, contact=CONTACT)


def text_of(pdf: bytes, page: int = 0) -> str:
    document = pypdfium2.PdfDocument(pdf)
    text: str = document[page].get_textpage().get_text_bounded()
    return " ".join(text.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_whose_it_is_until_when_and_what_to_do(language: str) -> None:
    text = text_of(a_pdf(a_student(), language=language))
    with translation.override(language):
        words = {key: " ".join(value.split()) for key, value in paper._words().items()}
    plain = text.replace(" ", "")
    for needed in ("臺北市雙園國小", "2年01班", "王小明", CONTACT, f"{ADDRESS}/", *words.values()):
        assert needed.replace(" ", "") in plain, needed
    assert "30" in text
    assert re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", text)


def test_it_names_no_number_of_the_student() -> None:
    assert "10301123" not in text_of(a_pdf(a_student()))


def test_a_camera_reads_the_address_with_the_code() -> None:
    student = a_student()
    drawn = invitations.draw([student], {student.pk: "vi"}, now=NOW)
    pdf = paper.typeset(drawn, address=ADDRESS, contact="")
    picture = pypdfium2.PdfDocument(pdf)[0].render(scale=1).to_pil().convert("L")
    assert [one.text for one in zxingcpp.read_barcodes(picture)] == [f"{ADDRESS}/{drawn[0].code}/"]


@pytest.mark.parametrize("name", ["阮氏恆", "Nguyễn Thị Hằng", "Siti Nurhaliza", "堃喆峯煊瑄𠮷"])
def test_names_are_shown_whole(name: str) -> None:
    assert paper.missing(name) == ""
    assert paper.printable(name).replace(" ", "") in text_of(a_pdf(a_student(name))).replace(" ", "")


def test_letters_that_come_apart_from_their_marks_are_put_together() -> None:
    name = unicodedata.normalize("NFD", "Nguyễn Thị Hằng")
    assert paper.missing(name) == ""
    assert "Nguyễn Thị Hằng" in text_of(a_pdf(a_student(name)))


def test_a_character_that_the_font_lacks_is_a_box_to_write_in() -> None:
    assert paper.missing("王𡍼明") == "𡍼"
    assert "王□明" in text_of(a_pdf(a_student("王𡍼明")))


def test_nothing_in_a_name_is_read_as_markup() -> None:
    name = '#panic("x") *王* $x$ \\u{41} `a`'
    assert name.replace(" ", "") in text_of(a_pdf(a_student(name))).replace(" ", "")


def test_a_thousand_letters_are_one_file_of_some_megabytes_with_one_font() -> None:
    pdf = a_pdf(*(a_student(f"王小明{seat}", seat=seat) for seat in range(1, 1001)))
    assert len(pypdfium2.PdfDocument(pdf)) == 1000
    assert len(pdf) < 6_000_000
    assert pdf.count(b"/FontFile3") == 1


def test_one_more_than_a_thousand_is_refused() -> None:
    with pytest.raises(invitations.InvitationRefused, match="many"):
        invitations.draw([a_student()] * 1001, {}, now=NOW)
