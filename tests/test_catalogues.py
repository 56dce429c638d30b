"""The catalogues hold what the sources say, in the words of those who read them."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation.template import templatize

from gatepost.up.catalogues import LOCALE, compile_catalogues, problems

PACKAGE = LOCALE.parent
LANGUAGES = ["zh_Hant", "vi", "id"]  # English stands in the sources

# Who works for a school, the bureau or the platform reads Chinese or English. All else, families may come to see.
STAFF_ONLY = (
    "cards/numbers.py",
    "portals/bureau/",
    "portals/noticeboard.py",
    "portals/operator/",
    "portals/people/",
    "portals/school/",
    "portals/templates/bureau/",
    "portals/templates/operator/",
    "portals/templates/portals/noticeboard",
    "portals/templates/people/",
    "portals/templates/school/",
    "roster/",
)

KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|{\w*}")

# Big5 is what Taiwan writes with; these simplified characters are in it all the same.
SIMPLIFIED_IN_BIG5 = set("机体万与网复胜")
# What is said otherwise in Taiwan: 訊息, 簡訊, 影片, 預設, 登入 or 新增, 使用者, 帳號, 網路, 連結, 螢幕, 資料, …
NOT_SAID_IN_TAIWAN = [
    *["信息", "短信", "視頻", "默認", "登錄", "用戶", "賬號", "網絡", "鏈接", "屏幕", "數據", "服務器", "郵箱"],
    *["點擊", "激活", "設置", "令牌", "加載", "刷新", "軟件", "字符", "查找", "打印", "文件夾", "短消息"],
]

Key = tuple[str | None, str]


def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as stream:
        return read_po(stream, locale=language)


def entries(language: str) -> list[Message]:
    return [entry for entry in catalogue(language) if entry.id]


def key(entry: Message) -> Key:
    return entry.context, entry.id if isinstance(entry.id, str) else entry.id[0]


def said(entry: Message) -> str:
    return entry.string if isinstance(entry.string, str) else (entry.string or ("",))[0]


def meant(entry: Message) -> str:
    """The English text; of a plural the form that has the number."""
    return entry.id if isinstance(entry.id, str) else entry.id[-1]


def is_for_families(entry: Message) -> bool:
    return any(not place.startswith(STAFF_ONLY) for place, _line in entry.locations)


def sources() -> Iterator[tuple[Path, str]]:
    """Every file that `make messages` reads, as Python."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, path.read_text()
    for path in sorted([*PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.txt")]):
        yield path, templatize(path.read_text(), origin=str(path))


def gathered(python: str) -> Iterator[Key]:
    for _line, found, _comments, context in extract("python", io.BytesIO(python.encode()), keywords=KEYWORDS):
        yield context, found if isinstance(found, str) else found[0]


def test_everything_the_sources_say_is_in_the_catalogues() -> None:
    asked = {one: path.relative_to(PACKAGE) for path, python in sources() for one in gathered(python)}
    known = {key(entry) for entry in entries("zh_Hant")}
    missing = {text: str(path) for (context, text), path in asked.items() if (context, text) not in known}
    assert not missing, "make messages, then translate"


def test_nothing_to_translate_hides_in_an_f_string() -> None:
    """`make messages` does not look into f-strings."""
    hidden = [
        f"{path.relative_to(PACKAGE)}:{call.lineno}"
        for path in PACKAGE.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text()))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS
    ]
    assert not hidden


def test_no_entry_is_doubtful_and_every_placeholder_is_kept() -> None:
    assert not problems()
    wrong = [
        (language, said(entry))
        for language in LANGUAGES
        for entry in entries(language)
        if said(entry) and set(PLACEHOLDER.findall(said(entry))) != set(PLACEHOLDER.findall(meant(entry)))
    ]
    assert not wrong


def test_every_text_breaks_its_lines_where_the_source_does() -> None:
    """Two texts that a merge has put together have a line too many."""
    wrong = [
        (language, said(entry))
        for language in LANGUAGES
        for entry in entries(language)
        if said(entry) and said(entry).count("\n") != meant(entry).count("\n")
    ]
    assert not wrong


def test_vietnamese_addresses_families_as_an_office_does() -> None:
    """“Quý vị” everywhere; “bạn” is for friends (kết bạn: to add as a friend)."""
    familiar = re.compile(r"(?<!kết )\bbạn\b", re.IGNORECASE)
    assert not [said(entry) for entry in entries("vi") if familiar.search(said(entry))]


def test_the_catalogues_compile_anew(tmp_path: Path) -> None:
    copytree(LOCALE, tmp_path / "locale", ignore=lambda _folder, names: [name for name in names if ".mo" in name])
    assert compile_catalogues(tmp_path / "locale") == len(LANGUAGES)
    assert len(list(tmp_path.rglob("django.mo"))) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_without_plurals_has_one_form(language: str) -> None:
    assert catalogue(language).num_plurals == 1


def test_chinese_says_everything() -> None:
    assert not [meant(entry) for entry in entries("zh_Hant") if not said(entry)]


@pytest.mark.parametrize("language", ["vi", "id"])
def test_families_are_told_everything_in_their_language(language: str) -> None:
    assert not [meant(entry) for entry in entries(language) if is_for_families(entry) and not said(entry)]


@pytest.mark.parametrize("language", ["vi", "id"])
def test_no_chinese_strays_into_another_language(language: str) -> None:
    assert not [said(entry) for entry in entries(language) if re.search(r"[\u4e00-\u9fff]", said(entry))]


class TestChineseOfTaiwan:
    def test_has_no_simplified_characters(self) -> None:
        text = "".join(said(entry) for entry in entries("zh_Hant"))
        assert not [one for one in dict.fromkeys(re.findall(r"[\u4e00-\u9fff]", text)) if is_simplified(one)]

    def test_has_no_words_from_elsewhere(self) -> None:
        found = [(word, said(one)) for one in entries("zh_Hant") for word in NOT_SAID_IN_TAIWAN if word in said(one)]
        assert not found

    def test_has_full_width_punctuation(self) -> None:
        half = re.compile(r"[\u4e00-\u9fff][,;:?!.()]|[,;:?!()][\u4e00-\u9fff]")
        assert not [said(entry) for entry in entries("zh_Hant") if half.search(said(entry))]

    def test_is_polite(self) -> None:
        assert not [said(entry) for entry in entries("zh_Hant") if "你" in said(entry)]

    def test_calls_things_by_their_names(self) -> None:
        names = {
            "Arrived": "到校",
            "Left": "離校",
            "Not arrived": "未到校",
            "On leave": "請假",
            "Manual entry": "無卡補登",
            "Reader": "讀卡機",
            "Addresses": "聯絡方式",
            "Message": "通知",
            "Registrar": "註冊組",
            "Gatepost": "校門口",
        }
        with translation.override("zh-hant"):
            assert {name: gettext(name) for name in names} == names


def is_simplified(character: str) -> bool:
    try:
        character.encode("big5")
    except UnicodeEncodeError:
        return True
    return character in SIMPLIFIED_IN_BIG5


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh-hant", "這一欄必填。"), ("vi", "Mục này phải điền."), ("id", "Bagian ini harus diisi.")],
)
def test_our_words_come_before_those_of_django(language: str, words: str) -> None:
    with translation.override(language):
        assert gettext("This field is required.") == words
