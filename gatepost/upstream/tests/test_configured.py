"""What the settings of the identities have to be."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from gatepost.kit.environment import Environment, SettingsError
from gatepost.upstream import configured

TAIPEI_PASS = {
    "GATEPOST_TAIPEI_PASS_URL": "https://id.example.org/tpcd/",
    "GATEPOST_TAIPEI_PASS_CLIENT_ID": "gatepost",
    "GATEPOST_TAIPEI_PASS_CLIENT_SECRET": "secret",
    "GATEPOST_TAIPEI_PASS_LEVELS": "1, 2",
}
TWFIDO = {
    "GATEPOST_TWFIDO_URL": "https://fido.example.org",
    "GATEPOST_TWFIDO_SERVICE_ID": "gatepost",
    "GATEPOST_TWFIDO_KEY": base64.b64encode(bytes(32)).decode(),
}
MOBILE_ID = {
    "GATEPOST_MOBILE_ID_URL": "https://mid.example.org/IDPortal",
    "GATEPOST_MOBILE_ID_BUSINESS_NO": "gatepost",
    "GATEPOST_MOBILE_ID_KEY_NO": "1",
    "GATEPOST_MOBILE_ID_KEY": "secret",
}
Reader = Callable[..., Any]
WAYS: tuple[tuple[Reader, dict[str, str]], ...] = (
    (configured.taipei_pass, TAIPEI_PASS),
    (configured.twfido, TWFIDO),
    (configured.mobile_id, MOBILE_ID),
)


def problems(read: Reader, values: dict[str, str], *, demonstration: bool = False) -> str:
    environment = Environment(values)
    read(environment, demonstration=demonstration)
    try:
        environment.settle()
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("read", "values"), WAYS)
def test_a_way_is_off_until_its_address_is_set_and_then_whole(read: Reader, values: dict[str, str]) -> None:
    assert read(Environment({}), demonstration=False) is None
    assert problems(read, values) == ""
    for name in list(values)[1:]:
        assert name in problems(read, {**values, name: ""})


@pytest.mark.parametrize(("read", "values"), WAYS)
def test_only_a_demonstration_asks_without_encryption(read: Reader, values: dict[str, str]) -> None:
    simulated = {**values, next(iter(values)): "http://127.0.0.1:8026/x"}
    assert "https" in problems(read, simulated)
    assert problems(read, simulated, demonstration=True) == ""


@pytest.mark.parametrize(
    ("read", "values", "name", "wrong"),
    [
        (configured.taipei_pass, TAIPEI_PASS, "GATEPOST_TAIPEI_PASS_LEVELS", "0,1"),
        (configured.taipei_pass, TAIPEI_PASS, "GATEPOST_TAIPEI_PASS_SHAPE", "saml"),
        (configured.twfido, TWFIDO, "GATEPOST_TWFIDO_KEY", "c2hvcnQ="),
        (configured.twfido, TWFIDO, "GATEPOST_TWFIDO_KEY", "not base64!"),
    ],
)
def test_a_word_that_is_not_understood_is_a_problem(
    read: Reader, values: dict[str, str], name: str, wrong: str
) -> None:
    said = problems(read, {**values, name: wrong})
    assert name in said
    assert wrong not in said or "must be one of" in said


def test_no_secret_is_shown() -> None:
    for read, values in WAYS:
        assert "secret" not in repr(read(Environment(values), demonstration=False)).replace("client_secret", "")
