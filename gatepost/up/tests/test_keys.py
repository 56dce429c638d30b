import base64
from pathlib import Path

import pytest

from gatepost.kit.sealed import KeyRing
from gatepost.up.envfile import read_env, write_env
from gatepost.up.keys import NAMES, kept_keys
from gatepost.up.trouble import StartError


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    made = kept_keys(file, data=tmp_path / "data", environment={})
    (tmp_path / "data").mkdir()
    assert kept_keys(file, data=tmp_path / "data", environment={}) == made
    assert set(made) == set(NAMES)


def test_keys_are_what_sealing_needs(tmp_path: Path) -> None:
    keys = kept_keys(tmp_path / "secrets.env", data=tmp_path / "data", environment={})
    ring = KeyRing.parse(keys["GATEPOST_SEAL_KEYS"], keys["GATEPOST_DIGEST_KEY"])
    assert ring.open(ring.seal("A123456789", place="here"), place="here") == "A123456789"
    assert len(keys["GATEPOST_SECRET_KEY"]) >= 50
    assert len(base64.b64decode(keys["GATEPOST_DIGEST_KEY"])) == 32


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    kept_keys(tmp_path / "secrets.env", data=tmp_path / "data", environment={})
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_what_the_environment_gives_is_neither_made_nor_kept(tmp_path: Path) -> None:
    given = {"GATEPOST_SECRET_KEY": "given", "GATEPOST_DIGEST_KEY_FILE": "/run/secrets/digest"}
    keys = kept_keys(tmp_path / "secrets.env", data=tmp_path / "data", environment=given)
    assert set(keys) == {"GATEPOST_SEAL_KEYS"}
    assert set(read_env(tmp_path / "secrets.env")) == {"GATEPOST_SEAL_KEYS"}


def test_lost_keys_are_not_replaced_while_there_is_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(StartError, match="bring the file back"):
        kept_keys(tmp_path / "secrets.env", data=tmp_path / "data", environment={})
    assert not (tmp_path / "secrets.env").exists()


def test_an_env_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    settings = {"A": "1:x=y#z", "B": "", "C": "中文"}
    write_env(tmp_path / "some.env", settings, heading="Something.")
    assert read_env(tmp_path / "some.env") == settings


def test_an_env_file_with_a_strange_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.env").write_text("A=1\nexport B=2\n")
    with pytest.raises(StartError, match="not NAME=value"):
        read_env(tmp_path / "some.env")
