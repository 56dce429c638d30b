import socket
import time
from pathlib import Path

import pytest

from gatepost.channels.email.connection import RelayTrouble, SmtpSettings, wire
from gatepost.channels.email.tests.relays import HANG_UP, SAY_NOTHING, Script, scripted, settings, standard
from gatepost.channels.email.transport import EmailTransport
from gatepost.channels.errors import ChannelError

MAIL = b"Subject: arrived\r\n\r\n07:42\r\n.\r\n..dots\r\n"
FROM, TO = "bounce+7@gatepost.example", "mother@example.org"

both_ways = pytest.mark.parametrize("pipelining", [True, False])


def refused(transport: EmailTransport, *, to: str = TO) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        transport.send(FROM, to, MAIL)
    return caught.value


# What is handed over


@both_ways
def test_the_relay_gets_the_mail_as_it_is(pipelining: bool) -> None:
    script = Script(pipelining=pipelining)
    with scripted(script) as relay:
        reply = EmailTransport(relay).send(FROM, TO, MAIL)
    assert reply == "2.0.0 Ok: queued as 4B7"
    assert [(mail.sender, mail.recipient, mail.message) for mail in script.mails] == [(FROM, TO, MAIL)]


@both_ways
def test_the_next_mail_uses_the_same_connection(pipelining: bool) -> None:
    script = Script(pipelining=pipelining)
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        for _ in range(3):
            transport.send(FROM, TO, MAIL)
        transport.close()
    assert len(script.mails) == 3
    assert script.connections == 1
    assert script.commands[-1].upper() == "QUIT"


def test_a_connection_is_given_up_after_its_share_of_mails() -> None:
    script = Script()
    with scripted(script, mails_per_connection=2) as relay:
        transport = EmailTransport(relay)
        for _ in range(5):
            transport.send(FROM, TO, MAIL)
    assert script.connections == 3


def test_a_connection_that_was_idle_for_long_is_not_trusted() -> None:
    script = Script()
    with scripted(script, idle_seconds=0.05) as relay:
        transport = EmailTransport(relay)
        transport.send(FROM, TO, MAIL)
        time.sleep(0.1)
        transport.send(FROM, TO, MAIL)
    assert script.connections == 2


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_mail_goes_to_a_standard_relay(security: str, tmp_path: Path) -> None:
    with standard(tmp_path, security=security) as (mails, relay):
        transport = EmailTransport(relay)
        for _ in range(2):
            transport.send(FROM, TO, MAIL)
        transport.close()
    assert [(mail.sender, mail.recipient, mail.message) for mail in mails] == [(FROM, TO, MAIL)] * 2


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd does not see that the whole connection is TLS
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_we_sign_in_over_tls(security: str, tmp_path: Path) -> None:
    with standard(tmp_path, security=security, login=True) as (mails, relay):
        EmailTransport(_with(relay, username="gatepost", password="open sesame")).send(FROM, TO, MAIL)
    assert len(mails) == 1


def test_an_address_beyond_ascii_travels_where_the_relay_can() -> None:
    script = Script(smtputf8=True)
    with scripted(script) as relay:
        EmailTransport(relay).send(FROM, "王媽媽@example.org", MAIL)
    assert script.mails[0].recipient == "王媽媽@example.org"
    assert f"MAIL FROM:<{FROM}> BODY=8BITMIME SMTPUTF8" in script.commands


def test_an_address_beyond_ascii_is_a_permanent_error_where_the_relay_cannot() -> None:
    script = Script()
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        assert refused(transport, to="王媽媽@example.org").permanent
        transport.send(FROM, "mother@學校.example", MAIL)
    assert [mail.recipient for mail in script.mails] == ["mother@xn--n9so80a.example"]


# What is refused


@both_ways
def test_an_unknown_mailbox_is_a_permanent_error_and_the_next_mail_goes_out(pipelining: bool) -> None:
    script = Script(pipelining=pipelining, recipients={TO: "550 5.1.1 <mother@example.org>: unknown"})
    if pipelining:
        script.answers["DATA"] = "554 5.5.1 No valid recipients"
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        error = refused(transport)
        script.answers.clear()
        transport.send(FROM, "father@example.org", MAIL)
    assert error.permanent
    assert not isinstance(error, RelayTrouble)
    assert [mail.recipient for mail in script.mails] == ["father@example.org"]
    assert script.connections == 1
    assert "RSET" in script.commands


