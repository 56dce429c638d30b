"""The keys that sign: sealed, published ahead, renewed, withdrawn."""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from gatepost.kit.clock import utc_now
from gatepost.kit.sealed import SealError
from gatepost.sso import keys
from gatepost.sso.commands import signing_keys
from gatepost.sso.models import SigningKey

pytestmark = pytest.mark.django_db

NOW = utc_now()
HOUR = timedelta(hours=1)


def test_the_private_half_is_nowhere_in_clear() -> None:
    keys.key_set(NOW)
    key = SigningKey.objects.get()
    kept = bytes(key.private_sealed or b"") + repr(key.public).encode()
    assert b"PRIVATE KEY" not in kept
    assert set(key.public) == {"kty", "n", "e", "kid", "use", "alg"}


def test_a_sealed_key_opens_in_its_own_row_only() -> None:
    keys.key_set(NOW)
    other = keys.rotate(now=NOW)
    SigningKey.objects.exclude(pk=other.pk).update(private_sealed=other.private_sealed)
    with pytest.raises(SealError):
        keys.sign({"sub": "x"}, kind="JWT", now=NOW)


def test_a_new_key_is_published_before_it_signs() -> None:
    first = keys.key_set(NOW)["keys"][0]["kid"]
    second = keys.rotate(now=NOW).kid
    assert {key["kid"] for key in keys.key_set(NOW)["keys"]} == {first, second}
    early, late = (keys.sign({"sub": "x"}, kind="JWT", now=at) for at in (NOW, NOW + 2 * HOUR))
    assert keys.read(early, now=NOW) == keys.read(late, now=NOW) == {"sub": "x"}
    assert SigningKey.objects.get(kid=first).ended_at == NOW + HOUR + keys.KEPT
    after = NOW + 2 * HOUR + keys.KEPT
    assert {key["kid"] for key in keys.key_set(after)["keys"]} == {second}
    assert keys.read(early, now=after) is None
    assert keys.read(late, now=after) is not None


def test_rotating_twice_leaves_one_that_signs_meanwhile() -> None:
    keys.key_set(NOW)
    keys.rotate(now=NOW)
    keys.rotate(now=NOW)
    assert keys.read(keys.sign({"sub": "x"}, kind="JWT", now=NOW), now=NOW)


def test_what_a_withdrawn_key_signed_counts_no_more() -> None:
    token = keys.sign({"sub": "x"}, kind="JWT", now=NOW)
    kid = SigningKey.objects.get().kid
    keys.withdraw(kid, now=NOW)
    assert keys.read(token, now=NOW) is None
    assert SigningKey.objects.get(kid=kid).private_sealed is None
    assert keys.read(keys.sign({"sub": "x"}, kind="JWT", now=NOW), now=NOW) == {"sub": "x"}


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "a.b.c",
        "\0",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",  # alg none
        "eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.eyJzdWIiOiJ4In0.AAAA",
        "學.學.學",
    ],
)
def test_a_token_we_did_not_sign_says_nothing(forged: str) -> None:
    keys.key_set(NOW)
    assert keys.read(forged, now=NOW) is None


def test_the_command_shows_makes_and_withdraws() -> None:
    runner = CliRunner()
    made = runner.invoke(signing_keys, ["--rotate"])
    assert made.exit_code == 0
    kid = SigningKey.objects.get().kid
    assert kid in runner.invoke(signing_keys, []).output
    assert "Withdrawn" in runner.invoke(signing_keys, ["--withdraw", kid]).output
    unknown = runner.invoke(signing_keys, ["--withdraw", kid])
    assert unknown.exit_code == 1
    assert "No key" in unknown.output
