import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.roster import wordings
from gatepost.roster.wordings import ClassName, WordingError

ELEMENTARY, JUNIOR, SENIOR, JUNIOR_AND_SENIOR = range(1, 7), range(7, 10), range(10, 13), range(7, 13)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2年01班", ClassName(2, 1, "2年01班")),
        ("1年1班", ClassName(1, 1, "1年1班")),
        ("三年一班", ClassName(3, 1, "三年一班")),
        ("8年9班", ClassName(8, 9, "8年9班")),
        ("十二年二十一班", ClassName(12, 21, "十二年二十一班")),
        ("３年　０２班", ClassName(3, 2, "3年02班")),
        ("2年級3班", ClassName(2, 3, "2年級3班")),
        ("二年甲班", ClassName(2, 1, "二年甲班")),
        ("三年丁班", ClassName(3, 4, "三年丁班")),
        ("一年忠班", ClassName(1, 1, "一年忠班")),
        ("二孝", ClassName(2, 2, "二孝")),
        ("4年b班", ClassName(4, 2, "4年B班")),
        ("國一3班", ClassName(7, 3, "國一3班")),
        ("高二平", ClassName(11, 8, "高二平")),
        ("高職三年十班", ClassName(12, 10, "高職三年十班")),
        ("201", ClassName(2, 1, "2年01班")),
        ("605", ClassName(6, 5, "6年05班")),
        ("0201", ClassName(2, 1, "2年01班")),
        ("1003", ClassName(10, 3, "10年03班")),
        ("101", ClassName(1, 1, "1年01班")),
        ("2-1", ClassName(2, 1, "2年01班")),
        ("091_1_01_02", ClassName(1, 2, "1年02班")),
    ],
)
def test_a_class_is_understood_however_it_is_written(text: str, expected: ClassName) -> None:
    assert wordings.class_name(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "class_empty"),
        ("　 ", "class_empty"),
        ("幼兒園大班", "class_form"),
        ("三十班", "class_form"),
        ("12", "class_form"),
        ("1301", "class_form"),
        ("2年", "class_form"),
        ("13年1班", "class_grade"),
        ("國四1班", "class_grade"),
        ("2年00班", "class_number"),
        ("2年十十班", "class_number"),
        ("2年100班", "class_number"),
    ],
)
def test_a_class_that_is_not_understood_says_why(text: str, code: str) -> None:
    with pytest.raises(WordingError) as caught:
        wordings.class_name(text)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "grades", "grade"),
    [
        ("1年2班", JUNIOR, 7),
        ("三年2班", SENIOR, 12),
        ("8年2班", JUNIOR, 8),
        ("102", JUNIOR, 7),
        ("2年2班", ELEMENTARY, 2),
    ],
)
def test_a_year_counted_within_the_stage_is_lifted_to_its_grade(text: str, grades: range, grade: int) -> None:
    assert wordings.class_name(text, grades=grades).grade == grade


def test_a_year_that_could_be_junior_or_senior_is_refused_until_it_says_which() -> None:
    with pytest.raises(WordingError) as caught:
        wordings.class_name("1年2班", grades=JUNIOR_AND_SENIOR)

    assert caught.value.code == "class_stage"
    assert wordings.class_name("國一2班", grades=JUNIOR_AND_SENIOR).grade == 7
    assert wordings.class_name("高一2班", grades=JUNIOR_AND_SENIOR).grade == 10


def test_a_grade_the_school_does_not_have_is_refused() -> None:
    with pytest.raises(WordingError) as caught:
        wordings.class_name("7年1班", grades=ELEMENTARY)

    assert caught.value.code == "class_grade"


@given(st.integers(1, 12), st.integers(1, 99))
def test_the_usual_way_to_write_a_class_is_read_back(grade: int, number: int) -> None:
    written = wordings.class_display(grade, number)

    assert wordings.class_name(written) == ClassName(grade, number, written)


def test_class_and_seat_in_one_code_are_taken_apart() -> None:
    assert wordings.class_and_seat("20115") == (ClassName(2, 1, "2年01班"), 15)
    assert wordings.class_and_seat("120342") == (ClassName(12, 3, "12年03班"), 42)
    with pytest.raises(WordingError):
        wordings.class_and_seat("2011")


@pytest.mark.parametrize(("text", "seat"), [("5", 5), ("05", 5), ("５號", 5), ("座號 12", 12), ("7.0", 7), ("99", 99)])
def test_a_seat_number_is_understood_however_it_is_written(text: str, seat: int) -> None:
    assert wordings.seat_number(text) == seat


@pytest.mark.parametrize("text", ["", "0", "100", "五", "5.5", "-1", "5 6 7 8"])
def test_what_is_no_seat_number_is_refused(text: str) -> None:
    with pytest.raises(WordingError) as caught:
        wordings.seat_number(text)

    assert caught.value.code == "seat"


@pytest.mark.parametrize(
    "text",
    [
        "0912345678",
        "0912-345-678",
        "0912 345 678",
        "(09)12345678",
        "０９１２－３４５－６７８",
        "+886912345678",
        "+886-912-345-678",
        "886912345678",
        "+886 0912 345 678",
        "00886912345678",
        "912345678",
        "0912.345.678",
    ],
)
def test_a_mobile_number_is_understood_however_it_is_written(text: str) -> None:
    assert wordings.mobile_number(text) == "0912345678"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "mobile_empty"),
        ("無", "mobile_characters"),
        ("0912345678#12", "mobile_characters"),
        ("0912345678/0987654321", "mobile_characters"),
        ("+84 912345678", "mobile_foreign"),
        ("02-2311-2345", "mobile_landline"),
        ("+886 2 2311 2345", "mobile_landline"),
        ("091234567", "mobile_length"),
        ("09123456789", "mobile_length"),
    ],
)
def test_what_is_no_mobile_number_says_why(text: str, code: str) -> None:
    with pytest.raises(WordingError) as caught:
        wordings.mobile_number(text)

    assert caught.value.code == code


def test_full_width_figures_become_half_width_and_chinese_stays() -> None:
    assert wordings.half_width("２年０１班　（甲）") == "2年01班 (甲)"
    assert wordings.half_width("王︁ﾊ㍿") == "王︁ﾊ㍿"


def test_every_error_says_how_to_mend_it() -> None:
    assert all(str(WordingError(code)) for code in WordingError.MESSAGES)


@given(st.text(alphabet=st.characters() | st.sampled_from("0123456789年班國高一二三十甲_-.+ 　０１")))
def test_no_text_makes_anything_but_a_wording_error(text: str) -> None:
    for parse in (wordings.class_name, wordings.class_and_seat, wordings.seat_number, wordings.mobile_number):
        try:
            parse(text)
        except WordingError as error:
            assert error.code in error.MESSAGES  # noqa: PT017 — any text may be refused, none may fail otherwise