@both_ways
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("MAIL", "550 5.7.1 Sender refused"),
        ("MAIL", "451 4.3.0 Try later"),
        ("RCPT", "450 4.2.0 Greylisted"),
        ("RCPT", "452 4.2.2 Mailbox full"),
        ("RCPT", "550 5.7.1 Blocked"),
        ("RCPT", "530 5.7.0 Sign in first"),
        ("DATA", "451 4.3.0 Try later"),
        ("DATA", "554 5.7.1 No"),
        ("MESSAGE", "451 4.3.0 Try later"),
        ("MESSAGE", "550 5.7.1 Spam"),
        ("MESSAGE", "552 Too large"),
    ],
)
def test_a_refusal_that_is_not_the_address_is_not_permanent(command: str, answer: str, pipelining: bool) -> None:
    script = Script(pipelining=pipelining, answers={command: answer})
    if pipelining and command in {"MAIL", "RCPT"}:
        script.answers["DATA"] = "503 5.5.1 No"
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        error = refused(transport)
        script.answers.clear()
        transport.send(FROM, TO, MAIL)
    assert not error.permanent
    assert answer[:3] in str(error)
    assert len(script.mails) == 1
    assert script.connections == 1


def test_a_relay_that_waits_for_the_message_of_a_refused_mail_gets_none() -> None:
    script = Script(recipients={TO: "550 5.1.1 unknown"})
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        assert refused(transport).permanent
        transport.send(FROM, "father@example.org", MAIL)
    assert [mail.recipient for mail in script.mails] == ["father@example.org"]
    assert script.connections == 2


def test_a_relay_that_refuses_and_then_hangs_up_has_still_refused() -> None:
    script = Script(recipients={TO: "550 5.1.1 unknown"}, answers={"DATA": "421 4.7.0 Too many errors"})
    with scripted(script) as relay:
        assert refused(EmailTransport(relay)).permanent


def test_what_the_relay_says_is_kept_without_the_persons_address() -> None:
    script = Script(recipients={TO: "550 5.1.1 <Mother@Example.org>: no such\x07user"}, answers={"DATA": "503 No"})
    with scripted(script) as relay:
        assert str(refused(EmailTransport(relay))) == "The relay said 550 5.1.1 <(address)>: no such user"


def test_an_unusable_return_address_is_no_fault_of_the_recipient() -> None:
    with pytest.raises(ChannelError) as caught:
        EmailTransport(settings(1)).send("not an address", TO, MAIL)
    assert not caught.value.permanent


def test_an_unusable_address_is_refused_before_any_connection() -> None:
    with pytest.raises(ChannelError) as caught:
        EmailTransport(settings(1)).send(FROM, "a@b>\r\nRCPT TO:<c@d.example", MAIL)
    assert caught.value.permanent


# What breaks


def test_a_relay_that_is_not_there_is_down() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = refused(EmailTransport(settings(free.getsockname()[1], pause_seconds=7)))
    assert isinstance(error, RelayTrouble)
    assert error.down
    assert not error.permanent
    assert error.retry_after is not None
    assert error.retry_after.total_seconds() == 7


@pytest.mark.parametrize("greeting", ["554 5.3.2 Not today", "421 Too busy", HANG_UP, "what"])
def test_a_relay_that_does_not_greet_us_is_down(greeting: str) -> None:
    with scripted(Script(answers={"HELLO": greeting})) as relay:
        error = refused(EmailTransport(relay))
    assert isinstance(error, RelayTrouble)
    assert error.down


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobody_we_know_is_not_accepted(security: str, tmp_path: Path) -> None:
    with standard(tmp_path, security=security) as (mails, relay):
        error = refused(EmailTransport(_with(relay, ca_file=None)))
    assert isinstance(error, RelayTrouble)
    assert not mails


def test_a_relay_without_starttls_is_not_spoken_to_in_the_clear() -> None:
    script = Script()
    with scripted(script, security="starttls") as relay:
        error = refused(EmailTransport(relay))
    assert isinstance(error, RelayTrouble)
    assert not script.mails


