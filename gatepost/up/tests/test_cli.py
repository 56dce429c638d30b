"""The command line as it is typed."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pytest_django import Settings

from gatepost.cli import ELSEWHERE, cli
from gatepost.up import doctor
from gatepost.up.trouble import StartError


def typed(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPOST_", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, "-m", "gatepost", *arguments],
        cwd=cwd,
        env={**ours, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def ours() -> list[str]:
    return [name for name, command in cli.commands.items() if name != "django"]


@pytest.mark.parametrize("name", [*ours(), *ELSEWHERE])
def test_every_command_has_help_with_an_example(name: str, tmp_path: Path) -> None:
    command = ["simulate", "morning"] if name == "simulate" else [name]
    answer = typed(*command, "--help", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert f"gatepost {' '.join(command)}" in answer.stdout.split("Usage:")[1].split("\n", 1)[1]


def test_the_list_of_commands_loads_neither_django_nor_the_rooms(tmp_path: Path) -> None:
    code = (
        "import sys, click.testing; from gatepost.cli import cli\n"
        "said = click.testing.CliRunner().invoke(cli, ['--help']).output\n"
        "print('simulate' in said, [name for name in sys.modules if name.startswith(('django', 'psycopg', 'granian'))])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "True []\n"


def test_an_unknown_command_is_refused() -> None:
    answer = CliRunner().invoke(cli, ["fly"])
    assert answer.exit_code == 2
    assert "No such command 'fly'" in answer.output


@pytest.mark.parametrize("name", ["check", "worker", "web", "gate"])
def test_without_a_database_a_command_says_so_in_one_line(name: str, tmp_path: Path) -> None:
    answer = typed(name, cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == (
        "gatepost: No database: start Gatepost first (`make up`, in another terminal), or set DATABASE_URL.\n"
    )


def test_missing_keys_are_named_together_in_one_line(tmp_path: Path) -> None:
    answer = typed("check", cwd=tmp_path, DATABASE_URL="postgresql:///x")
    assert answer.returncode == 1
    assert answer.stderr.startswith(
        "gatepost: Settings: GATEPOST_SECRET_KEY is not set (nor GATEPOST_SECRET_KEY_FILE); "
    )
    assert "GATEPOST_SEAL_KEYS is not set" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_mistake_of_ours_shows_its_place_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from gatepost import cli as module

    @click.command()
    def broken() -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(module, "cli", broken)
    monkeypatch.setattr(sys, "argv", ["gatepost"])
    monkeypatch.delenv("GATEPOST_TRACEBACK", raising=False)
    with pytest.raises(SystemExit) as ending:
        module.main()
    assert ending.value.code == 1
    monkeypatch.setenv("GATEPOST_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        module.main()


def test_the_doctor_finds_what_is_missing(tmp_path: Path) -> None:
    answer = typed("doctor", cwd=tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert answer.returncode == 1
    assert "trouble  settings     Settings: GATEPOST_SECRET_KEY is not set" in answer.stdout
    assert "trouble  database     The database of DATABASE_URL does not answer" in answer.stdout


def test_the_doctor_is_content_where_all_is_well(tmp_path: Path, db: None) -> None:
    environment = {name: os.environ[name] for name in os.environ if name.startswith(("GATEPOST_", "DATABASE_URL"))}
    answer = typed("doctor", cwd=tmp_path, **environment, GATEPOST_DEMONSTRATION="true", GATEPOST_SMTP_PORT="1")
    lines = answer.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("trouble")] == ["mail"], answer
    assert "ok       tables       up to date" in lines


def test_the_doctor_asks_who_answers_for_the_data(settings: Settings) -> None:
    settings.PRIVACY_BODY = settings.PRIVACY_CONTACT = ""
    with pytest.raises(StartError, match="set GATEPOST_PRIVACY_BODY and GATEPOST_PRIVACY_CONTACT"):
        doctor.who_answers()
    settings.PRIVACY_BODY, settings.PRIVACY_CONTACT = "某市教育局", "privacy@city.example"
    assert "某市教育局" in doctor.who_answers()
