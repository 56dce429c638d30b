"""What the mails say, read in each language."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation

from gatepost.attendance.notices import ARRIVED, CORRECTED, LEFT, NOT_ARRIVED, TOPICS
from gatepost.notify.topics import Words

AT = datetime(2026, 11, 22, 23, 42, tzinfo=UTC)  # Monday 07:42 in Taipei
LANGUAGES = [code for code, _name in settings.LANGUAGES]
TAP = {
    "student": "王小明",
    "school": "雙園國小",
    "timezone": "Asia/Taipei",
    "at": AT.isoformat(),
    "source": "card",
    "place": "南門 2 號機",
}


def say(
    topic: str, data: Mapping[str, Any] = TAP, *, language: str = "zh-hant", late: timedelta = timedelta()
) -> Words:
    with translation.override(language):
        return next(one for one in TOPICS if one.code == topic).words(data, AT + late)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", [topic.code for topic in TOPICS])
@pytest.mark.parametrize("source", ["card", "guard", "teacher", "office"])
def test_every_mail_can_be_said_in_every_language(topic: str, source: str, language: str) -> None:
    said = say(topic, {**TAP, "source": source, "topic": ARRIVED}, language=language, late=timedelta(hours=1))
    assert "王小明" in said.subject
    assert "{" not in "".join([said.subject, said.headline, *said.lines])


def test_a_tap_is_told_with_who_what_when_and_where() -> None:
    said = say(ARRIVED)
    assert said.headline == "王小明 07:42 到校"
    assert said.lines == ("雙園國小 · 11月23日 星期一", "南門 2 號機刷卡。")


def test_a_child_not_seen_yet_is_told_without_blame() -> None:
    said = say(NOT_ARRIVED)
    assert said.headline == "尚未看到王小明的刷卡紀錄（07:42）"
    assert said.lines[1] == "校門讀卡機運作正常，學校正在點名確認。"


def test_a_date_is_written_as_the_language_writes_it() -> None:
    dates = {language: say(LEFT, language=language).lines[0].partition(" · ")[2] for language in LANGUAGES}
    assert dates == {
        "zh-hant": "11月23日 星期一",
        "en": "Monday, 23 November",
        "vi": "Thứ Hai, 23/11",
        "id": "Senin, 23 November",
    }


def test_what_is_late_says_so() -> None:
    assert len(say(ARRIVED, late=timedelta(minutes=20)).lines) == len(say(ARRIVED).lines) + 1


class TestACorrection:
    def test_names_the_message_that_was_wrong(self) -> None:
        assert "07:42 到校" in say(CORRECTED, {**TAP, "topic": ARRIVED}).lines[1]
        assert "07:42 離校" in say(CORRECTED, {**TAP, "topic": LEFT}).lines[1]

    def test_of_an_alarm_is_an_apology(self) -> None:
        assert "抱歉" in say(CORRECTED).lines[1]