def test_a_wrong_password_is_our_trouble() -> None:
    script = Script(answers={"EHLO": "250-relay.example\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 Not accepted"})
    with scripted(script, username="gatepost", password="wrong") as relay:
        error = refused(EmailTransport(relay))
    assert isinstance(error, RelayTrouble)
    assert error.down
    assert str(error) == "No connection to the relay: 535 5.7.8 Not accepted"
    assert not script.mails


def test_a_password_does_not_cross_a_network_in_the_clear() -> None:
    with pytest.raises(ValueError, match="TLS"):
        SmtpSettings(host="relay.example", port=25, hello_name="a.example", security="none", username="a", password="b")


def test_a_password_is_not_printed() -> None:
    assert "sesame" not in repr(settings(25, username="a", password="sesame"))


@both_ways
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "MESSAGE"])
def test_a_relay_that_hangs_up_has_not_taken_the_mail(step: str, pipelining: bool) -> None:
    with scripted(Script(answers={step: HANG_UP}, pipelining=pipelining)) as relay:
        error = refused(EmailTransport(relay))
    assert isinstance(error, RelayTrouble)
    assert error.after_message is (step == "MESSAGE")
    assert not error.down


def test_a_relay_that_hangs_up_within_the_message_has_not_taken_the_mail() -> None:
    script = Script(hang_up_within_message=True)
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        with pytest.raises(RelayTrouble):
            transport.send(FROM, TO, b"Subject: long\r\n\r\n" + b"x" * 76 + b"\r\n" * 200_000)
        script.hang_up_within_message = False
        transport.send(FROM, TO, MAIL)
    assert len(script.mails) == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "MESSAGE"])
def test_a_relay_that_says_nothing_is_down_after_a_while(step: str) -> None:
    with scripted(Script(answers={step: SAY_NOTHING}), reply_seconds=0.1) as relay:
        error = refused(EmailTransport(relay))
    assert isinstance(error, RelayTrouble)
    assert error.down
    assert error.retry_after is not None


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "MESSAGE"])
def test_a_relay_that_speaks_another_language_is_not_believed(step: str) -> None:
    script = Script(answers={step: "yes of course"})
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        assert not refused(transport).permanent
        script.answers.clear()
        transport.send(FROM, TO, MAIL)
    assert script.connections == 2


@both_ways
def test_a_relay_that_hung_up_meanwhile_is_called_again(pipelining: bool) -> None:
    script = Script(hang_up_after_mails=1, pipelining=pipelining)
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        for _ in range(3):
            transport.send(FROM, TO, MAIL)
    assert len(script.mails) == 3
    assert script.connections == 3


def test_a_connection_lost_after_the_whole_message_is_not_tried_again_at_once() -> None:
    script = Script()
    with scripted(script) as relay:
        transport = EmailTransport(relay)
        transport.send(FROM, TO, MAIL)
        script.answers["MESSAGE"] = HANG_UP
        error = refused(transport)
    assert isinstance(error, RelayTrouble)
    assert error.after_message
    assert script.connections == 1


def test_closing_a_connection_to_a_dead_relay_is_no_error() -> None:
    with scripted(Script(hang_up_after_mails=1)) as relay:
        transport = EmailTransport(relay)
        transport.send(FROM, TO, MAIL)
    transport.close()
    transport.close()


# How it travels


@pytest.mark.parametrize(
    ("message", "travels"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".a\r\n.\r\n..\r\nb.\r\n", b"..a\r\n..\r\n...\r\nb.\r\n.\r\n"),
        (b"a\n.\nMAIL FROM:<x@y.example>\n", b"a\r\n..\r\nMAIL FROM:<x@y.example>\r\n.\r\n"),
        (b"a\r.\rb\r\n.\n", b"a\r\n..\r\nb\r\n..\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
)
def test_nothing_in_a_message_can_end_it(message: bytes, travels: bytes) -> None:
    assert wire(message) == travels


def _with(relay: SmtpSettings, **changes: str | None) -> SmtpSettings:
    kept = {name: getattr(relay, name) for name in ("security", "ca_file")}
    return settings(relay.port, **(kept | changes))
