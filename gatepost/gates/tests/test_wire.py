"""What the gate's own HTTP does with connections, over real sockets within this process."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from gatepost.gates import conversation
from gatepost.gates import wire as wires
from gatepost.gates.answers import Answer, Refusal, good
from gatepost.gates.contract import BODY_BYTES_MAX
from gatepost.gates.reception import Reception
from gatepost.gates.wire import Wire

Work = Callable[["Talk"], Awaitable[None]]
GET = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
UNDER_WAY = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"


class Talk:
    """A wire that listens, and one that speaks to it. `/slow` is answered when `let_go` is set."""

    def __init__(self, connections_max: int) -> None:
        self.let_go = asyncio.Event()
        self.begun = asyncio.Event()
        self.counted: list[int] = []
        self.wire = Wire(
            Reception("postgresql://nobody@127.0.0.1:1/none"),
            connections_max=connections_max,
            aside=self._aside,
            headers=[(b"server", b"gatepost")],
            counted=self.counted.append,
        )

    async def listen(self) -> None:
        self.server = await asyncio.get_running_loop().create_server(self.wire.conversation, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self.server.close()
        await self.wire.close(seconds=2)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def say(self, raw: bytes) -> bytes:
        """All that is said to `raw` until the connection is closed."""
        reader, writer = await self.connect()
        writer.write(raw)
        said = await everything(reader)
        writer.close()
        return said

    async def _aside(self, method: str, path: str) -> Answer | None:
        if path == "/large":
            return good(b"x" * 8_000_000)
        if path != "/slow":
            return None
        self.begun.set()
        await self.let_go.wait()
        return good(method.encode())


def talking(work: Work, *, connections_max: int = 100) -> None:
    """Do `work` with a wire that listens."""

    async def run() -> None:
        talk = Talk(connections_max)
        await talk.listen()
        async with asyncio.timeout(30):
            await work(talk)
            await talk.close()

    asyncio.run(run())


async def everything(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side hangs up."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


def statuses(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


def closing(request: bytes) -> bytes:
    return request.replace(b"Host: x", b"Host: x\r\nConnection: close")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for."""
    monkeypatch.setattr(wires, "SWEEP_SECONDS", 0.02)
    for name in ("HEAD_SECONDS_MAX", "BODY_SECONDS_MAX", "ANSWER_SECONDS_MAX", "LEAVE_SECONDS_MAX"):
        monkeypatch.setattr(conversation, name, 0.1)


