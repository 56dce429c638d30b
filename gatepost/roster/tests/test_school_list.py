import re

import pytest

from gatepost.roster import school_list
from gatepost.roster.models import Stage
from gatepost.roster.school_list import SchoolEntry, districts, schools


def school(code: str) -> SchoolEntry:
    return next(entry for entry in schools() if entry.code == code)


def test_the_city_has_twelve_districts() -> None:
    assert [district.code for district in districts()] == [str(code) for code in range(31, 43)]
    assert districts()[2].name_en == "Da'an"
    assert len({district.postal_code for district in districts()}) == 12


def test_every_school_has_its_own_code_and_short_name_and_a_district_of_the_city() -> None:
    entries = schools()

    assert len(entries) == 283
    assert len({entry.code for entry in entries}) == len({entry.short_name for entry in entries}) == len(entries)
    assert {entry.district_code for entry in entries} == {district.code for district in districts()}
    assert all(re.fullmatch(r"[0-9A-Z]{6}", entry.code) for entry in entries)


def test_levels_and_stages_are_those_of_the_roster() -> None:
    stages = {stage for entry in schools() for stage in (entry.level, *entry.stages)}

    assert stages == set(Stage.values) == set(school_list.STAGE_GRADES)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("臺北市大安區龍安國民小學", "龍安國小"),
        ("臺北市中正區國語實驗國民小學", "國語實驗國小"),
        ("臺北市和平實驗國民小學", "和平實驗國小"),
        ("臺北市立介壽國民中學", "介壽國中"),
        ("臺北市立建國高級中學", "建國高中"),
        ("臺北市立第一女子高級中學", "北一女中"),
        ("臺北市立中山女子高級中學", "中山女高"),
        ("臺北市立景美女子高級中學", "景美女中"),
        ("國立臺灣師範大學附屬高級中學", "師大附中"),
        ("國立政治大學附設實驗國民小學", "政大附小"),
        ("臺北市立大學附設實驗國民小學", "北市大附小"),
        ("臺北市立松山高級商業家事職業學校", "松山家商"),
        ("臺北市立松山高級工農職業學校", "松山工農"),
        ("臺北市立士林高級商業職業學校", "士林高商"),
        ("臺北市立文山特殊教育學校", "文山特教學校"),
        ("臺北市數位實驗高級中等學校", "數位實驗高中"),
        ("私立立人國際國民中小學", "立人國際國中小"),
    ],
)
def test_a_school_is_called_what_people_call_it(name: str, short: str) -> None:
    assert school_list.short_name(name) == short


def test_a_private_school_keeps_the_word_where_a_public_one_has_the_same_name() -> None:
    assert school("341302").short_name == "私立大同高中"
    assert school("381602").short_name == "私立中山小學"
    assert school("331601").short_name == "復興國小"
    assert school("331601").private
    assert not school("343302").private


def test_a_school_may_hold_two_stages() -> None:
    assert school("330301").stages == ("junior_high", "senior_high")
    assert school("353301").stages == ("senior_high",)
    assert sum(len(entry.stages) == 2 for entry in schools()) == 14


def test_a_domain_is_given_where_it_is_known() -> None:
    assert school("333601").domain == "laes"
    assert school("413F01").domain == ""
