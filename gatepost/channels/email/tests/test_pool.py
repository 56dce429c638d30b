import threading
import time
from datetime import timedelta

from hypothesis import given
from hypothesis import settings as settings_for_tests
from hypothesis import strategies as st

from gatepost.channels.email.connection import RelayTrouble, ready
from gatepost.channels.email.pool import OutgoingMail, SmtpPool
from gatepost.channels.email.tests.relays import HANG_UP, SAY_NOTHING, Script, scripted, settings
from gatepost.channels.email.transport import EmailTransport

FROM = "bounce+7@gatepost.example"


def mails(count: int) -> list[OutgoingMail]:
    return [
        OutgoingMail(FROM, f"g{number}@example.org", b"Subject: %d\r\n\r\nx\r\n" % number) for number in range(count)
    ]


def test_every_mail_goes_out_once_over_a_few_connections() -> None:
    script = Script()
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=3)
        outcomes = pool.send_many(mails(50))
        pool.close()
    assert all(outcome.sent and "queued" in outcome.reply for outcome in outcomes)
    assert sorted(mail.message for mail in script.mails) == sorted(mail.message for mail in mails(50))
    assert script.connections <= 3


def test_outcomes_stand_in_the_order_of_the_mails() -> None:
    script = Script(recipients={"g3@example.org": "550 5.1.1 unknown", "g7@example.org": "452 4.2.2 full"})
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=4)
        outcomes = pool.send_many(mails(10))
        pool.close()
    errors = [(index, outcome.error.permanent) for index, outcome in enumerate(outcomes) if outcome.error]
    assert errors == [(3, True), (7, False)]


def test_mails_are_sent_side_by_side() -> None:
    with scripted(Script(seconds_a_mail=0.1)) as relay:
        pool = SmtpPool(relay, size=4)
        pool.send_many(mails(4))
        begun = time.monotonic()
        pool.send_many(mails(8))
        took = time.monotonic() - begun
        pool.close()
    assert took < 0.7


def test_the_next_batch_finds_the_connections_open() -> None:
    script = Script()
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=1)
        for _ in range(3):
            pool.send_many(mails(2))
        pool.close()
    assert script.connections == 1
    assert len(script.mails) == 6


def test_a_relay_that_is_silent_costs_a_batch_one_time_out_and_not_one_a_mail() -> None:
    script = Script(answers={"MAIL": SAY_NOTHING})
    with scripted(script, reply_seconds=0.2, pause_seconds=0.3) as relay:
        pool = SmtpPool(relay, size=2)
        begun = time.monotonic()
        outcomes = pool.send_many(mails(100))
        assert time.monotonic() - begun < 2
        assert all(isinstance(outcome.error, RelayTrouble) and outcome.error.retry_after for outcome in outcomes)
        script.answers.clear()
        time.sleep(0.35)
        assert all(outcome.sent for outcome in pool.send_many(mails(5)))
        pool.close()


def test_a_relay_that_hangs_up_now_and_then_is_called_again() -> None:
    script = Script(hang_up_after_mails=3)
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=2)
        outcomes = pool.send_many(mails(20))
        pool.close()
    assert all(outcome.sent for outcome in outcomes)
    assert len(script.mails) == 20


@settings_for_tests(max_examples=25, deadline=None)
@given(
    answers=st.lists(st.sampled_from(["250 Ok", "550 5.1.1 unknown", "452 4.2.2 full", HANG_UP, "what"]), max_size=30),
    pipelining=st.booleans(),
    size=st.integers(1, 3),
    hang_up_after_mails=st.integers(1, 9),
    mails_per_connection=st.integers(1, 9),
)
def test_sent_is_what_the_relay_took_and_nothing_else(
    answers: list[str], pipelining: bool, size: int, hang_up_after_mails: int, mails_per_connection: int
) -> None:
    recipients = {f"g{number}@example.org": answer for number, answer in enumerate(answers)}
    script = Script(recipients=recipients, pipelining=pipelining, hang_up_after_mails=hang_up_after_mails)
    with scripted(script, mails_per_connection=mails_per_connection) as relay:
        pool = SmtpPool(relay, size=size)
        outcomes = pool.send_many(mails(len(answers))) + pool.send_many(mails(len(answers)))
        pool.close()
    sent = [mail.message for mail, outcome in zip(mails(len(answers)) * 2, outcomes, strict=True) if outcome.sent]
    assert sorted(sent) == sorted(mail.message for mail in script.mails)
    refused = [outcome.error is not None and outcome.error.permanent for outcome in outcomes]
    assert refused == [answer.startswith("550") for answer in answers] * 2
    assert all(outcome.sent for outcome, answer in zip(outcomes, answers * 2, strict=True) if answer == "250 Ok")


