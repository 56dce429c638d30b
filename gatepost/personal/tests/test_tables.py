"""No table that names an account can be forgotten in a copy."""

from collections.abc import Iterator

from django.apps import apps
from django.db.models import Field, Model

from gatepost.accounts.models import Account
from gatepost.personal.children import OF_CHILD
from gatepost.personal.sections import OF_ACCOUNT
from gatepost.personal.tables import GIVEN, NOT_GIVEN
from gatepost.personal.words import LABELS

HOLDS_AN_ID = ("account_id", "by_id", "actor_id")


def naming() -> Iterator[str]:
    """Every column that says which account."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            if names_an_account(model, field):
                yield f"{model._meta.label}.{field.name}"


def names_an_account(model: type[Model], field: "Field[object, object]") -> bool:
    if field.related_model is Account:
        return True
    by_number = field.name in HOLDS_AN_ID or field.name.endswith("_by_id")
    return by_number and field.get_internal_type() == "UUIDField"


def test_every_table_that_names_an_account_is_given_or_says_why_not() -> None:
    found = set(naming())
    assert len(found) > 40  # it looks at all rooms and libraries
    assert found == set(GIVEN) | set(NOT_GIVEN), "add a section to gatepost/personal, or a reason to its tables.py"
    assert not set(GIVEN) & set(NOT_GIVEN)
    assert set(GIVEN.values()) <= {section.name for section in (*OF_ACCOUNT, *OF_CHILD)}


def test_every_column_of_the_readable_copy_has_a_heading() -> None:
    assert {key for section in (*OF_ACCOUNT, *OF_CHILD) for key in section.columns} <= set(LABELS)
