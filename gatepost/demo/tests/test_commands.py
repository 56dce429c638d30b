import click
import pytest
from click.testing import CliRunner, Result
from pytest_django import Settings

from gatepost.demo import city
from gatepost.demo.commands import demo, simulate
from gatepost.roster.models import School
from tests.builders import at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demonstration(settings: Settings) -> None:
    settings.DEMONSTRATION = True


def typed(*arguments: str) -> Result:
    command, *rest = arguments
    return CliRunner().invoke(demo if command == "demo" else simulate, rest)


def test_a_city_is_built_as_asked_for() -> None:
    answer = typed("demo", "--schools", "2", "--students", "30", "--days", "1")

    assert answer.exit_code == 0, answer.output
    assert "2 schools: 30 students" in answer.output


def test_a_second_city_is_one_line_and_none_is_fine_if_only_an_empty_place_was_meant() -> None:
    typed("demo", "--schools", "1", "--students", "6", "--days", "0")

    refused, fine = typed("demo"), typed("demo", "--if-empty")

    assert refused.exit_code == 1
    assert "There are 1 schools in this database already" in refused.output
    assert (fine.exit_code, fine.output) == (0, "")


def test_more_schools_than_there_are_is_one_line() -> None:
    answer = typed("demo", "--schools", "999", "--students", "2000")

    assert answer.exit_code == 1
    assert "The school list holds" in answer.output
    assert not School.objects.exists()


@pytest.mark.parametrize("command", ["morning", "reset"])
def test_outside_of_a_demonstration_nothing_is_played(command: str, settings: Settings) -> None:
    settings.DEMONSTRATION = False

    answer = typed("simulate", command)

    assert answer.exit_code == 1
    assert "GATEPOST_DEMONSTRATION=true" in answer.output


def test_without_a_city_there_is_nothing_to_play() -> None:
    assert "build a city first" in typed("simulate", "morning").output


def test_a_school_that_is_not_there_is_answered_with_those_that_are() -> None:
    city.build(schools=1, students=6, days=0, now=at("08:00"))

    answer = typed("simulate", "morning", "--school", "999999")

    assert answer.exit_code == 2
    assert "There are: 373602 雙園國小." in answer.output


def test_nobody_at_the_door_is_one_line_and_changes_nothing() -> None:
    city.build(schools=1, students=6, days=0, now=at("08:00"))

    answer = typed("simulate", "morning", "--url", "http://127.0.0.1:9")

    assert answer.exit_code == 1
    assert "Nobody answers at 127.0.0.1:9" in answer.output
    assert "Nothing is to be set back" in typed("simulate", "reset").output


@pytest.mark.parametrize("command", [demo, *simulate.commands.values()])
def test_every_command_explains_itself_with_an_example(command: click.Command) -> None:
    answer = CliRunner().invoke(command, ["--help"])

    assert answer.exit_code == 0
    assert "Example" in answer.output
