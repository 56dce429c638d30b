from pathlib import Path

import pytest

from gatepost.up.catalogues import compile_catalogues, problems

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    file = tmp_path / "locale/zh_Hant/LC_MESSAGES/django.po"
    file.parent.mkdir(parents=True)
    file.write_text(HEAD + 'msgid "Arrived at %(time)s"\nmsgstr "%(time)s 到校"\n', encoding="utf-8")
    return file


def test_a_catalogue_is_compiled_when_it_is_newer(catalogue: Path) -> None:
    locale = catalogue.parent.parent.parent
    assert compile_catalogues(locale) == 1
    assert "到校".encode() in catalogue.with_suffix(".mo").read_bytes()
    assert compile_catalogues(locale) == 0


def test_a_good_catalogue_has_no_problems(catalogue: Path) -> None:
    assert problems(catalogue.parent.parent.parent) == []


def test_a_lost_placeholder_is_named_by_line(catalogue: Path) -> None:
    catalogue.write_text(
        HEAD + '#, python-format\nmsgid "Arrived at %(time)s"\nmsgstr "%(hour)s 到校"\n', encoding="utf-8"
    )
    [line] = problems(catalogue.parent.parent.parent)
    assert line.startswith("locale/zh_Hant/LC_MESSAGES/django.po:7: ")


def test_a_doubtful_entry_may_not_be_shipped(catalogue: Path) -> None:
    catalogue.write_text(HEAD + '#, fuzzy\nmsgid "Arrived"\nmsgstr "離校"\n', encoding="utf-8")
    assert problems(catalogue.parent.parent.parent) == ["locale/zh_Hant/LC_MESSAGES/django.po:7: marked fuzzy"]


def test_what_we_ship_has_no_problems() -> None:
    assert problems() == []
