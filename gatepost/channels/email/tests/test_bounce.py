"""Reports of several shapes lie in reports/, written for these tests."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.channels.email.address import usable
from gatepost.channels.email.bounce import Bounce, Returned, parse_bounce, read_return_address, return_address

REPORTS = Path(__file__).parent / "reports"
SECRET = b"a secret of the house"
DAY = date(2026, 9, 1)


def address(delivery_id: int = 1234567, day: date = DAY) -> str:
    return return_address(delivery_id, day, secret=SECRET, domain="gatepost.example")


def read(text: str) -> Returned | None:
    return read_return_address(text, secret=SECRET)


# The return address


@given(delivery_id=st.integers(0, 2**63 - 1), day=st.dates(date(2000, 1, 1)))
def test_a_return_address_names_its_delivery_and_day(delivery_id: int, day: date) -> None:
    assert read(address(delivery_id, day)) == (delivery_id, day)


@given(delivery_id=st.integers(0, 2**63 - 1), day=st.dates())
def test_a_return_address_is_one_that_every_relay_takes(delivery_id: int, day: date) -> None:
    made = address(delivery_id, day)
    assert len(made.partition("@")[0]) <= 64
    assert usable(made) == made == made.lower()


def test_a_return_address_survives_systems_that_fold_case_or_change_the_domain() -> None:
    assert read(address().upper()) == (1234567, DAY)
    assert read(address().replace("gatepost.example", "mx.gatepost.example")) == (1234567, DAY)


def test_the_same_delivery_always_has_the_same_address() -> None:
    assert address() == address()
    assert address(1) != address(2)


def test_an_address_with_another_delivery_or_day_in_it_is_not_ours() -> None:
    local, _, domain = address(35).partition("@")
    delivery, day, signature = local.removeprefix("bounce+").split(".")
    assert read(f"bounce+{delivery}.{day}.{signature}@{domain}")
    assert read(f"bounce+a.{day}.{signature}@{domain}") is None
    assert read(f"bounce+0{delivery}.{day}.{signature}@{domain}") is None
    assert read(f"bounce+{delivery}.{day[:-1]}0.{signature}@{domain}") is None
    assert read(f"bounce+{delivery}.{day}.{'a' * 20}@{domain}") is None


def test_an_address_signed_with_another_secret_is_not_ours() -> None:
    assert read_return_address(address(), secret=b"another") is None


@given(st.text())
def test_any_other_address_is_not_ours(text: str) -> None:
    assert read(text) is None
    assert read(f"{text}@gatepost.example") is None
    assert read(f"bounce+{text}@gatepost.example") is None


@pytest.mark.parametrize("delivery_id", [-1, 2**63])
def test_a_number_that_is_no_delivery_is_refused(delivery_id: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        address(delivery_id)


def test_nothing_is_signed_without_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        return_address(1, DAY, secret=b"", domain="gatepost.example")


# The report


@pytest.mark.parametrize(
    ("report", "status", "said"),
    [
        ("postfix-unknown", "5.1.1", "User unknown"),
        ("postfix-no-domain", "5.4.4", "Host not found"),
        ("exchange-unknown", "5.1.10", "RecipientNotFound"),
        ("gmail-unknown", "5.1.1", "does not exist"),
        ("vague-status", "5.1.1", "illegal alias"),
        ("beyond-ascii", "5.2.1", "disabled"),
    ],
)
def test_a_mailbox_that_does_not_exist_is_permanent(report: str, status: str, said: str) -> None:
    bounce = parse_bounce((REPORTS / f"{report}.eml").read_bytes())
    assert bounce is not None
    assert bounce.permanent
    assert bounce.status == status
    assert said in bounce.diagnostic


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("mailbox-full", Bounce(permanent=False, status="5.2.2", diagnostic="smtp; 552 5.2.2 Mailbox full")),
        ("expired", Bounce(permanent=False, status="4.4.7", diagnostic="")),
    ],
)
def test_a_failure_that_may_pass_is_not_permanent(report: str, expected: Bounce) -> None:
    assert parse_bounce((REPORTS / f"{report}.eml").read_bytes()) == expected


@pytest.mark.parametrize("report", ["postfix-delayed", *(path.stem for path in REPORTS.glob("not-*.eml"))])
def test_what_is_no_failure_is_no_bounce(report: str) -> None:
    assert parse_bounce((REPORTS / f"{report}.eml").read_bytes()) is None


@pytest.mark.parametrize("report", [path.name for path in REPORTS.glob("*.eml")])
def test_line_ends_make_no_difference(report: str) -> None:
    octets = (REPORTS / report).read_bytes().replace(b"\r\n", b"\n")
    assert parse_bounce(octets) == parse_bounce(octets.replace(b"\n", b"\r\n"))


@given(st.binary())
def test_junk_is_no_bounce(octets: bytes) -> None:
    assert parse_bounce(octets) is None


@given(report=st.sampled_from(sorted(REPORTS.glob("*.eml"))), cut=st.integers(0, 4000), junk=st.binary(max_size=40))
def test_a_damaged_report_is_no_error(report: Path, cut: int, junk: bytes) -> None:
    octets = report.read_bytes()
    parse_bounce(octets[:cut] + junk + octets[cut + len(junk) :])
    parse_bounce(octets[:cut])


LINES = [
    b"Content-Type: multipart/report; boundary=b\r\n",
    b"Content-Type: message/delivery-status\r\n",
    b"Content-Type: message/global-delivery-status\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Action: failed\r\n",
    b"Status: 5.1.1\r\n",
    b"Status: 5.\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"\r\n",
    b"\xff",
    b" ",
]


@given(st.lists(st.sampled_from(LINES), max_size=30))
def test_a_report_put_together_wrongly_is_no_error(lines: list[bytes]) -> None:
    parse_bounce(b"".join(lines))
