"""The table at the top of replies.py, line by line."""

import pytest

from gatepost.channels.email.replies import Stage, enhanced_status, means_gone


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.1.1 No such user"),
        (550, "5.1.10 RESOLVER.ADR.RecipientNotFound"),
        (550, "5.1.0 Address rejected"),
        (556, "5.1.2 Domain takes no mail"),
        (553, "5.1.3 Bad address syntax"),
        (550, "5.2.1 Mailbox disabled"),
        (550, "5.4.4 Host not found"),
        (550, "No such user here"),
        (551, "User not local"),
        (553, "Mailbox name not allowed"),
        (521, "Server does not accept mail"),
    ],
)
def test_a_refused_recipient_is_gone(code: int, text: str) -> None:
    assert means_gone(code=code, text=text, stage="recipient")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (450, "4.1.1 Try again"),
        (450, "5.1.1 A contradiction: the reply code is the server's word"),
        (452, "4.2.2 Mailbox full"),
        (550, "5.2.2 Mailbox full"),
        (552, "5.2.3 Message too large"),
        (552, "Exceeded storage"),
        (554, "Transaction failed"),
        (550, "5.7.1 Rejected for policy reasons"),
        (550, "5.7.26 Unauthenticated mail is not accepted"),
        (554, "5.7.1 Service unavailable; client host blocked"),
        (530, "5.7.0 Sign in first"),
        (535, "5.7.8 Wrong password"),
        (553, "5.1.8 Sender's domain does not exist"),
        (550, "5.4.1 Access denied"),
        (503, "5.5.1 Bad sequence"),
        (500, "What?"),
        (501, "Syntax"),
    ],
)
def test_a_refusal_that_speaks_of_us_or_of_today_leaves_the_address_alone(code: int, text: str) -> None:
    assert not means_gone(code=code, text=text, stage="recipient")


@pytest.mark.parametrize("text", ["5.1.1 x", "Refused", "5.7.1 x"])
def test_a_refused_sender_leaves_the_address_alone(text: str) -> None:
    assert not means_gone(code=550, text=text, stage="sender")


@pytest.mark.parametrize(
    ("text", "gone"), [("5.1.1 No such user", True), ("Spam", False), ("5.6.0 Bad content", False)]
)
def test_a_refused_message_says_something_of_the_address_only_by_its_enhanced_code(text: str, gone: bool) -> None:
    stage: Stage = "message"
    assert means_gone(code=550, text=text, stage=stage) is gone


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1 x", "5.1.1"),
        (" 2.0.0 Ok", "2.0.0"),
        ("5.1.1", "5.1.1"),
        ("5.1.1.1 x", None),
        ("x 5.1.1", None),
        ("", None),
        ("9.1.1 x", None),
    ],
)
def test_an_enhanced_code_stands_at_the_start(text: str, status: str | None) -> None:
    assert enhanced_status(text) == status
