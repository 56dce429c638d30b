import pytest

from gatepost.config import line
from gatepost.kit.environment import Environment, SettingsError

WHOLE = {
    "GATEPOST_LINE_CHANNEL_SECRET": "a-channel-secret",
    "GATEPOST_LINE_ACCESS_TOKEN": "an-access-token",
    "GATEPOST_LINE_ACCOUNT": "@123abcde",
}


def read(values: dict[str, str], *, demonstration: bool = False) -> line.Line:
    environment = Environment(values)
    found = line.read(environment, demonstration=demonstration)
    environment.settle()
    return found


def test_with_all_of_them_the_channel_is_on() -> None:
    assert read(WHOLE) == ("a-channel-secret", "an-access-token", "@123abcde", "https://api.line.me")


def test_without_them_it_is_off() -> None:
    assert not read({}).account


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_half_of_them_stops_the_start(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        read({name: value for name, value in WHOLE.items() if name != missing})


@pytest.mark.parametrize("account", ["123abcde", "@", "@A B", "https://line.me/x"])
def test_what_is_no_account_stops_the_start(account: str) -> None:
    with pytest.raises(SettingsError, match="GATEPOST_LINE_ACCOUNT"):
        read({**WHOLE, "GATEPOST_LINE_ACCOUNT": account})


def test_the_access_token_does_not_travel_in_the_open() -> None:
    plain = {**WHOLE, "GATEPOST_LINE_API": "http://127.0.0.1:9000"}
    assert read(plain, demonstration=True).api == "http://127.0.0.1:9000"
    with pytest.raises(SettingsError, match="GATEPOST_LINE_API"):
        read(plain)
