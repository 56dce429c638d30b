import base64
import os

import pytest
from pytest_django import Settings

from gatepost.kit.sealed import KeyRing
from gatepost.roster.models import Student
from gatepost.up.database import pending_migrations, require_fitting_keys, require_usable
from gatepost.up.trouble import StartError
from tests.builders import a_class, a_school, a_student

OTHER = base64.b64encode(bytes(32)).decode()
OURS_SEAL, OURS_DIGEST = (os.environ[name] for name in ("GATEPOST_SEAL_KEYS", "GATEPOST_DIGEST_KEY"))


@pytest.fixture
def sealed_student(db: None, settings: Settings) -> Student:
    student = a_student(a_class(a_school()))
    student.seal_id_number("A123456789", settings.KEY_RING)
    student.save(update_fields=["id_number_sealed", "id_number_digest"])
    return student


def test_the_database_of_the_tests_is_usable(django_db_setup: None) -> None:
    assert require_usable(os.environ["DATABASE_URL"]).endswith("UTF8")


def test_a_database_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(StartError, match=r"does not answer: .*Connection refused") as trouble:
        require_usable("postgresql://nobody@127.0.0.1:1/none")
    assert "\n" not in str(trouble.value)


def test_a_migrated_database_lacks_nothing(db: None) -> None:
    assert pending_migrations() == 0


def test_keys_fit_what_they_sealed(sealed_student: Student) -> None:
    assert require_fitting_keys()


def test_an_empty_database_fits_every_key(db: None) -> None:
    assert not require_fitting_keys()


@pytest.mark.parametrize(
    ("seal_keys", "digest_key", "name"),
    [(f"1:{OTHER}", OURS_DIGEST, "GATEPOST_SEAL_KEYS"), (OURS_SEAL, OTHER, "GATEPOST_DIGEST_KEY")],
)
def test_strange_keys_stop_the_start(
    sealed_student: Student, settings: Settings, seal_keys: str, digest_key: str, name: str
) -> None:
    settings.KEY_RING = KeyRing.parse(seal_keys, digest_key)
    with pytest.raises(StartError, match=name):
        require_fitting_keys()
