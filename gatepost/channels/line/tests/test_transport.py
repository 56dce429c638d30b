import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gatepost.channels.errors import ChannelError
from gatepost.channels.line.api import LineSettings, line_api
from gatepost.channels.line.messages import MULTICAST_MOST, OutgoingText, fitting, grouped
from gatepost.channels.line.replies import OverQuota, Uncertain
from gatepost.channels.line.tests.platform import Platform, a_platform, user
from gatepost.channels.line.transport import LineTransport, Outcome

ARRIVED = "王小明 07:42 到校"


@pytest.fixture
def line() -> Iterator[Platform]:
    with a_platform() as platform:
        yield platform


@pytest.fixture
def transport(line: Platform) -> Iterator[LineTransport]:
    transport = LineTransport(line.settings)
    yield transport
    transport.close()


def to(number: int, text: str = ARRIVED) -> OutgoingText:
    return OutgoingText(to=user(number), text=text, key=f"arrived:{number} {text}")


def errors(outcomes: list[Outcome]) -> list[ChannelError | None]:
    return [one.error for one in outcomes]


def test_a_message_reaches_its_reader(line: Platform, transport: LineTransport) -> None:
    [outcome] = transport.send_many([to(1)])
    assert outcome.error is None
    assert outcome.reply.startswith("200 ")
    assert line.texts(user(1)) == [ARRIVED]


def test_the_retry_key_is_there_on_the_first_try_and_the_same_on_the_second(
    line: Platform, transport: LineTransport
) -> None:
    line.script.append("lost")
    [outcome] = transport.send_many([to(1)])
    first, second = (one.headers["x-line-retry-key"] for one in line.asked)
    assert first == second
    assert (outcome.error, outcome.reply.partition(" as ")[0]) == (None, "409 taken before")
    assert line.texts(user(1)) == [ARRIVED]


def test_a_message_tried_again_later_is_not_read_twice(line: Platform, transport: LineTransport) -> None:
    for _again in range(2):
        assert errors(transport.send_many([to(1)])) == [None]
    assert line.texts(user(1)) == [ARRIVED]


def test_other_words_to_the_same_person_are_another_message(line: Platform, transport: LineTransport) -> None:
    transport.send_many([to(1), to(1, "王小明 16:02 離校")])
    assert len(line.texts(user(1))) == 2


def test_the_same_words_to_many_people_are_one_request(line: Platform, transport: LineTransport) -> None:
    assert errors(transport.send_many([to(number, "今天停課") for number in range(30)])) == [None] * 30
    assert line.paths == ["/v2/bot/message/multicast"]
    assert {one for one, _text in line.got} == {user(number) for number in range(30)}


def test_a_request_holds_no_more_people_than_line_allows_and_nobody_twice() -> None:
    messages = [to(number, "停課") for number in range(MULTICAST_MOST + 30)] + [to(1, "停課")]
    requests = grouped(messages)
    assert max(len(request.to) for request in requests) == MULTICAST_MOST
    assert all(len(set(request.to)) == len(request.to) for request in requests)
    assert sorted(place for request in requests for place in request.places) == list(range(len(messages)))


def test_both_parents_of_a_child_are_told_one_by_one(line: Platform, transport: LineTransport) -> None:
    transport.send_many([to(1), to(2)])
    assert line.paths == ["/v2/bot/message/push"] * 2


def test_one_who_does_not_exist_spoils_it_for_nobody_else(line: Platform, transport: LineTransport) -> None:
    line.users.discard(user(7))
    outcomes = transport.send_many([to(number, "今天停課") for number in range(20)])
    assert [place for place, error in enumerate(errors(outcomes)) if error] == [7]
    assert outcomes[7].error.permanent
    assert len(line.got) == 19


def test_what_is_no_user_id_is_refused_for_good(transport: LineTransport) -> None:
    [outcome] = transport.send_many([OutgoingText(to="U-nobody", text="…", key="k")])
    assert outcome.error.permanent


@pytest.mark.parametrize(
    "answer",
    [
        (401, {"message": "Authentication failed"}),
        (403, {"message": "Access to this API is not available for your account"}),
        (500, {"message": "Internal server error"}),
        (429, {"message": "The API rate limit has been exceeded. Try again later."}),
    ],
)
def test_trouble_that_is_not_the_address_never_switches_it_off(
    line: Platform, transport: LineTransport, answer: Any
) -> None:
    line.script += [answer, answer]
    [outcome] = transport.send_many([to(1)])
    assert not outcome.error.permanent
    assert transport.is_down


def test_while_line_is_down_the_rest_is_not_tried(line: Platform) -> None:
    transport = LineTransport(LineSettings(access_token="wrong", base_url=line.url, at_once=1))
    outcomes = transport.send_many([to(1), to(2), to(3)])
    transport.close()
    assert len(line.asked) == 1
    assert [error.retry_after for error in errors(outcomes)] == [timedelta(minutes=1), timedelta(0), timedelta(0)]


def test_a_message_that_line_does_not_understand_says_nothing_of_its_address(
    line: Platform, transport: LineTransport
) -> None:
    line.script.append(
        (400, {"message": "The request body has 1 error(s)", "details": [{"property": "messages[0].text"}]})
    )
    outcomes = transport.send_many([to(1), to(2)])
    assert sum(error is not None and not error.permanent for error in errors(outcomes)) == 1
    assert not transport.is_down


def test_the_end_of_the_months_messages_is_told_apart(line: Platform, transport: LineTransport) -> None:
    line.quota = line.used = 200
    [outcome] = transport.send_many([to(1)])
    assert isinstance(outcome.error, OverQuota)
    assert not transport.is_down


def test_no_answer_is_asked_for_once_more_and_then_left_for_later(line: Platform, transport: LineTransport) -> None:
    line.script += ["hang up", "hang up"]
    [outcome] = transport.send_many([to(1)])
    assert isinstance(outcome.error, Uncertain)
    assert [one.path for one in line.asked] == ["/v2/bot/message/push"] * 2


def test_an_answer_without_an_end_is_not_read_to_the_end(line: Platform, transport: LineTransport) -> None:
    line.script += [(400, {"message": "x" * 100_000})] * 2
    [outcome] = transport.send_many([to(1)])
    assert isinstance(outcome.error, Uncertain)


def test_a_text_too_long_is_cut_as_line_counts() -> None:
    assert fitting("到校") == "到校"
    cut = fitting("𠮷" * 3_000)
    assert len(cut.encode("utf-16-le")) // 2 <= 5_000
    assert cut.endswith("𠮷…")


def test_quota_consumption_link_tokens_and_replies_are_asked_as_line_describes(line: Platform) -> None:
    async def ask() -> list[Any]:
        async with line_api(line.settings) as api:
            await api.reply("a-reply-token", "Hello")
            return [await api.quota(), await api.consumption(), await api.link_token(user(1))]

    line.used = 12
    quota, used, token = asyncio.run(ask())
    assert (quota, used, line.link_tokens[token]) == (None, 12, user(1))
    assert line.replied == [("a-reply-token", "Hello")]
    line.quota = 200
    assert asyncio.run(ask())[0] == 200
