"""The lock, the ports and the places that a start stands on."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.kit.environment import SettingsError
from gatepost.up.envfile import write_env
from gatepost.up.lock import holder, only_one
from gatepost.up.places import Places, read_places
from gatepost.up.ports import require_free
from gatepost.up.surroundings import join
from gatepost.up.trouble import StartError


def places(var: Path) -> Places:
    return read_places({"GATEPOST_VAR": str(var)})


def test_a_second_one_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with (
        only_one(tmp_path / "lock", address="http://127.0.0.1:8000"),
        pytest.raises(StartError, match=rf"already runs on {tmp_path}: process {os.getpid()}, http://127.0.0.1:8000/"),
        only_one(tmp_path / "lock", address="http://127.0.0.1:9000"),
    ):
        pass


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    with only_one(tmp_path / "lock", address="here"):
        assert holder(tmp_path / "lock") == f"process {os.getpid()}, here/"
    assert holder(tmp_path / "lock") is None
    with only_one(tmp_path / "lock", address="here"):
        pass


def test_nobody_holds_a_lock_that_is_not_there(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") is None


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        probe.listen()
        yield probe.getsockname()[1]


def test_a_taken_port_is_named_with_its_variable(taken: int) -> None:
    with pytest.raises(StartError, match=rf"^Port {taken} is taken: set GATEPOST_PORT to another one\.$"):
        require_free("127.0.0.1", {"GATEPOST_PORT": taken}, patience_seconds=0)


def test_two_of_our_own_may_not_share_a_port() -> None:
    with pytest.raises(StartError, match="GATEPOST_PORT and GATEPOST_MAIL_PORT are the same port"):
        require_free("127.0.0.1", {"GATEPOST_PORT": 8000, "GATEPOST_MAIL_PORT": 8000}, patience_seconds=0)


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(StartError, match="cannot be used"):
        require_free("192.0.2.1", {"GATEPOST_PORT": 8000}, patience_seconds=0)


def test_places_come_from_the_environment(tmp_path: Path) -> None:
    found = read_places({"GATEPOST_VAR": str(tmp_path), "GATEPOST_PORT": "9000", "GATEPOST_LISTEN": "0.0.0.0"})
    assert found.var == tmp_path
    assert found.site_url == "http://127.0.0.1:9000"


def test_an_impossible_port_is_refused() -> None:
    with pytest.raises(SettingsError, match="GATEPOST_PORT must be a whole number from 1 to 65535, not '80000'"):
        read_places({"GATEPOST_PORT": "80000"})


def test_a_command_beside_a_running_gatepost_finds_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("GATEPOST_SECRET_KEY", "ours")
    here = places(tmp_path)
    write_env(here.keys, {"GATEPOST_SECRET_KEY": "theirs"}, heading="keys")
    write_env(here.running, {"DATABASE_URL": "postgresql:///found"}, heading="running")
    with only_one(here.lock, address="here"):
        join(here)
    assert os.environ["DATABASE_URL"] == "postgresql:///found"
    assert os.environ["GATEPOST_SECRET_KEY"] == "ours"


def test_what_a_killed_gatepost_left_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    write_env(places(tmp_path).running, {"DATABASE_URL": "postgresql:///gone"}, heading="running")
    with pytest.raises(StartError, match="No database: start Gatepost first"):
        join(places(tmp_path))