def test_a_mail_that_was_begun_and_then_not_sent_is_never_a_part_of_the_next_one() -> None:
    script = Script()
    with scripted(script) as relay:
        lane = EmailTransport(relay)
        one, two, three = (ready(mail.envelope_from, mail.to, mail.message) for mail in mails(3))
        lane.send_ready(one, following=two)
        lane.send_ready(three, following=two)
        lane.close()
    assert [mail.recipient for mail in script.mails] == ["g0@example.org", "g2@example.org"]
    assert script.mails[1].message == mails(3)[2].message


def test_mails_are_signed_on_their_way() -> None:
    script = Script()
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=2, sign=lambda message: b"Signed: yes\r\n" + message)
        pool.send_many(mails(3))
        pool.close()
    assert all(mail.message.startswith(b"Signed: yes\r\nSubject") for mail in script.mails)


def test_a_mistake_with_one_mail_does_not_lose_the_others() -> None:
    def sign(message: bytes) -> bytes:
        if b"Subject: 1" in message:
            raise KeyError("a mistake")
        return message

    with scripted(Script()) as relay:
        pool = SmtpPool(relay, size=2, sign=sign)
        outcomes = pool.send_many(mails(3))
        pool.close()
    assert [outcome.sent for outcome in outcomes] == [True, False, True]
    assert outcomes[1].error is not None
    assert not outcomes[1].error.permanent
    assert isinstance(outcomes[1].error.__cause__, KeyError)


def test_a_relay_that_is_too_slow_gets_no_new_mail_and_what_is_under_way_is_broken_off() -> None:
    """The lease of a mail runs out at some time, and then somebody else sends it."""
    script = Script(seconds_a_mail=0.4)
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=1, begin_seconds=1.0, end_seconds=20)
        outcomes = pool.send_many(mails(10))
        sent = [outcome.sent for outcome in outcomes]
        assert 2 <= sum(sent) <= 4
        assert sent == sorted(sent, reverse=True)
        untried = outcomes[-1].error
        assert untried is not None
        assert (untried.permanent, untried.retry_after) == (False, timedelta(0))
        script.seconds_a_mail = 3600
        began = time.monotonic()
        pool = SmtpPool(relay, size=2, begin_seconds=0.2, end_seconds=0.5)
        assert not any(outcome.sent for outcome in pool.send_many(mails(4)))
        assert time.monotonic() - began < 5


def test_a_greeting_that_never_ends_is_broken_off_too() -> None:
    script = Script(answers={"HELLO": "\r\n".join(["220-still speaking"] * 200)})
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=1)
        (outcome,) = pool.send_many(mails(1))
        assert "an answer without an end" in str(outcome.error)
        assert pool.is_down


def test_a_relay_that_is_down_is_known_to_be_for_a_while() -> None:
    with scripted(Script(answers={"HELLO": HANG_UP}), pause_seconds=0.2) as relay:
        pool = SmtpPool(relay, size=1)
        before = pool.is_down
        pool.send_many(mails(1))
        just_after = pool.is_down
        time.sleep(0.25)
        assert (before, just_after, pool.is_down) == (False, True, False)


def test_no_mails_need_no_relay() -> None:
    pool = SmtpPool(settings(1), size=2)
    assert pool.send_many([]) == []
    pool.close()


def test_two_callers_take_turns() -> None:
    script = Script()
    with scripted(script) as relay:
        pool = SmtpPool(relay, size=2)
        callers = [threading.Thread(target=pool.send_many, args=(mails(20),)) for _ in range(2)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        pool.close()
    assert len(script.mails) == 40
    assert script.connections <= 2
