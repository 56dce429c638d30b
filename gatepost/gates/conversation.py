"""One connection of the gate's own HTTP/1.1: what is read, what is under way, and what is refused.

Requests that follow each other without waiting (pipelining) are answered in their order, one at a time.
"""

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final, cast

import httptools

from gatepost.gates.answers import Answer, Refusal, problem
from gatepost.gates.contract import BODY_BYTES_MAX
from gatepost.gates.reception import BODY_SECONDS_MAX, OUR_FAULT, elsewhere, too_large, too_slow

if TYPE_CHECKING:
    from gatepost.gates.wire import Wire

log = logging.getLogger(__name__)

HEAD_SECONDS_MAX: Final = 30.0  # to say what is wanted; also how long a connection may stay open between two requests
HEAD_BYTES_MAX: Final = 64 * 1024
HEAD_FIELDS_MAX: Final = 100
STRANGER_BYTES_MAX: Final = 16 * 1024  # of a body whose key we do not know
RAW_BYTES_MAX: Final = 8 * BODY_BYTES_MAX  # of a body with all that chunks put around it
ANSWER_SECONDS_MAX: Final = 30.0  # to read an answer
LEAVE_SECONDS_MAX: Final = 2.0  # for what was still on its way to us when we refused it

_NEVER = float("inf")
_GARBLED = Refusal(400, "Not HTTP", "The request is not HTTP/1.1 as this address takes it.")
_HEAD_TOO_LARGE = Refusal(
    431, "Headers too large", f"At most {HEAD_FIELDS_MAX} header fields and {HEAD_BYTES_MAX} bytes a request."
)


class Request:
    """What is known of a request; `refusal` where the server itself will not have it."""

    __slots__ = ("authorization", "body", "is_last", "method", "refusal", "target")

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.authorization: bytes | None = None
        self.body = b""
        self.is_last = False  # nothing more is taken from this connection
        self.refusal: Refusal | None = None

    @property
    def path(self) -> str:
        """Without the query, and without scheme and host where a proxy's form of it was sent."""
        if self.target.startswith(b"/"):
            return self.target.partition(b"?")[0].decode("latin-1")
        try:
            return (httptools.parse_url(self.target).path or b"").decode("latin-1")
        except httptools.HttpParserInvalidURLError:
            return ""


