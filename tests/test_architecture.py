"""What the import contract cannot see: foreign keys are named by string, and point from floor to floor all the same."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import ForeignKey, Model

ROOT = Path(__file__).parent.parent
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]


def floors() -> dict[str, int]:
    """The floor of each room, the lowest 0, as the contract in `pyproject.toml` draws them."""
    layers = reversed(CONTRACT["layers"])
    return {room.strip(): floor for floor, rooms in enumerate(layers) for room in rooms.split("|")}


ROOMS = [app for app in apps.get_app_configs() if app.name.startswith("gatepost.")]
FOREIGN_KEYS = [
    (model, field)
    for app in ROOMS
    for model in app.get_models()
    for field in model._meta.fields
    if isinstance(field, ForeignKey)
]


@pytest.mark.parametrize(("model", "field"), FOREIGN_KEYS, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_foreign_key_points_down_the_floors(model: type[Model], field: ForeignKey[Model, Model]) -> None:
    here = model._meta.app_label
    there = field.related_model._meta.app_label
    if there not in floors():
        return  # a library's table
    # Audit stands below accounts and keeps only the number of who acted.
    if (here, there) == ("audit", "accounts"):
        assert not getattr(field, "db_constraint", True)
        return
    assert here == there or floors()[there] < floors()[here], f"{here} points up at {there}"


def test_every_room_says_what_it_is_for() -> None:
    silent = [app.name for app in ROOMS if len((app.module.__doc__ or "").split()) < 12]
    assert not silent


def test_rooms_without_tables_have_none() -> None:
    assert not [app.name for app in ROOMS if app.label == "portals" and list(app.get_models())]


def test_every_app_of_ours_stands_on_a_floor() -> None:
    assert {app.label for app in ROOMS} <= set(floors())
