from pathlib import Path

import pytest

from gatepost.up import preparations
from gatepost.up.places import Places, read_places

WHO = [["guardian", "林雅惠", "guardian@gatepost.example", "open"]]
ENVIRONMENT = {"GATEPOST_SEAL_KEYS": "1:a", "GATEPOST_DEMONSTRATION": "true"}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A `var/` whose preparations were just done."""
    found = read_places({"GATEPOST_VAR": str(tmp_path)})
    (found.postgres / "data").mkdir(parents=True)
    (found.postgres / "data/PG_VERSION").write_text("18\n")
    preparations.remember(found, ENVIRONMENT, WHO)
    return found


def test_preparations_hold_while_nothing_has_changed(places: Places) -> None:
    assert preparations.remembered(places, ENVIRONMENT) == WHO


def test_new_keys_need_new_preparations(places: Places) -> None:
    assert preparations.remembered(places, {**ENVIRONMENT, "GATEPOST_SEAL_KEYS": "1:b"}) is None


def test_a_demonstration_is_prepared_where_there_was_none(places: Places) -> None:
    assert preparations.remembered(places, {**ENVIRONMENT, "GATEPOST_DEMONSTRATION": "false"}) is None


def test_a_new_migration_needs_new_preparations(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "roster/migrations").mkdir(parents=True)
    (tmp_path / "roster/migrations/0099_more.py").write_text("more")
    monkeypatch.setattr(preparations, "PACKAGE", tmp_path)
    assert preparations.remembered(places, ENVIRONMENT) is None


def test_a_new_data_folder_needs_new_preparations(places: Places) -> None:
    version = places.postgres / "data/PG_VERSION"
    version.unlink()
    assert preparations.remembered(places, ENVIRONMENT) is None
    version.write_text("18\n")
    assert preparations.remembered(places, ENVIRONMENT) is None


def test_preparations_that_were_begun_do_not_hold(places: Places) -> None:
    preparations.forget(places)
    assert preparations.remembered(places, ENVIRONMENT) is None


def test_a_file_that_was_spoilt_is_no_memory(places: Places) -> None:
    (places.var / "prepared.json").write_text("[7")
    assert preparations.remembered(places, ENVIRONMENT) is None