class TestAnswers:
    def test_requests_that_do_not_wait_are_answered_in_their_order(self) -> None:
        async def work(talk: Talk) -> None:
            asking = asyncio.create_task(talk.say(UNDER_WAY + GET + closing(GET.replace(b"openapi.json", b"none"))))
            await talk.begun.wait()
            talk.let_go.set()
            said = await asking
            assert statuses(said) == [200, 200, 404] == talk.counted
            assert said.index(b"GET") < said.index(b"openapi")

        talking(work)

    def test_a_head_is_the_answer_without_its_content(self) -> None:
        async def work(talk: Talk) -> None:
            whole, head = await talk.say(closing(GET)), await talk.say(closing(GET.replace(b"GET", b"HEAD")))
            assert whole.startswith(head)
            assert head.endswith(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            assert len(whole) - len(head) == int(length[1])
            assert re.search(rb"date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n", head)

        talking(work)

    def test_who_only_stops_writing_hears_the_answer(self) -> None:
        async def work(talk: Talk) -> None:
            reader, writer = await talk.connect()
            writer.write(UNDER_WAY)
            await talk.begun.wait()
            writer.write_eof()
            await asyncio.sleep(0)
            talk.let_go.set()
            assert statuses(await everything(reader)) == [200]
            writer.close()

        talking(work)

    def test_who_asks_first_whether_to_go_on_is_told(self) -> None:
        async def work(talk: Talk) -> None:
            reader, writer = await talk.connect()
            writer.write(b"POST /v1/none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"{}")
            assert b" 404 " in await reader.readuntil(b"\r\n\r\n")
            writer.close()

        talking(work)

    @pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
    def test_another_protocol_is_not_taken_up(self, upgrade: bytes) -> None:
        async def work(talk: Talk) -> None:
            asked = GET.replace(b"Host: x", b"Host: x\r\nConnection: Upgrade\r\nUpgrade: " + upgrade)
            assert statuses(await talk.say(asked)) == [200]

        talking(work)

    def test_an_address_in_full_is_the_same_address(self) -> None:
        async def work(talk: Talk) -> None:
            said = await talk.say(closing(GET.replace(b"GET /", b"GET http://gate.example/")))
            assert statuses(said) == [200]

        talking(work)

    def test_a_client_of_http_1_0_is_answered_and_let_go(self) -> None:
        async def work(talk: Talk) -> None:
            assert statuses(await talk.say(GET.replace(b"1.1", b"1.0"))) == [200]

        talking(work)


class TestLimits:
    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            (b"POST /v1/none HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), 413),
            (b"POST /v1/none HTTP/1.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
            (b"POST /v1/none HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            (b"POST /v1/none HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            (b"POST /v1/none HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"80001\r\n" + b"x" * 0x80001, 413),
            (b"POST /v1/none HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 5_000_000, 413),
            (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
            (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\nX: " + b"y" * 700_000, 431),
            (b"GET /" + b"y" * 700_000, 431),
            (b"CONNECT gate:443 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        ],
    )
    def test_what_is_no_request_of_ours_is_refused_once_and_heard(self, request_: bytes, status: int) -> None:
        async def work(talk: Talk) -> None:
            assert statuses(await talk.say(request_)) == [status]
            assert statuses(await talk.say(closing(GET))) == [200]

        talking(work)

    @pytest.mark.parametrize(
        ("beginning", "status"),
        [
            (b"Content-Length: 400000\r\n\r\n" + b"x" * 20_000, 401),
            (b"Transfer-Encoding: chunked\r\n\r\n5000\r\n" + b"x" * 0x5000, 401),
            (b"Authorization: Bearer key\r\nContent-Length: 400000\r\n\r\n" + b"x" * 20_000, 408),
            (b"Content-Length: 400000\r\n\r\n" + b"x" * 10_000, 408),
        ],
    )
    @pytest.mark.usefixtures("hasty")
    def test_strangers_do_not_fill_the_memory(
        self, monkeypatch: pytest.MonkeyPatch, beginning: bytes, status: int
    ) -> None:
        def reader(_reception: Reception, authorization: bytes) -> None:
            if authorization != b"Bearer key":
                raise Refusal(401, "Unknown reader", "")

        monkeypatch.setattr(Reception, "reader_at_hand", reader)

        async def work(talk: Talk) -> None:
            assert statuses(await talk.say(b"POST /v1/taps HTTP/1.1\r\n" + beginning)) == [status]

        talking(work)

    def test_what_stands_behind_a_body_is_no_header(self, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[bytes] = []

        async def reader(_reception: Reception, authorization: bytes) -> None:
            heard.append(authorization)

        monkeypatch.setattr(Reception, "reader", reader)

        async def work(talk: Talk) -> None:
            await talk.say(
                b"POST /v1/taps HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                b"2\r\n{}\r\n0\r\nAuthorization: Bearer key\r\n\r\n"
            )

        talking(work)
        assert heard == [b""]

    @pytest.mark.parametrize(
        ("said", "heard"),
        [
            (b"", []),
            (b"POST /v1/taps HT", []),
            (GET, [200]),
            (b"POST /v1/taps HTTP/1.1\r\nContent-Length: 9\r\n\r\n{", [408]),
            (b"POST /v1/taps HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", [408]),
        ],
    )
    @pytest.mark.usefixtures("hasty")
    def test_who_says_nothing_more_is_left(self, said: bytes, heard: list[int]) -> None:
        async def work(talk: Talk) -> None:
            assert statuses(await talk.say(said)) == heard

        talking(work)

    @pytest.mark.usefixtures("hasty")
    def test_who_reads_nothing_is_left(self) -> None:
        async def work(talk: Talk) -> None:
            _, writer = await talk.connect()
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(GET.replace(b"/v1/openapi.json", b"/large") * 3)
            while not talk.wire.conversations:
                await asyncio.sleep(0.01)
            while talk.wire.conversations:
                await asyncio.sleep(0.01)
            writer.close()
            assert talk.counted == [200]

        talking(work)

    def test_no_more_than_may_come_are_let_in_and_who_leaves_makes_room(self) -> None:
        async def work(talk: Talk) -> None:
            _, first = await talk.connect()
            first.write(UNDER_WAY)
            await talk.begun.wait()
            assert await talk.say(GET) == b""
            first.close()
            talk.let_go.set()
            while talk.wire.conversations:
                await asyncio.sleep(0.01)
            assert statuses(await talk.say(closing(GET))) == [200]

        talking(work, connections_max=1)


class TestTheEnd:
    def test_what_is_under_way_is_answered_and_who_waits_is_let_go(self) -> None:
        async def work(talk: Talk) -> None:
            idle, _idle = await talk.connect()
            asking = asyncio.create_task(talk.say(UNDER_WAY))
            await talk.begun.wait()
            ending = asyncio.create_task(talk.wire.close(seconds=20))
            assert await everything(idle) == b""
            talk.let_go.set()
            said = await asking
            assert statuses(said) == [200]
            assert b"connection: close" in said
            await ending

        talking(work)
