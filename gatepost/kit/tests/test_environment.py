from pathlib import Path

import pytest

from gatepost.kit.environment import Environment, SettingsError


@pytest.mark.parametrize(
    ("text", "meaning"), [("true", True), ("1", True), ("TRUE", True), ("false", False), ("0", False)]
)
def test_a_boolean_is_true_false_one_or_zero(text: str, meaning: bool) -> None:
    assert Environment({"GATEPOST_DEBUG": text}).boolean("GATEPOST_DEBUG", not meaning) is meaning


@pytest.mark.parametrize("text", ["yes", "on", "2", "t", "True!", "truthy"])
def test_any_other_word_for_a_boolean_is_refused(text: str) -> None:
    environment = Environment({"GATEPOST_DEBUG": text})
    environment.boolean("GATEPOST_DEBUG", False)
    with pytest.raises(SettingsError, match="GATEPOST_DEBUG must be true or false"):
        environment.settle()


def test_what_is_not_set_or_empty_has_its_default() -> None:
    environment = Environment({"EMPTY": " "})
    assert environment.boolean("EMPTY", True) is True
    assert environment.integer("EMPTY", 7, at_least=1, at_most=9) == 7
    assert environment.text("MISSING", "x") == "x"
    assert environment.listing("MISSING", ["a"]) == ["a"]
    assert environment.secret("MISSING", "quiet") == "quiet"
    environment.settle()


@pytest.mark.parametrize("text", ["0", "65536", "8000 ", "-1"])
def test_a_number_keeps_to_its_bounds(text: str) -> None:
    environment = Environment({"GATEPOST_PORT": text})
    port = environment.integer("GATEPOST_PORT", 8025, at_least=1, at_most=65535)
    if text.strip() == "8000":
        assert port == 8000
        environment.settle()
    else:
        with pytest.raises(SettingsError, match="GATEPOST_PORT must be a whole number from 1 to 65535"):
            environment.settle()


@pytest.mark.parametrize("text", ["8_000", "0x10", "٣", "1e3", "8000;", "9" * 40])
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    environment = Environment({"GATEPOST_PORT": text})
    assert environment.integer("GATEPOST_PORT", 8000, at_least=1, at_most=65535) == 8000
    assert len(environment.problems) == 1


def test_a_choice_is_one_of_its_words() -> None:
    environment = Environment({"MODE": "fast", "OTHER": "slow"})
    assert environment.choice("OTHER", "quick", among=["quick", "slow"]) == "slow"
    assert environment.choice("MODE", "quick", among=["quick", "slow"]) == "quick"
    assert environment.problems == ["MODE must be one of quick, slow, not 'fast'"]


def test_a_list_stands_between_commas() -> None:
    assert Environment({"HOSTS": " a.example, b.example ,"}).listing("HOSTS") == ["a.example", "b.example"]


def test_a_url_needs_its_scheme_and_host_and_is_not_repeated_in_the_message() -> None:
    good = "postgresql://gatepost:hunter2@db.example/gatepost"
    environment = Environment(
        {"DATABASE_URL": good, "OTHER": "mysql://u:hunter2@db/x", "BARE": "https://", "PORT": "http://a:b/"}
    )
    assert environment.url("DATABASE_URL", "", schemes=["postgresql", "postgres"]) == good
    assert environment.url("OTHER", "", schemes=["postgresql", "postgres"]) == ""
    environment.url("BARE")
    environment.url("PORT")
    with pytest.raises(SettingsError) as trouble:
        environment.settle()
    assert "OTHER must be a URL that begins with postgresql:// or postgres://" in str(trouble.value)
    assert "BARE is a URL without a host" in str(trouble.value)
    assert "PORT is not a URL" in str(trouble.value)
    assert "hunter2" not in str(trouble.value)


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s3cret \n")
    assert Environment({"KEY_FILE": str(file)}).secret("KEY") == "s3cret "


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "KEY is not set (nor KEY_FILE)"),
        ({"KEY_FILE": "/nowhere/key"}, "KEY_FILE cannot be read: No such file or directory"),
        ({"KEY_FILE": "/dev/null"}, "KEY_FILE names an empty file"),
        ({"KEY": "a", "KEY_FILE": "/dev/null"}, "KEY and KEY_FILE are both set; keep one"),
    ],
)
def test_a_secret_fails_loudly(values: dict[str, str], line: str) -> None:
    environment = Environment(values)
    assert environment.secret("KEY") == ""
    assert environment.problems == [line]


def test_a_secret_file_that_cannot_be_read_is_never_replaced_by_the_default() -> None:
    environment = Environment({"KEY_FILE": "/nowhere/key"})
    assert environment.secret("KEY", "default") == ""
    assert environment.problems


def test_all_problems_stand_in_one_line() -> None:
    environment = Environment({"A": "maybe", "B": "ten"})
    environment.boolean("A", False)
    environment.integer("B", 1, at_least=1, at_most=9)
    environment.text("C")
    with pytest.raises(SettingsError) as trouble:
        environment.settle()
    assert str(trouble.value) == (
        "Settings: A must be true or false (or 1, 0), not 'maybe'; "
        "B must be a whole number from 1 to 9, not 'ten'; C is not set."
    )
    environment.settle()