class Conversation(asyncio.Protocol):
    """One connection: what is read, what is under way, and until when it may stay as it is (`until`)."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self.until = _NEVER
        self._request = Request()  # the one being read
        self._body: bytes | bytearray = b""
        self._announced = self._fields = self._head_bytes = self._raw_bytes = 0
        self._in_head = self._in_body = self._expects = False
        self._asked: deque[Request] = deque()  # read, and to be answered after the one under way
        self._under_way: Request | None = None
        self._is_deaf = False  # what comes is no longer read
        self._is_full = False  # the other side does not read
        self._is_serving = False
        self._is_paused = False

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.until = self._wire.loop.time() + HEAD_SECONDS_MAX
        if not self._wire.welcome(self):
            self.cut()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._raw_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            log.exception("a request was not read")
            self._refuse(OUR_FAULT)
        except httptools.HttpParserUpgrade:
            if self._is_idle:
                self._refuse(_GARBLED)
            self._hear_no_more()  # it is answered as if it had not asked for another protocol
        except httptools.HttpParserError:
            self._refuse(_GARBLED)
        if self._in_head and self._raw_bytes > HEAD_BYTES_MAX:
            self._refuse(_HEAD_TOO_LARGE)
        if self._in_body and self._raw_bytes > RAW_BYTES_MAX:
            self._refuse(too_large())
        if self._asked:
            self._serve()

    def eof_received(self) -> bool:
        """Who only stops writing still hears the answer."""
        return self._hear_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._is_deaf = True
        self._asked.clear()
        self._wire.conversations.discard(self)

    def pause_writing(self) -> None:
        self._is_full = True
        self.until = self._wire.loop.time() + ANSWER_SECONDS_MAX

    def resume_writing(self) -> None:
        self._is_full = False
        self.until = self._wire.loop.time() + HEAD_SECONDS_MAX
        self._serve()

    # What the parser says.

    def on_message_begin(self) -> None:
        self._request = Request()
        self._body = b""
        self._announced = self._fields = self._head_bytes = self._raw_bytes = 0
        self._in_head = True
        self._expects = False
        if not self._is_full:
            self.until = self._wire.loop.time() + HEAD_SECONDS_MAX

    def on_url(self, url: bytes) -> None:
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._head_bytes += len(name) + len(value)
        if self._fields > HEAD_FIELDS_MAX or self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(_HEAD_TOO_LARGE)
        if not self._in_head:
            return  # behind the body nothing counts
        name = name.lower()
        if name == b"authorization":
            if self._request.authorization is None:
                self._request.authorization = value
        elif name == b"content-length":
            self._announced = int(value) if value.isdigit() and len(value) < 20 else 0
        elif name == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_body = True
        if self._is_deaf:
            return
        self._request.method = self._parser.get_method().decode("latin-1")
        self._request.is_last = not self._parser.should_keep_alive() or self._parser.get_http_version() != "1.1"
        if self._announced > BODY_BYTES_MAX:
            self._refuse(too_large())
        elif not self._is_full:
            self.until = self._wire.loop.time() + BODY_SECONDS_MAX
        if self._expects and not self._is_deaf and self._transport and self._is_idle:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._is_deaf:
            return
        size = len(self._body) + len(body)
        if size > BODY_BYTES_MAX:
            self._refuse(too_large())
        elif size > STRANGER_BYTES_MAX and not self._may_go_on():
            return
        elif not self._body:
            self._body = body
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body

    def _may_go_on(self) -> bool:
        """Whether a body may grow: thousands of strangers who never come to their end would fill the memory.

        Not that the reader may hand it in: that is asked when it is whole.
        """
        try:
            self._wire.reception.reader_at_hand(self._request.authorization or b"")
        except Refusal as refusal:
            self._refuse(refusal)
            return False
        return True

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._is_deaf:
            return
        if not self._is_full:
            self.until = _NEVER  # from here on it is ours to be quick
        request = self._request
        request.body = bytes(self._body)
        self._body = b""
        self._is_deaf = request.is_last
        self._asked.append(request)

    # What the wire says.

    def is_late(self) -> None:
        """Nothing came, or nobody read, until `until`."""
        if self._in_body and not self._is_deaf and not self._is_full:
            self._refuse(too_slow())
            self._serve()
        else:
            self.cut()

    def finish(self) -> None:
        """Nothing more is taken; what was asked is answered."""
        if self._is_idle and not self._in_body:
            self.cut()

    def cut(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    # What we do.

    @property
    def _is_idle(self) -> bool:
        return self._under_way is None and not self._asked

    def _hear_no_more(self) -> bool:
        """End after what was asked, if anything was; whether so."""
        self._is_deaf = True
        last = self._asked[-1] if self._asked else self._under_way
        if last is None:
            return False
        last.is_last = True
        return True

    def _refuse(self, refusal: Refusal) -> None:
        """Say so after what was asked before, and take nothing more."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self._body = b""
        self.until = _NEVER
        request = Request()
        request.refusal, request.is_last = refusal, True
        self._asked.append(request)

    def _serve(self) -> None:
        """Answer what was asked, one after the other, as far as nothing need be waited for."""
        if self._is_serving:
            return
        self._is_serving = True
        while self._asked and self._under_way is None and not self._is_full:
            self._under_way = request = self._asked.popleft()
            self._begin(request)
        self._is_serving = False
        if self._transport is not None and self._is_paused != bool(self._asked):
            self._is_paused = not self._is_paused
            if self._is_paused:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _begin(self, request: Request) -> None:
        if request.refusal is not None:
            self._say(problem(request.refusal))
            return
        try:
            if request.target == b"/v1/taps" and request.method == "POST":
                reader = self._wire.reception.reader_at_hand(request.authorization or b"")
                if reader is not None:
                    self._wire.reception.take(reader, request.body, self._say)
                    return
            task = self._wire.loop.create_task(self._slowly(request))
            self._wire.tasks.add(task)
            task.add_done_callback(self._wire.tasks.discard)
        except Refusal as refusal:
            self._say(problem(refusal))
        except Exception:
            log.exception("intake failed")
            self._say(problem(OUR_FAULT))

    async def _slowly(self, request: Request) -> None:
        """What must be waited for before it can be answered or handed to the clerk."""
        try:
            path = request.path
            if path == "/v1/taps" and request.method == "POST":
                reader = await self._wire.reception.reader(request.authorization or b"")
                self._wire.reception.take(reader, request.body, self._say)
            else:
                answer = await self._wire.aside(request.method, path)
                self._say(answer or elsewhere(request.method, path))
        except Refusal as refusal:
            self._say(problem(refusal))
        except Exception:
            log.exception("intake failed")
            self._say(problem(OUR_FAULT))

    def _say(self, answer: Answer) -> None:
        """The answer to the request under way."""
        request, self._under_way = self._under_way, None
        if self._transport is None or request is None:
            return  # it went away
        is_last = request.is_last or self._wire.is_closing
        self._wire.counted(answer.status)
        self.until = self._wire.loop.time() + HEAD_SECONDS_MAX
        without_content = request.method == "HEAD"
        self._transport.write(self._wire.written(answer, is_last=is_last, without_content=without_content))
        if is_last:
            self._leave(politely=request.refusal is not None)
        elif self._asked:
            self._serve()

    def _leave(self, *, politely: bool) -> None:
        """End the connection after what was said. Who is still writing would lose the answer if we hung up on it."""
        self._is_deaf = True
        self._asked.clear()
        if self._transport is None:
            return
        if politely and self._transport.can_write_eof():
            self.until = self._wire.loop.time() + LEAVE_SECONDS_MAX
            self._transport.write_eof()
        else:
            self._transport.close()
